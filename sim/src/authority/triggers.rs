//! The database's triggers, table by table: see `migrations/server`.

use std::sync::Arc;

use serde_json::{Value, json};
use sync_server::failure::{Failure, Refusal};
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::ids::DERIVED_ID_NAMESPACE;
use waystation_model::merge::{Edit, Edits};
use waystation_model::registry::{Entity, NamedIn};
use waystation_model::rules::attempts;

use super::tables::{Row, id_in, set, value};
use super::writing::MemoryWriting;
use super::{constraints, domain, enrolling, table};

/// Tables whose triggers read parent rows, and the references that are checked before them: see `references_within` in
/// `migrations/server`.
const ASKED_FIRST: &[(&str, &[&str])] = &[
    ("enrollments", &["user_id", "course_id"]),
    ("assessments", &["topic_id"]),
    ("questions", &["assessment_id"]),
    ("question_options", &["question_id"]),
    ("answer_keys", &["assessment_id"]),
    ("assessment_attempts", &["user_id", "assessment_id"]),
    ("content_items", &["topic_id"]),
    ("payments", &["student_id", "group_id"]),
    ("coding_submissions", &["coding_task_id", "user_id"]),
];

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// Records the edits of tracked groups with the row's new stamp. A change without an edit is by plain SQL, and has the server's
/// time.
pub fn track(entity: &Entity, before: Option<&Row>, row: &mut Row, now_ms: i64) {
    for group in entity.tracked_groups() {
        let said = row.edits.get(group);
        let old = before.and_then(|before| before.edits.get(group));
        let changed = match before {
            None => match said {
                Some(edit) => edit.stamp == 0,
                None => entity.group_columns(group).any(|(index, _)| !row.values[index].is_null()),
            },
            Some(before) => entity.group_columns(group).any(|(index, _)| row.values[index] != before.values[index]) || said != old,
        };
        if !changed {
            continue;
        }
        let mut edit = match said {
            Some(said) if Some(said) != old => said.clone(),
            _ => Edit::of_sql(now_ms * 1000),
        };
        edit.fill_stamps(row.stamp);
        row.edits.insert(group.to_owned(), edit);
    }
}

/// BEFORE triggers: they fill in columns, or refuse the row.
pub fn before(writing: &MemoryWriting, entity: &'static Entity, id: &Uuid, before: Option<&Row>, row: &mut Row) -> Result<(), Failure> {
    let now = writing.now_ms();
    if before.is_none() {
        let asked_first = ASKED_FIRST.iter().find(|(table, _)| *table == entity.name);
        asked_first.map_or(Ok(()), |(_, columns)| constraints::references_within(writing, entity, columns, row))?;
        check_course_of_test(writing, entity, row)?;
        fill_module_of_topic(writing, entity, row);
        fill_published(writing, entity, row);
    }
    match entity.name {
        "users" => full_name(entity, row),
        "groups" => group_name(entity, row),
        "courses" => course(entity, id, row, now),
        "group_memberships" => {
            if before.is_none() {
                display_name(writing, entity, row);
            }
            complete_membership(entity, before, row, now);
        }
        "enrollments" => {
            if before.is_none() {
                display_name(writing, entity, row);
                enrolling::check_oneself(writing, entity, id, row)?;
            }
            return check_room(writing, entity, id, before, row);
        }
        "learning_paths" => {
            let published = value(entity, &row.values, "status") == "published";
            set(entity, &mut row.values, "published", published);
        }
        "path_steps" if before.is_none() => copy_published(writing, entity, row, "learning_path_id", table("learning_paths")),
        "coding_tasks" => {
            let published = value(entity, &row.values, "is_active") == true && value(entity, &row.values, "deleted_at").is_null();
            set(entity, &mut row.values, "published", published);
        }
        "coding_test_cases" => {
            if before.is_none() {
                copy_published(writing, entity, row, "coding_task_id", table("coding_tasks"));
            }
            let of = |name: &str| value(entity, &row.values, name) == true;
            let shown = of("published") && !of("is_hidden");
            set(entity, &mut row.values, "shown", shown);
        }
        "announcements" => announcement_audience(entity, row),
        "purchases" => {
            let completed = value(entity, &row.values, "status") == "completed";
            if completed && value(entity, &row.values, "purchased_at").is_null() {
                set(entity, &mut row.values, "purchased_at", now);
            }
        }
        "answer_keys" | "assessment_attempts" => return test_part(writing, entity, id, before, row),
        _ => return domain::before(writing, entity, id, before, row),
    }
    Ok(())
}

