//! A laptop's environment: a session bus, a keyring, a home and a data folder, all of its own.
//!
//! It never touches the bus, the keyring or the settings of the user who runs the tests.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::children::{Child, Program};
use crate::wait::SOON;
use crate::{Outcome, wait};

/// How long the bus or the keyring may take to start.
const START_TIME_MAX: Duration = SOON;
/// The password of the keyring of a desk, which exists for minutes.
const KEYRING_PASSWORD: &str = "a keyring of the tests";

/// A bus that starts no services by itself: a missing service stays missing, as on a bare system.
const BUS_CONFIG: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=SOCKET</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

/// Whether a laptop has a keyring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keyring {
    /// An unlocked one.
    Unlocked,
    /// None.
    Missing,
}

/// The environment of one laptop.
#[derive(Debug)]
pub struct Desk {
    folder: PathBuf,
    environment: Vec<(String, OsString)>,
    // The keyring ends before the bus that it uses.
    _keyring: Option<Child>,
    _bus: Child,
    _runtime: TempDir,
}

impl Desk {
    /// Sets a desk up in a folder; data of an earlier desk there is reused.
    ///
    /// # Errors
    /// When the bus or the keyring is missing or does not start.
    pub async fn set_up(folder: &Path, keyring: Keyring) -> Outcome<Desk> {
        for name in ["data", "home", "logs", "config", "share", "cache", "state"] {
            let path = folder.join(name);
            std::fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        // A socket's path is limited to about a hundred characters, so it cannot be in the target folder.
        let runtime = tempfile::Builder::new().prefix("waystation-").tempdir()?;
        let environment = environment(folder, runtime.path());
        let bus = start_bus(folder, runtime.path()).await?;
        let keyring = match keyring {
            Keyring::Unlocked => Some(start_keyring(folder, runtime.path(), &environment).await?),
            Keyring::Missing => None,
        };
        Ok(Desk { folder: folder.to_path_buf(), environment, _keyring: keyring, _bus: bus, _runtime: runtime })
    }

    /// The app's data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The folder of the logs.
    pub fn logs(&self) -> PathBuf {
        self.folder.join("logs")
    }

    /// The environment variables of programs on this laptop.
    pub fn environment(&self) -> &[(String, OsString)] {
        &self.environment
    }
}

fn environment(folder: &Path, runtime: &Path) -> Vec<(String, OsString)> {
    let mut variables: Vec<(String, OsString)> = vec![
        ("WAYSTATION_DATA_DIR".to_owned(), folder.join("data").into()),
        ("XDG_RUNTIME_DIR".to_owned(), runtime.into()),
        ("DBUS_SESSION_BUS_ADDRESS".to_owned(), format!("unix:path={}", runtime.join("bus").display()).into()),
        ("LANG".to_owned(), "C.UTF-8".into()),
        ("GDK_BACKEND".to_owned(), "x11".into()),
        ("NO_AT_BRIDGE".to_owned(), "1".into()),
        // A virtual screen has no graphics card.
        ("LIBGL_ALWAYS_SOFTWARE".to_owned(), "1".into()),
    ];
    for (name, subfolder) in [
        ("HOME", "home"),
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_DATA_HOME", "share"),
        ("XDG_CACHE_HOME", "cache"),
        ("XDG_STATE_HOME", "state"),
    ] {
        variables.push((name.to_owned(), folder.join(subfolder).into()));
    }
    variables
}

async fn start_bus(folder: &Path, runtime: &Path) -> Outcome<Child> {
    let config = runtime.join("bus.conf");
    let socket = runtime.join("bus");
    std::fs::write(&config, BUS_CONFIG.replace("SOCKET", &socket.to_string_lossy()))?;
    let bus = Program::new("the session bus", "dbus-daemon")
        .argument(format!("--config-file={}", config.display()))
        .arguments(["--nofork", "--nopidfile", "--nosyslog"])
        .start(&folder.join("logs/bus.log"))
        .map_err(|error| format!("{error}: install the package `dbus`"))?;
    wait::until("the session bus listens", START_TIME_MAX, || async {
        bus.ensure_running()?;
        Ok(socket.exists().then_some(()))
    })
    .await?;
    Ok(bus)
}

async fn start_keyring(folder: &Path, runtime: &Path, environment: &[(String, OsString)]) -> Outcome<Child> {
    let keyring = Program::new("the keyring", "gnome-keyring-daemon")
        .arguments(["--foreground", "--unlock", "--components=secrets"])
        .argument(format!("--control-directory={}", runtime.join("keyring").display()))
        .variables(environment)
        .input(KEYRING_PASSWORD)
        .start(&folder.join("logs/keyring.log"))
        .map_err(|error| format!("{error}: install the package `gnome-keyring`"))?;
    wait::until("the keyring answers", START_TIME_MAX, || async {
        keyring.ensure_running()?;
        Ok(owns_secrets(environment).then_some(()))
    })
    .await?;
    Ok(keyring)
}

/// Whether a service on the bus stores secrets.
fn owns_secrets(environment: &[(String, OsString)]) -> bool {
    let output = std::process::Command::new("dbus-send")
        .args(["--session", "--print-reply=literal", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus"])
        .args(["org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.secrets"])
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .output();
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("true"))
}
