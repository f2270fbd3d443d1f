//! Embeds the screens, the icons and the permissions.

use std::path::Path;

#[expect(clippy::disallowed_methods, reason = "Cargo shows the lines above as the error; nothing is open yet")]
fn main() {
    let screens = Path::new("../ui/dist");
    println!("cargo:rerun-if-changed={}", screens.display());
    println!("cargo:rerun-if-env-changed=TAURI_CONFIG");
    // TAURI_CONFIG may set another folder of screens; Tauri itself reports an error when that one is missing.
    if std::env::var_os("TAURI_CONFIG").is_none() && !screens.join("index.html").is_file() {
        println!("cargo:error=ui/dist is missing: the window has no screens to show.");
        println!("cargo:error=Build them with `npm ci && npm run build` in ui/, or run `cargo xtask demo`, which builds them.");
        std::process::exit(1);
    }
    tauri_build::build();
}
