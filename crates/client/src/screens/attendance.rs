//! Groups and the attendance grid.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{Datelike, Days, NaiveDate};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};
use waystation_model::ids::derived_id;
use waystation_model::registry::{self, Kind};
use waystation_model::rules::attendance::Excused;
use waystation_model::scope::ScopeKind;
use waystation_model::{Code, Problem};

use super::Snapshot;
use super::sync::name_of;
use crate::app::App;
use crate::error::{ClientError, Result};
use crate::facts::excused;
use crate::store::value::to_json;
use crate::store::{Edit, conflicts as open_conflicts, rows, scopes};
use crate::view_models::*;

/// Days that one grid may span.
const GRID_DAYS_MAX: i64 = 400;
/// Marks that one command may set.
const MARKS_MAX: usize = 2_000;
/// Days before today whose lessons without marks a teacher is reminded of.
const UNMARKED_DAYS: u64 = 14;
/// Days before today in which absences in a row are counted.
const ABSENCES_DAYS: u64 = 60;
/// Absences in a row from which a member is named.
const ABSENCES_MIN: u32 = 3;

impl App {
    pub(crate) async fn groups(&self, _arguments: Nothing) -> Result<Vec<GroupCard>, Problem> {
        Ok(self.read(group_cards).await?)
    }

    pub(crate) async fn grid(&self, arguments: GridRange) -> Result<Grid, Problem> {
        let (from, to) = (read_day(&arguments.from, "from")?, read_day(&arguments.to, "to")?);
        if to < from || (to - from).num_days() > GRID_DAYS_MAX {
            return Err(Problem::new(Code::BadValue, "a grid spans at most 400 days").field("to"));
        }
        Ok(self.read(move |snapshot| grid(snapshot, &arguments, from, to)).await?)
    }

    pub(crate) async fn set_marks(&self, arguments: SetMarks) -> Result<Nothing, Problem> {
        if arguments.marks.len() > MARKS_MAX {
            return Err(Problem::new(Code::BadRequest, "at most 2,000 marks at once").field("marks"));
        }
        let now_ms = self.inner.environment.clock.now_ms();
        self.edit_with(move |connection, device| {
            let me = device.owner.user_id.to_string();
            let at_ms = now_ms + device.clock_offset_ms;
            arguments.marks.iter().filter_map(|mark| mark_edit(connection, &arguments.group_id, mark, &me, at_ms).transpose()).collect()
        })
        .await?;
        Ok(Nothing {})
    }
}

fn read_day(text: &str, field: &str) -> Result<NaiveDate, Problem> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| Problem::new(Code::BadValue, "not a date").field(field))
}

/// The change that sets one mark; none when the row already has these values.
fn mark_edit(connection: &Connection, group_id: &str, mark: &SetMark, me: &str, at_ms: i64) -> Result<Option<Edit>> {
    let records = registry::entity("attendance_records").expect("a registered table");
    let keys = [group_id, &mark.student_id, &mark.lesson_date];
    let id = derived_id(records.name, keys.iter().map(|key| Some(*key)));
    let row = rows::read(connection, records, &id.to_string())?;
    let current =
        |name: &str| row.as_ref().and_then(|row| records.column_index(name).map(|index| row.values[index].clone())).unwrap_or(Value::Null);
    let mut fields = vec![("group_id", json!(group_id)), ("student_id", json!(mark.student_id)), ("lesson_date", json!(mark.lesson_date))];
    let keys_only = fields.len();
    if current("status") != json!(mark.status) {
        fields.extend([("status", json!(mark.status)), ("marked_by", json!(me)), ("marked_at", json!(at_ms))]);
    }
    if let Some(note) = &mark.note {
        let note = if note.is_empty() { Value::Null } else { json!(note) };
        if current("note") != note {
            fields.push(("note", note));
        }
    }
    Ok((fields.len() > keys_only).then(|| Edit::put(records, None, fields)))
}

/// Groups whose attendance this person subscribes to, by sort order and name.
pub(super) fn group_cards(snapshot: &Snapshot<'_>) -> Result<Vec<GroupCard>> {
    let mut statement = snapshot.connection.prepare_cached(
        "SELECT g.id AS id FROM groups g JOIN scopes s ON s.scope = 'roster:' || g.id
         WHERE g.deleted_at IS NULL ORDER BY g.sort_order IS NULL, g.sort_order, g.display_name, g.name, g.id",
    )?;
    let ids: Vec<String> = statement.query_map([], |row| row.get("id"))?.collect::<Result<_, _>>()?;
    ids.iter().map(|id| group_card(snapshot, id)).collect()
}

