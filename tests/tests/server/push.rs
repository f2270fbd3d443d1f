//! A device's mutations take effect once each, whatever is lost, repeated or copied in transit.

use futures_util::future::join_all;
use serde_json::json;
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::ids::derived_id;
use waystation_model::wire::{Outcome as MutationOutcome, PushAnswer, PushRequest};
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, Change, code, put};
use waystation_tests::school::{Course, School, open};
use waystation_tests::server::LocalServer;

/// A learner in a published course of three topics.
async fn learner() -> Outcome<(LocalServer, School, Course, Caller)> {
    let (server, mut school) = open().await?;
    let aysel = school.person("learner", "aysel").await?;
    let course = school.course(None, "published", 3).await?;
    school.enrol(aysel, &course).await?;
    let caller = Caller::sign_in(&server.url(), "aysel").await?;
    Ok((server, school, course, caller))
}

fn progress(caller: &Caller, course: &Course, topic: usize) -> Change {
    put("topic_progress").link("user_id", caller.user).link("topic_id", course.topics[topic]).link("course_id", course.id)
}

fn progress_id(caller: &Caller, course: &Course, topic: usize) -> Uuid {
    derived_id("topic_progress", [Some(caller.user.to_string().as_str()), Some(course.topics[topic].to_string().as_str())])
}

/// A push whose second row is refused, so that there is one outcome to remember.
fn mixed(caller: &Caller, course: &Course) -> PushRequest {
    caller.push_of(vec![
        progress(caller, course, 0).set("time_spent_seconds", 60).set("percent", 40),
        progress(caller, course, 1).set("time_spent_seconds", 30).set("percent", 101),
        progress(caller, course, 2).set("time_spent_seconds", 20).set("percent", 100),
    ])
}

async fn times(school: &mut School) -> Outcome<serde_json::Value> {
    school.value("SELECT jsonb_agg(p.time_spent_seconds ORDER BY p.percent) FROM topic_progress p").await
}

#[tokio::test]
async fn pushing_twice_stores_once() -> Outcome<()> {
    let (_server, mut school, course, mut caller) = learner().await?;
    let push = mixed(&caller, &course);
    let first = caller.send(&push).await??;
    let heads = "SELECT jsonb_object_agg(h.scope, h.version) FROM scope_heads h";
    let before = school.value(heads).await?;
    let again = caller.send(&push).await??;
    // The clock and the witness advance; everything else equals the first answer.
    let same = |answer: PushAnswer| PushAnswer { server_time: 0, witness: None, ..answer };
    assert_eq!(same(first.clone()), same(again));
    assert_eq!(first.outcomes.len(), 1);
    assert!(matches!(first.outcomes[0].outcome, MutationOutcome::Rejected { code: Code::RuleBroken, .. }), "{first:?}");
    assert_eq!(times(&mut school).await?, json!([60, 20]));
    assert_eq!(school.value(heads).await?, before, "a repeat changes no feed");
    caller.acknowledge(&push, &first);
    caller.pull().await?;
    Ok(())
}

#[tokio::test]
async fn one_push_that_arrives_five_times_at_once_stores_once() -> Outcome<()> {
    let (_server, mut school, course, caller) = learner().await?;
    let push = mixed(&caller, &course);
    let answers = join_all((0..5).map(|_| caller.send(&push))).await;
    for answer in answers {
        assert_eq!(answer??.last_n, 3);
    }
    assert_eq!(times(&mut school).await?, json!([60, 20]));
    Ok(())
}

#[tokio::test]
async fn a_partly_arrived_push_continues_where_it_ended() -> Outcome<()> {
    let (_server, mut school, course, mut caller) = learner().await?;
    let changes = |caller: &Caller| (0..3).map(|topic| progress(caller, &course, topic).set("time_spent_seconds", 10)).collect::<Vec<_>>();
    let whole = caller.push_of(changes(&caller));
    let mut part = whole.clone();
    part.runs[0].rows.truncate(2);
    caller.send(&part).await??;
    assert_eq!(school.count("topic_progress").await?, 2);
    let answer = caller.send(&whole).await??;
    caller.acknowledge(&whole, &answer);
    assert_eq!(school.value("SELECT sum(time_spent_seconds) FROM topic_progress").await?, 30);
    Ok(())
}

