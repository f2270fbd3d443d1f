//! The database defends the rules of the domain against plain SQL, numbers receipts and certificates, and counts in its views.

use serde_json::{Value, json};
use uuid::Uuid;
use waystation_tests::Outcome;
use waystation_tests::school::{Course, School, open};

/// The code under which a trigger refuses the change of a key.
const KEY_CHANGED: &str = "WS001";

/// The constraint that refuses this row.
async fn refusal(school: &mut School, table: &str, row: Value) -> Outcome<String> {
    match school.insert(table, row.clone()).await {
        Ok(_) => Err(format!("{table} takes {row}").into()),
        Err(error) => constraint_of(error),
    }
}

async fn refusal_of(school: &mut School, sql: &str) -> Outcome<String> {
    match school.run(sql).await {
        Ok(()) => Err(format!("nothing refuses {sql}").into()),
        Err(error) => constraint_of(error),
    }
}

fn constraint_of(error: Box<dyn std::error::Error + Send + Sync>) -> Outcome<String> {
    let text = error.to_string();
    let error = error.downcast::<sqlx::Error>()?;
    let error = error.as_database_error().ok_or(text)?;
    // Triggers that guard keys name no constraint.
    Ok(error.constraint().map_or_else(|| error.code().unwrap_or_default().into_owned(), str::to_owned))
}

/// `row` with these values as well.
fn with(row: &Value, more: Value) -> Value {
    let mut row = row.clone();
    row.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    row
}

/// A learner in an instructor's course.
async fn class(school: &mut School) -> Outcome<(Uuid, Uuid, Course)> {
    let (instructor, learner) = (school.person("instructor", "teaches").await?, school.person("learner", "learns").await?);
    let course = school.course(Some(instructor), "published", 1).await?;
    school.enrol(learner, &course).await?;
    Ok((instructor, learner, course))
}

/// Columns without a default in the database.
fn id() -> Value {
    json!({"id": Uuid::now_v7()})
}

#[tokio::test]
async fn departments_have_one_code_each_and_leave_nobody_behind() -> Outcome<()> {
    let (_server, mut school) = open().await?;
    let lead = school.person("teacher", "leads").await?;
    let department = with(&id(), json!({"name": "Fire safety", "code": "FS", "manager_id": lead, "is_active": true}));
    let first = school.insert("departments", department.clone()).await?;
    let again = with(&department, id());
    assert_eq!(refusal(&mut school, "departments", again.clone()).await?, "departments_code_key");
    assert_eq!(refusal(&mut school, "departments", with(&again, json!({"code": ""}))).await?, "departments_code_check");
    let missing = json!({"code": "B", "manager_id": Uuid::now_v7()});
    assert_eq!(refusal(&mut school, "departments", with(&again, missing)).await?, "departments_manager_id_fkey");
    let course = school.course(None, "draft", 0).await?;
    school
        .run(format!("UPDATE users SET department_id = '{first}' WHERE id = '{lead}'; UPDATE courses SET department_id = '{first}'"))
        .await?;
    assert_eq!(school.value("SELECT department_id FROM staff_cards").await?, json!(first));
    let unknown = format!("UPDATE users SET department_id = '{}' WHERE id = '{lead}'", Uuid::now_v7());
    assert_eq!(refusal_of(&mut school, &unknown).await?, "users_department_id_fkey");
    school.run("DELETE FROM departments").await?;
    assert_eq!(school.column("users", lead, "department_id").await?, Value::Null);
    assert_eq!(school.column("courses", course.id, "department_id").await?, Value::Null);
    assert_eq!(school.value("SELECT department_id FROM staff_cards").await?, Value::Null);
    Ok(())
}

