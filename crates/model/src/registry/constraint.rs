//! What the database checks of rows beyond their columns' kinds, as data: ranges, formats, conditions over several columns, and
//! unique keys. PostgreSQL enforces it, a laptop checks it before it stores a change, the simulator reads it. A test compares it
//! with PostgreSQL's catalogue in both directions.

use serde_json::Value;

use super::{Entity, When};

/// The numbers that a column may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The smallest.
    pub least: i64,
    /// The largest; none: no limit beyond that of the column's kind.
    pub most: Option<i64>,
}

/// The form of a text or JSON column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// ISO 4217: three capital letters, such as `EUR`.
    Currency,
    /// Something before and after an `@`.
    Email,
    /// 64 lower-case hex digits.
    Sha256,
    /// An IANA name, such as `Asia/Baku`. Only PostgreSQL knows which ones exist; here only the characters are checked.
    TimeZone,
    /// A stamp as decimal text.
    Stamp,
    /// The name of a table: at most 63 bytes.
    TableName,
    /// A text that is not empty.
    NotEmpty,
    /// A JSON object.
    Object,
    /// A JSON array.
    List,
    /// A JSON array of the numbers 1 to 7; 1 is Monday.
    Weekdays,
}

/// A condition that a row meets.
#[derive(Debug, Clone, Copy)]
pub enum Rule {
    /// Exactly one of these columns is set.
    ExactlyOne(&'static [&'static str]),
    /// At most one of these columns is set.
    AtMostOne(&'static [&'static str]),
    /// At least one of these text columns is neither null nor empty.
    SomeText(&'static [&'static str]),
    /// At least one of these columns is set.
    SomeSet(&'static [&'static str]),
    /// All of these columns are set, or none.
    AllOrNone(&'static [&'static str]),
    /// The first column is set only together with the second.
    Needs(&'static str, &'static str),
    /// The first column is not before, or less than, the second. Holds while one of them is null.
    NotBefore(&'static str, &'static str),
    /// The first column is after, or greater than, the second. Holds while one of them is null.
    After(&'static str, &'static str),
    /// The first column is set while the second is one of these words.
    SetFor(&'static str, &'static str, &'static [&'static str]),
    /// The two columns differ.
    Differ(&'static str, &'static str),
    /// The column is null while the condition holds, and set otherwise.
    NullWhile(&'static str, When),
    /// While the first condition holds, the second does too.
    Implies(When, When),
}

impl Rule {
    /// The columns that it reads.
    pub fn columns(&self) -> Vec<&'static str> {
        match *self {
            Rule::ExactlyOne(columns)
            | Rule::AtMostOne(columns)
            | Rule::SomeSet(columns)
            | Rule::SomeText(columns)
            | Rule::AllOrNone(columns) => columns.to_vec(),
            Rule::Needs(one, other)
            | Rule::NotBefore(one, other)
            | Rule::After(one, other)
            | Rule::Differ(one, other)
            | Rule::SetFor(one, other, _) => vec![one, other],
            Rule::NullWhile(column, when) => vec![column, when.column()],
            Rule::Implies(one, other) => vec![one.column(), other.column()],
        }
    }
}

/// Conditions over several columns that share one constraint.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// The part of the constraint's name between the table's and `check`.
    pub name: &'static str,
    /// The column that a refusal names.
    pub column: &'static str,
    /// All of them hold.
    pub rules: &'static [Rule],
    /// Whether the server completes a row so that they hold. Then only the server checks them.
    pub is_completed: bool,
}

/// Conditions that a row meets. `name`: see [`Check::name`]. `column`: the one that a refusal names.
pub const fn check(name: &'static str, column: &'static str, rules: &'static [Rule]) -> Check {
    Check { name, column, rules, is_completed: false }
}

impl Check {
    /// Declares that the server completes rows so that the conditions hold.
    pub const fn completed_by_server(mut self) -> Check {
        self.is_completed = true;
        self
    }
}

/// A key that no two rows share.
#[derive(Debug, Clone, Copy)]
pub struct Unique {
    /// Its columns. The last one gives the constraint its name, and is the one that a refusal names.
    pub columns: &'static [&'static str],
    /// Whether rows of different organizations may share it.
    pub within_organization: bool,
    /// Whether upper and lower case are equal in text.
    pub ignores_case: bool,
    /// Whether two nulls are equal. Otherwise a row with a null in the key has no key.
    pub nulls_equal: bool,
    /// Only rows for which this holds have the key.
    pub when: Option<When>,
}

/// A key that is unique within the organization.
pub const fn unique(columns: &'static [&'static str]) -> Unique {
    Unique { columns, within_organization: true, ignores_case: false, nulls_equal: false, when: None }
}

impl Unique {
    /// Makes the key unique over all organizations.
    pub const fn everywhere(mut self) -> Unique {
        self.within_organization = false;
        self
    }

    /// Makes upper and lower case equal.
    pub const fn ignoring_case(mut self) -> Unique {
        self.ignores_case = true;
        self
    }

    /// Makes nulls equal to each other.
    pub const fn nulls_equal(mut self) -> Unique {
        self.nulls_equal = true;
        self
    }

    /// Limits the key to rows for which a condition holds.
    pub const fn when(mut self, when: When) -> Unique {
        self.when = Some(when);
        self
    }

    /// The column that a refusal names.
    pub fn column(&self) -> &'static str {
        self.columns.last().expect("a key has a column, which a test holds")
    }

    /// The name of its constraint.
    pub fn name(&self, entity: &Entity) -> String {
        format!("{}_{}_key", entity.name, self.column())
    }

    /// The key of a row; none when the row has none. Case is folded for ASCII letters: what else PostgreSQL folds depends on the
    /// database's locale.
    pub fn key_of(&self, entity: &Entity, values: &[Value]) -> Option<Vec<Value>> {
        if self.when.is_some_and(|when| !entity.holds(when, values)) {
            return None;
        }
        let part = |name: &&str| match entity.column_index(name).and_then(|index| values.get(index)) {
            None | Some(Value::Null) => self.nulls_equal.then_some(Value::Null),
            Some(Value::String(text)) if self.ignores_case => Some(text.to_ascii_lowercase().into()),
            Some(value) => Some(value.clone()),
        };
        self.columns.iter().map(part).collect()
    }
}

/// What the database checks of a table's rows beside the ranges and formats of its columns.
#[derive(Debug, Clone, Copy)]
pub struct Constraints {
    /// Keys.
    pub unique: &'static [Unique],
    /// Conditions over several columns.
    pub checks: &'static [Check],
}

/// No unique keys, and no conditions over several columns.
pub const fn constraints() -> Constraints {
    Constraints { unique: &[], checks: &[] }
}

impl Constraints {
    /// Declares the unique keys.
    pub const fn unique(mut self, unique: &'static [Unique]) -> Constraints {
        self.unique = unique;
        self
    }

    /// Declares the conditions over several columns.
    pub const fn checks(mut self, checks: &'static [Check]) -> Constraints {
        self.checks = checks;
        self
    }
}
