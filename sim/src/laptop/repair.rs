//! What a laptop does after a pull: it offers lost rows, audits its rows and repairs damaged scopes.

use rusqlite::params;
use waystation_client::store::audit::{Audit, Step as AuditStep};
use waystation_client::store::slices;
use waystation_client::sync::exchange;
use waystation_client::sync::scope_repair::{ScopeRepair, Step};
use waystation_model::Problem;
use waystation_model::registry;
use waystation_model::wire::SlicesRequest;

use super::{Laptop, Outgoing, damaged};
use crate::faults::{Fault, Finding};
use crate::random::Random;
use crate::server::Route;

/// A request about a damaged scope that is in transit.
pub(super) struct RepairRequest {
    pub(super) number: u64,
    repair: ScopeRepair,
    asked: SlicesRequest,
}

impl Laptop {
    /// Another program deletes or changes a row without pending changes.
    ///
    /// # Errors
    /// When the database fails.
    pub fn damage(&mut self, random: &mut Random) -> Result<(), Finding> {
        if !self.is_on() {
            return Ok(());
        }
        let connection = self.writer().connection();
        let entity = *random.pick(registry::all()).expect("there are tables");
        let sql = format!(
            "SELECT id FROM {0} r WHERE NOT EXISTS (SELECT row_id FROM shadows s WHERE s.entity = '{0}' AND s.row_id = r.id) ORDER BY id",
            entity.name
        );
        let mut statement = connection.prepare(&sql).map_err(damaged)?;
        let ids: Vec<String> = statement.query_map([], |row| row.get("id")).map_err(damaged)?.collect::<Result<_, _>>().map_err(damaged)?;
        let Some(id) = random.pick(&ids) else { return Ok(()) };
        let sql = if random.one_in(2) {
            format!("DELETE FROM {} WHERE id = ?1", entity.name)
        } else {
            format!("UPDATE {} SET created_at = created_at + 1 WHERE id = ?1", entity.name)
        };
        connection.execute(&sql, params![id]).map_err(damaged)?;
        drop(statement);
        (self.touched, self.was_touched) = (true, true);
        self.may_reread = true;
        Ok(())
    }

    /// Runs after a pull: offers rows that the server has lost, audits the rows if another program wrote to the database, and
    /// then repairs damaged scopes.
    pub(super) fn pull_ended(&mut self, true_ms: i64) -> Result<Option<Outgoing>, Finding> {
        let now = self.clock(true_ms);
        self.durably(|writer| exchange::offer_lost(writer, now)).map_err(damaged)?;
        if self.touched && !self.faults.has(Fault::NoAudit) {
            self.audit()?;
        }
        self.repair_next(true_ms)
    }

    fn audit(&mut self) -> Result<(), Finding> {
        let mut audit = Audit::begin(self.writer().connection()).map_err(damaged)?;
        loop {
            match self.writer_mut().relaxed_transaction(|connection, _| audit.step(connection)).map_err(damaged)? {
                AuditStep::More => {}
                AuditStep::Disturbed => return Finding::of("an audit was disturbed although nothing else wrote"),
                AuditStep::Done(_) => break,
            }
        }
        self.touched = false;
        Ok(())
    }

    /// Starts the repair of the next damaged scope.
    fn repair_next(&mut self, true_ms: i64) -> Result<Option<Outgoing>, Finding> {
        if self.repair_request.is_some() || self.device_request.is_some() || self.signed_out {
            return Ok(None);
        }
        let scopes = slices::damaged(self.writer().connection()).map_err(damaged)?;
        let Some(scope) = scopes.first() else { return Ok(None) };
        let (repair, step) = ScopeRepair::begin(self.writer_mut(), scope).map_err(damaged)?;
        self.continue_repair(true_ms, repair, step)
    }

    fn continue_repair(&mut self, true_ms: i64, repair: ScopeRepair, step: Step) -> Result<Option<Outgoing>, Finding> {
        match step {
            Step::Ask(asked) => {
                let number = self.number();
                let bytes = serde_json::to_vec(&asked).map_err(damaged)?;
                self.repair_request = Some(RepairRequest { number, repair, asked });
                Ok(Some(Outgoing { number, route: Route::Slices, bytes }))
            }
            Step::Ended(waystation_client::sync::scope_repair::End::Repaired) => self.repair_next(true_ms),
            // The scope has moved, or is read again from its start: pull first.
            Step::Ended(_) => self.start_pull(true),
        }
    }

    pub(super) fn receive_slices(&mut self, true_ms: i64, answer: Result<Vec<u8>, Problem>) -> Result<Option<Outgoing>, Finding> {
        let Some(RepairRequest { mut repair, asked, .. }) = self.repair_request.take() else { return Ok(None) };
        let now = self.clock(true_ms);
        // A refused or truncated answer is requested again after the next pull.
        let Ok(bytes) = answer else { return Ok(None) };
        match repair.receive(self.writer_mut(), now, &asked, &bytes) {
            Ok((step, _)) => self.continue_repair(true_ms, repair, step),
            Err(waystation_client::error::ClientError::Database(error)) => Err(damaged(error)),
            Err(_) => Ok(None),
        }
    }
}