#[tokio::test]
async fn prerequisites_make_no_cycle() -> Outcome<()> {
    let (_server, mut school) = open().await?;
    let mut courses = Vec::new();
    for _ in 0..3 {
        courses.push(school.course(None, "published", 0).await?.id);
    }
    let needs =
        |of: usize, before: usize| json!({"course_id": courses[of], "prerequisite_course_id": courses[before], "is_mandatory": true});
    let cycle = "course_prerequisites_prerequisite_course_id_check";
    assert_eq!(refusal(&mut school, "course_prerequisites", needs(0, 0)).await?, cycle);
    let first = school.insert("course_prerequisites", needs(0, 1)).await?;
    assert_eq!(refusal(&mut school, "course_prerequisites", needs(0, 1)).await?, "course_prerequisites_pkey");
    assert_eq!(refusal(&mut school, "course_prerequisites", needs(1, 0)).await?, cycle);
    school.insert("course_prerequisites", needs(1, 2)).await?;
    assert_eq!(refusal(&mut school, "course_prerequisites", needs(2, 0)).await?, cycle);
    // A change of a row that is in no cycle is none.
    school.run(format!("UPDATE course_prerequisites SET is_mandatory = false WHERE id = '{first}'")).await?;
    let (organization, one, other) =
        (school.organization, school.course(None, "draft", 0).await?.id, school.course(None, "draft", 0).await?.id);
    let both = format!(
        "INSERT INTO course_prerequisites (organization_id, course_id, prerequisite_course_id) \
         SELECT '{organization}', c.a, c.b FROM (VALUES ('{one}'::uuid, '{other}'::uuid), ('{other}'::uuid, '{one}'::uuid)) AS c(a, b)"
    );
    assert_eq!(refusal_of(&mut school, &both).await?, cycle, "two rows of one statement");
    Ok(())
}

#[tokio::test]
async fn a_step_is_a_course_or_a_test_and_is_published_with_its_path() -> Outcome<()> {
    let (_server, mut school) = open().await?;
    let course = school.course(None, "published", 0).await?;
    let test = school.test(&course, "quiz", "server", &[]).await?;
    let path = school.insert("learning_paths", with(&id(), json!({"title": "Path", "description": "", "status": "draft"}))).await?;
    let step = with(&id(), json!({"learning_path_id": path, "position": 0}));
    assert_eq!(refusal(&mut school, "path_steps", step.clone()).await?, "path_steps_course_id_check");
    let both = with(&step, json!({"course_id": course.id, "assessment_id": test.id}));
    assert_eq!(refusal(&mut school, "path_steps", both).await?, "path_steps_course_id_check");
    let step = school.insert("path_steps", with(&step, json!({"assessment_id": test.id}))).await?;
    assert_eq!(school.column("path_steps", step, "published").await?, json!(false));
    school.run("UPDATE learning_paths SET status = 'published'").await?;
    assert_eq!(school.column("path_steps", step, "published").await?, json!(true));
    assert_eq!(refusal_of(&mut school, "UPDATE learning_paths SET status = 'gone'").await?, "learning_paths_status_check");
    Ok(())
}

