//! Which line of a file is its header, and which columns of the table its titles name.

use std::collections::{BTreeMap, HashMap, HashSet};

use waystation_model::letters::folded;
use waystation_model::registry::{Column, Entity};

use super::sheet::{LINES_BEFORE_MAX, Line};

/// The header of a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Header {
    /// The title of each column in the file, and the column of the table that it names; empty when it names none.
    pub columns: Vec<(String, String)>,
    /// The line of the first row after it.
    pub first_line: u32,
}

/// Finds the header: the line, or the two lines, of which most titles name columns. Before it there may be titles and notes.
pub fn find(entity: &'static Entity, lines: &[Line], titles: &[BTreeMap<String, String>]) -> Header {
    let known = names(entity, titles);
    let candidates = &lines[..lines.len().min(LINES_BEFORE_MAX)];
    let matched = |texts: &[String]| matched(&known, texts).iter().filter(|name| !name.is_empty()).count();
    let mut best: (usize, usize, Vec<String>) = (0, 1, candidates.first().map(texts).unwrap_or_default());
    for (index, line) in candidates.iter().enumerate() {
        let single = texts(line);
        let count = matched(&single);
        // Of two lines that name as many columns, the later one is the finer one.
        if count > best.0 || (count == best.0 && count > 0 && index + 1 == best.1 + 1 && is_finer(&single, &best.2)) {
            best = (count, index + 1, single.clone());
        }
        if let Some(next) = candidates.get(index + 1).filter(|next| next.number == line.number + 1) {
            let both = below(&single, &texts(next));
            let count = matched(&both);
            if count > best.0 {
                best = (count, index + 2, both);
            }
        }
    }
    let (_, behind, titles) = best;
    let first_line = match (lines.get(behind), lines.get(behind.saturating_sub(1))) {
        (Some(row), _) => row.number,
        (None, Some(header)) => header.number + 1,
        (None, None) => 1,
    };
    Header { columns: matched_names(&known, &titles), first_line }
}

fn matched_names(known: &HashMap<String, Option<&'static str>>, titles: &[String]) -> Vec<(String, String)> {
    titles.iter().cloned().zip(matched(known, titles).into_iter().map(str::to_owned)).collect()
}

fn texts(line: &Line) -> Vec<String> {
    line.cells.iter().map(|cell| cell.text().into_owned()).collect()
}

/// The titles of two header lines: the lower one, and the upper one where nothing stands below it.
fn below(upper: &[String], lower: &[String]) -> Vec<String> {
    let empty = String::new();
    let at = |titles: &[String], index: usize| titles.get(index).unwrap_or(&empty).clone();
    (0..upper.len().max(lower.len())).map(|index| if at(lower, index).is_empty() { at(upper, index) } else { at(lower, index) }).collect()
}

/// Whether a line of titles divides what the line above it puts together.
fn is_finer(lower: &[String], upper: &[String]) -> bool {
    let distinct = |titles: &[String]| titles.iter().filter(|title| !title.is_empty()).collect::<HashSet<_>>().len();
    distinct(lower) > distinct(upper)
}

/// The column that each title names; each column once, by its first title.
fn matched(known: &HashMap<String, Option<&'static str>>, titles: &[String]) -> Vec<&'static str> {
    let mut taken = HashSet::new();
    let column = |title: &String| known.get(&plain(title)).copied().flatten();
    titles.iter().map(|title| column(title).filter(|name| taken.insert(*name)).unwrap_or("")).collect()
}

/// The columns that a person gives, by their names and by their titles in every language. A title of two columns names none.
fn names(entity: &'static Entity, titles: &[BTreeMap<String, String>]) -> HashMap<String, Option<&'static str>> {
    let mut known: HashMap<String, Option<&'static str>> = HashMap::new();
    let given = entity.columns.iter().filter(|column| Column::is_given_by_people(column)).map(|column| column.name);
    let given: Vec<&'static str> = given.chain(["id"]).collect();
    for languages in titles {
        for name in &given {
            if let Some(title) = languages.get(*name).map(|title| plain(title)).filter(|title| !title.is_empty()) {
                let entry = known.entry(title).or_insert(Some(*name));
                *entry = entry.filter(|before| before == name);
            }
        }
    }
    for name in given {
        known.insert(plain(name), Some(name));
    }
    known
}

/// A title without case, marks, and what people write around it.
fn plain(title: &str) -> String {
    let words = title.replace('_', " ");
    let words = words.trim_matches(|letter: char| letter.is_whitespace() || matches!(letter, '*' | ':' | '.'));
    folded(&words.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::super::sheet::Raw;
    use super::*;
    use waystation_model::registry;

    fn header(rows: &[&[&str]]) -> (Vec<String>, u32) {
        let lines: Vec<Line> = (1..)
            .zip(rows)
            .map(|(number, cells)| Line { number, cells: cells.iter().map(|cell| Raw::of(cell)).collect(), is_cut: false })
            .filter(|line| line.cells.iter().any(|cell| *cell != Raw::Empty))
            .collect();
        let language = |titles: &[(&str, &str)]| titles.iter().map(|(name, title)| ((*name).to_owned(), (*title).to_owned())).collect();
        let titles = [
            language(&[("name", "Name"), ("code", "Code"), ("latitude", "Latitude"), ("brand", "Twice"), ("region", "Twice")]),
            language(&[("name", "Adı"), ("code", "Kod"), ("opened_on", "Açılış tarixi")]),
        ];
        let header = find(registry::entity("stations").expect("a table"), &lines, &titles);
        (header.columns.into_iter().map(|(_, column)| column).collect(), header.first_line)
    }

    #[test]
    fn titles_are_known_in_every_language_and_by_name() {
        assert_eq!(header(&[&["ADI *", "kod:", "Acilis  Tarixi", "opened_on", "?"], &["A"]]).0, ["name", "code", "opened_on", "", ""]);
        assert_eq!(header(&[&["Twice", "name"], &["A"]]).0, ["", "name"], "a title of two columns names none");
        assert_eq!(header(&[&["legacy_number", "name"], &["A"]]).0, ["", "name"], "what the server fills is not imported");
    }

    #[test]
    fn notes_before_the_header_are_skipped() {
        assert_eq!(
            header(&[&["Our stations"], &[], &["", "of 2026"], &["Name", "Code"], &["A", "1"]]),
            (vec!["name".into(), "code".into()], 5)
        );
    }

    #[test]
    fn two_header_lines_are_read_together() {
        let split: &[&[&str]] = &[&["Name", "Place", "Place"], &["Name", "Latitude", "Longitude"], &["A", "1", "2"]];
        assert_eq!(header(split), (vec!["name".into(), "latitude".into(), "longitude".into()], 3));
        let apart: &[&[&str]] = &[&["Name", "Place", ""], &["", "Latitude", "Longitude"], &["A", "1", "2"]];
        assert_eq!(header(apart), (vec!["name".into(), "latitude".into(), "longitude".into()], 3));
        let groups: &[&[&str]] = &[&["Station", "", "Place"], &["Name", "Code", "Latitude"], &["A", "1", "2"]];
        assert_eq!(header(groups), (vec!["name".into(), "code".into(), "latitude".into()], 3));
    }

    #[test]
    fn a_row_with_gaps_is_not_taken_for_a_header() {
        assert_eq!(header(&[&["Name", "Code"], &["", "1"], &["B", "2"]]).1, 2);
        assert_eq!(header(&[&["What", "Else"], &["A", "1"]]), (vec![String::new(), String::new()], 2));
        assert_eq!(header(&[]), (vec![], 1));
    }
}