/// What the groups need beside today's roll-call. A group that needs nothing is left out.
pub(super) fn group_news(snapshot: &Snapshot<'_>) -> Result<Vec<GroupNews>> {
    let before = |days| snapshot.today().checked_sub_days(Days::new(days)).unwrap_or_default();
    let (first, reminded) = (before(ABSENCES_DAYS), before(UNMARKED_DAYS).to_string());
    let mut news = Vec::new();
    for group in group_cards(snapshot)? {
        let range = GridRange { group_id: group.id, from: first.to_string(), to: snapshot.today().to_string() };
        let grid = grid(snapshot, &range, first, snapshot.today())?;
        let is_unmarked = |col: usize| {
            grid.students.iter().any(|student| student.active && !student.cells[col].outside && student.cells[col].status.is_none())
        };
        let unmarked_days = grid.days.iter().enumerate().filter(|(_, day)| **day >= reminded && **day < grid.today);
        let unmarked_days: Vec<String> = unmarked_days.filter(|(col, _)| is_unmarked(*col)).map(|(_, day)| day.clone()).collect();
        let missing: Vec<MissingStudent> = grid
            .students
            .iter()
            .filter(|student| student.active)
            .map(|student| MissingStudent {
                student_id: student.student_id.clone(),
                display_name: student.display_name.clone(),
                lessons: missed_in_a_row(&student.cells),
            })
            .filter(|missing| missing.lessons >= ABSENCES_MIN)
            .collect();
        if !unmarked_days.is_empty() || !missing.is_empty() {
            news.push(GroupNews { group_id: range.group_id, unmarked_days, missing });
        }
    }
    Ok(news)
}

/// Consecutive absences up to the last mark. As in the grid, excused lessons are skipped.
fn missed_in_a_row(cells: &[GridCell]) -> u32 {
    let marks = cells.iter().rev().filter_map(|cell| cell.status.as_deref()).filter(|status| *status != "excused");
    let missed = marks.take_while(|status| *status == "absent").count();
    u32::try_from(missed).unwrap_or(u32::MAX)
}

fn group_card(snapshot: &Snapshot<'_>, id: &str) -> Result<GroupCard> {
    let mut card = snapshot
        .connection
        .prepare_cached(
            "SELECT id, coalesce(nullif(display_name, ''), name) AS display_name, days_of_week, start_time,
                    (SELECT count(id) FROM group_memberships WHERE group_id = ?1 AND is_active) AS members
             FROM groups WHERE id = ?1",
        )?
        .query_row([id], |row| {
            let days = to_json(Kind::Json, row.get_ref("days_of_week")?);
            Ok(GroupCard {
                id: row.get("id")?,
                display_name: row.get("display_name")?,
                days_of_week: days.as_array().into_iter().flatten().filter_map(|day| u8::try_from(day.as_u64()?).ok()).collect(),
                start_time: row.get("start_time")?,
                members: row.get("members")?,
                unmarked_today: None,
            })
        })
        .optional()?
        .ok_or_else(|| ClientError::refused(Code::NotFound, "the group is not on this laptop"))?;
    if is_lesson_day(&card, snapshot.today()) {
        let unmarked = snapshot
            .connection
            .prepare_cached(
                "SELECT count(m.id) FROM group_memberships m WHERE m.group_id = ?1 AND m.is_active AND NOT EXISTS (
                     SELECT a.id FROM attendance_records a
                     WHERE a.group_id = ?1 AND a.student_id = m.user_id AND a.lesson_date = ?2 AND a.status IS NOT NULL)",
            )?
            .query_row(params![id, snapshot.today().to_string()], |row| row.get(0))?;
        card.unmarked_today = Some(unmarked);
    }
    Ok(card)
}

fn is_lesson_day(group: &GroupCard, day: NaiveDate) -> bool {
    u8::try_from(day.weekday().number_from_monday()).is_ok_and(|number| group.days_of_week.contains(&number))
}

/// One period of membership: first and last day.
type Stay = (Option<String>, Option<String>);

struct Member {
    student_id: String,
    display_name: String,
    active: bool,
    stays: Vec<Stay>,
}

impl Member {
    fn belongs_on(&self, day: &str) -> bool {
        self.stays
            .iter()
            .any(|(first, last)| first.as_deref().is_none_or(|first| first <= day) && last.as_deref().is_none_or(|last| day <= last))
    }
}

fn grid(snapshot: &Snapshot<'_>, range: &GridRange, from: NaiveDate, to: NaiveDate) -> Result<Grid> {
    let group = group_card(snapshot, &range.group_id)?;
    let (from_text, to_text) = (from.to_string(), to.to_string());
    let marks = marks(snapshot, &group.id, &from_text, &to_text)?;
    let days = days(&group, from, to, &marks);
    let conflicts = conflicts(snapshot)?;
    let mut students = Vec::new();
    for member in members(snapshot, &group.id)? {
        let cells: Vec<GridCell> = days.iter().map(|day| cell(&member, day, &marks, &conflicts)).collect();
        // A former member is shown when they have marks or days of membership in the range.
        if member.active || cells.iter().any(|cell| !cell.outside || cell.status.is_some()) {
            students.push(GridStudent { student_id: member.student_id, display_name: member.display_name, active: member.active, cells });
        }
    }
    Ok(Grid {
        may_mark: scopes::is_subscribed(snapshot.connection, &ScopeKind::Roster.of(&group.id))?,
        leaves_out_excused: excused(snapshot.connection)? == Excused::LeftOut,
        group,
        from: from_text,
        to: to_text,
        today: snapshot.today().to_string(),
        days,
        students,
    })
}