#[tokio::test]
async fn payments_are_numbered_without_gaps_and_never_rewritten() -> Outcome<()> {
    let (_server, mut school) = open().await?;
    let learner = school.person("learner", "learns").await?;
    let row = |status: &str, amount: i64, currency: &str| json!({"id": Uuid::now_v7(), "student_id": learner, "payment_date": "2026-03-02", "amount_minor": amount, "currency": currency, "method": "cash", "status": status});
    for (more, constraint) in [
        (json!({"amount_minor": 0}), "payments_amount_minor_check"),
        (json!({"currency": "azn"}), "payments_currency_check"),
        (json!({"method": "shells"}), "payments_method_check"),
        (json!({"status": "late"}), "payments_status_check"),
        (json!({"student_id": Uuid::now_v7()}), "payments_student_id_fkey"),
    ] {
        assert_eq!(refusal(&mut school, "payments", with(&row("paid", 100, "AZN"), more)).await?, constraint);
    }
    let first = school.insert("payments", row("paid", 10_000, "AZN")).await?;
    let imported = school.insert("payments", with(&row("partial", 2_000, "AZN"), json!({"receipt_number": "R-00000002"}))).await?;
    let third = school.insert("payments", row("unpaid", 15_000, "AZN")).await?;
    for (payment, receipt) in [(first, "R-00000001"), (imported, "R-00000002"), (third, "R-00000003")] {
        assert_eq!(school.column("payments", payment, "receipt_number").await?, receipt);
    }
    let taken = with(&row("paid", 1, "AZN"), json!({"receipt_number": "R-00000003"}));
    assert_eq!(refusal(&mut school, "payments", taken).await?, "payments_receipt_number_key");
    for sql in ["UPDATE payments SET receipt_number = NULL", "DELETE FROM payments"] {
        assert_eq!(refusal_of(&mut school, sql).await?, "payments_append_only_check", "{sql}");
    }
    for column in ["amount_minor = 1", "currency = 'USD'", "method = 'card'", "payment_date = '2026-03-03'"] {
        assert_eq!(refusal_of(&mut school, &format!("UPDATE payments SET {column}")).await?, KEY_CHANGED, "{column}");
    }
    school.insert("payments", row("cancelled", 70_000, "AZN")).await?;
    school.insert("payments", row("paid", 500, "EUR")).await?;
    let gone = school.insert("payments", row("paid", 900, "EUR")).await?;
    school.run(format!("UPDATE payments SET deleted_at = now() WHERE id = '{gone}'")).await?;
    let balances = school
        .value(
            "SELECT jsonb_agg(jsonb_build_array(currency, paid_minor, owed_minor, balance_minor) ORDER BY currency) FROM student_balances",
        )
        .await?;
    assert_eq!(balances, json!([["AZN", 12_000, 15_000, -3_000], ["EUR", 500, 0, 500]]));
    Ok(())
}

#[tokio::test]
async fn purchases_and_subscriptions_keep_their_times() -> Outcome<()> {
    let (_server, mut school) = open().await?;
    let (_, learner, course) = class(&mut school).await?;
    let purchase = json!({"id": Uuid::now_v7(), "user_id": learner, "course_id": course.id, "amount_minor": 0, "currency": "EUR", "status": "completed", "stripe_checkout_session_id": "cs_1"});
    let bought = school.insert("purchases", purchase.clone()).await?;
    assert!(school.column("purchases", bought, "purchased_at").await?.is_string());
    let again = with(&purchase, id());
    assert_eq!(refusal(&mut school, "purchases", again.clone()).await?, "purchases_stripe_checkout_session_id_key");
    let refunded = with(&again, json!({"status": "refunded", "stripe_checkout_session_id": null}));
    assert_eq!(refusal(&mut school, "purchases", refunded).await?, "purchases_purchased_at_check");
    let plan = json!({"id": Uuid::now_v7(), "name": "Year", "price_minor": 1, "currency": "EUR", "billing_cycle": "yearly", "features": {}, "is_active": true});
    assert_eq!(
        refusal(&mut school, "subscription_plans", with(&plan, json!({"price_minor": -1}))).await?,
        "subscription_plans_price_minor_check"
    );
    assert_eq!(
        refusal(&mut school, "subscription_plans", with(&plan, json!({"billing_cycle": "never"}))).await?,
        "subscription_plans_billing_cycle_check"
    );
    let plan = school.insert("subscription_plans", plan).await?;
    let ends_first = json!({"id": Uuid::now_v7(), "user_id": learner, "subscription_plan_id": plan, "status": "active", "starts_at": "2026-03-02T00:00:00Z", "ends_at": "2026-03-01T00:00:00Z"});
    assert_eq!(refusal(&mut school, "subscriptions", ends_first.clone()).await?, "subscriptions_ends_at_check");
    school.insert("subscriptions", with(&ends_first, json!({"ends_at": null}))).await?;
    assert_eq!(refusal_of(&mut school, "DELETE FROM subscription_plans").await?, "subscriptions_subscription_plan_id_fkey");
    Ok(())
}

