//! Every kind of error has its code, no change is half applied, and the changes beside it are unharmed.

use std::time::Duration;

use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::limits::{PUSH_BODY_BYTES_MAX, PUSH_MUTATIONS_MAX};
use waystation_model::wire::{Outcome as MutationOutcome, PushAnswer};
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, Change, code, put, read};
use waystation_tests::school::{Course, School, open};
use waystation_tests::server::LocalServer;

/// How long an answer may take on a busy machine.
const ANSWER_WAIT: Duration = Duration::from_secs(60);

struct Class {
    server: LocalServer,
    school: School,
    course: Course,
    instructor: Caller,
}

async fn class() -> Outcome<Class> {
    let (server, mut school) = open().await?;
    let rauf = school.person("instructor", "rauf").await?;
    let course = school.course(Some(rauf), "published", 1).await?;
    let instructor = Caller::sign_in(&server.url(), "rauf").await?;
    Ok(Class { server, school, course, instructor })
}

impl Class {
    fn topic(&self, title: &str) -> Change {
        put("topics").id(Uuid::now_v7()).link("module_id", self.course.module).link("course_id", self.course.id).set("title", title)
    }

    fn progress(&self) -> Change {
        put("topic_progress")
            .link("user_id", self.instructor.user)
            .link("topic_id", self.course.topics[0])
            .link("course_id", self.course.id)
    }

    /// Pushes every bad change between good ones, all at once, and compares the outcome of each.
    async fn compare(&mut self, bad: Vec<(Change, Code, Option<&str>)>) -> Outcome<()> {
        let before = self.school.count("topics").await?;
        let good = i64::try_from(bad.len())?;
        let mut changes = Vec::new();
        for (number, (change, _, _)) in bad.iter().enumerate() {
            changes.extend([self.topic(&format!("good {number}")), change.clone()]);
        }
        let outcomes = self.instructor.push(changes).await?;
        for (number, (change, code, field)) in bad.iter().enumerate() {
            assert_eq!(outcomes[2 * number], MutationOutcome::Applied);
            let MutationOutcome::Rejected { code: found, field: at, .. } = &outcomes[2 * number + 1] else {
                return Err(format!("taken: {change:?}").into());
            };
            assert_eq!((found, at.as_deref()), (code, *field), "{change:?}");
        }
        assert_eq!(self.school.count("topics").await?, before + good, "the good ones and nothing else");
        self.instructor.pull().await?;
        Ok(())
    }

    fn raw(&self) -> RequestBuilder {
        self.instructor.request(Method::POST, "/v1/sync/push").header(CONTENT_TYPE, "application/json")
    }
}

async fn refused(request: RequestBuilder) -> Outcome<Code> {
    Ok(code(read::<PushAnswer>(request.send().await?).await?))
}

#[tokio::test]
async fn unknown_names_are_refused() -> Outcome<()> {
    let mut class = class().await?;
    let bad = vec![
        (put("unicorns").id(Uuid::now_v7()).set("title", "x"), Code::UnknownEntity, None),
        (put("feed").id(Uuid::now_v7()), Code::UnknownEntity, None),
        (put("topics; DROP TABLE topics").id(Uuid::now_v7()), Code::UnknownEntity, None),
        (class.topic("x").set("colour", "red"), Code::UnknownColumn, Some("colour")),
        (class.topic("x").set("title = 'x' --", "x"), Code::UnknownColumn, Some("title = 'x' --")),
        (class.topic("x").set("organization_id", "x"), Code::UnknownColumn, Some("organization_id")),
        (class.topic("x").set("stamp", 1), Code::UnknownColumn, Some("stamp")),
        (class.topic("x").set("edits", json!({})), Code::UnknownColumn, Some("edits")),
        (class.topic("x").set("published", true), Code::ServerColumn, Some("published")),
        (class.topic("x").set("title", "y"), Code::BadRequest, Some("title")),
    ];
    class.compare(bad).await
}

