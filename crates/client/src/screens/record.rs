//! What is recorded about a person, for themselves and their parents, and the coding ranking of a group for its teacher.

use rusqlite::params;
use waystation_model::rules::attendance::Excused;
use waystation_model::rules::certificates::{Times, validity};
use waystation_model::rules::ranking::rank;
use waystation_model::scope::ScopeKind;
use waystation_model::{Code, Problem};

use super::Snapshot;
use super::course::course_title;
use super::sync::name_of;
use crate::app::App;
use crate::error::{ClientError, Result};
use crate::facts::{balances, excused, marks, submissions_of_group};
use crate::store::device::clock_offset_ms;
use crate::store::scopes;
use crate::view_models::*;

impl App {
    pub(crate) async fn coding_ranking(&self, arguments: ById) -> Result<CodingRanking, Problem> {
        Ok(self.read(move |snapshot| coding_ranking(snapshot, &arguments.id)).await?)
    }
}

/// What is recorded about a person.
pub(super) fn record_of(snapshot: &Snapshot<'_>, user_id: &str) -> Result<PersonRecord> {
    Ok(PersonRecord {
        attendance: attendance(snapshot, user_id)?,
        balances: balances(snapshot.connection, user_id)?
            .into_iter()
            .map(|(currency, balance)| BalanceRow {
                currency,
                paid_minor: balance.paid_minor,
                owed_minor: balance.owed_minor,
                balance_minor: balance.balance_minor(),
            })
            .collect(),
        certificates: certificates(snapshot, user_id)?,
        badges: badges(snapshot, user_id)?,
    })
}

fn attendance(snapshot: &Snapshot<'_>, user_id: &str) -> Result<AttendanceTotals> {
    let (marks, excused) = (marks(snapshot.connection, user_id, None)?, excused(snapshot.connection)?);
    Ok(AttendanceTotals {
        marks: [marks.present, marks.late, marks.absent, marks.excused],
        percent: marks.percent_attended(excused),
        leaves_out_excused: excused == Excused::LeftOut,
    })
}

fn certificates(snapshot: &Snapshot<'_>, user_id: &str) -> Result<Vec<CertificateCard>> {
    let now_ms = snapshot.clock.now_ms() + clock_offset_ms(snapshot.connection)?;
    let mut statement = snapshot.connection.prepare_cached(
        "SELECT id, course_id, certificate_number, issued_at, expires_at, revoked_at FROM certificates
         WHERE user_id = ?1 ORDER BY issued_at DESC, id",
    )?;
    let mut rows = statement.query([user_id])?;
    let mut certificates = Vec::new();
    while let Some(row) = rows.next()? {
        let (issued_at, expires_at): (i64, Option<i64>) = (row.get("issued_at")?, row.get("expires_at")?);
        let times = Times { issued_at_ms: issued_at, expires_at_ms: expires_at, revoked_at_ms: row.get("revoked_at")? };
        certificates.push(CertificateCard {
            id: row.get("id")?,
            course_title: course_title(snapshot, &row.get::<_, String>("course_id")?)?,
            number: row.get::<_, Option<String>>("certificate_number")?.unwrap_or_default(),
            issued_at,
            expires_at,
            validity: validity(times, now_ms).word().to_owned(),
        });
    }
    Ok(certificates)
}

fn badges(snapshot: &Snapshot<'_>, user_id: &str) -> Result<Vec<BadgeCard>> {
    let mut statement = snapshot.connection.prepare_cached(
        "SELECT e.id AS id, b.name AS name, b.description AS description, c.title AS course_title, e.earned_at AS earned_at
         FROM user_badges e JOIN badges b ON b.id = e.badge_id LEFT JOIN courses c ON c.id = e.course_id
         WHERE e.user_id = ?1 ORDER BY e.earned_at DESC, e.id",
    )?;
    let badges = statement
        .query_map(params![user_id], |row| {
            Ok(BadgeCard {
                id: row.get("id")?,
                name: row.get("name")?,
                description: row.get::<_, Option<String>>("description")?.unwrap_or_default(),
                course_title: row.get::<_, Option<String>>("course_title")?.unwrap_or_default(),
                earned_at: row.get("earned_at")?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(badges)
}

/// What the ranking is read from: [`submissions_of_group`], and [`name_in_group`].
const RANKING_TABLES: [&str; 3] = ["coding_submissions", "coding_tasks", "group_memberships"];

/// The ranking of a group's learners. Only its teacher has the submissions of all of them.
fn coding_ranking(snapshot: &Snapshot<'_>, group_id: &str) -> Result<CodingRanking> {
    if !scopes::is_subscribed(snapshot.connection, &ScopeKind::Roster.of(group_id))? {
        return Err(ClientError::refused(Code::NotAllowed, "the submissions of this group are not this person's to see"));
    }
    let learners = rank(submissions_of_group(snapshot.connection, group_id)?)
        .into_iter()
        .map(|row| {
            Ok(RankedLearner {
                display_name: name_in_group(snapshot, group_id, &row.user_id)?,
                user_id: row.user_id,
                place: row.place,
                solved: row.solved,
                points: row.points,
                attempts: row.attempts,
            })
        })
        .collect::<Result<_>>()?;
    Ok(CodingRanking { learners, tables: RANKING_TABLES.map(str::to_owned).to_vec() })
}

/// A member's name. A teacher has the memberships of the group, but not the accounts.
fn name_in_group(snapshot: &Snapshot<'_>, group_id: &str, user_id: &str) -> Result<String> {
    let id = waystation_model::ids::derived_id("group_memberships", [Some(group_id), Some(user_id)]).to_string();
    let mut statement = snapshot.connection.prepare_cached("SELECT display_name FROM group_memberships WHERE id = ?1")?;
    let mut rows = statement.query([id])?;
    let name = match rows.next()? {
        Some(row) => row.get::<_, Option<String>>("display_name")?.unwrap_or_default(),
        None => String::new(),
    };
    if name.is_empty() { name_of(snapshot.connection, user_id) } else { Ok(name) }
}
