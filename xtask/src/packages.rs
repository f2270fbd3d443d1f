//! System packages. On Debian and Ubuntu they are installed if the user is root; otherwise the command is printed.

use std::process::Command;

use crate::run;

const BUILD: &[&str] = &[
    "build-essential",
    "pkg-config",
    "perl",
    "libwebkit2gtk-4.1-dev",
    "libayatana-appindicator3-dev",
    "librsvg2-dev",
    "libxdo-dev",
    "libssl-dev",
];

const TESTS: &[&str] = &[
    "webkit2gtk-driver",
    "xvfb",
    "dbus-x11",
    "gnome-keyring",
    "postgresql",
    "pgbouncer",
    "gstreamer1.0-plugins-good",
    "gstreamer1.0-libav",
    "fonts-dejavu-core",
    "python3",
    "python3-venv",
];

/// Installs every missing package that a build and the tests need.
pub fn ensure() -> Result<(), String> {
    if run::output_if_ok("dpkg-query", &["--version"]).is_none() {
        // Another system: the compiler and linker report what is missing, and README refers to the two lists above.
        return Ok(());
    }
    let missing = missing(BUILD.iter().chain(TESTS));
    if missing.is_empty() {
        return Ok(());
    }
    install(&missing)
}

/// Installs packages, or returns the command as an error.
pub fn install(packages: &[&str]) -> Result<(), String> {
    let words = packages.join(" ");
    if run::output_if_ok("id", &["-u"]).as_deref() != Some("0") {
        return Err(format!(
            "Missing packages. Run this once, then try again:\n\n  sudo apt-get install --no-install-recommends {words}\n"
        ));
    }
    println!("installing {words}");
    // Update the package lists first, because they may be old or missing. The installation may succeed even if this fails.
    let _ = run::shown(apt().args(["update", "-q"]));
    if run::shown(apt().args(["install", "-q", "-y", "--no-install-recommends"]).args(packages))? {
        Ok(())
    } else {
        Err(format!("apt-get could not install {words}"))
    }
}

fn missing<'a>(packages: impl Iterator<Item = &'a &'static str>) -> Vec<&'static str> {
    packages.copied().filter(|package| !installed(package)).collect()
}

fn installed(package: &str) -> bool {
    run::output_if_ok("dpkg-query", &["-W", "-f", "${db:Status-Status}", package])
        .is_some_and(|status| status.contains("installed") && !status.contains("not-installed"))
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}