fn cell(member: &Member, day: &str, marks: &Marks, conflicts: &HashMap<String, String>) -> GridCell {
    let mut cell = match marks.get(&(member.student_id.clone(), day.to_owned())) {
        None => GridCell::default(),
        Some((id, cell)) => GridCell { conflict_id: conflicts.get(id).cloned(), ..cell.clone() },
    };
    cell.outside = !member.belongs_on(day);
    cell
}

/// Lesson days of the schedule, and other days that have a mark.
fn days(group: &GroupCard, from: NaiveDate, to: NaiveDate, marks: &Marks) -> Vec<String> {
    let mut days: BTreeSet<String> = (0..)
        .map_while(|ahead| from.checked_add_days(Days::new(ahead)).filter(|day| *day <= to))
        .filter(|day| is_lesson_day(group, *day))
        .map(|day| day.to_string())
        .collect();
    days.extend(marks.iter().filter(|(_, (_, cell))| cell.status.is_some() || !cell.note.is_empty()).map(|((_, day), _)| day.clone()));
    days.into_iter().collect()
}

/// Cells by student and day, each with its record's id.
type Marks = BTreeMap<(String, String), (String, GridCell)>;

fn marks(snapshot: &Snapshot<'_>, group_id: &str, from: &str, to: &str) -> Result<Marks> {
    let mut statement = snapshot.connection.prepare_cached(include_str!("../../sql/grid_marks.sql"))?;
    let mut rows = statement.query([group_id, from, to])?;
    let mut names: HashMap<String, String> = HashMap::new();
    let mut marks = Marks::new();
    while let Some(row) = rows.next()? {
        let marked_by: Option<String> = row.get("marked_by")?;
        let marked_by = match marked_by {
            None => String::new(),
            Some(user_id) => match names.get(&user_id) {
                Some(name) => name.clone(),
                None => {
                    let name = name_of(snapshot.connection, &user_id)?;
                    names.insert(user_id, name.clone());
                    name
                }
            },
        };
        let cell = GridCell {
            status: row.get("status")?,
            note: row.get::<_, Option<String>>("note")?.unwrap_or_default(),
            waiting: row.get("waiting")?,
            outside: false,
            conflict_id: None,
            marked_by,
            marked_at: row.get("marked_at")?,
        };
        marks.insert((row.get("student_id")?, row.get("lesson_date")?), (row.get("id")?, cell));
    }
    Ok(marks)
}

/// Open conflicts by attendance record; the newest one per record.
fn conflicts(snapshot: &Snapshot<'_>) -> Result<HashMap<String, String>> {
    let open = open_conflicts::open(snapshot.connection)?;
    Ok(open.into_iter().rev().filter(|open| open.entity.name == "attendance_records").map(|open| (open.row_id, open.id)).collect())
}

fn members(snapshot: &Snapshot<'_>, group_id: &str) -> Result<Vec<Member>> {
    let mut stays: HashMap<String, Vec<Stay>> = HashMap::new();
    let mut statement =
        snapshot.connection.prepare_cached("SELECT user_id, joined_on, left_on FROM group_membership_periods WHERE group_id = ?1")?;
    let mut rows = statement.query([group_id])?;
    while let Some(row) = rows.next()? {
        stays.entry(row.get("user_id")?).or_default().push((row.get("joined_on")?, row.get("left_on")?));
    }
    let mut statement = snapshot.connection.prepare_cached(
        "SELECT user_id, coalesce(display_name, '') AS display_name, is_active,
                date(joined_at / 1000, 'unixepoch') AS joined_on, date(left_at / 1000, 'unixepoch') AS left_on
         FROM group_memberships WHERE group_id = ?1 ORDER BY display_name, user_id",
    )?;
    let members = statement
        .query_map([group_id], |row| {
            let student_id: String = row.get("user_id")?;
            let own: Stay = (row.get("joined_on")?, row.get("left_on")?);
            Ok(Member {
                display_name: row.get("display_name")?,
                active: row.get("is_active")?,
                // The server writes the periods; for a member who was added here and is not sent yet only the membership exists.
                stays: stays.remove(&student_id).unwrap_or_else(|| vec![own]),
                student_id,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(members)
}
