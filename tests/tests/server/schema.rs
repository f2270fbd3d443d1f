//! PostgreSQL's catalogue and the registry agree on references and on the defaults of a new row.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::registry::{Column, Entity, Kind, Merge, OnDelete, all, deletion};
use waystation_model::sql::wire_expression;
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, delete, put};
use waystation_tests::school::{School, open};

/// Child, column, parent, the action of a delete, columns that are equal in both rows, whether those follow the parent.
type Foreign = (String, String, String, &'static str, BTreeSet<String>, bool);

const FOREIGN_KEYS: &str = "
    SELECT c.conrelid::regclass::text AS child, c.confrelid::regclass::text AS parent, c.confdeltype::text AS on_delete,
           c.confupdtype::text AS on_update, names(c.conrelid, c.conkey) AS columns, names(c.confrelid, c.confkey) AS targets,
           names(c.conrelid, c.confdelsetcols) AS emptied
    FROM pg_constraint c
    WHERE c.contype = 'f' AND c.conrelid::regclass::text = ANY ($1)";

const NAMES: &str = "
    CREATE FUNCTION pg_temp.names(tables oid, numbers smallint[]) RETURNS text[] LANGUAGE sql STABLE AS $$
        SELECT coalesce(array_agg(a.attname::text ORDER BY n.place), '{}')
        FROM unnest(numbers) WITH ORDINALITY AS n(number, place)
        JOIN pg_attribute a ON a.attrelid = tables AND a.attnum = n.number
    $$";

/// Filled with the current time when plain SQL omits it: a laptop always sends it.
const NOW: &[(&str, &str)] = &[
    ("group_memberships", "joined_at"),
    ("assessment_attempts", "started_at"),
    ("assignment_submissions", "submitted_at"),
    ("certificates", "issued_at"),
    ("user_badges", "earned_at"),
    ("coding_submissions", "submitted_at"),
];

fn word(on_delete: OnDelete) -> &'static str {
    match on_delete {
        OnDelete::Restrict => "a",
        OnDelete::Cascade => "c",
        OnDelete::SetNull => "n",
        OnDelete::Keep => "",
    }
}

fn registered() -> BTreeSet<Foreign> {
    let columns = all().iter().flat_map(|entity| entity.columns.iter().map(move |column| (*entity, column)));
    columns
        .filter_map(|(entity, column)| {
            let reference = column.references.filter(|reference| reference.on_delete != OnDelete::Keep)?;
            let same = reference.same.iter().map(|name| (*name).to_owned()).collect();
            let parent = reference.table()?.to_owned();
            Some((entity.name.to_owned(), column.name.to_owned(), parent, word(reference.on_delete), same, reference.follows(entity)))
        })
        .collect()
}

async fn enforced(school: &mut School) -> Outcome<BTreeSet<Foreign>> {
    school.run(NAMES).await?;
    let tables: Vec<&str> = all().iter().map(|entity| entity.name).collect();
    let sql = FOREIGN_KEYS.replace("names(", "pg_temp.names(");
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(tables).fetch_all(&mut school.sql).await?;
    let mut found = BTreeSet::new();
    for row in rows {
        let (child, parent): (String, String) = (row.try_get("child")?, row.try_get("parent")?);
        let (columns, targets): (Vec<String>, Vec<String>) = (row.try_get("columns")?, row.try_get("targets")?);
        let (first, rest) = columns.split_first().ok_or("a foreign key has a column")?;
        if parent == "organizations" {
            assert_eq!((first.as_str(), rest.len()), ("organization_id", 0), "{child}");
            continue;
        }
        assert_eq!((targets[0].as_str(), &targets[1..]), ("id", rest), "{child}.{first}: the other columns have one name in both");
        let on_delete: String = row.try_get("on_delete")?;
        let emptied: Vec<String> = row.try_get("emptied")?;
        let on_delete = [OnDelete::Restrict, OnDelete::Cascade, OnDelete::SetNull].map(word).into_iter().find(|word| *word == on_delete);
        let on_delete = on_delete.ok_or_else(|| format!("{child}.{first}: an unknown rule"))?;
        assert_eq!(emptied, if on_delete == "n" { vec![first.clone()] } else { Vec::new() }, "{child}.{first}: only the id is emptied");
        let same = rest.iter().filter(|name| *name != "organization_id").cloned().collect();
        found.insert((child, first.clone(), parent, on_delete, same, row.try_get::<String, _>("on_update")? == "c"));
    }
    Ok(found)
}

#[tokio::test]
async fn every_foreign_key_is_registered_and_every_reference_enforced() -> Outcome<()> {
    let (_server, mut school) = open().await?;
    let (registered, enforced) = (registered(), enforced(&mut school).await?);
    assert!(registered.len() > 60, "{}", registered.len());
    let only_registered: Vec<&Foreign> = registered.difference(&enforced).collect();
    let only_enforced: Vec<&Foreign> = enforced.difference(&registered).collect();
    assert_eq!((only_registered, only_enforced), (Vec::new(), Vec::new()));
    Ok(())
}

/// PostgreSQL's default of a column in its wire form; none where it has none.
async fn default_of(school: &mut School, entity: &Entity, column: &Column) -> Outcome<Option<Value>> {
    let sql = "SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum \
               WHERE d.adrelid = $1::regclass AND a.attname = $2";
    let found: Option<String> = sqlx::query_scalar(sql).bind(entity.name).bind(column.name).fetch_optional(&mut school.sql).await?;
    let Some(expression) = found else { return Ok(None) };
    let wire = wire_expression("t", column.name, column.kind);
    Ok(Some(school.value(format!("SELECT {wire} FROM (SELECT {expression} AS {}) t", column.name)).await?))
}