#[tokio::test]
async fn values_that_do_not_fit_are_refused() -> Outcome<()> {
    let mut class = class().await?;
    let of_kind = |entity: &str, column: &str, value: Value| (put(entity).id(Uuid::now_v7()).set(column, value), column.to_owned());
    let wrong = [
        of_kind("topics", "module_id", json!("not an id")),
        of_kind("topics", "module_id", json!(class.course.module.to_string().to_uppercase())),
        of_kind("topics", "title", json!(1)),
        of_kind("topics", "title", Value::Null),
        of_kind("topics", "title", json!("x".repeat(256))),
        of_kind("topics", "title", json!("zero \0 character")),
        of_kind("topics", "position", json!("1")),
        of_kind("topics", "position", json!(1.5)),
        of_kind("topics", "position", json!(1_i64 << 53)),
        // It fits the wire and not the database.
        of_kind("topics", "position", json!(1_i64 << 40)),
        of_kind("topics", "position", json!(i64::MIN)),
        of_kind("topics", "is_free", json!(1)),
        of_kind("courses", "status", json!("secret")),
        of_kind("courses", "metadata", json!({"a": ["zero \0 character"]})),
        of_kind("assessments", "passing_percent", json!("70")),
        of_kind("attendance_records", "lesson_date", json!("2026-02-30")),
        of_kind("attendance_records", "lesson_date", json!("2026-2-  3")),
        of_kind("groups", "start_time", json!("25:00")),
        of_kind("assessment_attempts", "started_at", json!("2026-01-01T00:00:00Z")),
    ];
    let bad: Vec<(Change, Code, Option<&str>)> =
        wrong.iter().map(|(change, column)| (change.clone(), Code::BadValue, Some(column.as_str()))).collect();
    class.compare(bad).await
}

#[tokio::test]
async fn ids_that_do_not_fit_their_keys_are_refused() -> Outcome<()> {
    let mut class = class().await?;
    let topic = class.course.topics[0];
    let no_id = put("topics").link("module_id", class.course.module).link("course_id", class.course.id).set("title", "x");
    let bad = vec![
        (class.progress().id(Uuid::now_v7()), Code::IdMismatch, Some("id")),
        (put("topic_progress").link("user_id", class.instructor.user), Code::MissingValue, Some("user_id")),
        (put("topic_progress").id(Uuid::now_v7()).set("percent", 1), Code::MissingValue, Some("user_id")),
        (no_id, Code::MissingValue, Some("id")),
        (put("topics").id(topic).link("course_id", Uuid::now_v7()).set("title", "x"), Code::KeyChanged, Some("course_id")),
        (put("topics").id(Uuid::now_v7()).on(1).set("title", "x"), Code::NotFound, None),
    ];
    class.compare(bad).await?;
    assert_eq!(class.school.column("topics", topic, "title").await?, "Topic 0");
    Ok(())
}

