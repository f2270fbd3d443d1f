//! Updates of the program itself: off unless an endpoint and a public key are configured.
//!
//! `updater.json` in the settings folder is `{"endpoint": "https://…", "public_key": "…"}`; the environment variables
//! `WAYSTATION_UPDATE_ENDPOINT` and `WAYSTATION_UPDATE_PUBLIC_KEY` override it.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tauri::AppHandle;
use tauri_plugin_updater::UpdaterExt;

/// How often a running window asks for an update.
const CHECK_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// The endpoint of updates and the public key that verifies their signatures.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Updates {
    endpoint: String,
    public_key: String,
}

impl Updates {
    /// The updater plugin's configuration. The signature must cover the version, so that an old update cannot be offered as a
    /// new one.
    pub fn plugin_config(&self) -> Value {
        json!({ "endpoints": [self.endpoint], "pubkey": self.public_key, "requireSignedVersion": true })
    }
}

/// The settings; none when updates are off or the settings are incomplete.
pub fn settings(folder: &Option<PathBuf>) -> Option<Updates> {
    let file = folder.as_ref().map(|folder| folder.join("updater.json"));
    let text = file.and_then(|file| std::fs::read_to_string(file).ok());
    complete(from_text(text.as_deref()), |name| std::env::var(name).ok())
}

fn from_text(text: Option<&str>) -> Updates {
    text.and_then(|text| {
        serde_json::from_str(text).map_err(|error| tracing::warn!(%error, "updater.json is invalid: updates are off")).ok()
    })
    .unwrap_or_default()
}

fn complete(mut updates: Updates, environment: impl Fn(&str) -> Option<String>) -> Option<Updates> {
    updates.endpoint = environment("WAYSTATION_UPDATE_ENDPOINT").unwrap_or(updates.endpoint);
    updates.public_key = environment("WAYSTATION_UPDATE_PUBLIC_KEY").unwrap_or(updates.public_key);
    // With plain HTTP an attacker in the network could withhold updates unnoticed; the plugin panics at start without HTTPS.
    let usable = updates.endpoint.starts_with("https://") && !updates.public_key.is_empty();
    if !usable && updates != Updates::default() {
        tracing::warn!("updates need an https endpoint and a public key: updates are off");
    }
    usable.then_some(updates)
}

/// Checks for an update now and once a day, and installs it. The update runs from the next start on.
pub fn watch(handle: &AppHandle) {
    let handle = handle.clone();
    tauri::async_runtime::spawn(async move {
        loop {
            match update(&handle).await {
                Ok(Some(version)) => tracing::info!(%version, "an update is installed and runs from the next start on"),
                Ok(None) => tracing::debug!("no update"),
                Err(error) => tracing::warn!(%error, "the check for updates failed"),
            }
            tokio::time::sleep(CHECK_INTERVAL).await;
        }
    });
}

async fn update(handle: &AppHandle) -> tauri_plugin_updater::Result<Option<String>> {
    let Some(update) = handle.updater()?.check().await? else { return Ok(None) };
    update.download_and_install(|_, _| {}, || {}).await?;
    Ok(Some(update.version))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn updates(endpoint: &str, public_key: &str) -> Updates {
        Updates { endpoint: endpoint.to_owned(), public_key: public_key.to_owned() }
    }

    #[test]
    fn updates_are_off_without_settings() {
        assert_eq!(complete(from_text(None), |_| None), None);
    }

    #[test]
    fn updates_are_off_when_the_file_is_damaged_or_incomplete() {
        assert_eq!(complete(from_text(Some("{")), |_| None), None);
        assert_eq!(complete(from_text(Some(r#"{"endpoint":"https://updates.example"}"#)), |_| None), None);
        assert_eq!(complete(updates("http://updates.example", "key"), |_| None), None);
    }

    #[test]
    fn environment_variables_override_the_file() {
        let file = from_text(Some(r#"{"endpoint":"https://file.example","public_key":"file"}"#));
        let environment = |name: &str| (name == "WAYSTATION_UPDATE_ENDPOINT").then(|| "https://environment.example".to_owned());
        assert_eq!(complete(file, environment), Some(updates("https://environment.example", "file")));
    }
}
