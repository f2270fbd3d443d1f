//! Reads rows that a person may see, as JSON objects. Which rows these are is decided by the feeds, as for a pull: a row is visible
//! while it is live in a feed that the person subscribes to.

use futures_util::TryStreamExt;
use serde_json::value::RawValue;
use sqlx::{PgConnection, Postgres, QueryBuilder, Row};
use uuid::Uuid;
use waystation_model::limits::{PAGE_BYTES_MAX, ROW_WRITTEN_BYTES_MAX};
use waystation_model::registry::{Entity, Kind, is_readable_tuple};
use waystation_model::scope::ScopeKind;
use waystation_model::sql::{has_wire_form, wire_expression};
use waystation_model::{Code, Problem};

use super::filter::{Subject, push_conditions, subject};
use super::list::{CursorValues, ListQuery};
use crate::authority::postgres::check_rights_now;
use crate::failure::Failure;
use crate::heads::{Subscription, access_scopes};

/// A row as it is sent.
#[derive(Debug)]
pub struct RecordRow {
    /// Its stamp.
    pub stamp: i64,
    /// The JSON object.
    pub json: Box<RawValue>,
}

/// Rows of one page.
#[derive(Debug, Default)]
pub struct Page {
    /// The rows.
    pub rows: Vec<RecordRow>,
    /// Where the next page begins; none after the last.
    pub next: Option<CursorValues>,
}

/// One column of the order.
struct Term {
    subject: Subject,
    descending: bool,
}

/// Reads one page of a list.
///
/// # Errors
/// A condition's problem, or [`Failure::RightsMoved`].
pub async fn read_page(
    connection: &mut PgConnection,
    entity: &'static Entity,
    subscription: &Subscription,
    list: &ListQuery,
    after: Option<&CursorValues>,
) -> Result<Page, Failure> {
    let terms = terms(entity, list)?;
    let mut query = QueryBuilder::new("");
    push_head(&mut query, entity, subscription, &terms);
    push_visible(&mut query, entity, subscription);
    push_conditions(&mut query, entity, &list.filter)?;
    if let Some(after) = after {
        push_after(&mut query, &terms, after)?;
    }
    // One more than wanted tells whether another page follows.
    query.push(order(&terms, "t")).push(" LIMIT ").push_bind(i64::try_from(list.limit + 1).map_err(Failure::broken)?);
    query.push(") t").push(order(&terms, "t")).push(" OFFSET 0) w");
    let mut page = Page::default();
    let (mut bytes, mut read) = (0, 0);
    let mut is_checked = false;
    let mut last: Option<CursorValues> = None;
    let mut rows = query.build().fetch(&mut *connection);
    while let Some(row) = rows.try_next().await? {
        check_rights(row.try_get("rights_at")?, subscription)?;
        is_checked = true;
        let tuple: Option<String> = row.try_get("tuple")?;
        let length = tuple.as_ref().map_or(0, String::len);
        // The rest is not read: rows may be large. The first row always fits.
        if read == list.limit || (read > 0 && bytes + length > PAGE_BYTES_MAX) {
            page.next = last;
            break;
        }
        (bytes, read) = (bytes + length, read + 1);
        last = Some((0..terms.len()).map(|term| row.try_get(format!("k{term}").as_str())).collect::<Result<_, _>>()?);
        page.rows.extend(sendable(entity, row.try_get("stamp")?, tuple)?);
    }
    drop(rows);
    if !is_checked {
        check_rights_now(connection, subscription).await?;
    }
    Ok(page)
}

/// Reads one row. None: it does not exist, or not for this person.
///
/// # Errors
/// [`Failure::RightsMoved`], or when the database fails.
pub async fn read_one(
    connection: &mut PgConnection,
    entity: &'static Entity,
    subscription: &Subscription,
    id: Uuid,
) -> Result<Option<RecordRow>, Failure> {
    let mut query = QueryBuilder::new("");
    push_head(&mut query, entity, subscription, &[]);
    push_visible(&mut query, entity, subscription);
    query.push(" AND t.id = ").push_bind(id).push(") t OFFSET 0) w");
    match query.build().fetch_optional(&mut *connection).await? {
        Some(row) => {
            check_rights(row.try_get("rights_at")?, subscription)?;
            sendable(entity, row.try_get("stamp")?, row.try_get("tuple")?)
        }
        None => {
            check_rights_now(connection, subscription).await?;
            Ok(None)
        }
    }
}

/// Fails when the rights have moved since the subscription was read. The sum is read in the statement of the rows, so it is of the
/// same snapshot.
fn check_rights(rights_at: i64, subscription: &Subscription) -> Result<(), Failure> {
    if rights_at == subscription.rights_at { Ok(()) } else { Err(Failure::RightsMoved) }
}

/// A row that laptops would be sent; none for one that would be withheld from them.
fn sendable(entity: &Entity, stamp: i64, tuple: Option<String>) -> Result<Option<RecordRow>, Failure> {
    let has_json = entity.columns.iter().any(|column| column.kind == Kind::Json);
    let tuple = tuple.filter(|text| text.len() <= ROW_WRITTEN_BYTES_MAX && (!has_json || is_readable_tuple(text)));
    tuple.map(|text| Ok(RecordRow { stamp, json: RawValue::from_string(text).map_err(Failure::broken)? })).transpose()
}

