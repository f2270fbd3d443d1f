//! A person's page. Opening it makes this laptop follow the person's rows; reading it again follows nothing.

use rusqlite::params;
use uuid::Uuid;
use waystation_model::scope::ScopeKind;
use waystation_model::{Code, Problem};

use super::Snapshot;
use super::course::{CardsFor, course_cards};
use super::record::record_of;
use super::sync::name_of;
use super::test::{AttemptsOf, attempt_cards};
use crate::app::App;
use crate::error::{ClientError, Result};
use crate::store::follows::{self, FOLLOWS, Standing};
use crate::view_models::*;

/// Attempts, marks and payments that the page lists, each.
const ROWS_MAX: u32 = 100;

/// The tables that the page is read from.
const TABLES: [&str; 18] = [
    FOLLOWS,
    "users",
    "staff_cards",
    "group_memberships",
    "enrollments",
    "courses",
    "topics",
    "topic_progress",
    "content_progress",
    "assessments",
    "assessment_attempts",
    "attendance_records",
    "groups",
    "payments",
    "certificates",
    "badges",
    "user_badges",
    "organizations",
];

impl App {
    pub(crate) async fn open_person(&self, arguments: ById) -> Result<PersonPage, Problem> {
        let unlocked = self.unlocked()?;
        let person = person_id(&arguments.id)?;
        // Otherwise an address without a person would take the place of one.
        let page = self.person_page(ById { id: person.to_string() }).await?;
        if !unlocked.owner.role.may_follow(ScopeKind::Learner) {
            return Ok(page);
        }
        let scope = ScopeKind::Learner.of(person);
        let opened = unlocked
            .store
            .write(move |writer| writer.durable_transaction(|connection, device| follows::open(connection, device, &scope)))
            .await?;
        unlocked.engine.emit_changed(&opened.entities);
        if opened.is_new {
            unlocked.engine.wake_pull.notify_one();
        }
        self.person_page(ById { id: person.to_string() }).await
    }

    pub(crate) async fn person_page(&self, arguments: ById) -> Result<PersonPage, Problem> {
        let person = person_id(&arguments.id)?.to_string();
        Ok(self.read(move |snapshot| person_page(snapshot, &person)).await?)
    }

    pub(crate) async fn pin_person(&self, arguments: PinPerson) -> Result<PersonPage, Problem> {
        let unlocked = self.unlocked()?;
        let person = person_id(&arguments.id)?;
        let scope = ScopeKind::Learner.of(person);
        unlocked
            .store
            .write(move |writer| writer.durable_transaction(|connection, _| follows::pin(connection, &scope, arguments.pinned)))
            .await?;
        self.person_page(ById { id: person.to_string() }).await
    }

    pub(crate) async fn let_go_of_person(&self, arguments: ById) -> Result<Nothing, Problem> {
        let unlocked = self.unlocked()?;
        let scope = ScopeKind::Learner.of(person_id(&arguments.id)?);
        let changed = unlocked
            .store
            .write(move |writer| writer.durable_transaction(|connection, device| follows::let_go(connection, device, &scope)))
            .await?;
        unlocked.engine.emit_changed(&changed);
        unlocked.engine.wake_pull.notify_one();
        Ok(Nothing {})
    }
}

fn person_id(text: &str) -> Result<Uuid, Problem> {
    Uuid::parse_str(text).map_err(|_| Problem::new(Code::BadRequest, "not an id").field("id"))
}

fn person_page(snapshot: &Snapshot<'_>, user_id: &str) -> Result<PersonPage> {
    if !snapshot.owner.role.is_staff() {
        return Err(ClientError::refused(Code::NotAllowed, "only staff open other people's pages"));
    }
    let full_name = name_of(snapshot.connection, user_id)?;
    if full_name.is_empty() {
        return Err(ClientError::refused(Code::NotFound, "this person is not on this laptop"));
    }
    let (standing, pinned) = follows::standing(snapshot.connection, &ScopeKind::Learner.of(user_id))?;
    let mut results: Vec<AttemptCard> = attempt_cards(snapshot, AttemptsOf::Person(user_id))?.into_iter().map(|(_, card)| card).collect();
    results.truncate(usize::try_from(ROWS_MAX).unwrap_or(usize::MAX));
    Ok(PersonPage {
        standing: match standing {
            Standing::Subscribed | Standing::Here => PersonStanding::Here,
            Standing::Coming => PersonStanding::Coming,
            Standing::Refused => PersonStanding::Refused,
            Standing::Elsewhere if snapshot.owner.role.may_follow(ScopeKind::Learner) => PersonStanding::Coming,
            Standing::Elsewhere => PersonStanding::Partly,
        },
        followed: matches!(standing, Standing::Coming | Standing::Here),
        pinned,
        results,
        courses: course_cards(snapshot, CardsFor::Studying(user_id), user_id)?,
        marks: marks(snapshot, user_id)?,
        payments: payments(snapshot, user_id)?,
        record: record_of(snapshot, user_id)?,
        tables: TABLES.map(str::to_owned).to_vec(),
        user_id: user_id.to_owned(),
        full_name,
    })
}

fn marks(snapshot: &Snapshot<'_>, user_id: &str) -> Result<Vec<PersonMark>> {
    let mut statement = snapshot.connection.prepare_cached(
        "SELECT a.id AS id, a.lesson_date AS lesson_date, a.status AS status, a.note AS note, coalesce(g.display_name, g.name) AS group_name
         FROM attendance_records a LEFT JOIN groups g ON g.id = a.group_id
         WHERE a.student_id = ?1 AND a.status IS NOT NULL ORDER BY a.lesson_date DESC, a.id LIMIT ?2",
    )?;
    let marks = statement
        .query_map(params![user_id, ROWS_MAX], |row| {
            Ok(PersonMark {
                id: row.get("id")?,
                lesson_date: row.get("lesson_date")?,
                status: row.get("status")?,
                group_name: row.get::<_, Option<String>>("group_name")?.unwrap_or_default(),
                note: row.get::<_, Option<String>>("note")?.unwrap_or_default(),
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(marks)
}

fn payments(snapshot: &Snapshot<'_>, user_id: &str) -> Result<Vec<PersonPayment>> {
    let mut statement = snapshot.connection.prepare_cached(
        "SELECT id, payment_date, title, amount_minor, currency, status, receipt_number FROM payments
         WHERE student_id = ?1 AND deleted_at IS NULL ORDER BY payment_date DESC, id LIMIT ?2",
    )?;
    let payments = statement
        .query_map(params![user_id, ROWS_MAX], |row| {
            Ok(PersonPayment {
                id: row.get("id")?,
                payment_date: row.get("payment_date")?,
                title: row.get::<_, Option<String>>("title")?.unwrap_or_default(),
                amount_minor: row.get("amount_minor")?,
                currency: row.get("currency")?,
                status: row.get("status")?,
                receipt_number: row.get::<_, Option<String>>("receipt_number")?.unwrap_or_default(),
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(payments)
}