#[tokio::test]
async fn announcements_and_messages_have_an_audience_and_no_cycle() -> Outcome<()> {
    let (_server, mut school) = open().await?;
    let (instructor, learner, course) = class(&mut school).await?;
    let department = school.insert("departments", with(&id(), json!({"name": "D", "code": "D", "is_active": true}))).await?;
    let news = json!({"id": Uuid::now_v7(), "title": "News", "content": "x", "priority": "normal", "is_pinned": false});
    let two = json!({"course_id": course.id, "department_id": department});
    assert_eq!(refusal(&mut school, "announcements", with(&news, two)).await?, "announcements_department_id_check");
    let over = json!({"published_at": "2026-03-02T00:00:00Z", "expires_at": "2026-03-02T00:00:00Z"});
    assert_eq!(refusal(&mut school, "announcements", with(&news, over)).await?, "announcements_expires_at_check");
    assert_eq!(refusal(&mut school, "announcements", with(&news, json!({"content": ""}))).await?, "announcements_content_check");
    assert_eq!(refusal(&mut school, "announcements", with(&news, json!({"priority": "x"}))).await?, "announcements_priority_check");
    let news = school.insert("announcements", news).await?;
    assert_eq!(school.column("announcements", news, "audience").await?, "administrators");
    school.run("UPDATE announcements SET published_at = now()").await?;
    assert_eq!(school.column("announcements", news, "audience").await?, "organization");

    let message = |id: Uuid, parent: Option<Uuid>| json!({"id": id, "sender_id": learner, "recipient_id": instructor, "parent_message_id": parent, "content": "x", "is_archived": false});
    let (first, second, third) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let to_nobody = with(&message(first, None), json!({"recipient_id": null}));
    assert_eq!(refusal(&mut school, "messages", to_nobody).await?, "messages_recipient_id_check");
    let read_by_nobody =
        with(&message(first, None), json!({"recipient_id": null, "course_id": course.id, "read_at": "2026-03-02T00:00:00Z"}));
    assert_eq!(refusal(&mut school, "messages", read_by_nobody).await?, "messages_read_at_check");
    assert_eq!(refusal(&mut school, "messages", message(first, Some(first))).await?, "messages_parent_message_id_check");
    school.insert("messages", message(first, None)).await?;
    school.insert("messages", message(second, Some(first))).await?;
    school.insert("messages", message(third, Some(second))).await?;
    let back = format!("UPDATE messages SET parent_message_id = '{third}' WHERE id = '{first}'");
    assert_eq!(refusal_of(&mut school, &back).await?, KEY_CHANGED);
    let (organization, one, other) = (school.organization, Uuid::now_v7(), Uuid::now_v7());
    let each_other = format!(
        "INSERT INTO messages (id, organization_id, sender_id, recipient_id, content, parent_message_id) \
         SELECT m.id, '{organization}', '{learner}', '{instructor}', 'x', m.parent \
         FROM (VALUES ('{one}'::uuid, '{other}'::uuid), ('{other}'::uuid, '{one}'::uuid)) AS m(id, parent)"
    );
    assert_eq!(refusal_of(&mut school, &each_other).await?, "messages_parent_message_id_check", "two rows of one statement");
    assert_eq!(refusal_of(&mut school, &format!("DELETE FROM messages WHERE id = '{second}'")).await?, "messages_parent_message_id_fkey");
    assert_eq!(school.column("messages", third, "sender_name").await?, "Full learns");
    Ok(())
}

