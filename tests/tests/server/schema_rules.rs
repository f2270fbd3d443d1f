//! PostgreSQL's catalogue and the registry agree on unique keys, checks and column types, in both directions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, Row};
use waystation_model::registry::rules::{RowConstraint, Test, row_constraints};
use waystation_model::registry::{Column, Entity, Format, Kind, Range, When, all};
use waystation_tests::Outcome;
use waystation_tests::school::{School, open};

/// Most rows tried for one constraint.
const ROWS_MAX: usize = 5_000;

/// Name, key columns, whether nulls are equal, and the condition.
type Key = (String, Vec<String>, bool, Option<String>);

/// Every unique index that is not a primary key. An index with an id exists for composite foreign keys: the id alone is unique.
const KEYS: &str = "
    SELECT c.relname::text AS name, x.indnullsnotdistinct AS nulls_equal, pg_get_expr(x.indpred, x.indrelid) AS condition,
           array(SELECT pg_get_indexdef(x.indexrelid, k, true) FROM generate_series(1, x.indnkeyatts::integer) k) AS columns
    FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid
    WHERE x.indisunique AND NOT x.indisprimary AND x.indrelid = $1::regclass";

const CHECKS: &str = "
    SELECT c.conname::text AS name, pg_get_expr(c.conbin, c.conrelid) AS expression,
           array(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)) AS columns
    FROM pg_constraint c
    WHERE c.contype = 'c' AND c.conrelid = $1::regclass";

/// Columns of the server alone are not registered, and neither is what is checked of them.
fn is_registered(entity: &Entity, columns: &[String]) -> bool {
    columns.iter().all(|name| {
        let name = name.strip_prefix("lower(").and_then(|name| name.strip_suffix(')')).unwrap_or(name);
        name == "organization_id" || entity.column(name).is_some()
    })
}

fn condition(when: When) -> String {
    match when {
        When::Equals(column, word) => format!("({column} = '{word}'::text)"),
        When::Differs(column, word) => format!("({column} IS DISTINCT FROM '{word}'::text)"),
        When::True(column) => column.to_owned(),
        When::False(column) => format!("({column} IS NOT TRUE)"),
        When::Null(column) => format!("({column} IS NULL)"),
    }
}

fn registered_keys(entity: &'static Entity) -> BTreeSet<Key> {
    let key = |unique: &waystation_model::registry::Unique| {
        let folded = |name: &&str| {
            let is_text = entity.column(name).is_some_and(|column| column.kind == Kind::Text);
            if unique.ignores_case && is_text { format!("lower({name})") } else { (*name).to_owned() }
        };
        // A column whose value the condition fixes is not in the index.
        let is_free = |name: &&&str| !matches!(unique.when, Some(When::True(fixed)) if fixed == **name);
        let within = unique.within_organization.then(|| "organization_id".to_owned());
        let columns = within.into_iter().chain(unique.columns.iter().filter(is_free).map(folded)).collect();
        (unique.name(entity), columns, unique.nulls_equal, unique.when.map(condition))
    };
    entity.constraints.unique.iter().map(key).collect()
}

#[tokio::test]
async fn every_unique_key_is_registered_and_enforced() -> Outcome<()> {
    let (_server, mut school) = open().await?;
    let mut count = 0;
    for entity in all() {
        let mut enforced = BTreeSet::new();
        for row in sqlx::query(KEYS).bind(entity.name).fetch_all(&mut school.sql).await? {
            let columns: Vec<String> = row.try_get("columns")?;
            if is_registered(entity, &columns) {
                enforced.insert((row.try_get("name")?, columns, row.try_get("nulls_equal")?, row.try_get("condition")?));
            }
        }
        assert_eq!(registered_keys(entity), enforced, "{}", entity.name);
        count += enforced.len();
    }
    assert!(count >= 10, "{count}");
    Ok(())
}

/// The expressions of a table's checks, by name.
async fn checks_of(school: &mut School, entity: &Entity) -> Outcome<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for row in sqlx::query(CHECKS).bind(entity.name).fetch_all(&mut school.sql).await? {
        let columns: Vec<String> = row.try_get("columns")?;
        if !columns.is_empty() && is_registered(entity, &columns) && !columns.iter().all(|name| name == "organization_id") {
            found.insert(row.try_get("name")?, row.try_get("expression")?);
        }
    }
    Ok(found)
}

