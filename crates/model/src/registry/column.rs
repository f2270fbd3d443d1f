//! What one column holds and how two people's changes of it merge.

use serde_json::{Value, json};

use super::{OnDelete, Reference, Target};
use crate::access::Rules;

/// What a column holds. In the comments: PostgreSQL, SQLite, the wire.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// `uuid`, `TEXT`, lower-case hyphenated text.
    Uuid,
    /// `text`, `TEXT`, text.
    Text,
    /// `text` with a check, `TEXT`, one of these words.
    Choice(&'static [&'static str]),
    /// `boolean`, `INTEGER` 0 or 1, true or false.
    Truth,
    /// `bigint` or `integer`, `INTEGER`, a whole number within 2^53.
    Whole,
    /// `double precision`, `REAL`, a number.
    Real,
    /// `date`, `TEXT`, `YYYY-MM-DD`.
    Date,
    /// `time`, `TEXT`, `HH:MM`.
    Time,
    /// `timestamptz`, `INTEGER`, whole milliseconds since 1970.
    Timestamp,
    /// `jsonb`, `TEXT`, any JSON.
    Json,
}

/// How concurrent changes of a column merge. See `docs/PROTOCOL.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merge {
    /// Given when the row is made, never changed after.
    Key,
    /// Given when the row is made; only the server's own cascades change it after.
    Carried,
    /// The later time wins; the loser goes to `conflicts`.
    Latest,
    /// The later time wins and nobody needs to know, such as the page where somebody stopped.
    LatestQuiet,
    /// The further value wins within one reset number.
    Furthest,
    /// The reset number that `Furthest` and `Earliest` columns of this row belong to.
    Reset,
    /// The earliest time within one reset number.
    Earliest,
    /// A change carries what to add.
    Sum,
    /// From empty to a value, once.
    Once,
    /// A change made on an older value goes back to the person.
    Ask,
    /// The server's own. Never taken from a laptop.
    Server,
}

/// One column of an [`super::Entity`].
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// The column's name in both databases and on the wire.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// How changes merge.
    pub merge: Merge,
    /// Whether it may be empty.
    pub nullable: bool,
    /// Columns that share a group change together; the first of them decides whether two changes differ.
    pub group: Option<&'static str>,
    /// The longest text in characters, or the largest JSON in bytes.
    pub length_max: usize,
    /// The value of a new row that does not say, as JSON text. Without one: null, or the kind's zero.
    pub default: Option<&'static str>,
    /// Whether a new row has to name it although its kind has a zero: the database refuses that one.
    pub required: bool,
    /// Who may give this column, where not everybody may who writes the row.
    pub by: Option<Rules>,
    /// Which row an id names.
    pub references: Option<Reference>,
    /// Whether it says who made the change: it names the author of the change or is empty.
    pub names_author: bool,
    /// A column that names a person, and the value of a new row, as JSON text, that another person makes and that does not say.
    pub default_by_others: Option<(&'static str, &'static str)>,
}

/// The longest text that a column takes when it says nothing else, in characters.
pub const TEXT_LENGTH_MAX: usize = 20_000;

/// A required column.
pub const fn column(name: &'static str, kind: Kind, merge: Merge) -> Column {
    Column {
        name,
        kind,
        merge,
        nullable: false,
        group: None,
        length_max: TEXT_LENGTH_MAX,
        default: None,
        required: false,
        by: None,
        references: None,
        names_author: false,
        default_by_others: None,
    }
}

/// A key column: an id given when the row is made.
pub const fn key(name: &'static str) -> Column {
    column(name, Kind::Uuid, Merge::Key)
}

/// A column that decides placement and is carried down from the parent row.
pub const fn carried(name: &'static str) -> Column {
    column(name, Kind::Uuid, Merge::Carried)
}

impl Column {
    /// … that may be empty.
    pub const fn optional(mut self) -> Column {
        self.nullable = true;
        self
    }

    /// … that changes together with the others of this group.
    pub const fn group(mut self, group: &'static str) -> Column {
        self.group = Some(group);
        self
    }

    /// … of at most this many characters, or bytes of JSON.
    pub const fn length_max(mut self, length_max: usize) -> Column {
        self.length_max = length_max;
        self
    }

    /// … that a new row starts with, as JSON text.
    pub const fn default(mut self, json: &'static str) -> Column {
        self.default = Some(json);
        self
    }

    /// … that a new row has to name.
    pub const fn required(mut self) -> Column {
        self.required = true;
        self
    }

    /// … that only these may give, of all who write the row.
    pub const fn by(mut self, rules: Rules) -> Column {
        self.by = Some(rules);
        self
    }

    /// … that holds the id of a row of this table. `same` are columns of both that have to be equal in both rows.
    pub const fn references(mut self, table: &'static str, on_delete: OnDelete, same: &'static [&'static str]) -> Column {
        self.references = Some(Reference { target: Target::Table(table), on_delete, same });
        self
    }

    /// … that holds the id of a row of the table that another column names. Nothing holds the two together.
    pub const fn references_row_of(mut self, column: &'static str) -> Column {
        self.references = Some(Reference { target: Target::TableIn(column), on_delete: OnDelete::Keep, same: &[] });
        self
    }

    /// Whether a new row has to name it: it may not be empty, nothing stands for it, and the server does not fill it.
    pub fn is_needed(&self) -> bool {
        !self.nullable && self.merge != Merge::Server && self.default_value().is_null()
    }

    /// … that names the author of the change that gives its group.
    pub const fn names_author(mut self) -> Column {
        self.names_author = true;
        self
    }

    /// … that a new row starts with, as JSON text, when somebody else than the person in this column makes it.
    pub const fn default_by_others(mut self, person: &'static str, json: &'static str) -> Column {
        self.default_by_others = Some((person, json));
        self
    }

    /// Under which name `edits` remembers who changed this column and when, if it does.
    pub fn tracked_group(&self) -> Option<&'static str> {
        match self.merge {
            Merge::Latest | Merge::LatestQuiet | Merge::Ask => Some(self.group.unwrap_or(self.name)),
            _ => None,
        }
    }

    /// The value of a new row that does not say.
    pub fn default_value(&self) -> Value {
        if let Some(text) = self.default {
            return serde_json::from_str(text).expect("a registered default is JSON, which a test holds");
        }
        if self.nullable || self.required {
            return Value::Null;
        }
        match self.kind {
            Kind::Truth => json!(false),
            Kind::Whole => json!(0),
            Kind::Real => json!(0.0),
            Kind::Json => json!({}),
            Kind::Text => json!(""),
            _ => Value::Null,
        }
    }
}