#[tokio::test]
async fn sessions_have_a_time_and_places_and_count_who_came() -> Outcome<()> {
    let (_server, mut school) = open().await?;
    let (instructor, learner, _) = class(&mut school).await?;
    let session = json!({"id": Uuid::now_v7(), "title": "Exercise", "description": "", "instructor_id": instructor, "session_type": "live", "status": "scheduled", "starts_at": "2026-03-02T09:00:00Z", "ends_at": "2026-03-02T10:00:00Z", "participants_max": 2});
    for (more, constraint) in [
        (json!({"ends_at": "2026-03-02T09:00:00Z"}), "training_sessions_ends_at_check"),
        (json!({"participants_max": 0}), "training_sessions_participants_max_check"),
        (json!({"session_type": "party"}), "training_sessions_session_type_check"),
        (json!({"status": "late"}), "training_sessions_status_check"),
    ] {
        assert_eq!(refusal(&mut school, "training_sessions", with(&session, more)).await?, constraint);
    }
    let session = school.insert("training_sessions", session).await?;
    let comes =
        |user: Uuid, of: Uuid| json!({"training_session_id": session, "user_id": user, "instructor_id": of, "status": "registered"});
    let forged = refusal(&mut school, "session_attendances", comes(learner, learner)).await?;
    assert_eq!(forged, "session_attendances_training_session_id_fkey", "the instructor is the session's");
    let first = school.insert("session_attendances", comes(learner, instructor)).await?;
    let second = school.person("learner", "second").await?;
    school.insert("session_attendances", comes(second, instructor)).await?;
    let third = school.person("learner", "third").await?;
    assert_eq!(refusal(&mut school, "session_attendances", comes(third, instructor)).await?, "session_attendances_room_check");
    school.run(format!("UPDATE session_attendances SET status = CASE WHEN id = '{first}' THEN 'attended' ELSE 'absent' END")).await?;
    let left = "UPDATE session_attendances SET checked_in_at = '2026-03-02T09:00Z', checked_out_at = '2026-03-02T08:00Z'";
    assert_eq!(refusal_of(&mut school, left).await?, "session_attendances_checked_out_at_check");
    let statistics =
        school.value("SELECT jsonb_build_array(registered, attended, absent, excused, percent_attended) FROM session_statistics").await?;
    assert_eq!(statistics, json!([2, 1, 1, 0, 50]));
    school.run(format!("UPDATE users SET full_name = 'New name' WHERE id = '{learner}'")).await?;
    assert_eq!(school.column("session_attendances", first, "display_name").await?, "New name");
    // Another instructor takes the session over, and its marks with it.
    let other = school.person("instructor", "takes over").await?;
    school.run(format!("UPDATE training_sessions SET instructor_id = '{other}'")).await?;
    assert_eq!(school.column("session_attendances", first, "instructor_id").await?, json!(other));
    Ok(())
}

#[tokio::test]
async fn a_submission_needs_an_enrollment_and_a_score_its_maximum() -> Outcome<()> {
    let (_server, mut school) = open().await?;
    let (_, learner, course) = class(&mut school).await?;
    let assignment = json!({"id": Uuid::now_v7(), "course_id": course.id, "module_id": course.module, "title": "Draw", "description": "", "instructions": "", "score_max": 50, "is_required": true});
    assert_eq!(refusal(&mut school, "assignments", with(&assignment, json!({"score_max": 0}))).await?, "assignments_score_max_check");
    let elsewhere = school.course(None, "draft", 0).await?;
    let foreign = with(&assignment, json!({"module_id": elsewhere.module}));
    assert_eq!(refusal(&mut school, "assignments", foreign).await?, "assignments_module_id_fkey", "a module of another course");
    let assignment = school.insert("assignments", assignment).await?;
    let work = json!({"assignment_id": assignment, "user_id": learner, "course_id": course.id, "submitted_at": "2026-03-02T09:00:00Z", "status": "submitted", "media_asset_ids": []});
    let stranger = school.person("learner", "stranger").await?;
    for (more, constraint) in [
        (json!({"user_id": stranger}), "assignment_submissions_user_id_fkey"),
        (json!({"score_raw": -1}), "assignment_submissions_score_raw_check"),
        (json!({"score_raw": 50.5}), "assignment_submissions_score_raw_check"),
        (json!({"media_asset_ids": {}}), "assignment_submissions_media_asset_ids_check"),
        (json!({"status": "lost"}), "assignment_submissions_status_check"),
    ] {
        assert_eq!(refusal(&mut school, "assignment_submissions", with(&work, more)).await?, constraint);
    }
    school.insert("assignment_submissions", with(&work, json!({"score_raw": 50}))).await?;
    assert_eq!(refusal(&mut school, "assignment_submissions", work).await?, "assignment_submissions_pkey", "one per learner");
    let test = school.test(&course, "quiz", "server", &[]).await?.id;
    let given = json!({"id": Uuid::now_v7(), "assessment_id": test});
    assert_eq!(refusal(&mut school, "assessment_assignments", given.clone()).await?, "assessment_assignments_group_id_check");
    let closed = json!({"user_id": learner, "available_from": "2026-03-02T00:00:00Z", "available_to": "2026-03-01T00:00:00Z"});
    assert_eq!(refusal(&mut school, "assessment_assignments", with(&given, closed)).await?, "assessment_assignments_available_to_check");
    school.insert("assessment_assignments", with(&given, json!({"user_id": learner}))).await.map(drop)
}

