//! Settings from a file, overridden by the environment, with a clear error for each wrong one.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::connections::Waits;
use crate::protocols::Protocols;

/// What is wrong with a setting.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read the settings file {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file's content is not valid.
    #[error("the settings file {path} is not right: {reason}")]
    NotSettings {
        /// The file.
        path: PathBuf,
        /// Where and why.
        reason: String,
    },
    /// A required setting is missing.
    #[error("{name} is not set: {hint}")]
    Missing {
        /// The setting.
        name: &'static str,
        /// What to put there.
        hint: &'static str,
    },
    /// A setting has an invalid value.
    #[error("{name} is wrong: {reason}")]
    Wrong {
        /// The setting.
        name: &'static str,
        /// Why.
        reason: String,
    },
}

/// The server's configuration.
#[derive(Clone)]
pub struct Settings {
    /// `DATABASE_URL`: the authoritative PostgreSQL database.
    pub database_url: String,
    /// `WAYSTATION_LISTEN`: address and port, `127.0.0.1:8440` by default. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// `WAYSTATION_TOKEN_SECRET`: at least 32 characters, the same on every instance.
    pub token_secret: String,
    /// Where files are stored.
    pub content: ContentSettings,
    /// `WAYSTATION_DATABASE_CONNECTIONS`: at most this many, 16 by default.
    pub database_connections_max: u32,
    /// Time-outs for slow clients; only tests change them.
    pub waits: Waits,
    /// The supported versions of the protocol; only tests change them.
    pub protocols: Protocols,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("listen", &self.listen).field("content", &self.content).finish_non_exhaustive()
    }
}

/// Where files are stored.
#[derive(Clone, PartialEq, Eq)]
pub enum ContentSettings {
    /// `WAYSTATION_CONTENT_DIR`: a local folder.
    Folder(PathBuf),
    /// `WAYSTATION_S3_ENDPOINT`, `…_BUCKET`, `…_REGION`, `…_ACCESS_KEY`, `…_SECRET_KEY`: MinIO or any other S3.
    S3 {
        /// Address of the service.
        endpoint: String,
        /// The bucket.
        bucket: String,
        /// The region, `us-east-1` by default.
        region: String,
        /// The access key.
        access_key: String,
        /// The secret key.
        secret_key: String,
    },
}

impl std::fmt::Debug for ContentSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ContentSettings::Folder(folder) => f.debug_tuple("Folder").field(folder).finish(),
            ContentSettings::S3 { endpoint, bucket, .. } => {
                f.debug_struct("S3").field("endpoint", endpoint).field("bucket", bucket).finish_non_exhaustive()
            }
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingsFile {
    database_url: Option<String>,
    listen: Option<String>,
    token_secret: Option<String>,
    database_connections: Option<u32>,
    content_dir: Option<String>,
    s3_endpoint: Option<String>,
    s3_bucket: Option<String>,
    s3_region: Option<String>,
    s3_access_key: Option<String>,
    s3_secret_key: Option<String>,
}

/// Parses the file. The error says where it is wrong and never quotes the content, which may be a password.
fn read_file(text: &str) -> Result<SettingsFile, String> {
    let table: toml::Table = toml::from_str(text).map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        format!("line {} is not TOML", 1 + before.matches('\n').count())
    })?;
    // Parsed one by one, so that the setting at fault is known without the library's message, which quotes values.
    for (name, value) in &table {
        let alone = toml::Table::from_iter([(name.clone(), value.clone())]);
        if let Err(error) = alone.try_into::<SettingsFile>() {
            let is_unknown = error.message().starts_with("unknown field");
            return Err(if is_unknown { format!("there is no setting {name}") } else { format!("{name} is not of the right kind") });
        }
    }
    table.try_into().map_err(|_| "its settings do not fit together".to_owned())
}

/// Characters that a token secret needs at least.
const TOKEN_SECRET_LENGTH_MIN: usize = 32;

