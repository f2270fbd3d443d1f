//! `/api`: every address of the front ends of schools, each with a call that is allowed and one that is refused, and bad input with its
//! field.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, PASSWORD};
use waystation_tests::school::{School, open};
use waystation_tests::server::LocalServer;

/// A school with an administrator, a teacher with a group of one pupil, the pupil's parent, and somebody of another school.
struct Town {
    server: LocalServer,
    school: School,
    teacher: Uuid,
    pupil: Uuid,
    group: Uuid,
}

/// A front end in which somebody has signed in.
struct FrontEnd {
    client: reqwest::Client,
    url: String,
    token: String,
}

/// What a request was answered with.
#[derive(Debug, PartialEq)]
struct Answer {
    status: StatusCode,
    body: Value,
}

impl Answer {
    /// The rows of a list.
    fn rows(&self) -> Vec<Value> {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        self.body["rows"].as_array().cloned().unwrap_or_default()
    }

    fn id(&self) -> String {
        self.body["id"].as_str().unwrap_or_default().to_owned()
    }

    /// The code and the fields of a refusal.
    fn refusal(&self) -> (String, Vec<String>) {
        assert!(!self.status.is_success(), "{self:?}");
        let fields = self.body["fields"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        (self.body["code"].as_str().unwrap_or_default().to_owned(), fields)
    }
}

fn refused(code: &str, fields: &[&str]) -> (String, Vec<String>) {
    (code.to_owned(), fields.iter().map(|field| (*field).to_owned()).collect())
}

async fn answer_of(answer: reqwest::Response) -> Outcome<Answer> {
    let status = answer.status();
    let text = answer.text().await?;
    Ok(Answer { status, body: if text.is_empty() { Value::Null } else { serde_json::from_str(&text)? } })
}

impl FrontEnd {
    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Outcome<Answer> {
        let request = self.client.request(method, format!("{}/api/{path}", self.url)).bearer_auth(&self.token);
        let request = if let Some(body) = body { request.json(&body) } else { request };
        answer_of(request.send().await?).await
    }