#[tokio::test]
async fn certificates_are_numbered_and_what_is_invalid_has_a_date() -> Outcome<()> {
    let (_server, mut school) = open().await?;
    let (_, learner, course) = class(&mut school).await?;
    let template = json!({"id": Uuid::now_v7(), "name": "Plain", "template_html": "<p/>", "fields": {}, "is_default": true});
    let plain = school.insert("certificate_templates", template.clone()).await?;
    assert_eq!(refusal(&mut school, "certificate_templates", with(&template, id())).await?, "certificate_templates_is_default_key");
    school.run(format!("UPDATE courses SET certificate_template_id = '{plain}'")).await?;
    let certificate =
        json!({"user_id": learner, "course_id": course.id, "certificate_template_id": plain, "issued_at": "2026-03-02T00:00:00Z"});
    let row = |more: Value| with(&with(&id(), certificate.clone()), more);
    let stranger = school.person("learner", "stranger").await?;
    for (more, constraint) in [
        (json!({"user_id": stranger}), "certificates_user_id_fkey"),
        (json!({"expires_at": "2026-03-01T00:00:00Z"}), "certificates_expires_at_check"),
        (json!({"revoked_reason": "x"}), "certificates_revoked_reason_check"),
    ] {
        assert_eq!(refusal(&mut school, "certificates", row(more)).await?, constraint);
    }
    school.run("ALTER SEQUENCE certificate_seq RESTART").await?;
    let imported = school.insert("certificates", row(json!({"certificate_number": "CERT-2026-00000001"}))).await?;
    let next = school.insert("certificates", row(json!({"expires_at": "2027-03-02T00:00:00Z"}))).await?;
    assert_eq!(school.column("certificates", imported, "certificate_number").await?, "CERT-2026-00000001");
    assert_eq!(school.column("certificates", next, "certificate_number").await?, "CERT-2026-00000002");
    assert_eq!(school.column("certificates", next, "holder_name").await?, "Full learns");
    let renumbered = format!("UPDATE certificates SET certificate_number = 'X' WHERE id = '{next}'");
    assert_eq!(refusal_of(&mut school, &renumbered).await?, "certificates_number_stays_check");
    school.run(format!("UPDATE certificates SET revoked_at = '2026-06-01T00:00:00Z' WHERE id = '{imported}'")).await?;
    let valid = "SELECT jsonb_agg(certificate_is_valid(c, m) ORDER BY c.certificate_number, m) FROM certificates c, \
                 unnest('{2026-03-01, 2026-05-01, 2026-06-01, 2027-03-02}'::timestamptz[]) AS m";
    assert_eq!(school.value(valid).await?, json!([false, true, false, false, false, true, true, false]));

    let badge = json!({"id": Uuid::now_v7(), "name": "Aid", "image_url": "https://example.org/aid.png", "criteria": {}});
    assert_eq!(refusal(&mut school, "badges", with(&badge, json!({"image_url": ""}))).await?, "badges_image_url_check");
    let badge = school.insert("badges", badge).await?;
    let earned = json!({"user_id": learner, "badge_id": badge, "earned_at": "2026-03-02T00:00:00Z"});
    school.insert("user_badges", earned.clone()).await?;
    assert_eq!(refusal(&mut school, "user_badges", earned.clone()).await?, "user_badges_pkey", "also without a course");
    school.insert("user_badges", with(&earned, json!({"course_id": course.id}))).await?;
    let stats = format!("SELECT jsonb_build_array(badges_earned, certificates_valid) FROM user_stats WHERE user_id = '{learner}'");
    school.run(format!("UPDATE certificates SET expires_at = NULL WHERE id = '{next}'")).await?;
    let valid_now = school.value("SELECT count(*) FROM certificates c WHERE certificate_is_valid(c, now())").await?;
    assert_eq!(school.value(stats).await?, json!([2, valid_now]));
    assert_eq!(refusal_of(&mut school, "DELETE FROM certificate_templates").await?, "certificates_certificate_template_id_fkey");
    let unused = with(&with(&template, id()), json!({"is_default": false}));
    let unused = school.insert("certificate_templates", unused).await?;
    school.run(format!("UPDATE courses SET certificate_template_id = '{unused}'")).await?;
    school.run(format!("DELETE FROM certificate_templates WHERE id = '{unused}'")).await?;
    assert_eq!(school.column("courses", course.id, "certificate_template_id").await?, Value::Null);
    Ok(())
}

