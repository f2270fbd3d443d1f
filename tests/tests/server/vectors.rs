//! The merges of `docs/vectors/merges.json`, pushed to a real server in every order of arrival that the file permits.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use uuid::Uuid;
use waystation_model::ids::derived_id;
use waystation_model::registry::{IdRule, entity};
use waystation_model::wire::Outcome as MutationOutcome;
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, Change, delete, now_us, put};
use waystation_tests::paths;
use waystation_tests::school::{Course, School, open};
use waystation_tests::server::LocalServer;

const DEVICES: [&str; 3] = ["A", "B", "C"];
const SECOND_US: i64 = 1_000_000;
/// How long before now second 0 of every case is, so that no `at` is later than its receipt.
const BEGUN_SECONDS_AGO: i64 = 3_600;
const DAY: &str = "2026-03-02";

/// Three devices each of the administrators and of the learner, in the order of their ids.
struct World {
    server: LocalServer,
    school: School,
    administrators: Vec<Caller>,
    learner: Vec<Caller>,
    course: Course,
    other_module: Uuid,
    group: Uuid,
    begun_us: i64,
}

impl World {
    async fn new() -> Outcome<World> {
        let (server, mut school) = open().await?;
        let teacher = school.person("teacher", "sabina").await?;
        let learner = school.person("learner", "aysel").await?;
        let course = school.course(None, "published", 0).await?;
        let other_module = json!({"id": Uuid::now_v7(), "course_id": course.id, "title": "Other", "position": 1});
        let other_module = school.insert("modules", other_module).await?;
        school.enrol(learner, &course).await?;
        let group = school.group(teacher, &[]).await?;
        let (mut administrators, mut learners) = (Vec::new(), Vec::new());
        for name in ["vusal", "nigar", "rauf"] {
            school.person("admin", name).await?;
            administrators.push(Caller::sign_in(&server.url(), name).await?);
            learners.push(Caller::sign_in(&server.url(), "aysel").await?);
        }
        // Of equal times, that of the larger device id counts as the later: C's is the largest.
        administrators.sort_by_key(|caller| caller.device);
        learners.sort_by_key(|caller| caller.device);
        let begun_us = now_us() - BEGUN_SECONDS_AGO * SECOND_US;
        Ok(World { server, school, administrators, learner: learners, course, other_module, group, begun_us })
    }

    fn callers(&mut self, case: &Value) -> &mut Vec<Caller> {
        if case["who"] == "learner" { &mut self.learner } else { &mut self.administrators }
    }

    /// The key columns of a new row of this table, a different unused key each time.
    async fn key(&mut self, table: &str) -> Outcome<Map<String, Value>> {
        let (course, module, group) = (self.course.id, self.course.module, self.group);
        let learner = self.learner[0].user;
        let key = match table {
            "attendance_records" => {
                let name = format!("student-{}", Uuid::now_v7());
                let student = self.school.person("learner", &name).await?;
                let stay = json!({"group_id": group, "user_id": student, "joined_at": "2026-01-01T08:00:00Z"});
                self.school.insert("group_memberships", stay).await?;
                json!({"group_id": group, "student_id": student, "lesson_date": DAY})
            }
            "enrollments" => {
                let name = format!("learner-{}", Uuid::now_v7());
                json!({"user_id": self.school.person("learner", &name).await?, "course_id": course})
            }
            "topic_progress" => {
                let topic = self.school.topic(&self.course.clone(), "Topic").await?;
                json!({"user_id": learner, "topic_id": topic, "course_id": course})
            }
            "content_progress" => {
                let item = json!({"id": Uuid::now_v7(), "module_id": module, "course_id": course, "kind": "text", "title": "x", "position": 0, "is_required": true, "body": {}});
                json!({"user_id": learner, "content_item_id": self.school.insert("content_items", item).await?, "course_id": course})
            }
            "course_facts" | "media_assets" => json!({"course_id": course}),
            "content_items" => json!({"course_id": course}),
            _ => json!({}),
        };
        key.as_object().cloned().ok_or_else(|| "a key is an object".into())
    }

