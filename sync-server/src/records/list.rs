//! What a list asks for, read from the query of its address: `?status=active&sort=-updated_at&limit=50`.

use serde_json::Value;
use waystation_model::records::{Comparison, Condition, SortBy};
use waystation_model::registry::{Entity, Kind};
use waystation_model::{Code, Problem};

use super::filter::{CONDITIONS_MAX, subject};

/// Rows of one page.
pub const PAGE_ROWS_MAX: usize = 500;
/// Rows of a page when the request does not say.
const PAGE_ROWS: usize = 100;
/// Columns that a list is sorted by.
const SORTS_MAX: usize = 3;
/// Bytes of a filter.
const FILTER_BYTES_MAX: usize = 16 * 1024;

/// Names that are not columns.
pub const FILTER: &str = "filter";
/// Columns to sort by, separated by commas, each with `-` for descending.
pub const SORT: &str = "sort";
/// The cursor of the page before.
pub const AFTER: &str = "after";
/// Rows wanted.
pub const LIMIT: &str = "limit";

/// A page of a list that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct ListQuery {
    /// Conditions that must all hold.
    pub filter: Vec<Condition>,
    /// The order; by id when there is none.
    pub sort: Vec<SortBy>,
    /// The cursor of the page before.
    pub after: Option<String>,
    /// Rows wanted.
    pub limit: usize,
}

impl ListQuery {
    /// Reads the pairs of an address.
    ///
    /// # Errors
    /// `bad_request`, `bad_value` or `unknown_column`, with the parameter or column at fault.
    pub fn read(entity: &'static Entity, pairs: &[(String, String)]) -> Result<ListQuery, Problem> {
        let mut list = ListQuery { filter: Vec::new(), sort: Vec::new(), after: None, limit: PAGE_ROWS };
        let mut once: Vec<&str> = Vec::new();
        for (name, text) in pairs {
            if [FILTER, SORT, AFTER, LIMIT].contains(&name.as_str()) {
                if once.contains(&name.as_str()) {
                    return Err(Problem::new(Code::BadRequest, format!("{name} is given twice")).field(name));
                }
                once.push(name);
            }
            match name.as_str() {
                FILTER => list.filter.extend(read_filter(text)?),
                SORT => list.sort = read_sort(entity, text)?,
                AFTER => list.after = Some(text.clone()),
                LIMIT => list.limit = read_limit(text)?,
                column => {
                    let value = subject(entity, column)?.parse(text)?;
                    list.filter.push(Condition { column: column.to_owned(), comparison: Comparison::Is, value });
                }
            }
            if list.filter.len() > CONDITIONS_MAX {
                return Err(Problem::new(Code::BadRequest, format!("at most {CONDITIONS_MAX} conditions")).field(FILTER));
            }
        }
        Ok(list)
    }

    /// The order as text: a cursor belongs to one order.
    pub fn order(&self) -> String {
        let by = |by: &SortBy| format!("{}{}", if by.descending { "-" } else { "" }, by.column);
        self.sort.iter().map(by).collect::<Vec<_>>().join(",")
    }
}

fn read_filter(text: &str) -> Result<Vec<Condition>, Problem> {
    let bad = |why: String| Problem::new(Code::BadRequest, why).field(FILTER);
    if text.len() > FILTER_BYTES_MAX {
        return Err(bad(format!("a filter has at most {FILTER_BYTES_MAX} bytes")));
    }
    serde_json::from_str(text).map_err(|error| bad(format!("the filter is no list of conditions: {error}")))
}

fn read_sort(entity: &'static Entity, text: &str) -> Result<Vec<SortBy>, Problem> {
    let mut sort: Vec<SortBy> = Vec::new();
    for part in text.split(',') {
        let (descending, name) = part.strip_prefix('-').map_or((false, part), |name| (true, name));
        let subject = subject(entity, name)?;
        if subject.kind == Kind::Json {
            return Err(Problem::new(Code::BadValue, format!("a list is not sorted by {name}")).field(name));
        }
        if sort.iter().any(|by| by.column == name) {
            return Err(Problem::new(Code::BadRequest, format!("{name} is given twice")).field(SORT));
        }
        sort.push(SortBy { column: subject.name.to_owned(), descending });
    }
    if sort.len() > SORTS_MAX {
        return Err(Problem::new(Code::BadRequest, format!("sorted by at most {SORTS_MAX} columns")).field(SORT));
    }
    Ok(sort)
}

fn read_limit(text: &str) -> Result<usize, Problem> {
    let limit = text.parse().ok().filter(|limit| (1..=PAGE_ROWS_MAX).contains(limit));
    limit.ok_or_else(|| Problem::new(Code::BadValue, format!("limit is a number from 1 to {PAGE_ROWS_MAX}")).field(LIMIT))
}