#[tokio::test]
async fn a_row_from_another_program_keeps_its_times() -> Outcome<()> {
    let (_server, mut school) = open().await?;
    let course = school.course(None, "published", 1).await?;
    let learner = school.person("learner", "lale").await?;
    school.insert("enrollments", json!({"user_id": learner, "course_id": course.id, "started_at": "2019-01-01T00:00:00Z"})).await?;
    let then = "2020-05-04T10:00:00+00:00";
    let progress =
        json!({"user_id": learner, "course_id": course.id, "topic_id": course.topics[0], "created_at": then, "updated_at": then});
    let progress = school.insert("topic_progress", progress).await?;
    assert_eq!(school.column("topic_progress", progress, "updated_at").await?, json!(then));
    let active = format!("SELECT to_jsonb(last_active_at) FROM user_stats WHERE user_id = '{learner}'");
    assert_eq!(school.value(&active).await?, json!(then), "and with it the time when the person was last active");

    school.run(format!("UPDATE topic_progress SET percent = 50, updated_at = '{then}' WHERE id = '{progress}'")).await?;
    assert_ne!(school.column("topic_progress", progress, "updated_at").await?, json!(then), "a later change has its own time");

    let later = json!({"id": Uuid::now_v7(), "name": "Pumps", "code": "P", "updated_at": "2999-01-01T00:00:00+00:00"});
    let later = school.insert("departments", later).await?;
    let is_past = format!("SELECT to_jsonb(updated_at <= now()) FROM departments WHERE id = '{later}'");
    assert_eq!(school.value(is_past).await?, json!(true), "nothing was changed in the future");
    Ok(())
}