fn full_name(entity: &Entity, row: &mut Row) {
    let text = |name: &str| value(entity, &row.values, name).as_str().unwrap_or_default().to_owned();
    if text("full_name").is_empty() {
        let both = format!("{} {}", text("first_name"), text("last_name")).trim().to_owned();
        let name = [both, text("user_name"), text("email")].into_iter().find(|text| !text.is_empty()).unwrap_or_default();
        set(entity, &mut row.values, "full_name", name);
    }
}

fn group_name(entity: &Entity, row: &mut Row) {
    let text = |name: &str| value(entity, &row.values, name).as_str().map(str::to_owned);
    let mut days: Vec<i64> =
        value(entity, &row.values, "days_of_week").as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
    days.sort_unstable();
    days.dedup();
    let schedule: Vec<String> = [days_text(&days), text("start_time")].into_iter().flatten().collect();
    let called =
        text("code").map(|code| code.trim().to_owned()).filter(|code| !code.is_empty()).or_else(|| text("name")).unwrap_or_default();
    let name = if schedule.is_empty() { called } else { format!("{called}: {}", schedule.join(" ")) };
    set(entity, &mut row.values, "display_name", name);
}

/// Weekdays as people write them: three or more consecutive days become a range.
fn days_text(days: &[i64]) -> Option<String> {
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for day in days {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *day => *last = *day,
            _ => runs.push((*day, *day)),
        }
    }
    let text = |(first, last): &(i64, i64)| match last - first {
        0 => first.to_string(),
        1 => format!("{first},{last}"),
        _ => format!("{first}-{last}"),
    };
    (!runs.is_empty()).then(|| runs.iter().map(text).collect::<Vec<_>>().join(","))
}

fn course(entity: &Entity, id: &Uuid, row: &mut Row, now_ms: i64) {
    let published = value(entity, &row.values, "status") == "published" && value(entity, &row.values, "deleted_at").is_null();
    set(entity, &mut row.values, "published", published);
    if published && value(entity, &row.values, "published_at").is_null() {
        set(entity, &mut row.values, "published_at", now_ms);
    }
    if value(entity, &row.values, "slug").as_str().is_none_or(str::is_empty) {
        let title = value(entity, &row.values, "title").as_str().unwrap_or_default();
        let mut words = String::new();
        for letter in title.chars() {
            if letter.is_alphanumeric() {
                words.extend(letter.to_lowercase());
            } else if !words.ends_with('-') {
                words.push('-');
            }
        }
        let words: String = words.chars().take(80).collect();
        let words = words.trim_matches('-');
        let id = id.to_string();
        let end = &id[id.len() - 8..];
        set(entity, &mut row.values, "slug", if words.is_empty() { end.to_owned() } else { format!("{words}-{end}") });
    }
}

pub(super) fn display_name(writing: &MemoryWriting, entity: &Entity, row: &mut Row) {
    let users = table("users");
    let user = id_in(entity, &row.values, "user_id").and_then(|id| writing.row(users, id));
    let name = user.map_or_else(|| json!(""), |user| value(users, &user.values, "full_name").clone());
    set(entity, &mut row.values, "display_name", name);
}

/// Completes a membership change that sets only some of `is_active`, `joined_at` and `left_at`.
fn complete_membership(entity: &Entity, before: Option<&Row>, row: &mut Row, now_ms: i64) {
    let active = |row: &Row| value(entity, &row.values, "is_active") == true;
    let at = |row: &Row, name: &str| value(entity, &row.values, name).as_i64();
    let (joined_at, left_at) = (at(row, "joined_at"), at(row, "left_at"));
    let came_back = before.is_some_and(|before| active(row) && !active(before) && left_at == at(before, "left_at"));
    if came_back {
        set(entity, &mut row.values, "left_at", Value::Null);
        if before.is_some_and(|before| joined_at == at(before, "joined_at")) {
            set(entity, &mut row.values, "joined_at", now_ms);
        }
    } else if active(row) && left_at.is_some_and(|left| joined_at.is_some_and(|joined| left < joined)) {
        set(entity, &mut row.values, "left_at", Value::Null);
    } else if active(row) && left_at.is_some() {
        set(entity, &mut row.values, "is_active", false);
    } else if !active(row) && left_at.is_none() {
        if before.is_some_and(|before| !active(before)) {
            set(entity, &mut row.values, "is_active", true);
        } else {
            set(entity, &mut row.values, "left_at", now_ms.max(joined_at.unwrap_or(now_ms)));
        }
    }
}

