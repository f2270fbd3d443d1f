//! What is sent and answered is what `docs/openapi.json` says, so that a client may be made from it.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::limits::PROTOCOL_VERSION;
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, PASSWORD, put, sign_in};
use waystation_tests::places;
use waystation_tests::school::open;

/// The description, as far as its schemas go.
struct Description(Value);

impl Description {
    fn read() -> Outcome<Description> {
        let text = std::fs::read_to_string(places::root().join("docs/openapi.json"))?;
        Ok(Description(serde_json::from_str(&text)?))
    }

    /// What is wrong with a value, by a named schema.
    fn faults(&self, name: &str, value: &Value) -> Vec<String> {
        self.check(&json!({"$ref": format!("#/components/schemas/{name}")}), value, name)
    }

    fn check(&self, schema: &Value, value: &Value, at: &str) -> Vec<String> {
        if let Some(name) = schema["$ref"].as_str() {
            let found = self.0.pointer(name.trim_start_matches('#'));
            return found.map_or_else(|| vec![format!("{at}: no {name}")], |found| self.check(found, value, at));
        }
        let each = |list: &Value| list.as_array().cloned().unwrap_or_default();
        let mut faults: Vec<String> = each(&schema["allOf"]).iter().flat_map(|part| self.check(part, value, at)).collect();
        let options = each(&schema["oneOf"]);
        if !options.is_empty() && options.iter().filter(|option| self.check(option, value, at).is_empty()).count() != 1 {
            faults.push(format!("{at}: {value} is not exactly one of the {} options", options.len()));
        }
        let types = if schema["type"].is_string() { vec![schema["type"].clone()] } else { each(&schema["type"]) };
        if !types.is_empty() && !types.iter().filter_map(Value::as_str).any(|kind| is(kind, value)) {
            faults.push(format!("{at}: {value} is no {types:?}"));
        }
        let words = each(&schema["enum"]);
        if !words.is_empty() && !words.contains(value) {
            faults.push(format!("{at}: {value} is none of {words:?}"));
        }
        if let Some(object) = value.as_object() {
            for name in each(&schema["required"]).iter().filter_map(Value::as_str) {
                if !object.contains_key(name) {
                    faults.push(format!("{at}: no {name}"));
                }
            }
            for (name, value) in object {
                match &schema["properties"][name] {
                    Value::Null if schema["additionalProperties"] == json!(false) => faults.push(format!("{at}: {name} is not described")),
                    Value::Null if schema["additionalProperties"].is_object() => {
                        faults.extend(self.check(&schema["additionalProperties"], value, &format!("{at}.{name}")));
                    }
                    Value::Null => {}
                    part => faults.extend(self.check(part, value, &format!("{at}.{name}"))),
                }
            }
        }
        if let (Some(items), true) = (value.as_array(), schema["items"].is_object()) {
            faults.extend(items.iter().enumerate().flat_map(|(place, item)| self.check(&schema["items"], item, &format!("{at}[{place}]"))));
        }
        faults
    }
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

const NO_FAULTS: Vec<String> = Vec::new();

#[tokio::test]
async fn requests_and_answers_are_as_described() -> Outcome<()> {
    let description = Description::read()?;
    let (server, mut school) = open().await?;
    let rauf = school.person("instructor", "rauf").await?;
    let course = school.course(Some(rauf), "published", 2).await?;

    let device = json!({"name": "x", "platform": "y"});
    let asked = json!({"protocol": PROTOCOL_VERSION, "name": "rauf", "password": PASSWORD, "device": device});
    assert_eq!(description.faults("SignIn", &asked), NO_FAULTS);
    let signed_in = sign_in(&server.url(), "rauf", PASSWORD, device).await??;
    assert_eq!(description.faults("SignedIn", &signed_in), NO_FAULTS);
    let mut rauf = Caller::of(&server.url(), signed_in)?;

    // Every form of a base, an id that is left out, a value that is none, and an outcome of every kind that comes easily.
    let (topic, note) = (course.topics[0], Uuid::now_v7());
    let progress = put("topic_progress").link("user_id", rauf.user).link("topic_id", topic).link("course_id", course.id);
    let changes = vec![
        progress.set("percent", 50),
        put("topics").id(topic).on(1).set("title", "x").set("description", "y"),
        put("topics").id(topic).on(1).on_own(2).set("title", Value::Null),
        put("modules").id(note).set("title", "x"),
        put("modules").id(note).on_own(4).set("title", "y"),
    ];
    let push = rauf.push_of(changes);
    assert_eq!(description.faults("PushRequest", &serde_json::to_value(&push)?), NO_FAULTS);
    let answer: Value = rauf.post("/v1/sync/push", &push).await??;
    assert_eq!(answer["outcomes"].as_array().map(Vec::len), Some(4), "{answer}");
    assert_eq!(description.faults("PushAnswer", &answer), NO_FAULTS);

    for cursors in [json!({}), json!({"course:gone": 7})] {
        let pull = json!({"protocol": PROTOCOL_VERSION, "device": rauf.device, "epoch": rauf.epoch, "cursors": cursors});
        assert_eq!(description.faults("PullRequest", &pull), NO_FAULTS);
        let text = rauf.request(Method::POST, "/v1/sync/pull").json(&pull).send().await?.text().await?;
        assert!(text.lines().count() > 5, "{text}");
        for line in text.lines() {
            assert_eq!(description.faults("PullLine", &serde_json::from_str(line)?), NO_FAULTS);
        }
    }

    let refused: Value = rauf.request(Method::POST, "/v1/nowhere").send().await?.json().await?;
    assert_eq!(description.faults("Problem", &refused), NO_FAULTS);
    rauf.pull().await.map(drop)
}

#[test]
fn what_is_not_as_described_is_found() -> Outcome<()> {
    let description = Description::read()?;
    let good = json!({"entity": "topics", "op": "put", "columns": ["title"], "rows": [[null, [null, 4], 5, ["x"]]]});
    assert_eq!(description.faults("Run", &good), NO_FAULTS);
    for (name, value) in [("rows", json!([5])), ("op", json!("explode")), ("columns", json!("title"))] {
        let mut run = good.clone();
        run[name] = value;
        assert_eq!(description.faults("Run", &run).len(), 1, "{run}");
    }
    assert_eq!(description.faults("PullLine", &json!({"line": "news"})).len(), 1);
    assert_eq!(description.faults("Problem", &json!({"code": "Internal", "message": "", "retryable": true})).len(), 1);
    Ok(())
}