#[tokio::test]
async fn a_reused_number_with_other_content_is_refused() -> Outcome<()> {
    let (_server, mut school, course, caller) = learner().await?;
    caller.send(&caller.push_of(vec![progress(&caller, &course, 0).set("time_spent_seconds", 60)])).await??;
    let other = caller.push_of(vec![
        progress(&caller, &course, 0).set("time_spent_seconds", 61),
        progress(&caller, &course, 1).set("time_spent_seconds", 5),
    ]);
    let problem = caller.send(&other).await?.expect_err("the number was used");
    assert_eq!((problem.code, problem.fields), (Code::NumberReused, vec!["1".to_owned()]));
    assert_eq!(times(&mut school).await?, json!([60]));
    Ok(())
}

#[tokio::test]
async fn a_number_dropped_from_the_ledger_is_not_taken_for_a_repeat() -> Outcome<()> {
    let (_server, _school, course, mut caller) = learner().await?;
    let copy = caller.clone();
    caller.push_one(progress(&caller, &course, 0).set("time_spent_seconds", 1)).await?;
    caller.seen_n = 1;
    caller.push_one(progress(&caller, &course, 1).set("time_spent_seconds", 1)).await?;
    let own = |topic: usize| progress(&copy, &course, topic).set("time_spent_seconds", 100);
    let problem = copy.send(&copy.push_of(vec![own(0), own(1)])).await?.expect_err("both numbers were used");
    assert_eq!(
        (problem.code, problem.fields),
        (Code::NumberReused, vec!["1".to_owned()]),
        "the first was dropped from the ledger, not compared"
    );
    Ok(())
}

#[tokio::test]
async fn a_copy_is_detected_also_after_the_ledger_dropped_its_outcomes() -> Outcome<()> {
    let (_server, mut school, course, mut caller) = learner().await?;
    caller.push_one(progress(&caller, &course, 0).set("time_spent_seconds", 1)).await?;
    let copy = caller.clone();
    for topic in [1, 2] {
        caller.push_one(progress(&caller, &course, topic).set("time_spent_seconds", 1)).await?;
    }
    // The outcomes are acknowledged: the ledger is empty, and only the chain detects the copy.
    caller.seen_n = 3;
    caller.push(vec![]).await?;
    assert_eq!(school.count("device_pushes").await?, 0);
    let own = |topic: usize| progress(&copy, &course, topic).set("time_spent_seconds", 100);
    assert_eq!(code(copy.send(&copy.push_of(vec![own(0)])).await?), Code::NumberReused);
    assert_eq!(code(copy.send(&copy.push_of(vec![own(0), own(1)])).await?), Code::ChainMismatch);
    assert_eq!(code(copy.send(&copy.push_of(vec![own(0), own(1), own(2)])).await?), Code::ChainMismatch);
    assert_eq!(school.value("SELECT sum(time_spent_seconds) FROM topic_progress").await?, 3);

    // The copy becomes a new device and loses nothing.
    let new = copy.post::<serde_json::Value>("/v1/accounts/device", &json!({"name": "copy", "platform": "test"})).await??;
    let mut signed_in = copy.signed_in.clone();
    for name in ["device_id", "access_token", "refresh_token"] {
        signed_in[name] = new[name].clone();
    }
    let mut device = Caller::of(&copy.url, signed_in)?;
    assert_ne!(device.device, copy.device);
    assert_eq!(device.push(vec![own(0), own(1)]).await?, [MutationOutcome::Applied, MutationOutcome::Applied]);
    assert_eq!(school.value("SELECT sum(time_spent_seconds) FROM topic_progress").await?, 203);
    caller.pull().await?;
    Ok(())
}