fn terms(entity: &'static Entity, list: &ListQuery) -> Result<Vec<Term>, Problem> {
    let mut terms = Vec::with_capacity(list.sort.len() + 1);
    for by in &list.sort {
        terms.push(Term { subject: subject(entity, &by.column)?, descending: by.descending });
    }
    // The id is the last term, so that no two rows are equal.
    terms.push(Term { subject: subject(entity, "id")?, descending: false });
    Ok(terms)
}

/// `SELECT` of rights, stamp, keys and JSON object, up to the inner `FROM (SELECT t.* FROM table t WHERE`.
fn push_head(query: &mut QueryBuilder<Postgres>, entity: &Entity, subscription: &Subscription, terms: &[Term]) {
    let mut names = vec![("id".to_owned(), "t.id".to_owned()), ("stamp".to_owned(), "t.stamp::text".to_owned())];
    let moments = ["created_at", "updated_at"].map(|name| (name, Kind::Timestamp));
    let columns = entity.columns.iter().map(|column| (column.name, column.kind));
    names.extend(moments.into_iter().chain(columns).map(|(name, kind)| (name.to_owned(), wire_expression("t", name, kind))));
    let columns: Vec<String> = names.into_iter().map(|(name, sql)| format!("{sql} AS {name}")).collect();
    query.push("SELECT (SELECT coalesce(sum(h.version), 0)::bigint FROM scope_heads h WHERE h.scope = ANY(");
    query.push_bind(access_scopes(&subscription.actor)).push(")) AS rights_at, w.* FROM (SELECT t.stamp");
    for (number, term) in terms.iter().enumerate() {
        query.push(format_args!(", t.{}::text AS k{number}", term.subject.name));
    }
    query.push(format_args!(
        ", CASE WHEN {} THEN (SELECT row_to_json(j)::text FROM (SELECT {}) j) END AS tuple FROM (SELECT t.* FROM {} t WHERE ",
        has_wire_form("t", entity),
        columns.join(", "),
        entity.name
    ));
}

/// The condition for rows that the person may see. Only feeds of the table's own kinds of scopes can contain a row of it.
fn push_visible(query: &mut QueryBuilder<Postgres>, entity: &Entity, subscription: &Subscription) {
    let of_table = |scope: &&String| ScopeKind::parse(scope).is_some_and(|(kind, _)| entity.scopes.iter().any(|rule| rule.kind == kind));
    let scopes: Vec<String> = subscription.scopes.iter().filter(of_table).cloned().collect();
    query.push("t.organization_id = ").push_bind(subscription.actor.organization_id);
    query.push(" AND EXISTS (SELECT FROM feed f WHERE f.scope_id = ");
    // The plan for one scope is better than that for a list of unknown length.
    match scopes.as_slice() {
        [only] => query.push("(SELECT h.id FROM scope_heads h WHERE h.scope = ").push_bind(only.clone()).push(")"),
        _ => query.push("ANY(ARRAY(SELECT h.id FROM scope_heads h WHERE h.scope = ANY(").push_bind(scopes).push(")))"),
    };
    query.push(format_args!(" AND f.entity = {} AND f.row_id = t.id AND f.state = 0)", entity.code));
}

fn order(terms: &[Term], row: &str) -> String {
    let by: Vec<String> =
        terms.iter().map(|term| format!("{row}.{}{}", term.subject.name, if term.descending { " DESC" } else { "" })).collect();
    format!(" ORDER BY {}", by.join(", "))
}

/// Appends the condition "comes after these values". PostgreSQL puts nulls last, and first in descending order.
fn push_after(query: &mut QueryBuilder<Postgres>, terms: &[Term], after: &CursorValues) -> Result<(), Problem> {
    if after.len() != terms.len() {
        return Err(Problem::new(Code::BadRequest, "the cursor is none of this list").field("after"));
    }
    query.push(" AND (false");
    for (number, (term, value)) in terms.iter().zip(after).enumerate() {
        let name = term.subject.name;
        if !term.descending && value.is_none() {
            // Nothing comes after null but rows that differ in a later term.
            continue;
        }
        query.push(" OR (");
        for (earlier, value) in terms.iter().zip(after).take(number) {
            query.push(format_args!("t.{} IS NOT DISTINCT FROM ", earlier.subject.name));
            push_stored(query, &earlier.subject, value.as_ref());
            query.push(" AND ");
        }
        match (term.descending, value) {
            (true, None) => {
                query.push(format_args!("t.{name} IS NOT NULL"));
            }
            (true, Some(_)) => {
                query.push(format_args!("t.{name} < "));
                push_stored(query, &term.subject, value.as_ref());
            }
            (false, _) => {
                query.push(format_args!("(t.{name} > "));
                push_stored(query, &term.subject, value.as_ref());
                query.push(format_args!(" OR t.{name} IS NULL)"));
            }
        }
        query.push(")");
    }
    query.push(")");
    Ok(())
}

/// A stored value as PostgreSQL has written it, which reads back to the same value. It comes from a signed cursor.
fn push_stored(query: &mut QueryBuilder<Postgres>, subject: &Subject, value: Option<&String>) {
    let of = match subject.kind {
        Kind::Uuid => "uuid",
        Kind::Bool => "boolean",
        Kind::Int => "bigint",
        Kind::Float => "double precision",
        Kind::Date => "date",
        Kind::Time => "time",
        Kind::Timestamp => "timestamptz",
        Kind::Text | Kind::Choice(_) | Kind::Json => "text",
    };
    query.push_bind(value.cloned()).push("::text::").push(of);
}
