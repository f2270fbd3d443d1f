//! Rows of any table: lists, the opened row, saving, deleting and taking back.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use uuid::Uuid;
use waystation_model::wire::HistoryEntry;
use waystation_model::{Code, Problem};

use crate::app::App;
use crate::error::Result;
use crate::records::{self, undo};
use crate::store::{Device, Edit};
use crate::sync::link::Link;
use crate::view_models::*;

/// Rows that a reference is offered at once.
const REFERENCES_MAX: u32 = 50;

impl App {
    pub(crate) async fn tables(&self, _arguments: Nothing) -> Result<Vec<RecordTable>, Problem> {
        Ok(self.read(|snapshot| records::tables(snapshot.connection, snapshot.owner)).await?)
    }

    pub(crate) async fn records(&self, arguments: RecordsQuery) -> Result<RecordPage, Problem> {
        let entity = records::listed(&arguments.table)?;
        Ok(self.read(move |snapshot| records::page(snapshot.connection, entity, &arguments)).await?)
    }

    pub(crate) async fn record(&self, arguments: RowOf) -> Result<OpenedRecord, Problem> {
        let entity = records::listed(&arguments.entity)?;
        Ok(self.read(move |snapshot| records::record(snapshot.connection, snapshot.owner, entity, &arguments.id)).await?)
    }

    pub(crate) async fn find_references(&self, arguments: FindReferences) -> Result<Vec<Named>, Problem> {
        let entity = records::listed(&arguments.table)?;
        let query = RecordsQuery {
            table: arguments.table,
            search: arguments.search,
            limit: arguments.limit.min(REFERENCES_MAX),
            ..RecordsQuery::default()
        };
        let page = self.read(move |snapshot| records::page(snapshot.connection, entity, &query)).await?;
        let named = |row: RecordRow| Named { row: RowOf { entity: entity.name.to_owned(), id: row.id }, label: row.label };
        Ok(page.rows.into_iter().map(named).collect())
    }

    pub(crate) async fn save_records(&self, arguments: SaveRecords) -> Result<SavedRecords, Problem> {
        let entity = records::listed(&arguments.table)?;
        let environment = self.inner.environment.clone();
        self.edit_with_undo(move |connection, device, _| {
            records::plan_save(connection, &device.owner, entity, &arguments.rows, || environment.new_id())
        })
        .await
    }

    pub(crate) async fn remove_records(&self, arguments: RowsNamed) -> Result<SavedRecords, Problem> {
        let entity = records::listed(&arguments.table)?;
        self.edit_with_undo(move |connection, device, now_ms| {
            let edits = records::plan_remove(connection, &device.owner, now_ms, entity, &arguments.ids)?;
            let ids = arguments.ids.iter().filter_map(|id| Uuid::parse_str(id).ok()).collect();
            Ok((edits, ids))
        })
        .await
    }

    pub(crate) async fn undo_records(&self, arguments: UndoRecords) -> Result<SavedRecords, Problem> {
        let unlocked = self.unlocked()?;
        let step = unlocked.history.lock().unwrap_or_else(PoisonError::into_inner).step(arguments.undo);
        let step = step.ok_or_else(|| Problem::new(Code::NotFound, "this cannot be taken back any more").field("undo"))?;
        let saved = self
            .edit_with_undo(move |connection, device, now_ms| {
                let edits = undo::plan(connection, &device.owner, now_ms, &step)?;
                let ids = edits.iter().filter_map(|edit| edit.id).collect();
                Ok((edits, ids))
            })
            .await?;
        unlocked.history.lock().unwrap_or_else(PoisonError::into_inner).forget(arguments.undo);
        Ok(saved)
    }

    pub(crate) async fn record_history(&self, arguments: HistoryOf) -> Result<RecordHistory, Problem> {
        let entity = records::listed(&arguments.entity)?;
        let id = records::read_id(&arguments.id)?.to_string();
        let session = self.unlocked()?.engine.session.clone();
        let ask = |link: Link, token: String| {
            let id = id.clone();
            async move { link.history(&token, entity.name, &id, arguments.before).await }
        };
        let answer = session.with_token(ask).await?;
        Ok(RecordHistory { changes: answer.entries.into_iter().map(change).collect(), next: answer.next })
    }

    /// Makes the planned edits, all or none, and keeps how to take them back.
    pub(crate) async fn edit_with_undo(
        &self,
        plan: impl FnOnce(&Connection, &Device, i64) -> Result<(Vec<Edit>, Vec<Uuid>)> + Send + 'static,
    ) -> Result<SavedRecords, Problem> {
        let unlocked = self.unlocked()?;
        let now_ms = self.inner.environment.clock.now_ms();
        let planned = Arc::new(Mutex::new((Vec::new(), Vec::new())));
        let before = planned.clone();
        let (ids, changes) = self
            .edit_and_read(
                move |connection, device| {
                    let (edits, ids) = plan(connection, device, now_ms)?;
                    let images = undo::images(connection, &edits)?;
                    *before.lock().unwrap_or_else(PoisonError::into_inner) = (images, ids);
                    Ok(edits)
                },
                move |snapshot| {
                    let (images, ids) = std::mem::take(&mut *planned.lock().unwrap_or_else(PoisonError::into_inner));
                    Ok((ids, undo::changes(snapshot.connection, images)?))
                },
            )
            .await?;
        let undo = unlocked.history.lock().unwrap_or_else(PoisonError::into_inner).keep(changes);
        Ok(SavedRecords { ids: ids.iter().map(Uuid::to_string).collect(), undo })
    }
}

fn change(entry: HistoryEntry) -> HistoryChange {
    let fields = |value: Option<serde_json::Value>| match value {
        Some(serde_json::Value::Object(fields)) => fields.into_iter().collect(),
        _ => std::collections::BTreeMap::new(),
    };
    HistoryChange {
        at: entry.at,
        op: entry.op,
        user_name: entry.user_name.unwrap_or_default(),
        device: entry.device_name.unwrap_or(entry.program),
        before: fields(entry.before),
        after: fields(entry.after),
    }
}