    /// A value of the file, with its placeholders in braces filled in. `me` is the author.
    fn filled(&self, case: &Value, value: &Value, me: Option<Uuid>) -> Value {
        let callers = if case["who"] == "learner" { &self.learner } else { &self.administrators };
        match value.as_str() {
            Some("{me}") => json!(me),
            Some("{module}") => json!(self.course.module),
            Some("{other_module}") => json!(self.other_module),
            Some(word) if word.starts_with('{') => {
                let device = DEVICES.iter().position(|device| word == format!("{{{device}}}"));
                json!(device.map(|device| callers[device].user))
            }
            _ => value.clone(),
        }
    }

    fn all_filled(&self, case: &Value, values: &Value, me: Option<Uuid>) -> Map<String, Value> {
        let values = values.as_object().cloned().unwrap_or_default();
        values.into_iter().map(|(name, value)| (name, self.filled(case, &value, me))).collect()
    }

    /// Plays one case in one order, and returns the row, the outcomes of the changes and the losing values.
    async fn play(&mut self, case: &Value, order: &[String]) -> Outcome<Played> {
        let table = case["table"].as_str().ok_or("a case has a table")?.to_owned();
        let key = self.key(&table).await?;
        let id = row_id(&table, &key)?;
        if case["before"].is_object() {
            let mut row = key.clone();
            row.extend(self.all_filled(case, &case["before"], None));
            if entity(&table).is_some_and(|entity| entity.id == IdRule::Generated) {
                row.insert("id".into(), json!(id));
            }
            self.make(&table, row).await?;
        }
        let before = self.stamp(&table, id).await?;
        let mut said: BTreeMap<String, i64> = BTreeMap::new();
        let mut stamps: BTreeMap<String, Option<i64>> = BTreeMap::new();
        let mut outcomes = Map::new();
        for name in order {
            let given = &case["changes"][name.as_str()];
            let device = DEVICES.iter().position(|device| given["device"] == *device).ok_or("a change has a device")?;
            let me = self.callers(case)[device].user;
            let at = self.begun_us + given["at"].as_i64().ok_or("a change has a time")? * SECOND_US;
            let mut change = if given["op"] == "delete" { delete(&table, id) } else { put(&table).id(id) }.at(at);
            change = on(change, &given["base"], before, &said, &stamps)?;
            if given["op"] != "delete" {
                let fields = self.all_filled(case, &given["fields"], Some(me));
                // An existing row is named by its id: only a change that creates one sends its key.
                let makes = given["base"].is_null() || given["base"]["own"].is_string();
                for (column, value) in key.iter().filter(|(name, _)| makes && !fields.contains_key(*name)) {
                    change = change.set(column, value.clone());
                }
                for (column, value) in fields {
                    change = change.set(&column, value);
                }
            }
            let caller = &mut self.callers(case)[device];
            said.insert(name.clone(), caller.next_n);
            let outcome = caller.push_one(change).await?;
            outcomes.insert(name.clone(), json!(word(&outcome, &said)));
            let stamp = self.stamp(&table, id).await?;
            stamps.insert(name.clone(), stamp);
        }
        Ok(Played { row: self.row(&table, id).await?, outcomes, conflicts: self.conflicts(case, &table, id).await? })
    }

    async fn make(&mut self, table: &str, row: Map<String, Value>) -> Outcome<()> {
        let names: Vec<&str> = row.keys().map(String::as_str).collect();
        let names = names.join(", ");
        let sql =
            format!("INSERT INTO {table} (organization_id, {names}) SELECT $1, {names} FROM jsonb_populate_record(NULL::{table}, $2)");
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(self.school.organization).bind(Value::Object(row));
        query.execute(&mut self.school.sql).await?;
        Ok(())
    }

    async fn stamp(&mut self, table: &str, id: Uuid) -> Outcome<Option<i64>> {
        Ok(self.school.column(table, id, "stamp").await?.as_i64())
    }

