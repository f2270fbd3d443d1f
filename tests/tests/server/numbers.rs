//! A number is stored, sent and hashed exactly as it was given, to the last bit.

use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::chain::{CHAIN_START, extend};
use waystation_model::wire::{Mutation, Outcome as MutationOutcome};
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, Change, put};
use waystation_tests::school::{School, open};
use waystation_tests::server::LocalServer;

/// A reader that rounds twice takes each for its neighbour.
const COORDINATES: [f64; 4] = [15.313339332965427, -73.93522461012245, 40.37776700000001, 3.760671252071677e-8];
/// Exactly between two shortest decimal texts.
const BETWEEN: f64 = -1_143_184_647_699_130.0 - 0.25;

async fn instructor() -> Outcome<(LocalServer, School, Caller)> {
    let (server, mut school) = open().await?;
    school.person("instructor", "rauf").await?;
    let caller = Caller::sign_in(&server.url(), "rauf").await?;
    Ok((server, school, caller))
}

fn station(latitude: f64) -> Change {
    put("stations").id(Uuid::now_v7()).set("name", "Ucar").set("latitude", latitude).set("longitude", 49.0)
}

#[tokio::test]
async fn a_coordinate_round_trips_and_the_chain_matches() -> Outcome<()> {
    let (_server, mut school, mut caller) = instructor().await?;
    for latitude in COORDINATES {
        // Panics when the server's chain differs.
        assert_eq!(caller.push_one(station(latitude)).await?, MutationOutcome::Applied);
        let stored = school.value("SELECT to_jsonb(s.latitude::text) FROM stations s ORDER BY s.stamp DESC LIMIT 1").await?;
        assert_eq!(stored.as_str().ok_or("text")?.parse::<f64>()?, latitude);
    }
    caller.pull().await?;
    let received: Vec<f64> = caller
        .rows
        .values()
        .flatten()
        .filter(|((entity, _), _)| entity == "stations")
        .filter_map(|(_, row)| row.columns.get("latitude")?.as_f64())
        .collect();
    for latitude in COORDINATES {
        assert!(received.contains(&latitude), "{latitude} is not among {received:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_number_inside_json_round_trips() -> Outcome<()> {
    let (_server, mut school, mut caller) = instructor().await?;
    let metadata = json!({"a": COORDINATES, "between": BETWEEN, "whole": 9_007_199_254_740_993_i64, "large": u64::MAX});
    let course = Uuid::now_v7();
    let change = put("courses").id(course).set("title", "Numbers").link("instructor_id", caller.user).set("metadata", metadata.clone());
    assert_eq!(caller.push_one(change).await?, MutationOutcome::Applied);
    assert_eq!(school.value("SELECT metadata FROM courses").await?, metadata);
    Ok(())
}

/// A number that the old reader took for its neighbour, and that one again for the next.
fn misread_twice(mutation: &Mutation) -> Option<Mutation> {
    let once = mutation.misread();
    let twice = once.misread();
    (once.values != mutation.values && twice.values != once.values).then_some(once)
}

#[tokio::test]
async fn a_number_misread_by_earlier_builds_is_recognized_and_its_device_continues() -> Outcome<()> {
    let (_server, mut school, mut caller) = instructor().await?;
    // An old laptop sends what it has read from its outbox: one step off from what was typed.
    let mut sent = None;
    for step in 0..10_000 {
        let push = caller.push_of(vec![station(3.1e-8 + f64::from(step) * 7.391e-12)]);
        let mutation = push.clone().into_mutations().remove(0);
        if let Some(once) = misread_twice(&mutation) {
            let mut push = push;
            push.runs[0].rows[0].3 = once.values.clone();
            sent = Some((push, once));
            break;
        }
    }
    let (push, mutation) = sent.ok_or("every number is read exactly")?;
    caller.send(&push).await??;
    // The old server has read it one step further off, and so it is in its ledger.
    let read = mutation.misread();
    let hash = read.old_content_hash();
    let chain = extend(&CHAIN_START, &hash);
    school.run(&format!("UPDATE device_pushes SET hashes = '\\x{}'", hex::encode(hash))).await?;
    school.run(&format!("UPDATE device_states SET chain = '\\x{}' WHERE device_id = '{}'", hex::encode(chain), caller.device)).await?;

    // The answer was lost: the laptop, old or new, sends the same again. `acknowledge` panics when the chain differs.
    let answer = caller.send(&push).await??;
    caller.acknowledge(&push, &answer);
    assert_eq!(school.count("stations").await?, 1);
    assert_eq!(caller.push_one(station(40.5)).await?, MutationOutcome::Applied, "the device continues from its own chain");
    caller.pull().await?;

    // A different number is different as before.
    let mut other = push.clone();
    other.runs[0].rows[0].3[1] = Value::from(16.25);
    assert_eq!(waystation_tests::caller::code(caller.send(&other).await?), waystation_model::Code::NumberReused);
    Ok(())
}