#[tokio::test]
async fn coding_is_ranked_by_points_and_hidden_cases_are_not_shown() -> Outcome<()> {
    let (_server, mut school) = open().await?;
    let teacher = school.person("teacher", "teaches").await?;
    let (first, second) = (school.person("learner", "first").await?, school.person("learner", "second").await?);
    let group = school.group(teacher, &[first]).await?;
    let topic = with(&id(), json!({"name": "Loops"}));
    school.insert("coding_topics", topic.clone()).await?;
    assert_eq!(refusal(&mut school, "coding_topics", with(&topic, id())).await?, "coding_topics_name_key");
    let task = json!({"id": Uuid::now_v7(), "title": "Sum", "description": "", "starter_code": "", "difficulty": "easy", "points": 10, "position": 0, "is_active": true});
    assert_eq!(refusal(&mut school, "coding_tasks", with(&task, json!({"difficulty": "odd"}))).await?, "coding_tasks_difficulty_check");
    assert_eq!(refusal(&mut school, "coding_tasks", with(&task, json!({"points": -1}))).await?, "coding_tasks_points_check");
    let task = school.insert("coding_tasks", task).await?;
    let case = |is_hidden: bool| json!({"id": Uuid::now_v7(), "coding_task_id": task, "input": "1", "expected": "1", "position": 0, "is_hidden": is_hidden});
    let (open_case, hidden) =
        (school.insert("coding_test_cases", case(false)).await?, school.insert("coding_test_cases", case(true)).await?);
    let mut shown = Vec::new();
    for change in ["is_active = true", "is_active = false", "deleted_at = now()", "is_active = true, deleted_at = NULL"] {
        school.run(format!("UPDATE coding_tasks SET {change}")).await?;
        for case in [open_case, hidden] {
            shown.push(school.column("coding_test_cases", case, "shown").await?);
        }
    }
    assert_eq!(json!(shown), json!([true, false, false, false, false, false, true, false]));

    let program = |user: Uuid, status: Option<&str>| json!({"id": Uuid::now_v7(), "coding_task_id": task, "user_id": user, "submitted_at": "2026-03-02T09:00:00Z", "submitted_code": "x", "status": status});
    let more = |more: Value| with(&program(first, None), more);
    for (row, constraint) in [
        (more(json!({"submitted_code": ""})), "coding_submissions_submitted_code_check"),
        (more(json!({"status": "won"})), "coding_submissions_status_check"),
        (more(json!({"passed_count": -1})), "coding_submissions_passed_count_check"),
        (more(json!({"user_id": Uuid::now_v7()})), "coding_submissions_user_id_fkey"),
    ] {
        assert_eq!(refusal(&mut school, "coding_submissions", row).await?, constraint);
    }
    school.insert("coding_submissions", program(first, Some("failed"))).await?;
    let again = school.insert("coding_submissions", program(first, Some("passed"))).await?;
    assert_eq!(school.column("coding_submissions", again, "attempt_number").await?, json!(2));
    assert_eq!(school.column("coding_submissions", again, "group_id").await?, json!(group));
    school.insert("coding_submissions", program(second, None)).await?;
    let progress =
        school.value("SELECT jsonb_agg(jsonb_build_array(user_id, status, score, attempts) ORDER BY user_id) FROM coding_progress").await?;
    assert_eq!(progress, json!([[first, "solved", 10, 2], [second, "tried", 0, 1]]));
    let ranking = school.value("SELECT jsonb_agg(jsonb_build_array(user_id, place, points) ORDER BY place) FROM coding_ranking").await?;
    assert_eq!(ranking, json!([[first, 1, 10], [second, 2, 0]]));
    Ok(())
}

#[tokio::test]
async fn progress_and_attendance_are_counted_and_never_above_everything() -> Outcome<()> {
    let (_server, mut school) = open().await?;
    let (_, learner, course) = class(&mut school).await?;
    let optional = with(&id(), json!({"course_id": course.id, "title": "Optional", "position": 1, "is_required": false}));
    school.insert("modules", optional).await?;
    let more = with(
        &id(),
        json!({"module_id": course.module, "course_id": course.id, "topic_id": course.topics[0], "kind": "text", "title": "Text", "position": 0}),
    );
    let item = school.insert("content_items", more).await?;
    // Content is done as well as topics: counted against modules, that would pass 100 %.
    school
        .insert("topic_progress", json!({"user_id": learner, "topic_id": course.topics[0], "course_id": course.id, "completed": true}))
        .await?;
    school
        .insert("content_progress", json!({"user_id": learner, "content_item_id": item, "course_id": course.id, "completed": true}))
        .await?;
    assert_eq!(school.value("SELECT jsonb_agg(percent) FROM module_progress").await?, json!([100]));
    let progress = school.value("SELECT jsonb_build_array(modules_completed, modules_total, percent) FROM course_progress").await?;
    assert_eq!(progress, json!([1, 1, 100]));

    let teacher = school.person("teacher", "marks").await?;
    let group = school.group(teacher, &[learner]).await?;
    for (day, status) in [(2, "present"), (3, "late"), (4, "absent"), (5, "excused")] {
        let mark = json!({"group_id": group, "student_id": learner, "lesson_date": format!("2026-03-0{day}"), "status": status});
        school.insert("attendance_records", mark).await?;
    }
    let attendance =
        school.value("SELECT jsonb_build_array(marked, percent_attended, percent_attended_unexcused) FROM attendance_statistics").await?;
    assert_eq!(attendance, json!([4, 50, 66.67]));
    Ok(())
}