#[tokio::test]
async fn a_violated_database_rule_is_named() -> Outcome<()> {
    let mut class = class().await?;
    class.school.run(format!("UPDATE courses SET course_code = 'GAS' WHERE id = '{}'", class.course.id)).await?;
    let nowhere = put("topics").id(Uuid::now_v7()).link("module_id", Uuid::now_v7()).link("course_id", class.course.id).set("title", "x");
    let course = put("courses").id(Uuid::now_v7()).link("instructor_id", class.instructor.user).set("title", "x").set("course_code", "GAS");
    let bad = vec![
        (nowhere, Code::MissingReference, Some("module_id")),
        (class.progress().set("percent", 101), Code::RuleBroken, Some("percent")),
        (class.progress().set("time_spent_seconds", -1), Code::RuleBroken, Some("time_spent_seconds")),
        (course, Code::Taken, Some("course_code")),
    ];
    class.compare(bad).await?;
    assert_eq!(class.school.count("topic_progress").await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_taken_value_is_refused_with_a_free_suggestion() -> Outcome<()> {
    let mut class = class().await?;
    let mut other = School::create(class.server.database()).await?;
    other.person("learner", "aysel").await?;
    other.person("learner", "Aysel-2").await?;
    class.school.person("admin", "vusal").await?;
    class.school.run("UPDATE users SET email = 'a@example.az', employee_id = 'E1' WHERE user_name = 'rauf'").await?;
    let mut admin = Caller::sign_in(&class.server.url(), "vusal").await?;
    for (column, given, suggestion) in
        [("user_name", "AYSEL", Some("AYSEL-3")), ("employee_id", "E1", Some("E1-2")), ("email", "A@example.az", None)]
    {
        let named = if column == "user_name" { put("users") } else { put("users").set("user_name", "new") };
        match admin.push_one(named.id(Uuid::now_v7()).set(column, given)).await? {
            MutationOutcome::Rejected { code: Code::Taken, field, suggestion: found, .. } => {
                assert_eq!((field.as_deref(), found.as_deref()), (Some(column), suggestion));
            }
            other => return Err(format!("{column}: {other:?}").into()),
        }
    }
    let free = put("users").id(Uuid::now_v7()).set("user_name", "AYSEL-3");
    assert_eq!(admin.push_one(free).await?, MutationOutcome::Applied);
    Ok(())
}

#[tokio::test]
async fn a_row_past_the_limit_is_refused() -> Outcome<()> {
    let mut class = class().await?;
    let course = class.course.clone();
    let test = class.school.test(&course, "quiz", "server", &[]).await?;
    class.school.run("DELETE FROM answer_keys").await?;
    let text = |bytes: usize| json!({"a": "x".repeat(bytes)});
    let key = put("answer_keys").link("assessment_id", test.id).link("course_id", course.id);
    let large = key
        .clone()
        .set("keys", text(99_000))
        .set("explanations", text(99_000))
        .set("mcq_answers", text(19_000))
        .set("numeric_answers", text(19_000))
        .set("written_instructions", "ə".repeat(20_000));
    let too_long = key.set("keys", text(100_001));
    class.compare(vec![(large, Code::RowTooLarge, None), (too_long, Code::BadValue, Some("keys"))]).await?;
    assert_eq!(class.school.count("answer_keys").await?, 0);
    Ok(())
}

#[tokio::test]
async fn malformed_push_bodies_are_refused() -> Outcome<()> {
    let class = class().await?;
    let good = serde_json::to_vec(&class.instructor.push_of(vec![class.topic("x")]))?;
    let packed = zstd::bulk::compress(&good, 3)?;
    let zstd = |bytes: Vec<u8>| class.raw().header(CONTENT_ENCODING, "zstd").body(bytes);
    let cut = |bytes: &[u8]| bytes[..bytes.len() / 2].to_vec();
    let changed = |name: &str, value: Value| -> Outcome<RequestBuilder> {
        let mut body: Value = serde_json::from_slice(&good)?;
        body[name] = value;
        Ok(class.raw().body(body.to_string()))
    };
    let plain = class.instructor.request(Method::POST, "/v1/sync/push");
    let cases = [
        (class.raw().body("hello"), Code::NotJson),
        (class.raw().body(vec![0xff, 0xfe]), Code::NotJson),
        (class.raw().body(""), Code::BodyTruncated),
        (class.raw().body(cut(&good)), Code::BodyTruncated),
        (zstd(cut(&packed)), Code::BodyTruncated),
        (zstd(good.clone()), Code::BodyTruncated),
        (zstd(zstd::bulk::compress(&cut(&good), 3)?), Code::BodyTruncated),
        (class.raw().body("[]"), Code::BadRequest),
        (class.raw().body("{\"protocol\":1}"), Code::BadRequest),
        (changed("runs", json!([{"entity": "topics", "op": "explode", "columns": [], "rows": []}]))?, Code::BadRequest),
        (changed("runs", json!([{"entity": "topics", "op": "put", "columns": [], "rows": [["id", "base", "at"]]}]))?, Code::BadRequest),
        (changed("protocol", json!(99))?, Code::UnsupportedProtocol),
        (changed("protocol", json!(0))?, Code::UnsupportedProtocol),
        (class.raw().body("{\"protocol\":2,\"batches\":[]}"), Code::UnsupportedProtocol),
        (class.raw().body(vec![b' '; PUSH_BODY_BYTES_MAX + 1]), Code::BodyTooLarge),
        (zstd(zstd::bulk::compress(&vec![b' '; 64 * PUSH_BODY_BYTES_MAX], 3)?), Code::BodyTooLarge),
        (plain.try_clone().ok_or("no clone")?.header(CONTENT_TYPE, "text/plain").body(good.clone()), Code::UnsupportedEncoding),
        (plain.body(good.clone()), Code::UnsupportedEncoding),
        (class.raw().header(CONTENT_ENCODING, "gzip").body(good.clone()), Code::UnsupportedEncoding),
        (class.instructor.request(Method::GET, "/v1/sync/push"), Code::NoSuchRoute),
        (class.instructor.request(Method::POST, "/v2/sync/push"), Code::NoSuchRoute),
    ];
    for (number, (request, code)) in cases.into_iter().enumerate() {
        assert_eq!(refused(request).await?, code, "case {number}");
    }
    // The number was not used up: a correct push is accepted, compressed as it is.
    let answer: PushAnswer = read(zstd(packed).send().await?).await??;
    assert_eq!((answer.last_n, answer.outcomes.len()), (1, 0));
    Ok(())
}

#[tokio::test]
async fn a_truncated_body_stores_nothing() -> Outcome<()> {
    let mut class = class().await?;
    let body = serde_json::to_vec(&class.instructor.push_of(vec![class.topic("x")]))?;
    let mut stream = tokio::net::TcpStream::connect(class.server.server().address()).await?;
    let head = format!(
        "POST /v1/sync/push HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n",
        class.instructor.access_token,
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&body[..body.len() - 1]).await?;
    stream.shutdown().await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    assert!(answer.is_empty() || answer.contains("body_truncated"), "{answer}");
    assert_eq!(class.school.count("topics").await?, 1);
    assert_eq!(class.instructor.push_one(class.topic("x")).await?, MutationOutcome::Applied);
    Ok(())
}

/// Sends the head of a push and this many bytes of its body without reading meanwhile, then returns everything that was answered.
async fn answered(class: &Class, head: &str, body_bytes: usize) -> Outcome<(String, bool)> {
    let mut stream = tokio::net::TcpStream::connect(class.server.server().address()).await?;
    let start = "POST /v1/sync/push HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json";
    stream.write_all(format!("{start}\r\n{head}\r\n\r\n").as_bytes()).await?;
    let piece = [b' '; 64 * 1024];
    let mut sent = 0;
    while sent < body_bytes {
        let size = piece.len().min(body_bytes - sent);
        stream.write_all(&piece[..size]).await?;
        sent += size;
    }
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    let is_complete = |answer: &[u8]| {
        let text = String::from_utf8_lossy(answer).into_owned();
        text.split_once("\r\n\r\n").is_some_and(|(_, body)| serde_json::from_str::<Value>(body).is_ok())
    };
    while !is_complete(&answer) {
        match tokio::time::timeout(ANSWER_WAIT, stream.read(&mut buffer)).await?? {
            0 => break,
            count => answer.extend_from_slice(&buffer[..count]),
        }
    }
    let answer = String::from_utf8(answer)?;
    let closes = answer.to_lowercase().contains("\r\nconnection: close");
    Ok((answer, closes))
}

#[tokio::test]
async fn a_body_of_twenty_megabytes_is_answered_with_its_code() -> Outcome<()> {
    let class = class().await?;
    let size = 20 * 1024 * 1024;
    for length in [format!("content-length: {size}"), "transfer-encoding: chunked".to_owned()] {
        let chunked = length.starts_with("transfer");
        let token = &class.instructor.access_token;
        let head = format!("authorization: Bearer {token}\r\n{length}");
        // One chunk of the whole size, whose head is sent with the head of the request.
        let head = if chunked { format!("{head}\r\n\r\n{size:x}") } else { head };
        let (answer, closes) = answered(&class, &head, size).await?;
        assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("body_too_large"), "{length}: {answer:?}");
        assert!(closes, "{length}: the connection ends, and the answer says so");
    }
    Ok(())
}

#[tokio::test]
async fn a_refusal_before_the_body_was_read_says_whether_the_connection_ends() -> Outcome<()> {
    let class = class().await?;
    // All of it has arrived, so the connection can stay open.
    let (answer, closes) = answered(&class, "authorization: Bearer nonsense\r\ncontent-length: 5", 5).await?;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer:?}");
    assert!(!closes, "{answer:?}");
    let (answer, closes) = answered(&class, "authorization: Bearer nonsense\r\ncontent-length: 8000000", 8_000_000).await?;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer:?}");
    assert!(closes, "{answer:?}");
    // A client that sends `Expect` is refused without being asked to send the body.
    let (answer, closes) = answered(&class, "authorization: Bearer nonsense\r\nexpect: 100-continue\r\ncontent-length: 5", 0).await?;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer:?}");
    assert!(closes, "{answer:?}");
    Ok(())
}