/// Values of a column on both sides of its rules.
fn samples(column: &Column) -> Vec<Value> {
    let mut values = match (column.kind, column.range, column.format) {
        (_, Some(Range { least, most }), _) => {
            let around = |limit: i64| [limit - 1, limit, limit + 1];
            let numbers: Vec<i64> = around(least).into_iter().chain(most.into_iter().flat_map(around)).collect();
            let float = |number: i64| json!(number as f64 + if number == least - 1 { 0.999 } else { 0.0 });
            numbers.into_iter().map(|number| if column.kind == Kind::Float { float(number) } else { json!(number) }).collect()
        }
        (_, _, Some(format)) => of_format(format),
        (Kind::Choice(words), ..) => words.iter().map(|word| json!(word)).chain([json!("no such word"), json!("")]).collect(),
        (Kind::Bool, ..) => vec![json!(true), json!(false)],
        (Kind::Uuid, ..) => vec![json!("0192a000-0000-7000-8000-000000000001"), json!("0192a000-0000-7000-8000-000000000002")],
        (Kind::Text, ..) => vec![json!(""), json!("x")],
        (Kind::Date, ..) => vec![json!("2026-03-01"), json!("2026-03-02")],
        (Kind::Time, ..) => vec![json!("09:00"), json!("10:00")],
        (Kind::Timestamp, ..) => vec![json!(1_000), json!(2_000)],
        (Kind::Int | Kind::Float, ..) => vec![json!(0), json!(1)],
        (Kind::Json, ..) => vec![json!({}), json!([])],
    };
    if column.nullable {
        values.push(Value::Null);
    }
    values
}

fn of_format(format: Format) -> Vec<Value> {
    match format {
        Format::Currency => ["EUR", "AZN", "eur", "EURO", "EU", "ƏUR", "EUR\n", "E R", ""].map(Value::from).to_vec(),
        Format::Email => ["a@b", "@", "a@", "@b", "ab", "@@", "@@@", "a@b@", "ə@ə", "a\n@b", ""].map(Value::from).to_vec(),
        Format::Sha256 => [63, 64, 65]
            .iter()
            .map(|digits| json!("0f".repeat(40)[..*digits]))
            .chain([json!("0F".repeat(32)), json!("g".repeat(64))])
            .collect(),
        Format::TimeZone => ["UTC", "Asia/Baku", "Europe/Istanbul", "EST5EDT", "no zone", ""].map(Value::from).to_vec(),
        Format::Stamp => ["0", "-1", "-", "", "1a", "9999999999999999999", "99999999999999999999", "-9999999999999999999", "+1", "1\n"]
            .map(Value::from)
            .to_vec(),
        Format::TableName => [62, 63, 64].map(|length| json!("ə".repeat(length))).to_vec(),
        Format::NotEmpty => vec![json!(""), json!(" "), json!("x")],
        Format::Object | Format::List => {
            vec![json!({}), json!([]), json!({"a": [1]}), json!([{"a": 1}]), json!("x"), json!(1), json!(true)]
        }
        Format::Weekdays => {
            vec![
                json!([]),
                json!([1, 7]),
                json!([1, 1.0]),
                json!([0]),
                json!([8]),
                json!([1.5]),
                json!([[1]]),
                json!(["1"]),
                json!(1),
                json!({}),
            ]
        }
    }
}

