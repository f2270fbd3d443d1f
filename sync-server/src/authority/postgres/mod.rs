//! PostgreSQL as the storage of the authoritative rows.

mod conflicts;
mod constraints;
mod ledger;
mod marking;
mod offers;
mod pages;
mod rights;
mod rows;
mod withhold;

use chrono::Utc;
use sqlx::{AssertSqlSafe, Postgres, Transaction};
use uuid::Uuid;
use waystation_model::access::Actor;
use waystation_model::merge::Stored;
use waystation_model::registry::Entity;
use waystation_model::{Code, Problem};

pub use constraints::refusal;
pub use pages::ReadOnly;
pub use rights::{account as account_of, check_rights_now};

use super::{
    Authority, Candidates, FeedRowKey, FormerRight, Found, GradingKey, KeptConflict, LedgerEntry, LessonDay, LockedLedger, OfferKey,
    OfferedState, OpenConflict, Pushed, Writing,
};
use crate::accounts::Session;
use crate::database::commit;
use crate::failure::Failure;
use crate::tenant::Tenant;
use crate::uninterrupted::run_to_end;

impl Authority for Tenant {
    type Writing = Transaction<'static, Postgres>;
    type Snapshot = pages::ReadOnly;

    fn now_ms(&self) -> i64 {
        Utc::now().timestamp_millis()
    }

    async fn write(&self) -> Result<Self::Writing, Failure> {
        self.begin().await
    }

    async fn store_rights(&self, user: Uuid, scopes: &[String], rights_at: i64) -> Result<(), Failure> {
        rights::store(self, user, scopes, rights_at).await
    }

    async fn mark_losses_sent(&self, device: Uuid) -> Result<(), Failure> {
        let mut transaction = self.begin().await?;
        let sent = sqlx::query("UPDATE device_states SET losses_sent_at = now() WHERE device_id = $1");
        sent.bind(device).execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }

    async fn confirm_losses(&self, device: Uuid, sent_us: i64) -> Result<(), Failure> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "UPDATE device_states SET losses_told_at = losses_sent_at, losses_sent_at = NULL \
             WHERE device_id = $1 AND (extract(epoch FROM losses_sent_at) * 1000000)::bigint = $2",
        )
        .bind(device)
        .bind(sent_us)
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    async fn withhold(&self, rows: &[FeedRowKey]) -> Result<Vec<(String, i64)>, Failure> {
        let (pool, rows) = (self.unbound().clone(), rows.to_vec());
        run_to_end(async move { withhold::withhold(&pool, &rows).await }).await
    }

    async fn snapshot(&self) -> Result<Self::Snapshot, Failure> {
        pages::ReadOnly::begin(self).await
    }
}