#[tokio::test]
async fn a_row_with_too_many_values_is_malformed_json() -> Outcome<()> {
    let class = class().await?;
    let push = |rows: Value| {
        let runs = json!([{"entity": "topics", "op": "put", "columns": ["title"], "rows": rows}]);
        json!({"protocol": 1, "device": class.instructor.device, "epoch": class.instructor.epoch, "first_n": 1,
               "chain": "00".repeat(32), "seen_n": 0, "sent_at": 0, "runs": runs})
    };
    let id = Uuid::now_v7();
    for rows in [json!([[id, null, 1, ["x"], 5]]), json!([[id, null, 1]]), json!([[id, [1, 2, 3], 1, ["x"]]]), json!([[id, "7", 1, ["x"]]])]
    {
        assert_eq!(refused(class.raw().body(push(rows.clone()).to_string())).await?, Code::BadRequest, "{rows}");
    }
    assert_eq!(refused(class.raw().body(format!("{}]", push(json!([]))))).await?, Code::NotJson);
    Ok(())
}

#[tokio::test]
async fn mutations_per_push_are_limited() -> Outcome<()> {
    let mut class = class().await?;
    let changes = |count: usize| (0..count).map(|number| class.topic(&number.to_string())).collect::<Vec<_>>();
    assert_eq!(code(class.instructor.send(&class.instructor.push_of(changes(PUSH_MUTATIONS_MAX + 1))).await?), Code::TooManyMutations);
    let most = changes(PUSH_MUTATIONS_MAX);
    assert!(class.instructor.push(most).await?.iter().all(|outcome| *outcome == MutationOutcome::Applied));
    assert_eq!(class.school.value("SELECT count(*) FROM topics WHERE title <> 'Topic 0'").await?, PUSH_MUTATIONS_MAX);
    class.instructor.pull().await?;
    Ok(())
}

