//! A new file with a name for people, never in the place of another one, and whole or not at all.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use crate::error::{ClientError, Result};
use crate::files;

/// Characters of a title in a file's name.
const TITLE_LENGTH_MAX: usize = 80;
/// Files of one name and day.
const NUMBERED_MAX: u32 = 10_000;

/// Writes a new file in a folder and returns its path.
///
/// # Errors
/// Those of `write`, after which there is no file; `disk_full`, `disk_failed`.
pub fn write_new(
    folder: &Path,
    title: &str,
    table: &str,
    day: NaiveDate,
    extension: &str,
    write: impl FnOnce(&Path, File) -> Result<()>,
) -> Result<PathBuf> {
    let stem = format!("{} {day}", words_of(title, table));
    let path = reserve(folder, &stem, extension)?;
    // The reserved file stays empty until the whole one takes its place.
    let part = path.with_extension(format!("{extension}.part"));
    let written = write_part(&part, write).and_then(|()| files::rename(&part, &path));
    if written.is_err() {
        // What cannot be removed either is an empty file and a part with a name that says so.
        let _ = fs::remove_file(&part);
        let _ = fs::remove_file(&path);
    }
    written.map(|()| path)
}

fn write_part(part: &Path, write: impl FnOnce(&Path, File) -> Result<()>) -> Result<()> {
    let file = private_file(part)?;
    write(part, file)?;
    File::open(part).and_then(|file| file.sync_all()).map_err(ClientError::disk(part))
}

/// Creates an empty file of a name that no other file has.
fn reserve(folder: &Path, stem: &str, extension: &str) -> Result<PathBuf> {
    let mut number = 1;
    loop {
        let name = if number == 1 { format!("{stem}.{extension}") } else { format!("{stem} ({number}).{extension}") };
        let path = folder.join(name);
        match private_file(&path) {
            Ok(_) => return Ok(path),
            Err(ClientError::Disk { source, .. }) if source.kind() == ErrorKind::AlreadyExists && number < NUMBERED_MAX => number += 1,
            Err(error) => return Err(error),
        }
    }
}

/// A new file that only this laptop's user may read.
fn private_file(path: &Path) -> Result<File> {
    let mut options = File::options();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(ClientError::disk(path))
}

/// A title without what some file system does not take, or the table's name when nothing is left.
fn words_of(title: &str, table: &str) -> String {
    let taken = |letter: char| if letter.is_control() || "/\\:*?\"<>|".contains(letter) { ' ' } else { letter };
    let words: String = title.chars().map(taken).take(TITLE_LENGTH_MAX).collect();
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let words = words.trim_matches('.').trim();
    if words.is_empty() { table.to_owned() } else { words.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waystation_model::Code;

    fn day() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, 1).expect("a day")
    }

    fn write(folder: &Path, title: &str, text: &str) -> PathBuf {
        let all = |path: &Path, _| fs::write(path, text).map_err(ClientError::disk(path));
        write_new(folder, title, "stations", day(), "csv", all).expect("written")
    }

    #[test]
    fn no_file_takes_the_place_of_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let names: Vec<String> = ["one", "two", "three"]
            .map(|text| write(folder.path(), "Şəhərlər", text).file_name().expect("a name").to_string_lossy().into_owned())
            .to_vec();
        assert_eq!(names, ["Şəhərlər 2026-01-01.csv", "Şəhərlər 2026-01-01 (2).csv", "Şəhərlər 2026-01-01 (3).csv"]);
        assert_eq!(fs::read_to_string(folder.path().join(&names[0])).expect("a file"), "one");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 3, "no part is left");
    }

    #[test]
    fn a_title_leads_to_no_other_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        for title in ["../../up", "a/b", "..", "C:\\x", "\0", ""] {
            assert_eq!(write(folder.path(), title, "x").parent(), Some(folder.path()), "{title}");
        }
    }

    #[test]
    fn nothing_is_left_of_what_failed() {
        let folder = tempfile::tempdir().expect("a folder");
        let failing = |_: &Path, _| Err(ClientError::refused(Code::FileTooLarge, "on purpose"));
        assert!(write_new(folder.path(), "Stations", "stations", day(), "csv", failing).is_err());
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }
}