fn refused(code: Code, constraint: &str) -> Failure {
    Failure::Refused(Refusal { code, constraint: constraint.to_owned(), text: constraint.to_owned() })
}

/// Refuses an enrollment in a full course.
fn check_room(writing: &MemoryWriting, entity: &Entity, id: &Uuid, before: Option<&Row>, row: &Row) -> Result<(), Failure> {
    let is_in = |row: &Row| value(entity, &row.values, "status") != "dropped";
    let was_in = before.map_or_else(|| writing.row(entity, *id).is_some(), is_in);
    if !is_in(row) || was_in {
        return Ok(());
    }
    let courses = table("courses");
    let Some(course_id) = id_in(entity, &row.values, "course_id") else { return Ok(()) };
    let places = writing.row(courses, course_id).and_then(|course| value(courses, &course.values, "enrollments_max").as_i64());
    let Some(places) = places.and_then(|places| usize::try_from(places).ok()) else { return Ok(()) };
    let taken = writing.find(entity, |row| is_in(row) && id_in(entity, &row.values, "course_id") == Some(course_id)).len();
    if taken >= places { Err(refused(Code::CourseFull, "enrollments_room_check")) } else { Ok(()) }
}

/// Refuses a part of a test whose course is not the test's.
fn check_course_of_test(writing: &MemoryWriting, entity: &Entity, row: &Row) -> Result<(), Failure> {
    let (column, parent) = match entity.name {
        "question_options" => ("question_id", table("questions")),
        "questions" | "answer_keys" | "assessment_attempts" => ("assessment_id", table("assessments")),
        _ => return Ok(()),
    };
    let Some(found) = id_in(entity, &row.values, column).and_then(|id| writing.row(parent, id)) else { return Ok(()) };
    if id_in(entity, &row.values, "course_id") == id_in(parent, &found.values, "course_id") {
        return Ok(());
    }
    Err(refused(Code::RuleBroken, &format!("{}_course_id_check", entity.name)))
}

/// The module of a row that has a topic is the topic's.
fn fill_module_of_topic(writing: &MemoryWriting, entity: &Entity, row: &mut Row) {
    let topics = table("topics");
    if !matches!(entity.name, "assessments" | "content_items") {
        return;
    }
    let Some(topic) = id_in(entity, &row.values, "topic_id") else { return };
    let module = writing.row(topics, topic).map_or(Value::Null, |topic| value(topics, &topic.values, "module_id").clone());
    set(entity, &mut row.values, "module_id", module);
}

/// A part is published with the row that it is a part of.
fn copy_published(writing: &MemoryWriting, entity: &Entity, row: &mut Row, column: &str, parent: &Entity) {
    let found = id_in(entity, &row.values, column).and_then(|id| writing.row(parent, id));
    let published = found.is_some_and(|found| value(parent, &found.values, "published") == true);
    set(entity, &mut row.values, "published", published);
}

fn announcement_audience(entity: &Entity, row: &mut Row) {
    let of = |name: &str| value(entity, &row.values, name);
    let audience = match (of("course_id").is_null(), of("published_at").is_null()) {
        (false, false) if *of("published") == true => "course",
        (false, _) => "course_staff",
        (true, false) => "organization",
        (true, true) => "administrators",
    };
    set(entity, &mut row.values, "audience", audience);
}

/// A part of a course is published with it.
fn fill_published(writing: &MemoryWriting, entity: &Entity, row: &mut Row) {
    let follows = entity.column("course_id").and_then(|column| column.references).is_some_and(|course| course.same.contains(&"published"));
    if !follows {
        return;
    }
    copy_published(writing, entity, row, "course_id", table("courses"));
}