impl Settings {
    /// Reads `file`, if one is given; `environment` overrides it.
    ///
    /// # Errors
    /// The first setting that is missing or wrong, by its name.
    pub fn read(file: Option<&Path>, environment: &HashMap<String, String>) -> Result<Settings, SettingsError> {
        let file = match file {
            None => SettingsFile::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|source| SettingsError::Unreadable { path: path.to_owned(), source })?;
                read_file(&text).map_err(|reason| SettingsError::NotSettings { path: path.to_owned(), reason })?
            }
        };
        let pick = |name: &str, from_file: Option<String>| environment.get(name).filter(|text| !text.is_empty()).cloned().or(from_file);

        let database_url = pick("DATABASE_URL", file.database_url).ok_or(SettingsError::Missing {
            name: "DATABASE_URL",
            hint: "the address of PostgreSQL, such as postgres://waystation@localhost/waystation",
        })?;
        if !database_url.starts_with("postgres://") && !database_url.starts_with("postgresql://") {
            return Err(SettingsError::Wrong { name: "DATABASE_URL", reason: "it must begin with postgres://".into() });
        }
        let listen = pick("WAYSTATION_LISTEN", file.listen).unwrap_or_else(|| "127.0.0.1:8440".into());
        let listen = listen.parse().map_err(|_| SettingsError::Wrong {
            name: "WAYSTATION_LISTEN",
            reason: format!("{listen:?} is not an address and a port, such as 0.0.0.0:8440"),
        })?;
        let token_secret = pick("WAYSTATION_TOKEN_SECRET", file.token_secret).ok_or(SettingsError::Missing {
            name: "WAYSTATION_TOKEN_SECRET",
            hint: "at least 32 random characters, the same on every instance",
        })?;
        if token_secret.chars().count() < TOKEN_SECRET_LENGTH_MIN {
            return Err(SettingsError::Wrong {
                name: "WAYSTATION_TOKEN_SECRET",
                reason: format!("it needs at least {TOKEN_SECRET_LENGTH_MIN} characters"),
            });
        }
        let connections = match pick("WAYSTATION_DATABASE_CONNECTIONS", file.database_connections.map(|n| n.to_string())) {
            None => 16,
            Some(text) => text.parse().ok().filter(|n| (1..=500).contains(n)).ok_or_else(|| SettingsError::Wrong {
                name: "WAYSTATION_DATABASE_CONNECTIONS",
                reason: format!("{text:?} is not a number from 1 to 500"),
            })?,
        };
        let content = match pick("WAYSTATION_S3_ENDPOINT", file.s3_endpoint) {
            Some(endpoint) => {
                let needed = |name: &'static str, value: Option<String>| {
                    pick(name, value).ok_or(SettingsError::Missing { name, hint: "WAYSTATION_S3_ENDPOINT is set, so this is needed too" })
                };
                ContentSettings::S3 {
                    endpoint,
                    bucket: needed("WAYSTATION_S3_BUCKET", file.s3_bucket)?,
                    region: pick("WAYSTATION_S3_REGION", file.s3_region).unwrap_or_else(|| "us-east-1".into()),
                    access_key: needed("WAYSTATION_S3_ACCESS_KEY", file.s3_access_key)?,
                    secret_key: needed("WAYSTATION_S3_SECRET_KEY", file.s3_secret_key)?,
                }
            }
            None => ContentSettings::Folder(
                pick("WAYSTATION_CONTENT_DIR", file.content_dir).map_or_else(|| PathBuf::from("content"), PathBuf::from),
            ),
        };
        Ok(Settings {
            database_url,
            listen,
            token_secret,
            content,
            database_connections_max: connections,
            waits: Waits::USUAL,
            protocols: Protocols::OURS,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let base = [("DATABASE_URL", "postgres://a@b/c"), ("WAYSTATION_TOKEN_SECRET", "0123456789012345678901234567890123")];
        let environment = base.iter().chain(pairs).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Settings::read(None, &environment)
    }

    #[test]
    fn each_wrong_setting_is_named() {
        for (name, value) in [
            ("DATABASE_URL", "mysql://a"),
            ("WAYSTATION_LISTEN", "somewhere"),
            ("WAYSTATION_TOKEN_SECRET", "short"),
            ("WAYSTATION_DATABASE_CONNECTIONS", "many"),
        ] {
            let message = read(&[(name, value)]).expect_err("wrong on purpose").to_string();
            assert!(message.contains(name), "{message}");
        }
        assert!(read(&[("DATABASE_URL", "")]).expect_err("missing").to_string().starts_with("DATABASE_URL is not set"));
        assert!(
            read(&[("WAYSTATION_S3_ENDPOINT", "http://minio:9000")]).expect_err("no bucket").to_string().contains("WAYSTATION_S3_BUCKET")
        );
    }

    #[test]
    fn secrets_are_not_printed() {
        let settings = read(&[]).expect("complete");
        assert!(!format!("{settings:?}").contains("0123456789"));
    }

    fn read_text(text: &str) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("server.toml");
        std::fs::write(&path, text).expect("written");
        Settings::read(Some(&path), &HashMap::new()).expect_err("wrong on purpose").to_string()
    }

    #[test]
    fn errors_name_the_line_or_setting_and_never_quote_the_file() {
        let cases = [
            ("listen = '1.2.3.4:5'\ndatabase_url = 'postgres://a:hunter2@b/c", "line 2"),
            ("database_url = postgres://a:hunter2@b/c", "line 1"),
            ("\n\ns3_secret_key = hunter2", "line 3"),
            ("token_secret = ['hunter2']", "token_secret"),
            ("database_connections = 'hunter2'", "database_connections"),
            ("s3_secret_key = { hunter2 = 1 }", "s3_secret_key"),
            ("token_secret = 'hunter2'\ntoken_secret = 'hunter2'", "line 2"),
            ("[database]\nurl = 'hunter2'", "there is no setting database"),
        ];
        for (text, expected) in cases {
            let message = read_text(text);
            assert!(message.contains(expected) && !message.contains("hunter2"), "{text}: {message}");
        }
    }

    #[test]
    fn a_file_with_an_unknown_setting_is_refused_by_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("server.toml");
        std::fs::write(&path, "lissten = '1.2.3.4:5'").expect("written");
        let message = Settings::read(Some(&path), &HashMap::new()).expect_err("unknown").to_string();
        assert!(message.contains("lissten"), "{message}");
    }
}
