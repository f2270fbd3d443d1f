//! Says which rule a row breaks, and at which column. Pure functions over the entries: the laptop asks them before it stores a
//! change, and the simulator asks them where PostgreSQL checks its constraints.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::Value;

use super::{Check, Column, Entity, Format, Kind, Merge, Range, Rule, Unique, all};

/// The longest name of a table or column in PostgreSQL, in bytes.
const NAME_BYTES_MAX: usize = 63;
/// The most digits of a stamp.
const STAMP_DIGITS_MAX: usize = 19;
/// Hex digits of a SHA-256.
const SHA256_DIGITS: usize = 64;

/// What a constraint checks.
#[derive(Debug, Clone, Copy)]
pub enum Test {
    /// One of the words of a choice.
    Choice(&'static [&'static str]),
    /// A number in its range.
    Range(Range),
    /// A text or JSON in its form.
    Format(Format),
    /// Conditions over several columns.
    Check(&'static Check),
}

/// One check of a table's rows, as PostgreSQL names it.
#[derive(Debug, Clone)]
pub struct RowConstraint {
    /// Its name.
    pub name: String,
    /// The column that a refusal names.
    pub column: &'static str,
    /// What it checks.
    pub test: Test,
}

/// Every check of a table, in the order of their names, which is the order in which PostgreSQL tests them.
pub fn row_constraints(entity: &Entity) -> &'static [RowConstraint] {
    static BY_TABLE: OnceLock<BTreeMap<&'static str, Vec<RowConstraint>>> = OnceLock::new();
    let by_table = BY_TABLE.get_or_init(|| all().iter().map(|entity| (entity.name, of_table(entity))).collect());
    by_table.get(entity.name).map_or(&[], Vec::as_slice)
}

fn of_table(entity: &'static Entity) -> Vec<RowConstraint> {
    let of_column = |column: &'static Column| {
        let choice = if let Kind::Choice(words) = column.kind { Some(Test::Choice(words)) } else { None };
        let tests = [choice, column.range.map(Test::Range), column.format.map(Test::Format)].into_iter().flatten();
        tests.map(|test| RowConstraint { name: format!("{}_{}_check", entity.name, column.name), column: column.name, test })
    };
    let over_several = entity.constraints.checks.iter().map(|check| RowConstraint {
        name: format!("{}_{}_check", entity.name, check.name),
        column: check.column,
        test: Test::Check(check),
    });
    let mut constraints: Vec<RowConstraint> = entity.columns.iter().flat_map(of_column).chain(over_several).collect();
    constraints.sort_by(|one, other| one.name.cmp(&other.name));
    constraints
}

impl RowConstraint {
    /// The columns that it reads.
    pub fn columns(&self) -> Vec<&'static str> {
        match self.test {
            Test::Check(check) => {
                let mut columns: Vec<_> = check.rules.iter().flat_map(Rule::columns).collect();
                columns.sort_unstable();
                columns.dedup();
                columns
            }
            _ => vec![self.column],
        }
    }

    /// Whether a row with these values meets it.
    pub fn holds(&self, entity: &Entity, values: &[Value]) -> bool {
        let value = value_of(entity, values, self.column);
        match self.test {
            Test::Check(check) => check.rules.iter().all(|rule| rule_holds(rule, entity, values)),
            _ if value.is_null() => true,
            Test::Choice(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Test::Range(range) => is_in_range(value, range),
            Test::Format(format) => has_format(value, format),
        }
    }

    /// Whether a laptop can tell that a change breaks it: the server fills or adds up none of its columns and does not complete the row.
    pub fn is_checked_on_laptops(&self, entity: &Entity) -> bool {
        // Of a sum, only the server knows the total.
        let is_filled =
            |name: &&str| entity.column(name).is_none_or(|column| matches!(column.merge, Merge::Server | Merge::Carried | Merge::Sum));
        !matches!(self.test, Test::Check(Check { is_completed: true, .. })) && !self.columns().iter().any(is_filled)
    }
}

/// The first check that a row with these values breaks, in PostgreSQL's order.
pub fn broken(entity: &Entity, values: &[Value]) -> Option<&'static RowConstraint> {
    row_constraints(entity).iter().find(|constraint| !constraint.holds(entity, values))
}

/// The first check that a laptop's change breaks: the row after the change, and whether a column changed. A check of columns that
/// did not change is not the change's fault.
pub fn broken_by_change(entity: &Entity, values: &[Value], is_changed: impl Fn(&str) -> bool) -> Option<&'static RowConstraint> {
    let concerned = |constraint: &&RowConstraint| constraint.columns().iter().any(|column| is_changed(column));
    row_constraints(entity)
        .iter()
        .filter(concerned)
        .find(|constraint| constraint.is_checked_on_laptops(entity) && !constraint.holds(entity, values))
}