impl Writing for Transaction<'static, Postgres> {
    async fn check_alive(&mut self, session: &Session) -> Result<(), Failure> {
        session.check_alive(self).await
    }

    async fn moved_since(&mut self, scopes: &[String], sum: i64) -> Result<bool, Failure> {
        Ok(rights::heads_sum(self, scopes).await? != sum)
    }

    async fn rights(&mut self, user: Uuid) -> Result<Option<Actor>, Failure> {
        let account = rights::account(self, user).await?;
        let (organization_id, role) = account.ok_or_else(|| Problem::new(Code::AccountClosed, "the account is closed"))?;
        let scopes = rights::scopes(self, user).await?.into_iter().collect();
        Ok(Some(Actor { user_id: user, organization_id, role, scopes }))
    }

    async fn former_rights(&mut self, user: Uuid, device: Uuid, since_ms: i64) -> Result<Vec<FormerRight>, Failure> {
        rights::former(self, user, device, since_ms).await
    }

    async fn name(&mut self, organization: Uuid, user: Uuid) -> Result<Option<String>, Failure> {
        rights::name(self, organization, user).await
    }

    async fn waiting_changes(&mut self, author: Uuid) -> Result<usize, Failure> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM held_changes WHERE author_id = $1 AND state = 'waiting'")
            .bind(author)
            .fetch_one(&mut **self)
            .await?;
        usize::try_from(count).map_err(Failure::broken)
    }

    async fn offers(&mut self, offered_by: Uuid) -> Result<(usize, usize), Failure> {
        offers::waiting(self, offered_by).await
    }

    async fn offers_of(&mut self, entity: &Entity, row: Uuid) -> Result<Vec<OfferedState>, Failure> {
        offers::of_row(self, entity, row).await
    }

    async fn offers_under(&mut self, offered_by: Uuid, key: &OfferKey) -> Result<bool, Failure> {
        offers::under(self, offered_by, key).await
    }

    async fn second_offer(&mut self, offer: Uuid, seconder: Uuid) -> Result<(), Failure> {
        offers::second(self, offer, seconder).await
    }

    async fn lock_ledger(&mut self, device: Uuid) -> Result<LockedLedger, Failure> {
        ledger::lock(self, device).await
    }

    async fn pushes(&mut self, device: Uuid, first_n: i64, last_n: i64) -> Result<Vec<Pushed>, Failure> {
        ledger::pushes(self, device, first_n, last_n).await
    }

    async fn store_push(&mut self, entry: LedgerEntry<'_>) -> Result<i64, Failure> {
        ledger::store(self, entry).await
    }

    async fn savepoint(&mut self) -> Result<(), Failure> {
        sqlx::query("SAVEPOINT a_set").execute(&mut **self).await?;
        Ok(())
    }

    async fn release(&mut self) -> Result<(), Failure> {
        sqlx::query("RELEASE SAVEPOINT a_set").execute(&mut **self).await?;
        Ok(())
    }

    async fn roll_back(&mut self) -> Result<(), Failure> {
        sqlx::query("ROLLBACK TO SAVEPOINT a_set").execute(&mut **self).await?;
        sqlx::query("RELEASE SAVEPOINT a_set").execute(&mut **self).await?;
        Ok(())
    }

    async fn rows(&mut self, entity: &Entity, ids: &[Uuid]) -> Result<Vec<Found>, Failure> {
        rows::read(self, entity, ids).await
    }

    async fn ids_elsewhere(&mut self, entity: &Entity, ids: &[Uuid]) -> Result<Vec<Uuid>, Failure> {
        let elsewhere = sqlx::query_scalar("SELECT e.id FROM ids_elsewhere($1, $2) AS e(id)");
        Ok(elsewhere.bind(entity.name).bind(ids).fetch_all(&mut **self).await?)
    }

    async fn insert(&mut self, entity: &Entity, organization: Uuid, ids: &[Uuid], rows: &[&Stored]) -> Result<(), Failure> {
        rows::insert(self, entity, organization, ids, rows).await
    }

    async fn update(&mut self, entity: &Entity, ids: &[Uuid], rows: &[&Stored]) -> Result<(), Failure> {
        rows::update(self, entity, ids, rows).await
    }

    async fn delete(&mut self, entity: &Entity, id: Uuid) -> Result<(), Failure> {
        sqlx::query(AssertSqlSafe(format!("DELETE FROM {} WHERE id = $1", entity.name))).bind(id).execute(&mut **self).await?;
        Ok(())
    }

    async fn is_of_lost_epoch(&mut self, stamp: i64) -> Result<bool, Failure> {
        let is_lost = "SELECT EXISTS (SELECT FROM lost_lives WHERE $1 > after_stamp AND $1 <= upto_stamp)";
        Ok(sqlx::query_scalar(is_lost).bind(stamp).fetch_one(&mut **self).await?)
    }

    async fn open_conflicts(&mut self, entity: &Entity, rows: Vec<Uuid>) -> Result<Vec<OpenConflict>, Failure> {
        conflicts::open(self, entity, rows).await
    }

    async fn forget_conflicts(&mut self, ids: Vec<Uuid>) -> Result<(), Failure> {
        sqlx::query("DELETE FROM conflicts WHERE id = ANY($1)").bind(ids).execute(&mut **self).await?;
        Ok(())
    }

    async fn keep_conflict(&mut self, conflict: KeptConflict<'_>) -> Result<(), Failure> {
        conflicts::keep(self, conflict).await
    }

    async fn store_current_ranges(&mut self, id: Uuid, stood: &[(i64, i64)]) -> Result<(), Failure> {
        conflicts::store_current_ranges(self, id, stood).await
    }

    async fn belongs_on(&mut self, days: &[LessonDay]) -> Result<Vec<bool>, Failure> {
        marking::belongs_on(self, days).await
    }

    async fn closed_tests(&mut self, tests: &[Uuid]) -> Result<Vec<Uuid>, Failure> {
        marking::closed(self, tests).await
    }

    async fn handed_in(&mut self, assessment: Uuid, user: Uuid) -> Result<Vec<Uuid>, Failure> {
        marking::handed_in(self, assessment, user).await
    }

    async fn grading_key(&mut self, assessment: Uuid) -> Result<GradingKey, Failure> {
        marking::grading_key(self, assessment).await
    }

    async fn first_free(&mut self, tries: Candidates<'_>) -> Result<Option<String>, Failure> {
        let Some(organization) = tries.organization else {
            let sql = "SELECT t.text FROM unnest($1::text[]) WITH ORDINALITY AS t(text, place) \
                 WHERE NOT taken_anywhere($2, $3, t.text) ORDER BY t.place LIMIT 1";
            let free = sqlx::query_scalar(sql).bind(tries.texts).bind(tries.entity.name).bind(tries.field);
            return Ok(free.fetch_optional(&mut **self).await?);
        };
        // The table and the column are names from the registry.
        let sql = format!(
            "SELECT t.text FROM unnest($1::text[]) WITH ORDINALITY AS t(text, place) \
             WHERE NOT EXISTS (SELECT FROM {} r WHERE r.organization_id = $2 AND lower(r.{}) = lower(t.text)) ORDER BY t.place LIMIT 1",
            tries.entity.name, tries.field
        );
        Ok(sqlx::query_scalar(AssertSqlSafe(sql)).bind(tries.texts).bind(organization).fetch_optional(&mut **self).await?)
    }

    async fn commit(self) -> Result<Vec<(String, i64)>, Failure> {
        commit(self).await
    }
}