    async fn row(&mut self, table: &str, id: Uuid) -> Outcome<Value> {
        let entity = entity(table).ok_or("a registered table")?;
        let part = |column: &waystation_model::registry::Column| {
            format!("'{}', {}", column.name, waystation_model::sql::wire_expression("t", column.name, column.kind))
        };
        let parts: Vec<String> = entity.columns.iter().map(part).collect();
        self.school.value(format!("SELECT jsonb_build_object({}) FROM {table} t WHERE t.id = '{id}'", parts.join(", "))).await
    }

    /// Open losing values that differ from the current ones: the group, the author, and the values.
    async fn conflicts(&mut self, case: &Value, table: &str, id: Uuid) -> Outcome<Vec<(String, String, Value)>> {
        let sql = format!(
            "SELECT coalesce(jsonb_agg(jsonb_build_array(c.field, c.lost_by, c.lost_values)), '[]') FROM conflicts c \
             WHERE c.entity = '{table}' AND c.row_id = '{id}' AND c.settled_at IS NULL"
        );
        let (found, row) = (self.school.value(sql).await?, self.row(table, id).await?);
        let entity = entity(table).ok_or("a registered table")?;
        let mut conflicts = Vec::new();
        for conflict in found.as_array().ok_or("a list")? {
            let field = conflict[0].as_str().ok_or("a field")?;
            let (_, lead) = entity.group_columns(field).next().ok_or("a group has a column")?;
            if conflict[2][lead.name] == row[lead.name] {
                continue;
            }
            let by = self
                .callers(case)
                .iter()
                .position(|caller| conflict[1] == json!(caller.user))
                .ok_or("the author is a device of the case")?;
            conflicts.push((field.to_owned(), DEVICES[by].to_owned(), conflict[2].clone()));
        }
        conflicts.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        Ok(conflicts)
    }

    /// The differences from the expectations of the file.
    fn faults(&self, case: &Value, expected: &Value, played: &Played) -> Vec<String> {
        let mut faults = Vec::new();
        if expected["row"].is_null() != played.row.is_null() {
            faults.push(format!("the row is {}", played.row));
        }
        for (name, value) in self.all_filled(case, &expected["row"], None) {
            if played.row[&name] != value {
                faults.push(format!("{name} is {}, expected {value}", played.row[&name]));
            }
        }
        if expected["outcomes"].is_object() && expected["outcomes"] != Value::Object(played.outcomes.clone()) {
            faults.push(format!("outcomes are {}, expected {}", Value::Object(played.outcomes.clone()), expected["outcomes"]));
        }
        let wanted = expected["conflicts"].as_array().map(Vec::as_slice).unwrap_or_default();
        let met = |conflict: &(String, String, Value), wanted: &Value| {
            let lost = self.all_filled(case, &wanted["lost"], None);
            (wanted["field"] == conflict.0) && (wanted["by"] == conflict.1) && lost.iter().all(|(name, value)| conflict.2[name] == *value)
        };
        let all_met = wanted.iter().all(|wanted| played.conflicts.iter().any(|conflict| met(conflict, wanted)));
        if wanted.len() != played.conflicts.len() || !all_met {
            faults.push(format!("conflicts are {:?}, expected {wanted:?}", played.conflicts));
        }
        faults
    }
}

struct Played {
    row: Value,
    outcomes: Map<String, Value>,
    conflicts: Vec<(String, String, Value)>,
}

fn row_id(table: &str, key: &Map<String, Value>) -> Outcome<Uuid> {
    let entity = entity(table).ok_or_else(|| format!("no table {table}"))?;
    Ok(match entity.id {
        IdRule::Generated => Uuid::now_v7(),
        IdRule::Derived(names) => derived_id(table, names.iter().map(|name| key[*name].as_str())),
    })
}

