//! Runs PostgreSQL's own dump and restore programs. The password is passed through the environment, because other users of the
//! machine can read a command line.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;
use url::Url;

use crate::failure::Failure;

/// Dumps one exported snapshot to a file.
pub async fn dump(database_url: &str, snapshot: &str, file: &Path) -> Result<(), Failure> {
    let mut command = tool("pg_dump", Some(database_url))?;
    command.args(["--format=custom", "--no-owner", "--no-privileges"]).arg(format!("--snapshot={snapshot}")).arg("--file").arg(file);
    run("pg_dump", command).await
}

/// Fails when a dump's table of contents cannot be read.
pub async fn list(file: &Path) -> Result<(), Failure> {
    let mut command = tool("pg_restore", None)?;
    command.arg("--list").arg(file);
    run("pg_restore", command).await
}

/// Loads a dump into an empty database in one transaction.
pub async fn load(database_url: &str, file: &Path) -> Result<(), Failure> {
    let mut command = tool("pg_restore", Some(database_url))?;
    let database = Url::parse(database_url).map_err(Failure::broken)?.path().trim_start_matches('/').to_owned();
    command
        .args(["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"])
        .arg(format!("--dbname={database}"))
        .arg(file);
    run("pg_restore", command).await
}

fn tool(name: &str, database_url: Option<&str>) -> Result<Command, Failure> {
    let mut command = Command::new(name);
    command.stdin(Stdio::null()).kill_on_drop(true);
    if let Some(address) = database_url {
        let url = Url::parse(address).map_err(|error| Failure::broken(format!("DATABASE_URL: {error}")))?;
        let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        if let Some(host) = url.host_str() {
            command.env("PGHOST", host);
        }
        if let Some(port) = url.port() {
            command.env("PGPORT", port.to_string());
        }
        if !url.username().is_empty() {
            command.env("PGUSER", decoded(url.username()));
        }
        if let Some(password) = url.password() {
            command.env("PGPASSWORD", decoded(password));
        }
        command.env("PGDATABASE", decoded(url.path().trim_start_matches('/')));
        for (name, value) in url.query_pairs() {
            match name.as_ref() {
                "sslmode" | "ssl-mode" => drop(command.env("PGSSLMODE", value.as_ref())),
                "sslrootcert" | "ssl-root-cert" | "ssl-ca" => drop(command.env("PGSSLROOTCERT", value.as_ref())),
                _ => {}
            }
        }
    }
    Ok(command)
}

async fn run(name: &str, mut command: Command) -> Result<(), Failure> {
    let output = command.output().await.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::broken(format!("{name} is not there: install PostgreSQL's client programs (15 or newer)")),
        _ => Failure::broken(format!("{name}: {error}")),
    })?;
    if output.status.success() {
        return Ok(());
    }
    Err(Failure::broken(format!("{name} failed: {}", String::from_utf8_lossy(&output.stderr).trim())))
}