#[tokio::test]
async fn sql_and_push_give_a_new_row_the_same_defaults() -> Outcome<()> {
    let (_server, mut school) = open().await?;
    for entity in all() {
        for column in entity.columns {
            let name = format!("{}.{}", entity.name, column.name);
            // Plain SQL never acts as the person whom a row is about.
            let by_others = column.default_by_others.and_then(|(_, json)| serde_json::from_str(json).ok());
            let (ours, theirs) = (by_others.unwrap_or_else(|| column.default_value()), default_of(&mut school, entity, column).await?);
            if NOW.contains(&(entity.name, column.name)) {
                assert!(theirs.is_some_and(|value| value.is_i64()) && column.is_needed(), "{name}");
                continue;
            }
            match theirs {
                Some(value) if column.kind == Kind::Float => assert_eq!(value.as_f64(), ours.as_f64(), "{name}"),
                Some(value) => assert_eq!(value, ours, "{name}"),
                // Plain SQL has to name it.
                None => {
                    assert_eq!(column.default, None, "{name}: the database has no default");
                    let stands_for_nothing = ours.is_null() || ours == "" || column.merge == Merge::Server || column.kind == Kind::Json;
                    assert!(stands_for_nothing, "{name}: the database does not start with {ours}");
                }
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_new_row_requires_exactly_its_required_columns() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("admin", "vusal").await?;
    let course = school.course(None, "draft", 0).await?;
    let mut admin = Caller::sign_in(&server.url(), "vusal").await?;
    let fact = || put("course_facts").id(Uuid::now_v7());
    assert_eq!(admin.refusal(fact().link("course_id", course.id)).await?, (Code::MissingValue, Some("kind".to_owned())));
    assert_eq!(admin.refusal(fact().set("kind", "requirement")).await?, (Code::MissingValue, Some("course_id".to_owned())));
    let id = Uuid::now_v7();
    admin.push(vec![put("course_facts").id(id).link("course_id", course.id).set("kind", "requirement")]).await?;
    assert_eq!(school.column("course_facts", id, "text").await?, json!(""));
    assert_eq!(school.column("course_facts", id, "position").await?, json!(0));
    Ok(())
}

#[tokio::test]
async fn deleting_a_station_cascades_and_clears_as_registered() -> Outcome<()> {
    let (server, mut school) = open().await?;
    let vusal = school.person("admin", "vusal").await?;
    let station = school.insert("stations", json!({"id": Uuid::now_v7(), "name": "Station", "status": "active"})).await?;
    let part = |more: Value| {
        let mut part = json!({"id": Uuid::now_v7(), "station_id": station, "name": "Part", "position": 0});
        part.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        part
    };
    school.insert("station_gas_supply_sources", part(json!({"is_primary": true}))).await?;
    school.insert("station_equipment", part(json!({"quantity": 1, "status": "operational"}))).await?;
    school.insert("station_specifications", part(json!({"value": "1"}))).await?;
    let system = school.insert("station_safety_systems", part(json!({}))).await?;
    let feature = json!({"id": Uuid::now_v7(), "safety_system_id": system, "text": "x", "position": 0});
    school.insert("station_safety_system_features", feature).await?;
    let course = school.course(None, "published", 0).await?;
    school.run(format!("UPDATE users SET station_id = '{station}' WHERE id = '{vusal}'")).await?;
    school.run(format!("UPDATE courses SET station_id = '{station}' WHERE id = '{}'", course.id)).await?;

    let mut admin = Caller::sign_in(&server.url(), "vusal").await?;
    admin.pull().await?;
    let stamp = admin.row("stations", station).ok_or("the station is received")?.stamp;
    assert_eq!(admin.push(vec![delete("stations", station).on(stamp)]).await?.len(), 1);
    let goes = deletion("stations");
    assert_eq!(goes.deletes.len(), 5);
    for table in goes.deletes {
        assert_eq!(school.count(table).await?, 0, "{table}");
    }
    assert_eq!(goes.empties.len(), 2);
    for (table, column) in goes.empties {
        assert_eq!(school.value(format!("SELECT count(*) FROM {table} WHERE {column} IS NOT NULL")).await?, json!(0), "{table}");
    }
    // The laptop receives all of these changes.
    admin.pull().await?;
    assert!(admin.row("station_equipment", station).is_none() && admin.all("station_safety_system_features").is_empty());
    assert_eq!(admin.row("courses", course.id).ok_or("the course is received")?.columns["station_id"], Value::Null);
    Ok(())
}

#[tokio::test]
async fn a_delete_is_refused_while_a_cascaded_row_is_in_use() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("admin", "vusal").await?;
    let aysel = school.person("learner", "aysel").await?;
    let course = school.course(None, "published", 1).await?;
    school.enrol(aysel, &course).await?;
    let row = json!({"user_id": aysel, "topic_id": course.topics[0], "course_id": course.id, "percent": 10});
    school.insert("topic_progress", row).await?;
    let mut admin = Caller::sign_in(&server.url(), "vusal").await?;
    admin.pull().await?;
    let stamp = admin.row("modules", course.module).ok_or("the module is received")?.stamp;
    // The module is deleted with its topics, and a learner has begun one of them.
    assert_eq!(admin.refusal(delete("modules", course.module).on(stamp)).await?, (Code::InUse, None));
    assert!(deletion("modules").refused_by.contains(&("topic_progress", "topic_id")));
    assert_eq!(school.count("topics").await?, 1);
    Ok(())
}