/// The change on its base: nothing, the row before the case, the row after a change, the device's own change, or both.
fn on(
    mut change: Change,
    base: &Value,
    before: Option<i64>,
    said: &BTreeMap<String, i64>,
    stamps: &BTreeMap<String, Option<i64>>,
) -> Outcome<Change> {
    if base.is_null() {
        return Ok(change);
    }
    let stamp = match base["after"].as_str() {
        Some(seen) => *stamps.get(seen).ok_or("only changes pushed before were seen")?,
        None => before,
    };
    if let Some(stamp) = stamp {
        change = change.on(stamp);
    }
    if let Some(own) = base["own"].as_str() {
        change = change.on_own(*said.get(own).ok_or("a device builds on its own earlier change")?);
    }
    Ok(change)
}

fn word(outcome: &MutationOutcome, said: &BTreeMap<String, i64>) -> String {
    match outcome {
        MutationOutcome::Applied => "applied".to_owned(),
        MutationOutcome::Merged => "merged".to_owned(),
        MutationOutcome::Superseded => "superseded".to_owned(),
        MutationOutcome::Held => "held".to_owned(),
        MutationOutcome::Rejected { code, .. } => code.word().to_owned(),
        MutationOutcome::BlockedBy { blocked_by } => {
            let of = said.iter().rev().find(|(_, n)| *n == blocked_by).map_or("", |(name, _)| name.as_str());
            format!("blocked_by {of}")
        }
    }
}

/// Every order that keeps each device's own sequence and pushes a change before others see it.
fn orders(changes: &Map<String, Value>) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    extend(changes, &mut Vec::new(), &mut found);
    found
}

fn extend(changes: &Map<String, Value>, begun: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    if begun.len() == changes.len() {
        found.push(begun.clone());
        return;
    }
    for (name, change) in changes {
        let seen = [change["base"]["after"].as_str(), change["base"]["own"].as_str()];
        let comes_later =
            |other: &&String| changes[*other]["device"] == change["device"] && changes[*other]["at"].as_i64() < change["at"].as_i64();
        let ready = !begun.contains(name)
            && seen.iter().flatten().all(|seen| begun.iter().any(|begun| begun == seen))
            && changes.keys().filter(comes_later).all(|earlier| begun.contains(earlier));
        if ready {
            begun.push(name.clone());
            extend(changes, begun, found);
            begun.pop();
        }
    }
}

fn read() -> Outcome<Vec<Value>> {
    let text = std::fs::read_to_string(paths::root().join("docs/vectors/merges.json"))?;
    let file: Value = serde_json::from_str(&text)?;
    Ok(file["cases"].as_array().cloned().ok_or("a list of cases")?)
}

fn names(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[tokio::test]
async fn merges_match_the_vectors_in_every_order() -> Outcome<()> {
    let mut world = World::new().await?;
    let (mut faults, mut played) = (Vec::new(), 0);
    for case in read()? {
        let expected: Vec<(Vec<String>, Value)> = match case["orders"].as_array() {
            Some(orders) => orders.iter().map(|order| (names(&order["order"]), order.clone())).collect(),
            None => {
                let changes = case["changes"].as_object().ok_or("a case has changes")?;
                orders(changes).into_iter().map(|order| (order, case["after"].clone())).collect()
            }
        };
        assert!(!expected.is_empty(), "{}", case["name"]);
        for (order, expected) in expected {
            let came = world.play(&case, &order).await.map_err(|error| format!("{}, {order:?}: {error}", case["name"]))?;
            played += 1;
            faults.extend(world.faults(&case, &expected, &came).into_iter().map(|fault| format!("{}, {order:?}: {fault}", case["name"])));
        }
    }
    assert!(played > 50, "{played}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    world.server.stop().await;
    Ok(())
}

#[test]
fn orders_keep_each_devices_sequence_and_what_was_seen() -> Outcome<()> {
    let changes = json!({
        "a1": {"device": "A", "at": 1, "base": null},
        "a2": {"device": "A", "at": 2, "base": {"own": "a1"}},
        "b": {"device": "B", "at": 0, "base": null},
        "c": {"device": "C", "at": 0, "base": {"after": "b"}},
    });
    let orders = orders(changes.as_object().ok_or("an object")?);
    assert_eq!(orders.len(), 6);
    assert!(orders.iter().all(|order| order.iter().position(|name| name == "b") < order.iter().position(|name| name == "c")));
    Ok(())
}