/// The values of a cursor, as PostgreSQL writes them: one for each column of the order, then the id.
pub type CursorValues = Vec<Option<String>>;

/// What a signed cursor contains: table, order, values.
pub fn cursor_text(entity: &Entity, list: &ListQuery, values: &CursorValues) -> String {
    Value::from(vec![Value::from(entity.name), Value::from(list.order()), serde_json::json!(values)]).to_string()
}

/// The values of a cursor of this list; none when it is of another table or order.
pub fn read_cursor_text(entity: &Entity, list: &ListQuery, text: &str) -> Option<CursorValues> {
    let (table, order, values): (String, String, CursorValues) = serde_json::from_str(text).ok()?;
    (table == entity.name && order == list.order() && values.len() == list.sort.len() + 1).then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use waystation_model::registry::{all, entity};

    fn read(pairs: &[(&str, &str)]) -> Result<ListQuery, (Code, Vec<String>)> {
        let pairs: Vec<(String, String)> = pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        ListQuery::read(entity("stations").expect("a registered table"), &pairs).map_err(|problem| (problem.code, problem.fields))
    }

    #[test]
    fn no_column_has_the_name_of_a_parameter() {
        for entity in all() {
            assert!([FILTER, SORT, AFTER, LIMIT].iter().all(|name| entity.column(name).is_none()), "{}", entity.name);
        }
    }

    #[test]
    fn a_list_is_read_from_an_address() {
        let filter = r#"[{"column":"name","comparison":"contains","value":"ucar"},{"column":"brand","comparison":"filled"}]"#;
        let list = read(&[("filter", filter), ("latitude", "40.5"), ("sort", "-updated_at,name"), ("limit", "7"), ("after", "x")]);
        let list = list.expect("a good list");
        let conditions: Vec<_> = list.filter.iter().map(|condition| (condition.column.as_str(), condition.value.clone())).collect();
        assert_eq!(conditions, [("name", json!("ucar")), ("brand", Value::Null), ("latitude", json!(40.5))]);
        assert_eq!((list.order().as_str(), list.limit, list.after.as_deref()), ("-updated_at,name", 7, Some("x")));
        assert_eq!(read(&[]).expect("everything").limit, PAGE_ROWS);
    }

    #[test]
    fn each_wrong_parameter_is_named() {
        let long = format!("[{}]", r#"{"column":"name","comparison":"filled"},"#.repeat(500));
        let conditions = format!("[{}]", vec![r#"{"column":"name","comparison":"filled"}"#; CONDITIONS_MAX + 1].join(","));
        for (name, text, code, field) in [
            ("password_hash", "x", Code::UnknownColumn, "password_hash"),
            ("latitude", "north", Code::BadValue, "latitude"),
            ("latitude", "\"1\"", Code::BadValue, "latitude"),
            ("opened_on", "2026-02-30", Code::BadValue, "opened_on"),
            ("status", "open", Code::BadValue, "status"),
            ("id", "1", Code::BadValue, "id"),
            ("updated_at", "yesterday", Code::BadValue, "updated_at"),
            ("limit", "0", Code::BadValue, "limit"),
            ("limit", "501", Code::BadValue, "limit"),
            ("limit", "-1", Code::BadValue, "limit"),
            ("limit", "", Code::BadValue, "limit"),
            ("sort", "wrong", Code::UnknownColumn, "wrong"),
            ("sort", "", Code::UnknownColumn, ""),
            ("sort", "name,-name", Code::BadRequest, "sort"),
            ("sort", "name,brand,region,code", Code::BadRequest, "sort"),
            ("filter", "{}", Code::BadRequest, "filter"),
            ("filter", "[{\"column\":\"name\",\"comparison\":\"like\"}]", Code::BadRequest, "filter"),
            ("filter", &long, Code::BadRequest, "filter"),
            ("filter", &conditions, Code::BadRequest, "filter"),
        ] {
            assert_eq!(read(&[(name, text)]), Err((code, vec![field.to_owned()])), "{name}={text}");
        }
        assert_eq!(read(&[("limit", "1"), ("limit", "2")]), Err((Code::BadRequest, vec!["limit".to_owned()])));
    }

    #[test]
    fn a_cursor_belongs_to_one_table_and_order() {
        let stations = entity("stations").expect("a registered table");
        let list = read(&[("sort", "-name")]).expect("a good list");
        let values = vec![None, Some("0192".to_owned())];
        let text = cursor_text(stations, &list, &values);
        assert_eq!(read_cursor_text(stations, &list, &text), Some(values));
        assert_eq!(read_cursor_text(stations, &read(&[("sort", "name")]).expect("a good list"), &text), None);
        assert_eq!(read_cursor_text(entity("users").expect("a registered table"), &list, &text), None);
    }
}
