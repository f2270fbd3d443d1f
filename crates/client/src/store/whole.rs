//! The end of a page: how far it brought each scope, and whether what is here is what the server's checksums say.

use std::collections::HashSet;

use rusqlite::params;

use super::apply::{Applied, Page};
use super::page::ScopeMove;
use super::rows::{self, id_text};
use super::{outbox, overlay, scopes, slices};
use crate::error::Result;

impl Page<'_> {
    /// Moves the scopes, takes away what a reading from 0 did not deliver, and compares.
    pub(super) fn end(mut self) -> Result<Applied> {
        let mut steps = self.outline.scopes.clone();
        steps.extend(self.empty_scopes()?);
        for step in &steps {
            scopes::move_to(self.connection, step)?;
            if step.cursor == step.head && self.rereading.contains(&step.scope) {
                self.sweep(&step.scope)?;
            }
        }
        scopes::hold_unknown(self.connection, &self.unknown)?;
        scopes::hold_unknown_columns(self.connection, &self.unknown_columns)?;
        std::mem::take(&mut self.sums).store(self.connection)?;
        for step in steps.iter().filter(|step| step.cursor == step.head) {
            self.compare(&step.scope, step.checksum)?;
        }
        if !self.outline.more {
            let covered = outbox::cover(self.connection, self.outline.applied_upto)?;
            self.applied.entities.extend(covered);
        }
        Ok(self.applied)
    }

    /// The scopes read from 0 of which a server with nothing more to say has said nothing: they hold nothing there.
    fn empty_scopes(&self) -> Result<Vec<ScopeMove>> {
        if self.outline.more || self.rereading.is_empty() {
            return Ok(Vec::new());
        }
        let cursors = scopes::cursors(self.connection)?;
        let told = |scope: &String| self.outline.scopes.iter().any(|step| step.scope == *scope) || self.outline.removed.contains(scope);
        let empty = self.rereading.iter().filter(|scope| cursors.get(*scope) == Some(&0) && !told(scope));
        Ok(empty.map(|scope| ScopeMove { scope: scope.clone(), cursor: 0, head: 0, checksum: 0 }).collect())
    }

    /// What a scope that was read again did not deliver is not in it. A row that moved elsewhere is delivered there.
    fn sweep(&mut self, scope: &str) -> Result<()> {
        for (entity, id) in self.rows_living_in(scope)? {
            let delivered: bool = self
                .connection
                .prepare_cached("SELECT EXISTS (SELECT row_id FROM reread_rows WHERE scope = ?1 AND entity = ?2 AND row_id = ?3)")?
                .query_row(params![scope, entity.name, id_text(&id)], |row| row.get(0))?;
            if !delivered {
                self.take_away(entity, &id, None)?;
            }
        }
        self.connection.execute("DELETE FROM reread_rows WHERE scope = ?1", [scope])?;
        Ok(())
    }

    fn compare(&mut self, scope: &str, checksum: i64) -> Result<()> {
        let here = scopes::sum(self.connection, scope)?;
        if here == checksum || scopes::holds_unknown(self.connection, scope)? {
            return scopes::fits(self.connection, scope);
        }
        // It is known, and put right slice by slice.
        if !self.rereading.contains(scope) && scopes::is_damaged(self.connection, scope)? {
            return Ok(());
        }
        tracing::warn!(scope, here, checksum, "a scope is not what its checksum says");
        let is_new = !self.rereading.contains(scope) && !scopes::was_read_often_enough(self.connection, scope)?;
        if is_new && slices::set_damaged(self.connection, scope)? {
            self.applied.mismatched.push(scope.to_owned());
            return Ok(());
        }
        if scopes::read_again(self.connection, scope)? {
            self.recount(scope)?;
            self.applied.reread.push(scope.to_owned());
        } else {
            self.applied.damaged.push(scope.to_owned());
        }
        Ok(())
    }

    /// Counts a scope's sum from its rows, in case it was the sum that was wrong.
    fn recount(&mut self, scope: &str) -> Result<()> {
        let mut sum = 0_i64;
        let mut seen = HashSet::new();
        for (entity, id) in self.rows_living_in(scope)? {
            if !seen.insert((entity.name, id)) {
                continue;
            }
            let text = id_text(&id);
            let stamp = if self.is_shadowed(entity, &text) {
                overlay::read_shadow(self.connection, entity, &text)?.flatten().map(|row| row.stamp)
            } else {
                rows::read_place(self.connection, entity, &text)?.map(|(stamp, _)| stamp)
            };
            sum = sum.wrapping_add(stamp.map_or(0, |stamp| waystation_model::hash::row_hash(entity.name, &id, stamp)));
        }
        scopes::set_sum(self.connection, scope, sum)
    }
}