    async fn get(&self, path: &str) -> Outcome<Answer> {
        self.ask(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> Outcome<Answer> {
        self.ask(Method::POST, path, Some(body)).await
    }

    async fn patch(&self, path: &str, body: Value) -> Outcome<Answer> {
        self.ask(Method::PATCH, path, Some(body)).await
    }

    async fn put(&self, path: &str, body: Value) -> Outcome<Answer> {
        self.ask(Method::PUT, path, Some(body)).await
    }

    async fn delete(&self, path: &str) -> Outcome<Answer> {
        self.ask(Method::DELETE, path, None).await
    }
}

impl Town {
    async fn open() -> Outcome<Town> {
        let (server, mut school) = open().await?;
        school.person("admin", "admin").await?;
        let teacher = school.person("teacher", "teacher").await?;
        let pupil = school.person("learner", "pupil").await?;
        let parent = school.person("parent", "parent").await?;
        school.insert("guardian_links", json!({"parent_id": parent, "student_id": pupil})).await?;
        let group = school.group(teacher, &[pupil]).await?;
        let mut elsewhere = School::create(server.database()).await?;
        elsewhere.person("admin", "stranger").await?;
        Ok(Town { server, school, teacher, pupil, group })
    }

    async fn login(&self, body: Value) -> Outcome<Answer> {
        let url = format!("{}/api/auth/login", self.server.url());
        answer_of(reqwest::Client::new().post(url).json(&body).send().await?).await
    }

    async fn sign_in(&self, name: &str) -> Outcome<FrontEnd> {
        let answer = self.login(json!({"email": name, "password": PASSWORD})).await?;
        let token = answer.body["access_token"].as_str().ok_or_else(|| format!("{answer:?}"))?.to_owned();
        Ok(FrontEnd { client: reqwest::Client::new(), url: self.server.url(), token })
    }
}

#[tokio::test]
async fn people_sign_in_and_read_their_own_account() -> Outcome<()> {
    let town = Town::open().await?;
    let first = town.login(json!({"email": "teacher", "password": PASSWORD})).await?;
    assert_eq!((first.status, &first.body["user"]["role"]), (StatusCode::OK, &json!("teacher")));
    let again = town.login(json!({"email": "teacher", "password": PASSWORD, "device_id": first.body["device_id"]})).await?;
    assert_eq!(again.body["device_id"], first.body["device_id"]);
    assert_eq!(town.login(json!({"email": "teacher", "password": "wrong"})).await?.refusal().0, "wrong_password");
    assert_eq!(town.login(json!({"email": "teacher"})).await?.refusal().0, "bad_request");

    let teacher = town.sign_in("teacher").await?;
    let me = teacher.get("auth/me").await?;
    assert_eq!((&me.body["id"], &me.body["user_name"]), (&json!(town.teacher), &json!("teacher")));
    assert!(me.body.get("password_hash").is_none());
    let nobody = FrontEnd { token: "none".into(), ..teacher };
    assert_eq!(nobody.get("auth/me").await?.refusal().0, "token_expired");
    // A session that has ended opens nothing, although its access token has not expired.
    let nobody = FrontEnd { token: first.body["access_token"].as_str().unwrap_or_default().to_owned(), ..nobody };
    assert_eq!(nobody.get("auth/me").await?.refusal().0, "session_ended");
    Ok(())
}

#[tokio::test]
async fn teachers_make_change_and_delete_their_groups() -> Outcome<()> {
    let town = Town::open().await?;
    let (teacher, pupil, stranger) = (town.sign_in("teacher").await?, town.sign_in("pupil").await?, town.sign_in("stranger").await?);
    let made = teacher.post("teacher/groups", json!({"teacher_id": town.teacher, "name": "Evening"})).await?;
    assert_eq!((made.status, &made.body["name"]), (StatusCode::CREATED, &json!("Evening")));
    let path = format!("teacher/groups/{}", made.id());
    assert_eq!(teacher.patch(&path, json!({"name": "Night"})).await?.body["name"], "Night");
    assert_eq!(teacher.get("teacher/groups?sort=name").await?.rows().len(), 2);
    assert_eq!(teacher.get("teacher/groups?limit=1").await?.rows().len(), 1);

    assert_eq!(pupil.post("teacher/groups", json!({"teacher_id": town.pupil, "name": "Mine"})).await?.refusal().0, "not_allowed");
    assert_eq!(stranger.patch(&path, json!({"name": "Theirs"})).await?.refusal().0, "not_found");
    assert_eq!(stranger.delete(&path).await?.refusal().0, "not_found");
    assert_eq!(stranger.get("teacher/groups").await?.rows(), Vec::<Value>::new());
    assert_eq!(
        teacher.post("teacher/groups", json!({"teacher_id": town.teacher, "nmae": "x"})).await?.refusal(),
        refused("unknown_column", &["nmae"])
    );
    assert_eq!(teacher.patch(&path, json!({"start_time": "25:00"})).await?.refusal(), refused("bad_value", &["start_time"]));
    assert_eq!(teacher.get("teacher/groups?nmae=x").await?.refusal(), refused("bad_request", &["nmae"]));
    assert_eq!(teacher.get("teacher/groups?limit=0").await?.refusal(), refused("bad_value", &["limit"]));
    assert_eq!(teacher.patch("teacher/groups/x", json!({})).await?.refusal().0, "not_found");

    assert!(teacher.delete(&path).await?.status.is_success());
    assert_eq!(teacher.get("teacher/groups").await?.rows().len(), 1);
    Ok(())
}

#[tokio::test]
async fn students_join_leave_and_come_back() -> Outcome<()> {
    let mut town = Town::open().await?;
    let other = town.school.person("learner", "other").await?;
    let (teacher, pupil) = (town.sign_in("teacher").await?, town.sign_in("pupil").await?);
    let path = format!("teacher/groups/{}/students", town.group);
    let added = teacher.post(&path, json!({"student_id": other})).await?;
    assert_eq!((added.status, &added.body["is_active"]), (StatusCode::CREATED, &json!(true)));
    let again = teacher.post(&path, json!({"student_id": other})).await?;
    assert_eq!((again.status, &again.body["joined_at"]), (StatusCode::OK, &added.body["joined_at"]), "a repeated request changes nothing");
    let left = teacher.delete(&format!("{path}?studentId={other}")).await?;
    assert_eq!((left.status, &left.body["is_active"]), (StatusCode::OK, &json!(false)));
    let left_again = teacher.delete(&format!("{path}?studentId={other}")).await?;
    assert_eq!(left_again.body["left_at"], left.body["left_at"]);
    let back = teacher.post(&path, json!({"student_id": other})).await?;
    assert_eq!((back.status, &back.body["is_active"], &back.body["left_at"]), (StatusCode::OK, &json!(true), &Value::Null));
    assert_eq!(town.school.count("group_memberships").await?, 2);

    assert_eq!(pupil.post(&path, json!({"student_id": other})).await?.refusal().0, "not_allowed");
    assert_eq!(pupil.delete(&format!("{path}?studentId={other}")).await?.refusal().0, "not_found");
    assert_eq!(teacher.post(&path, json!({})).await?.refusal(), refused("missing_value", &["student_id"]));
    assert_eq!(teacher.post(&path, json!({"student_id": "x"})).await?.refusal(), refused("bad_value", &["student_id"]));
    assert_eq!(teacher.delete(&path).await?.refusal(), refused("missing_value", &["studentId"]));
    assert_eq!(teacher.delete(&format!("{path}?studentId=x")).await?.refusal(), refused("bad_value", &["studentId"]));
    Ok(())
}

#[tokio::test]
async fn learners_are_listed_and_marked_as_deleted() -> Outcome<()> {
    let mut town = Town::open().await?;
    let leaves = town.school.person("learner", "leaves").await?;
    let (admin, teacher) = (town.sign_in("admin").await?, town.sign_in("teacher").await?);
    assert_eq!(admin.get("teacher/students").await?.rows().len(), 2);
    assert!(admin.delete(&format!("teacher/students/{leaves}")).await?.status.is_success());
    let names = |answer: Answer| answer.rows().iter().map(|row| row["user_name"].clone()).collect::<Vec<_>>();
    assert_eq!(names(admin.get("teacher/students?status=active").await?), [json!("pupil")]);
    assert_eq!(names(admin.get("teacher/students?status=deleted").await?), [json!("leaves")]);
    assert_eq!(admin.get("teacher/students?status=gone").await?.refusal(), refused("bad_value", &["status"]));
    // Accounts are the administrators'.
    assert_eq!(teacher.get("teacher/students").await?.rows(), Vec::<Value>::new());
    assert_eq!(teacher.delete(&format!("teacher/students/{}", town.pupil)).await?.refusal().0, "not_found");
    assert_eq!(teacher.delete(&format!("teacher/students/{leaves}/hard")).await?.refusal().0, "not_found");
    assert_eq!(admin.delete(&format!("teacher/students/{leaves}/hard")).await?.refusal().0, "not_allowed", "accounts are not erased");
    // The address deletes learners only, also when the id is a teacher's.
    let teacher_id: String = teacher.get("auth/me").await?.body["id"].as_str().ok_or("an id")?.to_owned();
    assert_eq!(admin.delete(&format!("teacher/students/{teacher_id}")).await?.refusal().0, "not_found");
    Ok(())
}

#[tokio::test]
async fn a_cell_of_the_grid_is_set_whether_or_not_it_was_marked() -> Outcome<()> {
    let town = Town::open().await?;
    let (teacher, pupil) = (town.sign_in("teacher").await?, town.sign_in("pupil").await?);
    let cell = |day: &str, status: &str| json!({"group_id": town.group, "student_id": town.pupil, "lesson_date": day, "status": status});
    let first = teacher.patch("teacher/attendance", cell("2026-03-02", "late")).await?;
    assert_eq!((first.status, &first.body["status"]), (StatusCode::CREATED, &json!("late")));
    let second = teacher.put("teacher/attendance", cell("2026-03-02", "present")).await?;
    assert_eq!((second.status, &second.body["status"]), (StatusCode::OK, &json!("present")));
    teacher.put("teacher/attendance", cell("2026-04-01", "absent")).await?;
    let days = async |query: &str| -> Outcome<Vec<Value>> {
        let rows = teacher.get(&format!("teacher/attendance?group_id={}{query}", town.group)).await?.rows();
        Ok(rows.iter().map(|row| row["lesson_date"].clone()).collect())
    };
    assert_eq!(days("&month=2026-03").await?, [json!("2026-03-02")]);
    assert_eq!(days("&from=2026-03-03&to=2026-04-30").await?, [json!("2026-04-01")]);
    assert_eq!(days("&month=2026-05").await?, Vec::<Value>::new());

    for (method, path) in [(Method::PATCH, "teacher/attendance"), (Method::PUT, "teacher/attendance")] {
        assert_eq!(pupil.ask(method.clone(), path, Some(cell("2026-03-03", "present"))).await?.refusal().0, "not_allowed");
        assert_eq!(teacher.ask(method, path, Some(cell("2026-03-02", "there"))).await?.refusal(), refused("bad_value", &["status"]));
    }
    assert_eq!(teacher.get("teacher/attendance").await?.refusal(), refused("missing_value", &["group_id"]));
    let bad_month = teacher.get(&format!("teacher/attendance?group_id={}&month=2026-13", town.group)).await?;
    assert_eq!(bad_month.refusal(), refused("bad_value", &["month"]));
    let stranger = town.sign_in("stranger").await?;
    assert_eq!(stranger.get(&format!("teacher/attendance?group_id={}", town.group)).await?.rows(), Vec::<Value>::new());
    Ok(())
}

#[tokio::test]
async fn administrators_record_and_take_back_payments() -> Outcome<()> {
    let town = Town::open().await?;
    let (admin, teacher) = (town.sign_in("admin").await?, town.sign_in("teacher").await?);
    let payment =
        json!({"student_id": town.pupil, "group_id": town.group, "payment_date": "2026-03-01", "amount_minor": 5_000, "currency": "AZN"});
    let made = admin.post("teacher/payments", payment.clone()).await?;
    assert_eq!((made.status, &made.body["status"]), (StatusCode::CREATED, &json!("paid")));
    for query in [format!("?groupId={}", town.group), format!("?studentId={}", town.pupil), String::new()] {
        assert_eq!(admin.get(&format!("teacher/payments{query}")).await?.rows().len(), 1, "{query}");
    }
    assert_eq!(admin.get(&format!("teacher/payments?studentId={}", town.teacher)).await?.rows(), Vec::<Value>::new());
    assert_eq!(teacher.get("teacher/payments").await?.rows(), Vec::<Value>::new(), "money is not the teacher's");
    assert_eq!(teacher.post("teacher/payments", payment.clone()).await?.refusal().0, "not_allowed");
    assert_eq!(teacher.delete(&format!("teacher/payments/{}", made.id())).await?.refusal().0, "not_found");
    let mut negative = payment;
    negative["amount_minor"] = json!(-1);
    assert_eq!(admin.post("teacher/payments", negative).await?.refusal().1, ["amount_minor"]);
    assert_eq!(admin.get("teacher/payments?groupId=x").await?.refusal(), refused("bad_value", &["group_id"]));
    assert!(admin.delete(&format!("teacher/payments/{}", made.id())).await?.status.is_success());
    assert_eq!(admin.get("teacher/payments").await?.rows(), Vec::<Value>::new());
    Ok(())
}

#[tokio::test]
async fn accounts_are_imported_row_by_row() -> Outcome<()> {
    let mut town = Town::open().await?;
    let (admin, teacher) = (town.sign_in("admin").await?, town.sign_in("teacher").await?);
    let csv = "\u{feff}user_name,full_name,role,deleted_at\nşəki,Şəki Əliyev,learner,\nqax,Qax,captain,\nucar,Ucar,learner,maybe\n";
    let imported = admin.post("teacher/bulk-import/users", json!({"csv": csv})).await?;
    assert_eq!((imported.status, &imported.body["made"]), (StatusCode::OK, &json!(1)), "{imported:?}");
    let rows = &imported.body["rows"];
    assert!(rows[0]["id"].is_string() && rows[0]["problem"].is_null(), "{rows}");
    assert_eq!((&rows[1]["problem"]["code"], &rows[1]["problem"]["fields"]), (&json!("bad_value"), &json!(["role"])));
    assert_eq!((&rows[2]["problem"]["code"], &rows[2]["problem"]["fields"]), (&json!("bad_value"), &json!(["deleted_at"])));
    assert_eq!(town.school.value("SELECT full_name FROM users WHERE user_name = 'şəki'").await?, "Şəki Əliyev");

    let of_teacher = teacher.post("teacher/bulk-import/users", json!({"csv": "user_name,full_name,role\nx,X,learner\n"})).await?;
    assert_eq!((&of_teacher.body["made"], &of_teacher.body["rows"][0]["problem"]["code"]), (&json!(0), &json!("not_allowed")));
    for bad in ["", "user_name,full_name\n", "a,b\n1\n"] {
        assert_eq!(
            admin.post("teacher/bulk-import/users", json!({"csv": bad})).await?.refusal(),
            refused("bad_request", &["csv"]),
            "{bad}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn coding_tasks_are_imported_changed_and_ranked() -> Outcome<()> {
    let mut town = Town::open().await?;
    let (teacher, pupil) = (town.sign_in("teacher").await?, town.sign_in("pupil").await?);
    let task = json!({"title": "Sum", "points": 10, "test_cases": [{"input": "1 2", "expected": "3"}, {"input": "2 2", "expected": "4"}]});
    let bad = json!({"title": "Bad", "difficulty": "extreme"});
    let imported = teacher.post("teacher/coding/import", json!({"tasks": [task, bad]})).await?;
    assert_eq!(
        (&imported.body["made"], &imported.body["rows"][1]["problem"]["fields"]),
        (&json!(1), &json!(["difficulty"])),
        "{imported:?}"
    );
    assert_eq!(town.school.count("coding_test_cases").await?, 2);
    let sum = imported.body["rows"][0]["id"].as_str().ok_or("an id")?.to_owned();
    assert_eq!(
        pupil.post("teacher/coding/import", json!({"tasks": [{"title": "Mine"}]})).await?.body["rows"][0]["problem"]["code"],
        "not_allowed"
    );
    assert_eq!(teacher.post("teacher/coding/import", json!({"tasks": []})).await?.refusal(), refused("bad_request", &["tasks"]));

    let made = teacher.post("teacher/coding/tasks", json!({"title": "Product"})).await?;
    assert_eq!(made.status, StatusCode::CREATED);
    let path = format!("teacher/coding/tasks/{}", made.id());
    assert_eq!(teacher.patch(&path, json!({"points": 5})).await?.body["points"], 5);
    assert_eq!(teacher.patch(&path, json!({"points": -1})).await?.refusal().1, ["points"]);
    assert_eq!(pupil.patch(&path, json!({"points": 50})).await?.refusal().0, "not_allowed");
    assert_eq!(pupil.post("teacher/coding/tasks", json!({"title": "Mine"})).await?.refusal().0, "not_allowed");
    assert_eq!(pupil.delete(&path).await?.refusal().0, "not_allowed");
    assert_eq!(teacher.get("teacher/coding/tasks").await?.rows().len(), 2);
    assert!(teacher.delete(&path).await?.status.is_success());
    assert_eq!(teacher.get("teacher/coding/tasks").await?.rows().len(), 1);

    let handed_in = json!({"id": Uuid::now_v7(), "coding_task_id": sum, "user_id": town.pupil, "submitted_at": "2026-03-02T09:00:00Z",
        "submitted_code": "print(3)", "group_id": town.group, "status": "passed"});
    town.school.insert("coding_submissions", handed_in).await?;
    let of_pupil = format!("teacher/coding/submissions?studentId={}", town.pupil);
    assert_eq!(teacher.get(&of_pupil).await?.rows().len(), 1);
    assert_eq!(
        town.sign_in("parent").await?.get(&format!("teacher/coding/submissions?studentId={}", town.teacher)).await?.rows(),
        Vec::<Value>::new()
    );
    assert_eq!(teacher.get("teacher/coding/submissions?studentId=x").await?.refusal().0, "bad_value");
    let ranking = teacher.get(&format!("teacher/coding/ranking?groupId={}", town.group)).await?;
    assert_eq!(ranking.body, json!([{"student_id": town.pupil, "place": 1, "solved": 1, "points": 10, "attempts": 1}]));
    assert_eq!(teacher.get("teacher/coding/ranking?groupId=x").await?.refusal(), refused("bad_value", &["groupId"]));
    assert_eq!(town.sign_in("stranger").await?.get("teacher/coding/ranking").await?.body, json!([]));
    Ok(())
}

#[tokio::test]
async fn tests_get_an_answer_key_and_the_key_another_answer() -> Outcome<()> {
    let mut town = Town::open().await?;
    let (teacher, pupil) = (town.sign_in("teacher").await?, town.sign_in("pupil").await?);
    let made = teacher.post("teacher/tests", json!({"title": "On paper", "kind": "exam"})).await?;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    assert_eq!(teacher.get("teacher/tests").await?.rows().len(), 1);
    assert_eq!(pupil.get("teacher/tests").await?.rows(), Vec::<Value>::new());
    assert_eq!(pupil.post("teacher/tests", json!({"title": "Mine"})).await?.refusal().0, "not_allowed");
    assert_eq!(teacher.post("teacher/tests", json!({"title": "x", "passing_percent": 101})).await?.refusal().1, ["passing_percent"]);

    let path = format!("teacher/tests/{}/answer-key", made.id());
    let first = teacher.post(&path, json!({"mcq_answers": {"1": "A"}})).await?;
    assert_eq!((first.status, &first.body["mcq_answers"]), (StatusCode::CREATED, &json!({"1": "A"})));
    let second = teacher.put(&path, json!({"mcq_answers": {"1": "B"}})).await?;
    assert_eq!((second.status, &second.body["mcq_answers"]), (StatusCode::OK, &json!({"1": "B"})));
    assert_eq!(town.school.count("answer_keys").await?, 1);
    for method in [Method::POST, Method::PUT] {
        assert_eq!(pupil.ask(method.clone(), &path, Some(json!({"mcq_answers": {}}))).await?.refusal().0, "not_found");
        assert_eq!(teacher.ask(method, &path, Some(json!({"mcq": {}}))).await?.refusal(), refused("unknown_column", &["mcq"]));
    }
    Ok(())
}

#[tokio::test]
async fn pupils_see_their_attendance_and_parents_their_children() -> Outcome<()> {
    let town = Town::open().await?;
    let (admin, teacher) = (town.sign_in("admin").await?, town.sign_in("teacher").await?);
    for (day, status) in [("2026-03-02", "present"), ("2026-03-03", "absent")] {
        let cell = json!({"group_id": town.group, "student_id": town.pupil, "lesson_date": day, "status": status});
        assert_eq!(teacher.put("teacher/attendance", cell).await?.status, StatusCode::CREATED);
    }
    let owed = json!({"student_id": town.pupil, "payment_date": "2026-03-01", "amount_minor": 700, "currency": "AZN", "status": "unpaid"});
    assert_eq!(admin.post("teacher/payments", owed).await?.status, StatusCode::CREATED);
    let summary = json!({"present": 1, "late": 0, "absent": 1, "excused": 0, "percent": 50.0});
    let own = town.sign_in("pupil").await?.get("student/attendance").await?;
    assert_eq!((&own.body["summary"], own.rows().len()), (&summary, 2));
    let children = town.sign_in("parent").await?.get("parent/children").await?;
    let child = json!({
        "student_id": town.pupil, "full_name": "Full pupil", "attendance": summary,
        "balances": [{"currency": "AZN", "paid_minor": 0, "owed_minor": 700}],
    });
    assert_eq!(children.body, json!([child]));
    // A teacher has neither children nor own attendance, and a request without a session is refused.
    assert_eq!(teacher.get("parent/children").await?.body, json!([]));
    assert_eq!(teacher.get("student/attendance").await?.rows(), Vec::<Value>::new());
    let nobody = FrontEnd { token: "none".into(), ..teacher };
    for path in ["student/attendance", "parent/children"] {
        assert_eq!(nobody.get(path).await?.refusal().0, "token_expired", "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn a_token_that_only_reads_writes_nothing_here_either() -> Outcome<()> {
    let town = Town::open().await?;
    let caller = waystation_tests::caller::Caller::sign_in(&town.server.url(), "teacher").await?;
    let program = waystation_tests::program::Program::of(&caller, false).await?;
    let reads = FrontEnd { client: reqwest::Client::new(), url: town.server.url(), token: program.secret };
    assert_eq!(reads.get("teacher/groups").await?.rows().len(), 1);
    let refused = reads.post("teacher/groups", json!({"teacher_id": town.teacher, "name": "x"})).await?;
    assert_eq!(refused.refusal().0, "not_allowed");
    let csv = reads.post("teacher/bulk-import/users", json!({"csv": "user_name,full_name,role\nx,X,learner\n"})).await?;
    assert_eq!(csv.refusal().0, "not_allowed");
    Ok(())
}

#[tokio::test]
async fn a_laptops_token_and_unsupported_headers_are_refused() -> Outcome<()> {
    let town = Town::open().await?;
    let teacher = town.sign_in("teacher").await?;
    for header in ["idempotency-key", "if-match"] {
        let request = teacher.client.post(format!("{}/api/teacher/groups", teacher.url)).bearer_auth(&teacher.token);
        let answer = answer_of(request.header(header, "1").json(&json!({"name": "Qrup9"})).send().await?).await?;
        assert_eq!(answer.refusal(), refused("bad_request", &[header]));
    }
    let laptop = Caller::sign_in(&town.server.url(), "teacher").await?;
    let answer = laptop.request(Method::POST, "/api/teacher/groups").json(&json!({"name": "Qrup9"})).send().await?;
    assert_eq!(answer_of(answer).await?.refusal().0, "not_allowed");
    Ok(())
}
