//! The folders of data and settings.

use std::path::PathBuf;

use tauri::{AppHandle, Manager};

/// Environment variable with another data folder. Each data folder acts as a separate laptop.
const DATA: &str = "WAYSTATION_DATA_DIR";
/// Environment variable with another settings folder.
const CONFIG: &str = "WAYSTATION_CONFIG_DIR";

/// The folder of all people's data: from the environment variable, or the system's default.
pub fn data(handle: &AppHandle) -> tauri::Result<PathBuf> {
    match std::env::var_os(DATA).filter(|path| !path.is_empty()) {
        Some(path) => Ok(PathBuf::from(path)),
        None => handle.path().app_local_data_dir(),
    }
}

/// The folder for files that people take away: the system's for downloads. A data folder that was set by hand acts as a laptop
/// of its own and keeps them itself.
pub fn exports(handle: &AppHandle) -> Option<PathBuf> {
    let own = std::env::var_os(DATA).is_some_and(|path| !path.is_empty());
    if own { None } else { handle.path().download_dir().ok() }
}

/// The folder of this laptop's settings. It is needed before Tauri can resolve its own folders.
pub fn config(identifier: &str) -> Option<PathBuf> {
    let from = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    if let Some(path) = from(CONFIG) {
        return Some(path);
    }
    let base = if cfg!(windows) {
        from("APPDATA")
    } else if cfg!(target_os = "macos") {
        from("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        from("XDG_CONFIG_HOME").or_else(|| from("HOME").map(|home| home.join(".config")))
    };
    base.map(|base| base.join(identifier))
}
