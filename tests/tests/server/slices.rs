//! A laptop compares its rows of a scope with the server's, slice by slice.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::hash::row_hash;
use waystation_model::limits::{PAGE_ROWS_MAX, SLICE_ROWS_MAX, SLICES};
use waystation_tests::Outcome;
use waystation_tests::caller::{Answered, Caller, code, read};
use waystation_tests::school::{Course, School, open};
use waystation_tests::server::LocalServer;

const TOPICS: usize = 40;

struct Class {
    _server: LocalServer,
    school: School,
    course: Course,
    caller: Caller,
}

async fn class() -> Outcome<Class> {
    let (server, mut school) = open().await?;
    let rauf = school.person("instructor", "rauf").await?;
    let course = school.course(Some(rauf), "published", TOPICS).await?;
    let mut caller = Caller::sign_in(&server.url(), "rauf").await?;
    caller.pull().await?;
    Ok(Class { _server: server, school, course, caller })
}

impl Class {
    fn scope(&self) -> String {
        format!("course:{}", self.course.id)
    }

    /// The lines of an answer, as JSON.
    async fn ask(&self, more: Value) -> Outcome<Answered<Vec<Value>>> {
        let mut body = json!({
            "protocol": 1, "device": self.caller.device, "epoch": self.caller.epoch, "scope": self.scope(),
            "cursor": self.caller.cursors[&self.scope()],
        });
        let fields = body.as_object_mut().ok_or("an object")?;
        fields.extend(more.as_object().ok_or("an object")?.clone());
        let answer = self.caller.request(reqwest::Method::POST, "/v1/sync/slices").json(&body).send().await?;
        if !answer.status().is_success() {
            return read::<Vec<Value>>(answer).await;
        }
        Ok(Ok(answer.text().await?.lines().map(serde_json::from_str).collect::<Result<_, _>>()?))
    }

    async fn refused(&self, more: Value) -> Outcome<Code> {
        Ok(code(self.ask(more).await?))
    }

    /// The hashes of all rows of the scope that the caller has, by slice.
    fn hashes(&self) -> BTreeMap<u8, Vec<i64>> {
        let mut slices: BTreeMap<u8, Vec<i64>> = (0..=u8::MAX).map(|slice| (slice, Vec::new())).collect();
        for ((entity, id), row) in &self.caller.rows[&self.scope()] {
            slices.entry(id.as_bytes()[15]).or_default().push(row_hash(entity, id, row.stamp));
        }
        slices
    }
}

#[tokio::test]
async fn slice_sums_match_their_rows() -> Outcome<()> {
    let class = class().await?;
    let lines = class.ask(json!({})).await??;
    let [sums] = lines.as_slice() else { return Err(format!("one line: {lines:?}").into()) };
    let sums: Vec<i64> = serde_json::from_value(sums["sums"].clone())?;
    assert_eq!(sums.len(), SLICES);
    for (slice, hashes) in class.hashes() {
        assert_eq!(sums[usize::from(slice)], hashes.iter().fold(0_i64, |sum, hash| sum.wrapping_add(*hash)), "slice {slice}");
    }
    Ok(())
}

#[tokio::test]
async fn missing_rows_are_sent_and_unknown_rows_are_named() -> Outcome<()> {
    let class = class().await?;
    let topic = class.course.topics[7];
    let slice = topic.as_bytes()[15];
    let mut named = class.hashes()[&slice].clone();
    let hash = row_hash("topics", &topic, class.caller.stamp("topics", topic));
    named.retain(|known| *known != hash);
    named.push(4711);
    let slices = BTreeMap::from([(slice, named)]);
    let lines = class.ask(json!({"slices": slices})).await??;
    let rows: Vec<&Value> = lines.iter().filter(|line| line["line"] == "rows").collect();
    assert_eq!(rows.len(), 1, "{lines:?}");
    assert_eq!(rows[0]["entity"], "topics");
    let columns: Vec<&str> = rows[0]["columns"].as_array().ok_or("columns")?.iter().filter_map(Value::as_str).collect();
    let id = columns.iter().position(|name| *name == "id").ok_or("an id")?;
    assert_eq!(rows[0]["rows"].as_array().map(Vec::len), Some(1));
    assert_eq!(rows[0]["rows"][0][id], json!(topic));
    assert!(lines.contains(&json!({"line": "unknown", "hashes": [4711]})));
    assert_eq!(lines.last(), Some(&json!({"line": "end", "more": false})));
    Ok(())
}

#[tokio::test]
async fn an_empty_laptop_gets_a_page_and_is_told_that_there_is_more() -> Outcome<()> {
    let mut class = class().await?;
    class
        .school
        .run(format!(
            "INSERT INTO topics (organization_id, module_id, course_id, title, position) \
             SELECT organization_id, module_id, course_id, 'One more', n FROM topics, generate_series(1, {PAGE_ROWS_MAX}) n \
             WHERE id = '{}'",
            class.course.topics[0]
        ))
        .await?;
    let (scope, all) = (class.scope(), PAGE_ROWS_MAX + TOPICS);
    class.caller.pull_until("every topic is here", |caller, _| caller.rows[&scope].len() > all).await?;
    let none: BTreeMap<u8, Vec<i64>> = (0..=u8::MAX).map(|slice| (slice, Vec::new())).collect();
    let lines = class.ask(json!({"slices": none})).await??;
    let rows: usize = lines.iter().filter_map(|line| line["rows"].as_array().map(Vec::len)).sum();
    assert_eq!(rows, PAGE_ROWS_MAX);
    assert_eq!(lines.last(), Some(&json!({"line": "end", "more": true})));
    Ok(())
}

#[tokio::test]
async fn slices_require_a_subscribed_and_completely_read_scope() -> Outcome<()> {
    let class = class().await?;
    assert_eq!(class.refused(json!({"scope": format!("roster:{}", Uuid::now_v7())})).await?, Code::NotAllowed);
    let elsewhere = School::create(class._server.database()).await?.course(None, "published", 1).await?;
    assert_eq!(class.refused(json!({"scope": format!("course:{}", elsewhere.id)})).await?, Code::NotAllowed);
    assert_eq!(class.refused(json!({"device": Uuid::now_v7()})).await?, Code::DeviceNotYours);
    assert_eq!(class.refused(json!({"slices": {"7": vec![1; SLICE_ROWS_MAX + 1]}})).await?, Code::BadRequest);
    assert_eq!(class.refused(json!({"slices": {"256": []}})).await?, Code::BadRequest);
    let moved = [json!({"line": "moved"})];
    assert_eq!(class.ask(json!({"cursor": 0})).await??, moved);
    assert_eq!(class.ask(json!({"epoch": 1})).await??, moved);
    Ok(())
}
