//! The end of a page: moves the scopes' cursors and compares the sums with the server's checksums.

use std::collections::HashSet;

use rusqlite::params;

use super::apply::{Applied, Page};
use super::page::ScopeMove;
use super::rows::{self, id_text};
use super::{outbox, overlay, scopes, slices};
use crate::error::Result;

impl Page<'_> {
    /// Moves the scopes, removes rows that a rereading from 0 did not deliver, and compares the checksums.
    pub(super) fn end(mut self) -> Result<Applied> {
        let mut steps = self.outline.scopes.clone();
        steps.extend(self.empty_scopes()?);
        for step in &steps {
            scopes::move_to(self.connection, step)?;
            if step.cursor == step.head && self.rereading.contains(&step.scope) {
                self.sweep(&step.scope)?;
            }
        }
        scopes::remember_unknown_tables(self.connection, &self.unknown)?;
        scopes::remember_unknown_columns(self.connection, &self.unknown_columns)?;
        std::mem::take(&mut self.sums).store(self.connection)?;
        for step in steps.iter().filter(|step| step.cursor == step.head) {
            self.compare(&step.scope, step.checksum)?;
        }
        if !self.outline.more {
            let covered = outbox::mark_covered(self.connection, self.outline.applied_upto)?;
            self.applied.entities.extend(covered);
        }
        Ok(self.applied)
    }

    /// Scopes that are being reread from 0 and that the last page does not mention: they are empty at the server.
    fn empty_scopes(&self) -> Result<Vec<ScopeMove>> {
        if self.outline.more || self.rereading.is_empty() {
            return Ok(Vec::new());
        }
        let cursors = scopes::cursors(self.connection)?;
        let is_named = |scope: &String| self.outline.scopes.iter().any(|step| step.scope == *scope) || self.outline.removed.contains(scope);
        let empty = self.rereading.iter().filter(|scope| cursors.get(*scope) == Some(&0) && !is_named(scope));
        Ok(empty.map(|scope| ScopeMove { scope: scope.clone(), cursor: 0, head: 0, checksum: 0 }).collect())
    }

    /// Removes the rows of a reread scope that were not delivered. A row that has moved to another scope is delivered there.
    fn sweep(&mut self, scope: &str) -> Result<()> {
        for (entity, id) in self.rows_in_scope(scope)? {
            let delivered: bool = self
                .connection
                .prepare_cached("SELECT EXISTS (SELECT row_id FROM reread_rows WHERE scope = ?1 AND entity = ?2 AND row_id = ?3)")?
                .query_row(params![scope, entity.name, id_text(&id)], |row| row.get(0))?;
            if !delivered {
                self.remove_row(entity, &id, None)?;
            }
        }
        self.connection.execute("DELETE FROM reread_rows WHERE scope = ?1", [scope])?;
        Ok(())
    }

    fn compare(&mut self, scope: &str, checksum: i64) -> Result<()> {
        let here = scopes::sum(self.connection, scope)?;
        if here == checksum || scopes::has_unknown_tables(self.connection, scope)? {
            return scopes::mark_matching(self.connection, scope);
        }
        // It is already marked, and is repaired slice by slice.
        if !self.rereading.contains(scope) && scopes::is_damaged(self.connection, scope)? {
            return Ok(());
        }
        tracing::warn!(scope, here, checksum, "a scope does not match its checksum");
        let is_new = !self.rereading.contains(scope) && !scopes::is_reread_limit_reached(self.connection, scope)?;
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

    /// Computes a scope's sum from its rows, in case only the stored sum was wrong.
    fn recount(&mut self, scope: &str) -> Result<()> {
        let mut sum = 0_i64;
        let mut seen = HashSet::new();
        for (entity, id) in self.rows_in_scope(scope)? {
            if !seen.insert((entity.name, id)) {
                continue;
            }
            let text = id_text(&id);
            let stamp = if self.is_shadowed(entity, &text) {
                overlay::read_shadow(self.connection, entity, &text)?.flatten().map(|row| row.stamp)
            } else {
                rows::read_scope_columns(self.connection, entity, &text)?.map(|(stamp, _)| stamp)
            };
            sum = sum.wrapping_add(stamp.map_or(0, |stamp| waystation_model::hash::row_hash(entity.name, &id, stamp)));
        }
        scopes::set_sum(self.connection, scope, sum)
    }
}