#[tokio::test]
async fn a_chain_that_differs_from_the_servers_is_refused() -> Outcome<()> {
    let (_server, mut school, course, mut caller) = learner().await?;
    caller.push_one(progress(&caller, &course, 0).set("percent", 1)).await?;
    let mut push = caller.push_of(vec![progress(&caller, &course, 1).set("percent", 1)]);
    push.chain = "00".repeat(32);
    assert_eq!(code(caller.send(&push).await?), Code::ChainMismatch);
    for nonsense in ["", "zz", "00"] {
        push.chain = nonsense.to_owned();
        assert_eq!(code(caller.send(&push).await?), Code::BadRequest);
    }
    assert_eq!(school.count("topic_progress").await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_gap_names_the_next_number() -> Outcome<()> {
    let (_server, mut school, course, mut caller) = learner().await?;
    caller.push_one(progress(&caller, &course, 0).set("percent", 1)).await?;
    for (first_n, code) in [(3, Code::NumberGap), ((1 << 53) - 1, Code::NumberGap), (0, Code::BadRequest), (i64::MAX, Code::BadRequest)] {
        let mut push = caller.push_of(vec![progress(&caller, &course, 1).set("percent", 1), progress(&caller, &course, 2)]);
        push.first_n = first_n;
        let problem = caller.send(&push).await?.expect_err("a gap");
        assert_eq!(problem.code, code, "{first_n}");
        assert!(code == Code::BadRequest || problem.fields == ["2"], "{problem:?}");
    }
    assert_eq!(school.count("topic_progress").await?, 1);
    Ok(())
}

#[tokio::test]
async fn another_epoch_is_refused_and_a_pull_returns_the_new_one() -> Outcome<()> {
    let (server, mut school, course, mut caller) = learner().await?;
    caller.pull().await?;
    let epoch = caller.epoch;
    school.run("UPDATE epoch SET epoch = epoch + 1").await?;
    let server = server.restart().await?;
    let push = caller.push_of(vec![progress(&caller, &course, 0).set("percent", 1)]);
    assert_eq!(code(caller.send(&push).await?), Code::EpochChanged);
    assert_eq!(school.count("topic_progress").await?, 0);
    assert!(matches!(caller.ask_digest().await?, waystation_model::wire::PullLine::SendCursors));
    let pulled = caller.pull().await?;
    assert_eq!(caller.epoch, epoch + 1);
    assert!(!pulled.rows.is_empty(), "every cursor starts again from 0");
    assert_eq!(caller.push_one(progress(&caller, &course, 0).set("percent", 1)).await?, MutationOutcome::Applied);
    server.stop().await;
    Ok(())
}

#[tokio::test]
async fn changes_based_on_a_refused_row_are_blocked() -> Outcome<()> {
    let (_server, mut school, course, mut caller) = learner().await?;
    let outcomes = caller
        .push(vec![
            progress(&caller, &course, 0).set("percent", 200),
            put("topic_progress").id(progress_id(&caller, &course, 0)).on_own(1).set("percent", 50),
            progress(&caller, &course, 1).set("percent", 5),
            put("topic_progress").id(progress_id(&caller, &course, 1)).on_own(3).set("percent", 50),
        ])
        .await?;
    assert!(matches!(outcomes[0], MutationOutcome::Rejected { code: Code::RuleBroken, .. }), "{outcomes:?}");
    assert_eq!(outcomes[1..], [MutationOutcome::BlockedBy { blocked_by: 1 }, MutationOutcome::Applied, MutationOutcome::Applied]);
    assert_eq!(school.value("SELECT jsonb_agg(percent) FROM topic_progress").await?, json!([50]));
    let pulled = caller.pull().await?;
    assert_eq!(pulled.applied_upto, 4, "each outcome uses up its number");
    Ok(())
}

#[tokio::test]
async fn concurrent_creation_of_one_row_loses_nothing() -> Outcome<()> {
    let (server, mut school, course, caller) = learner().await?;
    let mut callers = vec![caller];
    for _ in 0..5 {
        callers.push(Caller::sign_in(&server.url(), "aysel").await?);
    }
    for topic in 0..3 {
        let pushes = callers.iter_mut().map(|caller| {
            let change = progress(caller, &course, topic).set("time_spent_seconds", 10);
            caller.push_one(change)
        });
        for outcome in join_all(pushes).await {
            assert!(matches!(outcome?, MutationOutcome::Applied | MutationOutcome::Merged));
        }
    }
    assert_eq!(school.value("SELECT jsonb_agg(time_spent_seconds) FROM topic_progress").await?, json!([60, 60, 60]));
    callers[0].pull().await?;
    Ok(())
}
