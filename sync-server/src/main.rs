//! `sync-server migrate | serve | verify | backup | restore | organization | demo-data`

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sync_server::organizations::command::{self, Organization};
use sync_server::settings::Settings;
use sync_server::{Server, backup, content, database, demo, verify};
use tracing_subscriber::EnvFilter;

/// Waystation's sync-server.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// A settings file (TOML). The environment overrules it.
    #[arg(long, global = true)]
    settings: Option<PathBuf>,
    /// Log as text instead of JSON.
    #[arg(long, global = true)]
    log_text: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Brings the database to this version's schema.
    Migrate,
    /// Serves laptops until SIGTERM or Ctrl-C.
    Serve,
    /// Compares feeds, checksums and heads with the tables. Fails when anything differs.
    Verify {
        /// Repair what differs. Laptops receive the repaired rows like any change.
        #[arg(long)]
        repair: bool,
    },
    /// Writes the database and the files to a folder, or beside the files, and checks what was written.
    Backup {
        /// The folder; without it the backup is stored with the files, in a folder or in S3.
        #[arg(long)]
        to: Option<PathBuf>,
    },
    /// Restores a backup into an empty database, as a new epoch.
    Restore {
        /// The folder; without it the backup is looked for in the store of files.
        #[arg(long)]
        from: Option<PathBuf>,
        /// The backup's name; without it, the newest one.
        #[arg(long)]
        name: Option<String>,
    },
    /// Adds, lists, suspends, resumes and renames organizations.
    #[command(subcommand)]
    Organization(Organization),
    /// Fills in the demonstration organization, once.
    DemoData {
        /// The folder with the demonstration's texts, people and files.
        #[arg(long, default_value = "sync-server/demo")]
        folder: PathBuf,
    },
    /// Prints the description of every route (OpenAPI). Needs no settings.
    Openapi,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("WAYSTATION_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if arguments.log_text {
        log.init();
    } else {
        log.json().init();
    }
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sync-server: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    if matches!(arguments.command, Command::Openapi) {
        print!("{}", sync_server::openapi::text()?);
        return Ok(());
    }
    let environment: HashMap<String, String> = std::env::vars().collect();
    let settings = Settings::read(arguments.settings.as_deref(), &environment)?;
    match arguments.command {
        Command::Migrate => {
            let pool = database::connect(&settings.database_url, 2).await?;
            database::migrate(&pool).await?;
            println!("the schema is up to date");
        }
        Command::Organization(organization) => {
            let pool = database::connect(&settings.database_url, 2).await?;
            print!("{}", command::run(&pool, &organization).await?);
        }
        Command::DemoData { folder } => {
            let pool = database::connect(&settings.database_url, 2).await?;
            let files = sync_server::content::open(&settings.content)?;
            let filled = demo::fill(&pool, files.as_ref(), &folder, chrono::Utc::now().date_naive()).await?;
            println!(
                "{}",
                if filled { "the demonstration organization is filled in" } else { "the demonstration organization is there already" }
            );
        }
        Command::Verify { repair } => {
            let pool = database::connect(&settings.database_url, 2).await?;
            let report = if repair { verify::repair(&pool).await? } else { verify::verify(&pool).await? };
            println!("{report}");
            if repair && !report.faults.is_empty() {
                println!("after the repair: {}", verify::verify(&pool).await?);
            } else if !report.faults.is_empty() {
                return Err("feeds and tables differ; `sync-server verify --repair` repairs the feeds".into());
            }
        }
        Command::Backup { to } => {
            restrict_permissions();
            let files = content::open(&settings.content)?;
            let store = to.as_deref().map(backup::folder).transpose()?;
            let made = backup::make(&settings.database_url, &*files, store.as_deref().unwrap_or(&*files), store.is_none()).await?;
            println!("backup {}: {} bytes, {} devices", made.name, made.manifest.dump_bytes, made.manifest.devices.len());
            warn_of_missing(made.manifest.files_missing);
        }
        Command::Restore { from, name } => {
            let files = content::open(&settings.content)?;
            let store = from.as_deref().map(backup::folder).transpose()?;
            let from = store.as_deref().unwrap_or(&*files);
            let restored = backup::restore(&settings.database_url, &*files, from, store.is_none(), name.as_deref()).await?;
            println!("restored {}: epoch {}", restored.backup.name, restored.epoch);
            println!("{}", restored.report);
            warn_of_missing(restored.files_missing);
        }
        Command::Openapi => {}
        Command::Serve => {
            let server = Server::start(settings).await?;
            println!("listening on {}", server.address());
            stop_signal().await;
            server.stop().await;
        }
    }
    Ok(())
}

/// A backup contains everybody's data and password hashes: from here on, files and folders that this process creates are readable
/// only by its own user.
fn restrict_permissions() {
    #[cfg(unix)]
    let _former = rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

fn warn_of_missing(files: u64) {
    if files > 0 {
        eprintln!("sync-server: {files} files that rows reference are missing; the log names them");
    }
}

async fn stop_signal() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut terminated) => {
                tokio::select! { _ = interrupted => {}, _ = terminated.recv() => {} }
            }
            Err(_) => {
                let _ = interrupted.await;
            }
        }
    }
    #[cfg(not(unix))]
    {
        let _ = interrupted.await;
    }
}
