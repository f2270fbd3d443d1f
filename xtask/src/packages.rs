//! What the system must have. On Debian and Ubuntu root installs it; anybody else is told the one command.

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

/// Sees to every package that a build and the tests need.
pub fn see_to() -> Result<(), String> {
    if run::answer("dpkg-query", &["--version"]).is_none() {
        // Another system: its own compiler and linker say what they miss, and README points to the two lists above.
        return Ok(());
    }
    let missing = missing(BUILD.iter().chain(TESTS));
    if missing.is_empty() {
        return Ok(());
    }
    install(&missing)
}

/// Installs packages, or says how.
pub fn install(packages: &[&str]) -> Result<(), String> {
    let words = packages.join(" ");
    if run::answer("id", &["-u"]).as_deref() != Some("0") {
        return Err(format!(
            "Missing packages. Run this once, then try again:\n\n  sudo apt-get install --no-install-recommends {words}\n"
        ));
    }
    println!("installing {words}");
    // A machine whose package lists are old or absent learns them first; one that fails here may still know enough.
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
    run::answer("dpkg-query", &["-W", "-f", "${db:Status-Status}", package])
        .is_some_and(|status| status.contains("installed") && !status.contains("not-installed"))
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}