#[tokio::test]
async fn a_push_with_too_many_rows_or_too_long_names_is_refused_before_expansion() -> Outcome<()> {
    let class = class().await?;
    let push = |entity: String, columns: Vec<String>, rows: usize| -> Outcome<RequestBuilder> {
        let mut body = serde_json::to_value(class.instructor.push_of(vec![]))?;
        let row = json!([null, null, 0, []]);
        body["runs"] = json!([{"entity": entity, "op": "put", "columns": columns, "rows": vec![row; rows]}]);
        Ok(class.raw().body(body.to_string()))
    };
    assert_eq!(refused(push("x".repeat(400_000), vec![], 30_000)?).await?, Code::TooManyMutations);
    assert_eq!(refused(push("topics".to_owned(), vec!["x".repeat(400_000)], 30_000)?).await?, Code::TooManyMutations);
    // Unknown names would be repeated with every outcome.
    assert_eq!(refused(push("x".repeat(400_000), vec![], 500)?).await?, Code::BadRequest);
    assert_eq!(refused(push("topics".to_owned(), vec!["x".repeat(64)], 500)?).await?, Code::BadRequest);
    assert_eq!(refused(push("topics".to_owned(), vec!["x".to_owned(); 1_000], 1)?).await?, Code::BadRequest);
    Ok(())
}

