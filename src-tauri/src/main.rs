//! The window: only wiring. All logic is in `waystation-client`, where tests need no window.

#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

mod folders;
mod updates;

use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;
use tauri::{AppHandle, Emitter, Manager, RunEvent, State, WebviewWindowBuilder};
use tokio::sync::broadcast::error::RecvError;
use tracing_subscriber::EnvFilter;
use waystation_client::app::{App, Config};
use waystation_client::commands;
use waystation_client::environment::Environment;
use waystation_client::view_models::Event;
use waystation_model::Problem;

/// The name under which [`Event`]s are sent to the screens.
const EVENT: &str = "waystation";

/// How long a closing window waits for the app to shut down. The person's changes are on the disk before that.
const SHUTDOWN_TIME_MAX: Duration = Duration::from_secs(5);

/// The one command: the screens call it with a name and arguments, and get an answer or a problem.
#[tauri::command]
async fn call(app: State<'_, App>, name: String, arguments: Value) -> Result<Value, Problem> {
    commands::call(&app, &name, arguments).await
}

fn main() -> ExitCode {
    let filter =
        EnvFilter::try_from_env("WAYSTATION_LOG").unwrap_or_else(|_| EnvFilter::new("warn,waystation_client=info,waystation=info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match build() {
        Ok(app) => {
            app.run(|handle, event| {
                if let RunEvent::Exit = event {
                    shut_down(handle);
                }
            });
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(%error, "Waystation cannot start");
            ExitCode::FAILURE
        }
    }
}

fn build() -> tauri::Result<tauri::App> {
    #[expect(clippy::disallowed_methods, reason = "Tauri writes a call of `exit` into what this generates")]
    let mut context = tauri::generate_context!();
    let mut builder = tauri::Builder::default().invoke_handler(tauri::generate_handler![call]);
    let updates = updates::settings(&folders::config(&context.config().identifier));
    if let Some(updates) = &updates {
        context.config_mut().plugins.0.insert("updater".to_owned(), updates.plugin_config());
        builder = builder.plugin(tauri_plugin_updater::Builder::new().build());
    }
    builder
        .setup(move |tauri_app| {
            let handle = tauri_app.handle().clone();
            let folder = folders::data(&handle)?;
            let config = Config { exports_dir: folders::exports(&handle), ..Config::from_environment_variables(&folder) };
            let app = tauri::async_runtime::block_on(App::new(config, Environment::system()))?;
            forward_events(&handle, &app);
            tauri_app.manage(app);
            stop_on_signals(&handle);
            if updates.is_some() {
                updates::watch(&handle);
            }
            open_window(tauri_app, &folder)
        })
        .build(context)
}

/// Opens the window. Its cookies and caches are stored in the data folder, because each data folder acts as a separate laptop.
fn open_window(app: &tauri::App, folder: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
    let window = app.config().app.windows.first().expect("tauri.conf.json has one window");
    WebviewWindowBuilder::from_config(app, window)?.data_directory(folder.join("window")).build()?;
    Ok(())
}

/// A signal closes the window as its button does.
#[cfg(unix)]
fn stop_on_signals(handle: &AppHandle) {
    use tokio::signal::unix::{SignalKind, signal};
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let handle = handle.clone();
        tauri::async_runtime::spawn(async move {
            match signal(kind) {
                Ok(mut signals) => {
                    signals.recv().await;
                    handle.exit(0);
                }
                Err(error) => tracing::warn!(%error, "signals cannot be received"),
            }
        });
    }
}

#[cfg(not(unix))]
fn stop_on_signals(_handle: &AppHandle) {}

/// Forwards the app's events to the screens.
fn forward_events(handle: &AppHandle, app: &App) {
    let handle = handle.clone();
    let app = app.clone();
    let mut events = app.events();
    tauri::async_runtime::spawn(async move {
        loop {
            match events.recv().await {
                Ok(event) => emit(&handle, event),
                // It is not known which events are missing, so events that replace all of them are sent.
                Err(RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "the window was too slow for all events");
                    for event in app.catch_up_events().await {
                        emit(&handle, event);
                    }
                }
                Err(RecvError::Closed) => return,
            }
        }
    });
}

fn emit(handle: &AppHandle, event: Event) {
    if let Err(error) = handle.emit(EVENT, event) {
        tracing::warn!(%error, "the window did not receive an event");
    }
}

fn shut_down(handle: &AppHandle) {
    let app = handle.state::<App>();
    let stopped = tauri::async_runtime::block_on(async { tokio::time::timeout(SHUTDOWN_TIME_MAX, app.shutdown()).await });
    if stopped.is_err() {
        tracing::warn!("the app did not shut down in time");
    }
}
