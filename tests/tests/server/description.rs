//! Requests and answers match `docs/openapi.json`, so that a client can be generated from it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::limits::PROTOCOL_VERSION;
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, PASSWORD, put, sign_in};
use waystation_tests::paths;
use waystation_tests::program::Program;
use waystation_tests::school::open;

/// The description, as far as its schemas go.
struct Description(Value);

impl Description {
    fn read() -> Outcome<Description> {
        let text = std::fs::read_to_string(paths::root().join("docs/openapi.json"))?;
        Ok(Description(serde_json::from_str(&text)?))
    }

    /// The faults of a value by a named schema.
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
            faults.extend(items.iter().enumerate().flat_map(|(index, item)| self.check(&schema["items"], item, &format!("{at}[{index}]"))));
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
async fn requests_and_answers_match_the_description() -> Outcome<()> {
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

    // Every form of a base, an omitted id, an absent value, and an outcome of every kind that is easy to provoke.
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
fn deviations_from_the_description_are_found() -> Outcome<()> {
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

/// Requests that schemathesis generates for each operation in each run.
const MADE_UP_MAX: &str = "40";
/// How long one run may take before it is ended.
const RUN_TIME_MAX: Duration = Duration::from_secs(300);
/// Makes the generated requests the same in every run.
const SEED: &str = "20260101";
/// The checks of answers. Acceptance of valid requests is not checked: the description defines the form of a request, not who may make it.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,\
    ignored_auth,missing_required_header,every_line_is_described";
/// The check that invalid requests are refused.
const REFUSALS: &str = "negative_data_rejection";

/// Runs schemathesis with requests generated from a description against a server.
async fn try_out(program: &Path, description: &Path, checks: &str, url: &str, token: &str, more: &[&str]) -> Outcome<()> {
    let run = tokio::process::Command::new(program)
        .arg("--config-file")
        .arg(paths::root().join("tests/description/schemathesis.toml"))
        .arg("run")
        .arg(description)
        .args(["--url", url, "--header", &format!("Authorization: Bearer {token}")])
        .args(["--checks", checks, "--phases", "coverage,fuzzing", "--max-examples", MADE_UP_MAX, "--seed", SEED])
        .args(["--workers", "1", "--request-timeout", "30", "--suppress-health-check", "all", "--warnings", "off", "--no-color"])
        .args(more)
        // `every_line_is_described` is a check of this project.
        .env("SCHEMATHESIS_HOOKS", paths::root().join("tests/description/hooks.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(description.parent().ok_or("a folder")?)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(RUN_TIME_MAX, run).await.map_err(|_| "schemathesis takes too long")??;
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// The description with values of this session where a request needs them, so that generated requests pass the first checks.
fn steered(mut description: Value, caller: &Caller) -> Value {
    let tables: Vec<&str> = waystation_model::registry::all().iter().map(|entity| entity.name).collect();
    let scopes: Vec<&String> = caller.cursors.keys().collect();
    let schemas = &mut description["components"]["schemas"];
    for name in ["PushRequest", "PullRequest", "SlicesRequest"] {
        let properties = &mut schemas[name]["properties"];
        properties["protocol"] = json!({"enum": [PROTOCOL_VERSION]});
        properties["device"] = json!({"enum": [caller.device]});
        properties["epoch"] = json!({"enum": [caller.epoch]});
    }
    schemas["PushRequest"]["properties"]["first_n"] = json!({"enum": [1]});
    schemas["PushRequest"]["properties"]["chain"] = json!({"enum": ["0".repeat(64)]});
    schemas["SlicesRequest"]["properties"]["scope"] = json!({"enum": scopes});
    schemas["SlicesRequest"]["properties"]["cursor"] = json!({"enum": caller.cursors.values().collect::<Vec<_>>()});
    schemas["Run"]["properties"]["entity"] = json!({"enum": tables});
    let columns: Vec<&str> = waystation_model::registry::all().iter().flat_map(|entity| entity.columns).map(|column| column.name).collect();
    schemas["Run"]["properties"]["columns"]["items"] = json!({"enum": columns});
    let row = json!([{"type": "string", "format": "uuid"}, {"type": ["integer", "null"]}, {"type": "integer"}, {"type": "array"}]);
    schemas["Run"]["properties"]["rows"]["items"] = json!({"type": "array", "prefixItems": row, "minItems": 4, "maxItems": 4});
    schemas["SignIn"]["properties"]["protocol"] = json!({"enum": [PROTOCOL_VERSION]});
    let listed: Vec<&str> = waystation_model::registry::listed().map(|entity| entity.name).collect();
    for item in description["paths"].as_object_mut().into_iter().flatten().map(|(_, item)| item) {
        for operation in item.as_object_mut().into_iter().flatten().map(|(_, operation)| operation) {
            // Not by index, which would add an empty entry where there is none.
            let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten();
            for table in parameters.filter(|parameter| parameter["name"] == "table") {
                table["schema"] = json!({"enum": listed});
            }
        }
    }
    description
}

#[tokio::test]
#[ignore = "needs schemathesis, which `cargo xtask test` installs and names in WAYSTATION_SCHEMATHESIS"]
async fn generated_requests_are_answered_as_described() -> Outcome<()> {
    let program = std::env::var_os("WAYSTATION_SCHEMATHESIS").ok_or("WAYSTATION_SCHEMATHESIS names no program")?;
    let program = Path::new(&program);
    let (server, mut school) = open().await?;
    school.person("admin", "vusal").await?;
    school.course(None, "published", 2).await?;
    let mut caller = Caller::sign_in(&server.url(), "vusal").await?;
    caller.pull().await?;
    let folder = tempfile::tempdir()?;
    let described = folder.path().join("described.json");
    let Description(description) = Description::read()?;
    std::fs::write(&described, description.to_string())?;
    let steered_to = folder.path().join("steered.json");
    std::fs::write(&steered_to, steered(description, &caller).to_string())?;
    // The stream of pokes does not end, and a sign-out ends the session that all others need.
    let ending = ["/v1/accounts/sign-out", "/v1/accounts/sign-out-everywhere"];
    // Rows are opened by a personal token.
    let records = "^/v1/records";
    let but =
        ["--exclude-path", "/v1/sync/live", "--exclude-path", ending[0], "--exclude-path", ending[1], "--exclude-path-regex", records];
    let (url, access) = (caller.url.clone(), caller.access_token.clone());
    let personal = Program::of(&caller, true).await?;
    let all_checks = format!("{CHECKS},{REFUSALS}");
    try_out(program, &described, &all_checks, &url, &personal.secret, &["--include-path-regex", records]).await?;
    try_out(program, &described, &all_checks, &url, &access, &but).await?;
    // It is narrower than the description, so an invalid request may well be accepted.
    try_out(program, &steered_to, CHECKS, &url, &personal.secret, &["--include-path-regex", records]).await?;
    try_out(program, &steered_to, CHECKS, &url, &access, &but).await?;
    caller.pull().await?;
    for path in ending {
        let caller = Caller::sign_in(&server.url(), "vusal").await?;
        try_out(program, &described, &all_checks, &url, &caller.access_token, &["--include-path", path]).await?;
    }
    Ok(())
}