/// Sets whether an answer key is shared, and limits the number of attempts.
fn test_part(writing: &MemoryWriting, entity: &Entity, id: &Uuid, before: Option<&Row>, row: &mut Row) -> Result<(), Failure> {
    let assessments = table("assessments");
    let test = id_in(entity, &row.values, "assessment_id").and_then(|id| writing.row(assessments, id));
    match entity.name {
        "answer_keys" => {
            let shared = test.is_some_and(|test| value(assessments, &test.values, "graded_by") == "laptop");
            set(entity, &mut row.values, "shared", shared);
        }
        "assessment_attempts" => {
            if value(entity, &row.values, "status") == "started" && !value(entity, &row.values, "submitted_at").is_null() {
                set(entity, &mut row.values, "status", "submitted");
            }
            let number = value(entity, &row.values, "attempt_number").as_i64();
            let ms = |row: &Row, name: &str| value(entity, &row.values, name).as_i64();
            if let Some(submitted) = ms(row, "submitted_at")
                && before.is_none_or(|before| ms(before, "submitted_at").is_none())
            {
                let limit = test.as_ref().and_then(|test| value(assessments, &test.values, "time_limit_seconds").as_i64());
                let taken = (submitted - ms(row, "started_at").unwrap_or(submitted)).max(ms(row, "time_taken_seconds").unwrap_or(0) * 1000);
                set(entity, &mut row.values, "handed_in_late", limit.is_some_and(|limit| taken > (limit + 60) * 1000));
            }
            let most = test.and_then(|test| value(assessments, &test.values, "attempts_max").as_i64());
            let may_begin = number.is_none_or(|number| attempts::may_begin(most, number));
            if before.is_none() && writing.row(entity, *id).is_none() && !may_begin {
                return Err(refused(Code::NoAttemptsLeft, ""));
            }
        }
        _ => {}
    }
    Ok(())
}

/// AFTER triggers: they change other rows.
pub fn after(writing: &mut MemoryWriting, entity: &'static Entity, id: Uuid, before: Option<&Row>, row: &Arc<Row>) -> Result<(), Failure> {
    match entity.name {
        "users" => {
            copy_name(writing, id, before, row)?;
            staff_card(writing, id, row)
        }
        "group_memberships" => periods(writing, id, before, row),
        "assessments" => share_key(writing, id, before, row),
        _ => Ok(()),
    }
}

fn copy_name(writing: &mut MemoryWriting, user: Uuid, before: Option<&Row>, row: &Row) -> Result<(), Failure> {
    let users = table("users");
    let name = value(users, &row.values, "full_name");
    if before.is_none_or(|before| value(users, &before.values, "full_name") == name) {
        return Ok(());
    }
    // Rows that the server alone writes, such as staff cards, are made whole by a trigger of their own.
    let carriers = users.record.named_in.iter().filter(|carrier| !table(carrier.table).write.is_empty());
    for NamedIn { table: carrier, id: person, name: column } in carriers {
        let carrier = table(carrier);
        for (id, found) in writing.find(carrier, |row| id_in(carrier, &row.values, person) == Some(user)) {
            let mut values = found.values.clone();
            set(carrier, &mut values, column, name.clone());
            writing.update_row(carrier, id, values, found.edits.clone())?;
        }
    }
    Ok(())
}

fn staff_card(writing: &mut MemoryWriting, user: Uuid, row: &Row) -> Result<(), Failure> {
    let (users, cards) = (table("users"), table("staff_cards"));
    let of = |name: &str| value(users, &row.values, name).clone();
    let is_staff = ["admin", "instructor", "teacher"].iter().any(|role| of("role") == *role);
    let mut values = cards.empty_values();
    set(cards, &mut values, "user_id", user.to_string());
    let id = cards.id_of(&values).expect("a card's id follows from its user");
    let there = writing.row(cards, id);
    if !is_staff && there.is_none() {
        return Ok(());
    }
    for name in ["full_name", "role", "position", "department_id", "station_id"] {
        set(cards, &mut values, name, of(name));
    }
    set(cards, &mut values, "is_active", is_staff && of("status") == "active" && of("deleted_at").is_null());
    match there {
        None => writing.insert_row(cards, row.organization_id, id, values, Edits::new()).map(drop),
        Some(there) => writing.update_row(cards, id, values, there.edits.clone()),
    }
}

