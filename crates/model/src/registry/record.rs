//! How people meet the rows of a table: what names a row, which columns a search looks through, and what a row is a part of.
//! Lists, forms, references, search, import and export follow from it.

use super::{Column, Entity, Merge, Target, all, entity};

/// What names a row where it is listed, chosen or referred to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// The first of these columns that is not empty.
    First(&'static [&'static str]),
    /// All of these columns that are not empty. An id stands for the label of the row that it names.
    All(&'static [&'static str]),
}

impl Label {
    /// Its columns.
    pub const fn columns(self) -> &'static [&'static str] {
        match self {
            Label::First(columns) | Label::All(columns) => columns,
        }
    }
}

/// The part of the domain that a table belongs to; the sidebar has one section for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// Accounts, profiles, families.
    People,
    /// Groups, their members, attendance.
    Groups,
    /// Courses and what they consist of.
    Courses,
    /// Tests, questions, attempts.
    Tests,
    /// Coding tasks and what learners hand in.
    Coding,
    /// Payments, purchases and subscriptions.
    Money,
    /// Announcements and messages.
    Messages,
    /// Stations and their equipment.
    Stations,
    /// The organization itself.
    Organization,
}

impl Section {
    /// Its word in translations, such as `people`.
    pub const fn word(self) -> &'static str {
        match self {
            Section::People => "people",
            Section::Groups => "groups",
            Section::Courses => "courses",
            Section::Tests => "tests",
            Section::Coding => "coding",
            Section::Money => "money",
            Section::Messages => "messages",
            Section::Stations => "stations",
            Section::Organization => "organization",
        }
    }
}

/// Whether people list and open the rows of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// They do.
    Data,
    /// They do not, for this reason.
    Bookkeeping(&'static str),
}

/// A column of another table that holds the name of a row of this one, for laptops that have the one and not the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedIn {
    /// The other table.
    pub table: &'static str,
    /// Its column with the id.
    pub id: &'static str,
    /// Its column with the name.
    pub name: &'static str,
}

/// How people meet the rows of one table.
#[derive(Debug, Clone, Copy)]
pub struct Record {
    /// Whether they list and open them.
    pub purpose: Purpose,
    /// What names a row.
    pub label: Label,
    /// The columns that a search looks through beside those of the label. An id stands for the label of the row that it names.
    pub search: &'static [&'static str],
    /// Where the table is found.
    pub section: Section,
    /// The column with the id of the row that this one is a part of: it is listed there and nowhere by itself.
    pub part_of: Option<&'static str>,
    /// Where else a row's name stands.
    pub named_in: &'static [NamedIn],
    /// Columns by which people name a row, although nothing keeps two rows from sharing one.
    pub named_by: &'static [&'static str],
    /// The column with the person to whom a certificate or a badge may be due after a change of a row.
    pub earns: Option<&'static str>,
    /// Why a change whose author has lost the right is refused instead of waiting for a decision; none: it waits.
    pub never_held: Option<&'static str>,
    /// Why a laptop does not offer a row that the server has lost; none: it offers it.
    pub never_offered: Option<&'static str>,
    /// Why changes of its rows are not audited, where they are not.
    pub unaudited: Option<&'static str>,
}

/// A table that is listed in this section.
pub const fn record(section: Section, label: Label) -> Record {
    Record {
        purpose: Purpose::Data,
        label,
        search: &[],
        section,
        part_of: None,
        named_in: &[],
        named_by: &[],
        earns: None,
        never_held: None,
        never_offered: None,
        unaudited: None,
    }
}

impl Record {
    /// … whose rows are searched by these columns as well.
    pub const fn search(mut self, columns: &'static [&'static str]) -> Record {
        self.search = columns;
        self
    }

    /// … whose rows are parts of the row that this column names.
    pub const fn part_of(mut self, column: &'static str) -> Record {
        self.part_of = Some(column);
        self
    }

    /// … whose rows nobody lists, for this reason.
    pub const fn bookkeeping(mut self, why: &'static str) -> Record {
        self.purpose = Purpose::Bookkeeping(why);
        self
    }

    /// … whose changes are never held, for this reason.
    pub const fn never_held(mut self, why: &'static str) -> Record {
        self.never_held = Some(why);
        self
    }

    /// … whose rows are never offered, for this reason.
    pub const fn never_offered(mut self, why: &'static str) -> Record {
        self.never_offered = Some(why);
        self
    }

    /// … whose rows are named in other tables as well.
    pub const fn named_in(mut self, tables: &'static [NamedIn]) -> Record {
        self.named_in = tables;
        self
    }

    /// … whose rows people name by these columns as well, beside the keys that no two rows share.
    pub const fn named_by(mut self, columns: &'static [&'static str]) -> Record {
        self.named_by = columns;
        self
    }

    /// … whose changes may make a certificate or a badge due to the person in this column.
    pub const fn earns(mut self, person: &'static str) -> Record {
        self.earns = Some(person);
        self
    }

    /// … whose changes are not audited, for this reason.
    pub const fn unaudited(mut self, why: &'static str) -> Record {
        self.unaudited = Some(why);
        self
    }

    /// Whether people list and open its rows.
    pub fn is_data(&self) -> bool {
        self.purpose == Purpose::Data
    }
}

