//! Where Waystation keeps its things.

use std::path::PathBuf;

use tauri::{AppHandle, Manager};

/// Names another folder for the data; two folders are two laptops.
const DATA: &str = "WAYSTATION_DATA_DIR";
/// Names another folder for the settings of this laptop.
const CONFIG: &str = "WAYSTATION_CONFIG_DIR";

/// The folder of everybody's data: the environment's, or the system's place for it.
pub fn data(handle: &AppHandle) -> tauri::Result<PathBuf> {
    match std::env::var_os(DATA).filter(|path| !path.is_empty()) {
        Some(path) => Ok(PathBuf::from(path)),
        None => handle.path().app_local_data_dir(),
    }
}

/// The folder of this laptop's settings. It is needed before the window's program knows its own folders.
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