fn share_key(writing: &mut MemoryWriting, assessment: Uuid, before: Option<&Row>, row: &Row) -> Result<(), Failure> {
    let (assessments, keys) = (table("assessments"), table("answer_keys"));
    let grader = value(assessments, &row.values, "graded_by");
    if before.is_none_or(|before| value(assessments, &before.values, "graded_by") == grader) {
        return Ok(());
    }
    for (id, found) in writing.find(keys, |row| id_in(keys, &row.values, "assessment_id") == Some(assessment)) {
        let mut values = found.values.clone();
        set(keys, &mut values, "shared", grader == "laptop");
        writing.update_row(keys, id, values, found.edits.clone())?;
    }
    Ok(())
}

/// The date of a time in milliseconds, as `YYYY-MM-DD`. The simulated organizations are in UTC.
pub(super) fn day(ms: i64) -> String {
    let days = ms.div_euclid(DAY_MS) + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * shifted + 2) / 5 + 1, if shifted < 10 { shifted + 3 } else { shifted - 9 });
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The id of a membership period. PostgreSQL generates a random one. Here it is derived from the membership and the first day,
/// so that a seed is reproducible. The test that compares with PostgreSQL adds a trigger there with the same derivation.
pub fn period_id(membership: Uuid, joined_on: &str) -> Uuid {
    Uuid::new_v5(&DERIVED_ID_NAMESPACE, format!("period:{membership}:{joined_on}").as_bytes())
}

/// Derives the periods of a membership from a change of it.
fn periods(writing: &mut MemoryWriting, membership: Uuid, before: Option<&Row>, row: &Row) -> Result<(), Failure> {
    let (memberships, periods) = (table("group_memberships"), table("group_membership_periods"));
    let at = |row: &Row, name: &str| value(memberships, &row.values, name).as_i64();
    let (joined_at, left_at) = (at(row, "joined_at"), at(row, "left_at"));
    let joined = joined_at.map_or(Value::Null, |ms| day(ms).into());
    let left = left_at.map_or(Value::Null, |ms| day(ms).into());
    let mut stays = writing.find(periods, |row| id_in(periods, &row.values, "membership_id") == Some(membership));
    stays.sort_by(|(_, a), (_, b)| value(periods, &a.values, "joined_on").as_str().cmp(&value(periods, &b.values, "joined_on").as_str()));
    let after_leaving = before.is_some_and(|before| at(before, "left_at").is_some_and(|left| joined_at > Some(left)));
    let latest = stays.pop();
    let is_new = match &latest {
        None => true,
        Some((_, latest)) => {
            let left_on = value(periods, &latest.values, "left_on").as_str();
            after_leaving && left_on.is_some_and(|left_on| joined.as_str().is_some_and(|joined| joined > left_on))
        }
    };
    match latest {
        Some((id, latest)) if !is_new => {
            let mut values = latest.values.clone();
            let same_stay = before.is_some_and(|before| joined_at == at(before, "joined_at")) || after_leaving;
            if !same_stay {
                set(periods, &mut values, "joined_on", joined);
            }
            set(periods, &mut values, "left_on", left);
            writing.update_row(periods, id, values, latest.edits.clone())
        }
        _ => {
            let mut values = periods.empty_values();
            set(periods, &mut values, "membership_id", membership.to_string());
            for name in ["group_id", "user_id"] {
                set(periods, &mut values, name, value(memberships, &row.values, name).clone());
            }
            set(periods, &mut values, "joined_on", joined);
            set(periods, &mut values, "left_on", left);
            let id = period_id(membership, value(periods, &values, "joined_on").as_str().unwrap_or_default());
            writing.insert_row(periods, row.organization_id, id, values, Edits::new()).map(drop)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_written_as_dates() {
        assert_eq!((day(0), day(-1), day(951_782_400_000)), ("1970-01-01".into(), "1969-12-31".into(), "2000-02-29".into()));
    }

    #[test]
    fn three_consecutive_days_are_a_range() {
        assert_eq!(days_text(&[1, 2, 3, 4, 6]).as_deref(), Some("1-4,6"));
        assert_eq!((days_text(&[1, 2]).as_deref(), days_text(&[])), (Some("1,2"), None));
    }
}