/// The column of this table that a constraint of this name is about; none when it is about no column of it.
pub fn column_of_constraint(entity: &'static Entity, name: &str) -> Option<&'static str> {
    let rest = name.strip_prefix(entity.name)?.strip_prefix('_')?;
    let about = rest.rsplit_once('_').filter(|(_, suffix)| matches!(*suffix, "check" | "key" | "fkey"))?.0;
    if let Some(column) = entity.column(about) {
        return Some(column.name);
    }
    entity.constraints.checks.iter().find(|check| check.name == about).map(|check| check.column)
}

/// The unique key whose constraint has this name.
pub fn unique_of_constraint(entity: &Entity, name: &str) -> Option<&'static Unique> {
    entity.constraints.unique.iter().find(|unique| unique.name(entity) == name)
}

fn value_of<'v>(entity: &Entity, values: &'v [Value], name: &str) -> &'v Value {
    entity.column_index(name).and_then(|index| values.get(index)).unwrap_or(&Value::Null)
}

fn is_in_range(value: &Value, range: Range) -> bool {
    let Range { least, most } = range;
    match (value.as_i64(), value.as_f64()) {
        (Some(number), _) => number >= least && most.is_none_or(|most| number <= most),
        // The limits are small integers, which a float holds exactly.
        (None, Some(number)) => number >= least as f64 && most.is_none_or(|most| number <= most as f64),
        _ => false,
    }
}

fn has_format(value: &Value, format: Format) -> bool {
    let text = value.as_str().unwrap_or_default();
    match format {
        Format::Currency => text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()),
        Format::Email => text.char_indices().any(|(at, letter)| letter == '@' && at > 0 && at + 1 < text.len()),
        Format::Sha256 => text.len() == SHA256_DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')),
        // PostgreSQL also accepts abbreviations and POSIX forms.
        Format::TimeZone => !text.is_empty() && text.chars().all(|letter| letter.is_ascii_graphic()),
        Format::Stamp => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            (1..=STAMP_DIGITS_MAX).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
        }
        Format::TableName => text.chars().count() <= NAME_BYTES_MAX,
        Format::NotEmpty => !text.is_empty(),
        Format::Object => value.is_object(),
        Format::List => value.is_array(),
        Format::Weekdays => value.as_array().is_some_and(|days| days.iter().all(is_weekday)),
    }
}

fn is_weekday(day: &Value) -> bool {
    day.as_f64().is_some_and(|number| (1..=7).any(|day| f64::from(day) == number))
}

fn rule_holds(rule: &Rule, entity: &Entity, values: &[Value]) -> bool {
    let value = |name: &str| value_of(entity, values, name);
    let set = |columns: &[&str]| columns.iter().filter(|name| !value(name).is_null()).count();
    match *rule {
        Rule::ExactlyOne(columns) => set(columns) == 1,
        Rule::AtMostOne(columns) => set(columns) <= 1,
        Rule::SomeSet(columns) => set(columns) > 0,
        Rule::SomeText(columns) => columns.iter().any(|name| value(name).as_str().is_some_and(|text| !text.is_empty())),
        Rule::AllOrNone(columns) => matches!(set(columns), 0) || set(columns) == columns.len(),
        Rule::Needs(column, other) => value(column).is_null() || !value(other).is_null(),
        Rule::NotBefore(later, earlier) => !is_less(value(later), value(earlier)),
        Rule::After(later, earlier) => value(later).is_null() || value(earlier).is_null() || is_less(value(earlier), value(later)),
        Rule::SetFor(column, words, wanted) => !value(column).is_null() || value(words).as_str().is_none_or(|word| !wanted.contains(&word)),
        Rule::Differ(one, other) => value(one).is_null() || value(other).is_null() || value(one) != value(other),
        Rule::NullWhile(column, when) => value(column).is_null() == entity.holds(when, values),
        Rule::Implies(one, other) => !entity.holds(one, values) || entity.holds(other, values),
    }
}