/// All rows over the samples of these columns.
fn rows_over(columns: &[&'static Column]) -> Vec<Vec<(&'static Column, Value)>> {
    let mut rows = vec![Vec::new()];
    for column in columns {
        rows = rows
            .into_iter()
            .flat_map(|row: Vec<(&'static Column, Value)>| {
                samples(column).into_iter().map(move |value| row.iter().cloned().chain([(*column, value)]).collect())
            })
            .collect();
    }
    assert!(rows.len() <= ROWS_MAX, "{}", rows.len());
    rows
}

/// A value as JSON that PostgreSQL reads into a column of this kind.
fn as_read(column: &Column, value: &Value) -> Outcome<Value> {
    Ok(match (column.kind, value.as_i64()) {
        (Kind::Timestamp, Some(ms)) => json!(format!("1970-01-01T00:00:{:02}Z", ms / 1_000)),
        _ => value.clone(),
    })
}

/// Whether PostgreSQL's check admits the row. An error in the check refuses it too.
async fn admits(school: &mut School, entity: &Entity, expression: &str, row: &[(&Column, Value)]) -> Outcome<bool> {
    let fields: Map<String, Value> =
        row.iter().map(|(column, value)| Ok((column.name.to_owned(), as_read(column, value)?))).collect::<Outcome<_>>()?;
    let sql = format!("SELECT ({expression}) IS NOT FALSE FROM jsonb_populate_record(NULL::{}, $1) t", entity.name);
    match sqlx::query_scalar(AssertSqlSafe(sql)).bind(Value::Object(fields)).fetch_one(&mut school.sql).await {
        Ok(admitted) => Ok(admitted),
        Err(sqlx::Error::Database(error)) if error.code().is_some_and(|code| code.starts_with("22")) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether only PostgreSQL knows the whole rule.
fn is_weaker_here(constraint: &RowConstraint) -> bool {
    matches!(constraint.test, Test::Format(Format::TimeZone))
}

#[tokio::test]
async fn every_check_is_registered_and_admits_the_same_rows() -> Outcome<()> {
    let (_server, mut school) = open().await?;
    let (mut admitted, mut refused) = (0, 0);
    for entity in all() {
        let enforced = checks_of(&mut school, entity).await?;
        let registered: BTreeMap<&str, &RowConstraint> =
            row_constraints(entity).iter().map(|constraint| (constraint.name.as_str(), constraint)).collect();
        assert_eq!(registered.keys().copied().collect::<Vec<_>>(), enforced.keys().collect::<Vec<_>>(), "{}", entity.name);
        for (name, constraint) in registered {
            let columns: Vec<&'static Column> =
                constraint.columns().into_iter().map(|name| entity.column(name).expect("a registered column")).collect();
            let (mut admits_some, mut refuses_some) = (false, false);
            for row in rows_over(&columns) {
                let mut values = entity.empty_values();
                for (column, value) in &row {
                    values[entity.column_index(column.name).expect("a registered column")] = value.clone();
                }
                let (here, there) = (constraint.holds(entity, &values), admits(&mut school, entity, &enforced[name], &row).await?);
                let agree = here == there || (here && is_weaker_here(constraint));
                assert!(agree, "{name}: {row:?} is admitted by the registry: {here}, by PostgreSQL: {there}");
                admits_some |= there;
                refuses_some |= !there;
                *if there { &mut admitted } else { &mut refused } += 1;
            }
            assert!(admits_some && refuses_some, "{name} is not tried on both sides");
        }
    }
    assert!(admitted > 200 && refused > 150, "{admitted} {refused}");
    Ok(())
}

/// PostgreSQL's type of a column.
fn type_of(column: &Column) -> &'static str {
    match column.kind {
        Kind::Uuid => "uuid",
        Kind::Text | Kind::Choice(_) => "text",
        Kind::Bool => "boolean",
        Kind::Int if column.is_wide => "bigint",
        Kind::Int => "integer",
        Kind::Float => "double precision",
        Kind::Date => "date",
        Kind::Time => "time without time zone",
        Kind::Timestamp => "timestamp with time zone",
        Kind::Json => "jsonb",
    }
}

#[tokio::test]
async fn columns_have_the_registered_types_and_may_be_null_as_registered() -> Outcome<()> {
    let (_server, mut school) = open().await?;
    let sql = "SELECT attname::text, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute \
               WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped";
    for entity in all() {
        let columns: Vec<(String, String, bool)> = sqlx::query_as(sql).bind(entity.name).fetch_all(&mut school.sql).await?;
        for column in entity.columns {
            let name = format!("{}.{}", entity.name, column.name);
            let (_, found, needed) = columns.iter().find(|(name, ..)| name == column.name).ok_or_else(|| format!("{name} is not there"))?;
            assert_eq!((type_of(column), !column.nullable), (found.as_str(), *needed), "{name}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn foreign_keys_are_named_after_their_column() -> Outcome<()> {
    let (_server, mut school) = open().await?;
    let sql = "SELECT c.conname::text FROM pg_constraint c WHERE c.contype = 'f' AND c.conrelid = $1::regclass \
               AND c.confrelid <> 'organizations'::regclass ORDER BY 1";
    for entity in all() {
        let enforced: Vec<String> = sqlx::query_scalar(sql).bind(entity.name).fetch_all(&mut school.sql).await?;
        let columns = entity.columns.iter().filter(|column| column.enforced().is_some());
        let mut registered: Vec<String> = columns.map(|column| format!("{}_{}_fkey", entity.name, column.name)).collect();
        registered.sort();
        assert_eq!(registered, enforced, "{}", entity.name);
    }
    Ok(())
}