impl Column {
    /// Whether a person gives its value in a form when they make a row.
    pub fn is_given_by_people(&self) -> bool {
        matches!(self.merge, Merge::Key | Merge::Latest | Merge::Ask | Merge::LatestQuiet | Merge::Once) && !self.names_author
    }

    /// Whether a person changes its value in a form.
    pub fn is_changed_by_people(&self) -> bool {
        self.is_given_by_people() && self.merge != Merge::Key
    }

    /// The table that its id names, when that is one registered table.
    pub fn referred(&self) -> Option<&'static Entity> {
        match self.references?.target {
            Target::Table(table) => entity(table),
            Target::TableIn(_) => None,
        }
    }
}

impl Entity {
    /// The texts by which people name one row: keys of one column that no two rows share, and what the entry names beside them. The
    /// label alone is none: it is a name, which people write in several ways.
    pub fn codes(&'static self) -> impl Iterator<Item = (usize, &'static Column)> {
        let is_key = |name: &str| self.constraints.unique.iter().any(|unique| unique.columns == [name] && unique.when.is_none());
        let is_code = move |name: &str| (is_key(name) && self.record.label.columns() != [name]) || self.record.named_by.contains(&name);
        let columns = self.columns.iter().enumerate();
        columns.filter(move |(_, column)| column.kind == super::Kind::Text && column.is_given_by_people() && is_code(column.name))
    }
}

/// The tables whose rows people list, in the registry's order.
pub fn listed() -> impl Iterator<Item = &'static Entity> {
    all().iter().copied().filter(|entity| entity.record.is_data())
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::*;

    #[test]
    fn labels_search_and_parts_name_columns_that_exist() {
        for entity in all() {
            let record = &entity.record;
            for name in record.label.columns() {
                assert!(entity.column(name).is_some(), "{}: label {name}", entity.name);
            }
            assert!(!record.label.columns().is_empty(), "{} has no label", entity.name);
            for name in record.search {
                assert!(entity.column(name).is_some(), "{}: search {name}", entity.name);
            }
            for name in record.named_by {
                assert_eq!(entity.column(name).map(|column| column.kind), Some(Kind::Text), "{}: {name}", entity.name);
            }
            if let Some(name) = record.earns {
                let person = entity.column(name).and_then(Column::referred);
                assert_eq!(person.map(|table| table.name), Some("users"), "{}: {name}", entity.name);
            }
            if let Some(name) = record.part_of {
                let column = entity.column(name).unwrap_or_else(|| panic!("{}: part of {name}", entity.name));
                assert!(column.referred().is_some(), "{}: {name} names no row", entity.name);
            }
            for named in record.named_in {
                let table = super::super::entity(named.table).unwrap_or_else(|| panic!("{}", named.table));
                assert_eq!(table.column(named.id).and_then(Column::referred).map(|to| to.name), Some(entity.name), "{}", named.table);
                assert_eq!(table.column(named.name).map(|column| column.kind), Some(Kind::Text), "{}", named.table);
            }
        }
    }

    #[test]
    fn codes_are_keys_and_what_people_use_as_such() {
        let codes =
            |table: &str| -> Vec<&str> { super::super::entity(table).expect("a table").codes().map(|(_, column)| column.name).collect() };
        assert_eq!(codes("users"), ["user_name", "email", "employee_id"]);
        assert_eq!(codes("courses"), ["slug", "course_code"]);
        assert_eq!(codes("stations"), ["code"], "two stations may have one e-mail address");
        assert_eq!((codes("groups"), codes("departments")), (vec!["code"], vec!["code"]));
        assert!(codes("payments").is_empty() && codes("coding_topics").is_empty());
    }

    #[test]
    fn unlisted_and_unaudited_tables_give_a_reason() {
        for entity in all() {
            if let Purpose::Bookkeeping(why) = entity.record.purpose {
                assert!(why.len() > 20, "{}", entity.name);
            }
            assert!(entity.record.unaudited.is_none_or(|why| why.len() > 20), "{}", entity.name);
        }
    }

    #[test]
    fn labels_end() {
        // A label may name rows whose labels name rows: no chain of them comes back to its start.
        fn depth(table: &Entity, seen: &mut Vec<&'static str>) -> usize {
            assert!(seen.len() < 4, "{seen:?}");
            seen.push(table.name);
            let columns = table.record.label.columns().iter().filter_map(|name| table.column(name)?.referred());
            let deepest = columns.map(|next| depth(next, seen)).max().unwrap_or(0);
            seen.pop();
            deepest + 1
        }
        for entity in all() {
            assert!(depth(entity, &mut Vec::new()) <= 3, "{}", entity.name);
        }
    }
}
