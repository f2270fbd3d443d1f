//! Lists as files and files as rows.

use std::path::PathBuf;
use std::sync::PoisonError;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use waystation_model::{Code, Problem};

use super::people::blocking;
use super::today;
use crate::app::{App, make_private_folder};
use crate::error::{ClientError, Result};
use crate::records::import::{self, Import, header, sheet};
use crate::records::{self, export};
use crate::view_models::*;

/// Rows of a file that are shown before it is imported.
const SAMPLE_ROWS_MAX: usize = 20;
/// Characters of a shown cell.
const SAMPLE_LENGTH_MAX: usize = 200;

impl App {
    pub(crate) async fn export_records(&self, arguments: ExportRecords) -> Result<WrittenFile, Problem> {
        let entity = records::listed(&arguments.query.table)?;
        let folder = self.exports_folder()?;
        let path = self
            .read(move |snapshot| {
                let extension = match arguments.format {
                    FileFormat::Csv => "csv",
                    FileFormat::Xlsx => "xlsx",
                };
                let write =
                    |path: &std::path::Path, file| export::write(snapshot.connection, entity, &arguments, snapshot.clock, path, file);
                export::file::write_new(&folder, &arguments.title, entity.name, today(snapshot.clock), extension, write)
            })
            .await?;
        Ok(WrittenFile { path: path.display().to_string() })
    }

    /// The folder for files that people take away: the one of the configuration, or a private one beside the person's data.
    fn exports_folder(&self) -> Result<PathBuf> {
        let owner = self.unlocked()?.owner.user_id;
        match &self.inner.config.exports_dir {
            Some(folder) => std::fs::create_dir_all(folder).map_err(ClientError::disk(folder)).map(|()| folder.clone()),
            None => {
                let folder = self.inner.people.folder_of(&owner).join("exports");
                make_private_folder(&folder).map(|()| folder)
            }
        }
    }

    pub(crate) async fn read_import(&self, arguments: ReadImport) -> Result<ImportFile, Problem> {
        let entity = records::listed(&arguments.table)?;
        self.unlocked()?;
        let read = blocking(move || {
            let sheet = read_file(&arguments.content)?;
            let mut header = header::find(entity, &sheet.lines, &arguments.titles);
            let untitled = sheet.columns_without_title(header.columns.len());
            header.columns.extend(std::iter::repeat_n((String::new(), String::new()), untitled));
            let rows = sheet.rows(header.first_line)?;
            let width = header.columns.len();
            let sample = rows.iter().take(SAMPLE_ROWS_MAX).map(|row| sample(row, width)).collect();
            let columns = header.columns.into_iter().map(|(title, column)| ImportColumn { title, column }).collect();
            let rows = u32::try_from(rows.len()).unwrap_or(u32::MAX);
            Ok(ImportFile { columns, first_line: header.first_line, rows, sample, encoding: sheet.encoding.to_owned() })
        });
        Ok(read.await?)
    }

    pub(crate) async fn import_records(&self, arguments: ImportRecords) -> Result<ImportReport, Problem> {
        let entity = records::listed(&arguments.table)?;
        self.unlocked()?;
        let mapping = import::mapping(entity, &arguments.mapping)?;
        let content = arguments.content;
        let sheet = blocking(move || read_file(&content)).await?;
        let clock = self.inner.environment.clock.clone();
        let (words, first_line, clear_empty) = (arguments.words, arguments.first_line, arguments.clear_empty);
        let import = Import { entity, sheet, first_line, mapping, words, clear_empty, clock };
        if arguments.dry_run { self.try_import(import).await } else { self.store_import(import).await }.map_err(Problem::from)
    }

    /// What an import would do.
    async fn try_import(&self, import: Import) -> Result<ImportReport> {
        let device = self.unlocked()?.store.device().await?;
        let environment = self.inner.environment.clone();
        self.read(move |snapshot| {
            let mut planned = import::plan(snapshot.connection, snapshot.owner, &import, || environment.new_id())?;
            import::check(snapshot.connection, &device, &mut planned)?;
            Ok(import::report(planned))
        })
        .await
    }

    /// Imports all rows, or none.
    async fn store_import(&self, import: Import) -> Result<ImportReport> {
        let unlocked = self.unlocked()?;
        let environment = self.inner.environment.clone();
        let entity = import.entity;
        let (mut report, changes) = unlocked
            .store
            .write(move |writer| {
                let now_ms = environment.clock.now_ms();
                let mut refused = None;
                let stored = writer.durable_transaction(|connection, device| {
                    let mut planned = import::plan(connection, &device.owner, &import, || environment.new_id())?;
                    let is_refused = |planned: &[import::Planned]| planned.iter().any(|row| row.line.fate == ImportFate::Refused);
                    let mut changes = Vec::new();
                    if is_refused(&planned) {
                        import::check(connection, device, &mut planned)?;
                    } else {
                        changes = import::make(connection, device, now_ms, &mut planned)?;
                    }
                    if is_refused(&planned) {
                        refused = Some(import::report(planned));
                        // Rolls back what was made.
                        return Err(ClientError::refused(Code::RuleBroken, "rows of the file are refused"));
                    }
                    Ok((ImportReport { stored: true, ..import::report(planned) }, changes))
                });
                refused.map_or(stored, |report| Ok((report, Vec::new())))
            })
            .await?;
        if !changes.is_empty() {
            unlocked.engine.emit_changed(&[entity.name].into());
            unlocked.engine.wake_push.notify_one();
            unlocked.engine.status_changed.notify_one();
        }
        report.undo = unlocked.history.lock().unwrap_or_else(PoisonError::into_inner).keep(changes);
        Ok(report)
    }
}

/// The lines of a file that came as base64.
fn read_file(content: &str) -> Result<sheet::Sheet> {
    // Base64 writes four letters for three bytes; what is certainly too long is not decoded first.
    if content.len() / 4 * 3 > sheet::FILE_BYTES_MAX + 3 {
        return Err(ClientError::refused(Code::FileTooLarge, format!("more than {} bytes", sheet::FILE_BYTES_MAX)));
    }
    let bytes = STANDARD.decode(content).map_err(|error| Problem::new(Code::BadRequest, error.to_string()).field("content"))?;
    Ok(sheet::read(&bytes)?)
}

fn sample(row: &sheet::Line, width: usize) -> Vec<String> {
    let mut texts: Vec<String> = row.cells.iter().map(|cell| cell.text().chars().take(SAMPLE_LENGTH_MAX).collect()).collect();
    texts.resize(width, String::new());
    texts
}