#[tokio::test]
async fn a_row_used_by_others_is_not_deleted_and_the_problem_says_so() -> Outcome<()> {
    let mut class = class().await?;
    let course = class.course.clone();
    class.school.enrol(class.instructor.user, &course).await?;
    class.instructor.pull().await?;
    let done = class.progress().set("percent", 100);
    assert_eq!(class.instructor.push_one(done).await?, MutationOutcome::Applied);
    class.instructor.pull().await?;
    let gone = |entity: &str, id: Uuid| waystation_tests::caller::delete(entity, id).on(class.instructor.stamp(entity, id));
    let changes = vec![(gone("topics", course.topics[0]), Code::InUse, None), (gone("modules", course.module), Code::InUse, None)];
    class.compare(changes).await
}

#[tokio::test]
async fn only_a_refused_change_blocks_changes_based_on_it() -> Outcome<()> {
    let mut class = class().await?;
    let module = Uuid::now_v7();
    let make = put("modules").id(module).link("course_id", class.course.id).set("title", "x");
    assert_eq!(class.instructor.push_one(make).await?, MutationOutcome::Applied);
    class.school.run(format!("DELETE FROM modules WHERE id = '{module}'")).await?;
    let edit = put("modules").id(module).on_own(1).set("title", "y");
    assert_eq!(class.instructor.refusal(edit.clone()).await?.0, Code::NotFound, "it was made, and deleted by somebody else");
    // In one push, and over two.
    let refused = Uuid::now_v7();
    let make = put("modules").id(refused).link("course_id", class.course.id).set("title", Value::Null);
    let next = class.instructor.next_n;
    let edit = put("modules").id(refused).on_own(next).set("title", "y");
    let outcomes = class.instructor.push(vec![make, edit.clone()]).await?;
    assert!(matches!(outcomes[0], MutationOutcome::Rejected { .. }), "{outcomes:?}");
    assert_eq!(outcomes[1], MutationOutcome::BlockedBy { blocked_by: next });
    assert_eq!(class.instructor.push_one(edit).await?, MutationOutcome::BlockedBy { blocked_by: next });
    // Refused by the database, which finds the bad row by bisection.
    let (nowhere, next) = (Uuid::now_v7(), class.instructor.next_n);
    let make = put("topics").id(nowhere).link("module_id", Uuid::now_v7()).link("course_id", class.course.id).set("title", "x");
    let edit = put("topics").id(nowhere).on_own(next).set("title", "y");
    let outcomes = class.instructor.push(vec![make, class.topic("z"), edit]).await?;
    assert_eq!((&outcomes[1], &outcomes[2]), (&MutationOutcome::Applied, &MutationOutcome::BlockedBy { blocked_by: next }));
    Ok(())
}

#[tokio::test]
async fn an_extremely_early_time_is_harmless() -> Outcome<()> {
    let mut class = class().await?;
    let topic = class.course.topics[0];
    class.school.person("admin", "vusal").await?;
    let mut admin = Caller::sign_in(&class.server.url(), "vusal").await?;
    admin.pull().await?;
    let stamp = admin.stamp("topics", topic);
    let crazy = put("topics").id(topic).on(stamp).set("title", "long ago").at(-9_000_000_000_000_000_000);
    assert_eq!(class.instructor.push_one(crazy).await?, MutationOutcome::Applied);
    assert_eq!(admin.push_one(put("topics").id(topic).on(stamp).set("title", "now")).await?, MutationOutcome::Merged);
    assert_eq!(class.school.column("topics", topic, "title").await?, "now");
    Ok(())
}
