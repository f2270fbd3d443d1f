//! Runs the test vectors of `docs/vectors`, which tests of other clients may use too. The expected values come from an
//! independent program, `docs/vectors/check.py`, which is run here as well.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;
use waystation_model::chain::{CHAIN_START, content_hash, extend};
use waystation_model::hash::{cursors_digest, row_hash};
use waystation_model::ids::{derived_id, natural_key_text};
use waystation_model::wire::{Base, Mutation};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/vectors")
}

fn cases(file: &str) -> Vec<Value> {
    let text = fs::read_to_string(folder().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let file: Value = serde_json::from_str(&text).expect("a file of vectors is JSON");
    let cases = file["cases"].as_array().expect("a list of cases").clone();
    assert!(cases.len() > 3);
    cases
}

fn text<'a>(case: &'a Value, name: &str) -> &'a str {
    case[name].as_str().unwrap_or_else(|| panic!("{case}: no {name}"))
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().expect("a list").iter().map(|text| text.as_str().expect("text").to_owned()).collect()
}

/// The mutation whose row travels as this text.
fn mutation(case: &Value) -> Mutation {
    let (id, base, at, values): (Option<Uuid>, Base, i64, Vec<Value>) = serde_json::from_str(text(case, "sent")).expect("a row of a run");
    let (entity, columns): (Arc<str>, Arc<[String]>) = (text(case, "entity").into(), texts(&case["columns"]).into());
    let op = serde_json::from_value(case["op"].clone()).expect("an operation");
    Mutation { n: case["n"].as_i64().expect("a number"), entity, op, id, base, at, columns, values }
}

#[test]
fn canonical_texts_match_the_vectors() {
    for case in cases("canonical.json") {
        let mutation = mutation(&case);
        assert_eq!(String::from_utf8(mutation.canonical()).expect("text"), text(&case, "text"), "{}", case["name"]);
        assert_eq!(hex::encode(mutation.content_hash()), text(&case, "content"), "{}", case["name"]);
    }
}

#[test]
fn chains_match_the_vectors() {
    for case in cases("chains.json") {
        let mut chain = CHAIN_START;
        let mut chains = Vec::new();
        for text in texts(&case["texts"]) {
            chain = extend(&chain, &content_hash(text.as_bytes()));
            chains.push(hex::encode(chain));
        }
        assert_eq!(chains, texts(&case["chains"]), "{}", case["name"]);
    }
}

#[test]
fn row_hashes_checksums_and_slices_match_the_vectors() {
    for case in cases("row_hashes.json") {
        let mut slices = [0_i64; 256];
        let mut hashes = Vec::new();
        for row in case["rows"].as_array().expect("rows") {
            let id: Uuid = row[1].as_str().expect("an id").parse().expect("an id");
            let hash = row_hash(row[0].as_str().expect("a table"), &id, row[2].as_i64().expect("a stamp"));
            hashes.push(Value::from(hash));
            let slice = &mut slices[usize::from(id.as_bytes()[15])];
            *slice = slice.wrapping_add(hash);
        }
        let sum = hashes.iter().filter_map(Value::as_i64).fold(0_i64, i64::wrapping_add);
        assert_eq!(Value::from(hashes), case["hashes"], "{}", case["name"]);
        assert_eq!(Value::from(sum), case["checksum"], "{}", case["name"]);
        for (slice, sum) in slices.iter().enumerate() {
            assert_eq!(case["slices"].get(slice.to_string()).and_then(Value::as_i64).unwrap_or(0), *sum, "{}: {slice}", case["name"]);
        }
    }
}

#[test]
fn digests_match_the_vectors() {
    for case in cases("digests.json") {
        let cursors = case["cursors"].as_object().expect("cursors");
        let digest = cursors_digest(cursors.iter().map(|(scope, version)| (scope.as_str(), version.as_i64().expect("a version"))));
        assert_eq!(format!("{digest:016x}"), text(&case, "digest"), "{}", case["name"]);
    }
}

#[test]
fn derived_ids_match_the_vectors() {
    for case in cases("ids.json") {
        let keys: Vec<Option<&str>> = case["keys"].as_array().expect("keys").iter().map(Value::as_str).collect();
        assert_eq!(natural_key_text(text(&case, "table"), keys.clone()), text(&case, "text"), "{}", case["name"]);
        assert_eq!(derived_id(text(&case, "table"), keys).to_string(), text(&case, "id"), "{}", case["name"]);
    }
}

fn check(folder: &Path) -> Output {
    Command::new("python3").arg(folder.join("check.py")).output().expect("python3 runs")
}

#[test]
fn an_independent_program_confirms_the_vectors() {
    let output = check(&folder());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_independent_program_finds_a_wrong_vector() {
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("vectors-{}", std::process::id()));
    fs::create_dir_all(&copy).expect("a folder");
    for file in ["check.py", "canonical.json", "chains.json", "row_hashes.json", "digests.json", "ids.json"] {
        let text = fs::read_to_string(folder().join(file)).expect("a file of vectors");
        // One digit of one coordinate.
        fs::write(copy.join(file), text.replace("15.313339332965427,", "15.313339332965428,")).expect("written");
    }
    let output = check(&copy);
    fs::remove_dir_all(&copy).expect("removed");
    // The digit is changed in the sent text and in the expected text, so only the hash differs.
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("content is"), "{}", String::from_utf8_lossy(&output.stdout));
}
