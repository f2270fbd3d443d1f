//! The declaration of one column: its kind, and how concurrent changes of it merge.

use serde_json::{Value, json};

use super::{Entity, Format, OnDelete, Range, Reference, Target, entity};
use crate::access::Rules;

/// The kind of a column. The comments give its type in PostgreSQL, in SQLite and on the wire.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// `uuid`, `TEXT`, lower-case hyphenated text.
    Uuid,
    /// `text`, `TEXT`, text.
    Text,
    /// `text` with a check, `TEXT`, one of these words.
    Choice(&'static [&'static str]),
    /// `boolean`, `INTEGER` 0 or 1, true or false.
    Bool,
    /// `bigint` or `integer`, `INTEGER`, an integer within 2^53.
    Int,
    /// `double precision`, `REAL`, a number.
    Float,
    /// `date`, `TEXT`, `YYYY-MM-DD`.
    Date,
    /// `time`, `TEXT`, `HH:MM`.
    Time,
    /// `timestamptz`, `INTEGER`, an integer number of milliseconds since 1970.
    Timestamp,
    /// `jsonb`, `TEXT`, any JSON.
    Json,
}

/// How concurrent changes of a column merge. See `docs/PROTOCOL.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merge {
    /// Set when the row is created, never changed after.
    Key,
    /// Set when the row is created; only the server's cascades change it after.
    Carried,
    /// The later time wins; the losing value goes to `conflicts`.
    Latest,
    /// The later time wins and the losing value is dropped, as for the page where a learner stopped.
    LatestQuiet,
    /// The further value wins within one reset number.
    Furthest,
    /// The reset number that `Furthest` and `Earliest` columns of this row belong to.
    Reset,
    /// The earliest time within one reset number.
    Earliest,
    /// A change carries an amount to add.
    Sum,
    /// Set once: from empty to a value.
    Once,
    /// A change whose author had not seen the current value is refused, and the author decides again.
    Ask,
    /// Filled by the server. Never accepted from a laptop.
    Server,
}

/// One column of an [`super::Entity`].
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// The column's name in both databases and on the wire.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// How concurrent changes merge.
    pub merge: Merge,
    /// Whether it may be null.
    pub nullable: bool,
    /// Columns that share a group change together; the first one decides whether two changes differ.
    pub group: Option<&'static str>,
    /// The longest text in characters, or the largest JSON in bytes.
    pub length_max: usize,
    /// The value in a new row that does not name the column, as JSON text. Without one: null, or the kind's zero value.
    pub default: Option<&'static str>,
    /// Whether a new row has to name it although its kind has a zero value, because the database refuses that value.
    pub required: bool,
    /// Who may write this column, when not everybody who may write the row.
    pub by: Option<Rules>,
    /// The row that an id column references.
    pub references: Option<Reference>,
    /// Whether it holds the author of the change: it can be only that or null.
    pub names_author: bool,
    /// The numbers that it may hold.
    pub range: Option<Range>,
    /// The form that its text or JSON has.
    pub format: Option<Format>,
    /// Whether an integer may exceed 32 bits. PostgreSQL stores it as `bigint` then, and as `integer` otherwise.
    pub is_wide: bool,
    /// A column that names a person, and the default of this column, as JSON text, in a new row that somebody else creates.
    pub default_by_others: Option<(&'static str, &'static str)>,
}

/// The default of [`Column::length_max`], in characters.
pub const TEXT_LENGTH_MAX: usize = 20_000;

/// A column that may not be null.
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
        range: None,
        format: None,
        is_wide: false,
        default_by_others: None,
    }
}

/// A key column: an id that is set when the row is created.
pub const fn key(name: &'static str) -> Column {
    column(name, Kind::Uuid, Merge::Key)
}

/// A column that decides the row's scopes and is copied from the parent row by the server.
pub const fn carried(name: &'static str) -> Column {
    column(name, Kind::Uuid, Merge::Carried)
}