/// Whether one value is before another; false while one of them is null. Dates and times are compared as text, which sorts alike.
fn is_less(one: &Value, other: &Value) -> bool {
    match (one.as_str(), other.as_str()) {
        (Some(one), Some(other)) => one < other,
        _ => match (one.as_i64(), other.as_i64()) {
            (Some(one), Some(other)) => one < other,
            _ => one.as_f64().zip(other.as_f64()).is_some_and(|(one, other)| one < other),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::{When, entity};
    use super::*;

    fn row(table: &str, given: &[(&str, Value)]) -> (&'static Entity, Vec<Value>) {
        let entity = entity(table).expect("a registered table");
        let mut values = entity.empty_values();
        for (name, value) in given {
            values[entity.column_index(name).expect("a column")] = value.clone();
        }
        (entity, values)
    }

    fn fault(table: &str, given: &[(&str, Value)]) -> Option<(&'static str, &'static str)> {
        let (entity, values) = row(table, given);
        broken(entity, &values).map(|constraint| (constraint.name.as_str(), constraint.column))
    }

    #[test]
    fn rules_name_columns_of_their_table() {
        for entity in all() {
            for unique in entity.constraints.unique {
                assert!(!unique.columns.is_empty(), "{}", entity.name);
                let read = unique.columns.iter().copied().chain(unique.when.map(When::column));
                for column in read {
                    assert!(entity.column(column).is_some(), "{}: {column}", entity.name);
                }
            }
            for constraint in row_constraints(entity) {
                for column in constraint.columns().into_iter().chain([constraint.column]) {
                    assert!(entity.column(column).is_some(), "{}: {column}", constraint.name);
                }
                assert_eq!(column_of_constraint(entity, &constraint.name), Some(constraint.column), "{}", constraint.name);
            }
            let mut names: Vec<&str> = row_constraints(entity).iter().map(|constraint| constraint.name.as_str()).collect();
            names.dedup();
            assert_eq!(names.len(), row_constraints(entity).len(), "{}: two checks have one name", entity.name);
        }
    }

    #[test]
    fn a_range_or_format_fits_its_kind() {
        for entity in all() {
            for column in entity.columns {
                let name = format!("{}.{}", entity.name, column.name);
                assert!(column.range.is_none() || matches!(column.kind, Kind::Int | Kind::Float), "{name}");
                let kind = column.format.map(|format| match format {
                    Format::Object | Format::List | Format::Weekdays => Kind::Json,
                    _ => Kind::Text,
                });
                assert!(kind.is_none_or(|kind| kind == column.kind), "{name}");
                let default = column.default_value();
                assert!(default.is_null() || !broken_alone(entity, column.name, &default), "{name}: the default {default}");
            }
        }
    }

    fn broken_alone(entity: &'static Entity, column: &str, value: &Value) -> bool {
        let mut values = entity.empty_values();
        values[entity.column_index(column).expect("a column")] = value.clone();
        let of_column = |constraint: &&RowConstraint| constraint.column == column && !matches!(constraint.test, Test::Check(_));
        row_constraints(entity).iter().filter(of_column).any(|constraint| !constraint.holds(entity, &values))
    }

    #[test]
    fn a_broken_rule_names_its_constraint_and_column() {
        let place = |latitude: f64| fault("stations", &[("latitude", json!(latitude))]);
        assert_eq!(place(200.0), Some(("stations_latitude_check", "latitude")));
        assert_eq!((place(90.0), place(-90.0)), (None, None));
        let stay = |left: Value, active: bool| {
            fault("group_memberships", &[("is_active", json!(active)), ("joined_at", json!(100)), ("left_at", left)])
        };
        let broken = Some(("group_memberships_left_at_check", "left_at"));
        assert_eq!((stay(Value::Null, true), stay(json!(100), false)), (None, None));
        assert_eq!((stay(Value::Null, false), stay(json!(200), true), stay(json!(99), false)), (broken, broken, broken));
        let exam = |graded_by: &str| fault("assessments", &[("kind", json!("exam")), ("graded_by", json!(graded_by))]);
        assert_eq!((exam("server"), exam("laptop").map(|(name, _)| name)), (None, Some("assessments_exam_check")));
        let bought = |status: &str| fault("purchases", &[("status", json!(status)), ("amount_minor", json!(1))]).map(|(name, _)| name);
        assert_eq!((bought("pending"), bought("refunded")), (None, Some("purchases_purchased_at_check")));
        let named = |column: &'static str, name: Value| fault("users", &[(column, name)]);
        assert_eq!((named("user_name", json!("leyla")), named("last_name", json!("Əliyeva"))), (None, None));
        assert_eq!(named("user_name", json!("")), Some(("users_name_check", "full_name")));
    }

    #[test]
    fn formats_accept_and_refuse() {
        let cases = [
            (Format::Currency, json!("AZN"), json!("azn")),
            (Format::Currency, json!("EUR"), json!("EURO")),
            (Format::Email, json!("a@b"), json!("@b")),
            (Format::Email, json!("@a@b"), json!("a@")),
            (Format::Sha256, json!("0f".repeat(32)), json!("0F".repeat(32))),
            (Format::TimeZone, json!("Asia/Baku"), json!("no zone")),
            (Format::Stamp, json!("-12"), json!("--12")),
            (Format::Stamp, json!("9".repeat(19)), json!("9".repeat(20))),
            (Format::NotEmpty, json!(" "), json!("")),
            (Format::TableName, json!("x".repeat(63)), json!("x".repeat(64))),
            (Format::Object, json!({}), json!([])),
            (Format::List, json!([]), json!("x")),
            (Format::Weekdays, json!([7, 1, 1, 2.0]), json!([0])),
            (Format::Weekdays, json!([]), json!([[1]])),
        ];
        for (format, good, bad) in cases {
            assert!(has_format(&good, format), "{format:?}: {good}");
            assert!(!has_format(&bad, format), "{format:?}: {bad}");
        }
    }

    #[test]
    fn a_laptop_does_not_check_what_the_server_completes() {
        let (entity, values) = row("group_memberships", &[("is_active", json!(false))]);
        assert!(broken(entity, &values).is_some());
        assert!(broken_by_change(entity, &values, |_| true).is_none());
        let (entity, values) = row("stations", &[("latitude", json!(91.0))]);
        assert!(broken_by_change(entity, &values, |name| name == "latitude").is_some());
        assert!(broken_by_change(entity, &values, |name| name == "name").is_none(), "an old fault does not block another column");
    }

    #[test]
    fn keys_follow_case_nulls_and_conditions() {
        let (entity, values) = row("users", &[("user_name", json!("Leyla")), ("email", json!("A@b"))]);
        let key = |unique: Unique| unique.key_of(entity, &values);
        use super::super::unique;
        assert_eq!(key(unique(&["user_name"]).ignoring_case()), Some(vec![json!("leyla")]));
        assert_eq!(key(unique(&["user_name"])), Some(vec![json!("Leyla")]));
        assert_eq!(key(unique(&["user_name", "employee_id"])), None);
        assert_eq!(key(unique(&["user_name", "employee_id"]).nulls_equal()), Some(vec![json!("Leyla"), Value::Null]));
        assert_eq!(key(unique(&["user_name"]).when(When::Equals("status", "pending"))), None);
        assert!(key(unique(&["user_name"]).when(When::Null("deleted_at"))).is_some());
    }

    proptest! {
        #[test]
        fn a_number_is_in_its_range_or_refused(value in any::<i32>()) {
            for entity in all() {
                for column in entity.columns.iter().filter(|column| column.kind == Kind::Int) {
                    let Some(Range { least, most }) = column.range else { continue };
                    let value = i64::from(value);
                    let fits = value >= least && most.is_none_or(|most| value <= most);
                    prop_assert_eq!(broken_alone(entity, column.name, &json!(value)), !fits);
                }
            }
        }

        #[test]
        fn counting_rules_count_what_is_set(set in proptest::collection::vec(any::<bool>(), 3)) {
            const COLUMNS: &[&str] = &["group_id", "course_id", "author_id"];
            let id = json!("0192a000-0000-7000-8000-00000000abcd");
            let given: Vec<(&str, Value)> =
                COLUMNS.iter().zip(&set).map(|(name, set)| (*name, if *set { id.clone() } else { Value::Null })).collect();
            let (entity, values) = row("conflicts", &given);
            let count = set.iter().filter(|set| **set).count();
            let holds = |rule: Rule| rule_holds(&rule, entity, &values);
            prop_assert_eq!(holds(Rule::ExactlyOne(COLUMNS)), count == 1);
            prop_assert_eq!(holds(Rule::AtMostOne(COLUMNS)), count <= 1);
            prop_assert_eq!(holds(Rule::SomeSet(COLUMNS)), count > 0);
            prop_assert_eq!(holds(Rule::AllOrNone(COLUMNS)), count == 0 || count == 3);
            prop_assert_eq!(holds(Rule::Needs("group_id", "course_id")), !set[0] || set[1]);
        }

        #[test]
        fn not_before_is_the_order_of_the_values(one in proptest::option::of(any::<i32>()), other in proptest::option::of(any::<i32>())) {
            let (entity, values) = row("group_memberships", &[("left_at", json!(one)), ("joined_at", json!(other))]);
            let holds = rule_holds(&Rule::NotBefore("left_at", "joined_at"), entity, &values);
            prop_assert_eq!(holds, one.zip(other).is_none_or(|(one, other)| one >= other));
            let holds = rule_holds(&Rule::After("left_at", "joined_at"), entity, &values);
            prop_assert_eq!(holds, one.zip(other).is_none_or(|(one, other)| one > other));
        }

        #[test]
        fn a_text_has_a_format_or_not(text in "[-0-9A-Ca@]{0,6}") {
            let has = |format: Format| has_format(&json!(text), format);
            prop_assert_eq!(has(Format::Stamp), text.parse::<i64>().is_ok());
            let inside = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
            prop_assert_eq!(has(Format::Email), inside.contains('@'));
            prop_assert_eq!(has(Format::Currency), text.len() == 3 && text.chars().all(char::is_uppercase));
        }
    }
}
