//! One change that no laptop has numbered: the ledger gives it the next number of its device, and the server its time. Everything
//! else is as in a push, so it is merged, held, refused and attributed in the same way.

use serde_json::Value;
use uuid::Uuid;
use waystation_model::access::Actor;
use waystation_model::registry::Entity;
use waystation_model::wire::{Base, Mutation, Operation, Outcome};
use waystation_model::{chain, merge};

use super::change::RowChange;
use super::ledger::Ledger;
use super::sets::{self, Context};
use super::{Pass, RowId};
use crate::accounts::Session;
use crate::authority::Writing;
use crate::failure::Failure;

/// A change of one row.
#[derive(Debug, Clone)]
pub struct Single {
    /// The table.
    pub entity: &'static Entity,
    /// What it does with the row.
    pub op: Operation,
    /// The row; none when its id is derived from the key.
    pub id: Option<RowId>,
    /// The columns that it sets.
    pub columns: Vec<String>,
    /// Their values, in the same order.
    pub values: Vec<Value>,
}

/// The author of a change, and the server's state that it needs.
pub struct Author<'a> {
    /// The session.
    pub session: Session,
    /// The person with the rights that were read before the transaction.
    pub actor: &'a Actor,
    /// The sum of the person's access heads at which these rights were read.
    pub rights_at: i64,
    /// The server's time in milliseconds.
    pub now_ms: i64,
    /// How this attempt goes about it.
    pub pass: Pass,
}

/// A device whose ledger is locked until the transaction ends.
pub struct LockedDevice(Ledger);

/// Locks the ledger of a session's device, so that its changes are made one after the other.
///
/// # Errors
/// When the session has ended, or the database is of another epoch.
pub async fn lock<W: Writing>(transaction: &mut W, session: &Session, epoch: i64) -> Result<LockedDevice, Failure> {
    transaction.check_alive(session).await?;
    let ledger = Ledger::lock(transaction, session.device_id).await?;
    if ledger.reached.epoch != Some(epoch) {
        return Err(Failure::EpochMoved);
    }
    Ok(LockedDevice(ledger))
}

impl Author<'_> {
    /// Applies a change on the row with this stamp; none: the row does not exist. A refused change leaves the ledger as it was, and
    /// the caller rolls back.
    ///
    /// # Errors
    /// When the database fails or refuses the row.
    pub async fn write<W: Writing>(
        &self,
        transaction: &mut W,
        device: &LockedDevice,
        change: &Single,
        stamp: Option<i64>,
    ) -> Result<Outcome, Failure> {
        let LockedDevice(ledger) = device;
        let n = ledger.last_n + 1;
        let mutation = Mutation {
            n,
            entity: change.entity.name.into(),
            op: change.op,
            id: change.id,
            base: Base { stamp, own: None },
            at: self.now_ms.saturating_mul(1000),
            columns: change.columns.clone().into(),
            values: change.values.clone(),
        };
        let mut context = Context::new(self.actor, self.session.device_id, self.now_ms, ledger.last_stamp, self.pass);
        context.begin(transaction, Some(self.rights_at)).await?;
        let mut outcomes = sets::apply(transaction, &mut context, std::slice::from_ref(&mutation)).await?;
        if !outcomes.iter().any(|outcome| matches!(outcome.outcome, Outcome::Rejected { .. })) {
            let hash = mutation.content_hash();
            // Nobody repeats this number, so outcomes need not be kept longer than this transaction.
            ledger.store(transaction, &chain::extend(&ledger.chain, &hash), &[hash], &outcomes, n).await?;
        }
        Ok(outcomes.pop().map_or(Outcome::Applied, |outcome| outcome.outcome))
    }

    /// Whether the person may write this existing row, by the rules of the table.
    pub fn may_write(&self, change: &Single, id: Uuid, stored: &merge::Stored) -> bool {
        let base = Base { stamp: stored.stamp, own: None };
        let change_of = merge::Change { device: self.session.device_id, n: 0, user: self.session.user_id, base, at: 0, fields: &[] };
        RowChange { entity: change.entity, id, change: change_of }.put(Some(stored), self.actor).is_ok()
    }
}