impl Column {
    /// Makes the column nullable.
    pub const fn optional(mut self) -> Column {
        self.nullable = true;
        self
    }

    /// Puts the column into a group whose columns change together.
    pub const fn group(mut self, group: &'static str) -> Column {
        self.group = Some(group);
        self
    }

    /// Limits the length, in characters of text or bytes of JSON.
    pub const fn length_max(mut self, length_max: usize) -> Column {
        self.length_max = length_max;
        self
    }

    /// Sets the value of a new row, as JSON text.
    pub const fn default(mut self, json: &'static str) -> Column {
        self.default = Some(json);
        self
    }

    /// Requires a new row to name the column.
    pub const fn required(mut self) -> Column {
        self.required = true;
        self
    }

    /// Limits who may write the column, among those who may write the row.
    pub const fn by(mut self, rules: Rules) -> Column {
        self.by = Some(rules);
        self
    }

    /// Limits the numbers to this one and larger ones.
    pub const fn at_least(mut self, least: i64) -> Column {
        self.range = Some(Range { least, most: None });
        self
    }

    /// Limits the numbers to these two and those between them.
    pub const fn between(mut self, least: i64, most: i64) -> Column {
        self.range = Some(Range { least, most: Some(most) });
        self
    }

    /// Sets the form of the text or JSON.
    pub const fn format(mut self, format: Format) -> Column {
        self.format = Some(format);
        self
    }

    /// Allows integers of more than 32 bits.
    pub const fn wide(mut self) -> Column {
        self.is_wide = true;
        self
    }

    /// Declares a reference to a row of this table. `same`: columns of both tables that have to be equal in both rows.
    pub const fn references(mut self, table: &'static str, on_delete: OnDelete, same: &'static [&'static str]) -> Column {
        self.references = Some(Reference { target: Target::Table(table), on_delete, same });
        self
    }

    /// The table that the database requires to have the referenced row; none when no foreign key enforces it.
    pub fn enforced(&self) -> Option<&'static Entity> {
        let reference = self.references.filter(|reference| reference.on_delete != OnDelete::Keep)?;
        entity(reference.table()?)
    }

    /// Declares a reference to a row of the table that another column names. No foreign key enforces it.
    pub const fn references_row_of(mut self, column: &'static str) -> Column {
        self.references = Some(Reference { target: Target::TableIn(column), on_delete: OnDelete::Keep, same: &[] });
        self
    }

    /// Whether a new row has to name it: it is not nullable, has no default, and the server does not fill it.
    pub fn is_needed(&self) -> bool {
        !self.nullable && self.merge != Merge::Server && self.default_value().is_null()
    }

    /// Declares that the column holds the author of the change that sets its group.
    pub const fn names_author(mut self) -> Column {
        self.names_author = true;
        self
    }

    /// Sets the value of a new row, as JSON text, that another person creates than the one in the column `person`.
    pub const fn default_by_others(mut self, person: &'static str, json: &'static str) -> Column {
        self.default_by_others = Some((person, json));
        self
    }

    /// The name under which `edits` records the last change of this column; none when it is not tracked.
    pub fn tracked_group(&self) -> Option<&'static str> {
        match self.merge {
            Merge::Latest | Merge::LatestQuiet | Merge::Ask => Some(self.group.unwrap_or(self.name)),
            _ => None,
        }
    }

    /// The value in a new row that does not name the column.
    pub fn default_value(&self) -> Value {
        if let Some(text) = self.default {
            return serde_json::from_str(text).expect("a registered default is JSON, which a test holds");
        }
        if self.nullable || self.required {
            return Value::Null;
        }
        match self.kind {
            Kind::Bool => json!(false),
            Kind::Int => json!(0),
            Kind::Float => json!(0.0),
            Kind::Json => json!({}),
            Kind::Text => json!(""),
            _ => Value::Null,
        }
    }
}
