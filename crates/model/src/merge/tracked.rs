//! Columns that remember who changed them: `latest`, `latest, quiet` and `ask`. Those of one group stand or fall together.

use super::order::meet;
use super::{Change, Edit, Held, Lost, Merged, Seconder, Stored, Verdict};
use crate::error::{Code, Problem};
use crate::registry::{Entity, Merge};

/// Devices that one edit remembers as having said the same without knowing of it.
const SECONDERS_MAX: usize = 100;

/// Merges what a change says of one group.
pub(super) fn merge_group(
    entity: &Entity,
    group: &'static str,
    rule: Merge,
    same_base: bool,
    stored: &Stored,
    change: &Change<'_>,
    merged: &mut Merged,
) -> Result<(), Problem> {
    let given = |index: usize| change.fields.iter().find(|(given, _)| *given == index).map(|(_, value)| value);
    let (lead, lead_column) = entity.group_columns(group).next().expect("a group has a column");
    let other = |index: usize| given(index).is_some_and(|value| *value != stored.values[index]);
    // The deciding column decides; where it is not said, or where a person is asked anyway, every column of the group does.
    let differs =
        if rule == Merge::Ask || given(lead).is_none() { entity.group_columns(group).any(|(index, _)| other(index)) } else { other(lead) };
    if rule == Merge::Latest {
        merged.held.push(Held::Spoke { group, device: change.device });
        merged.held.extend(change.base.stamp.map(|stamp| Held::Saw { group, stamp }));
    }
    let mut new_edit = edit_of(change);
    if let Some(edit) = stored.edits.get(group).filter(|edit| edit.says()) {
        let by_stamp = same_base || change.base.stamp.is_some_and(|base| edit.stamp != 0 && edit.stamp <= base);
        let meeting = meet(change, edit, by_stamp);
        new_edit.after = meeting.after;
        if !meeting.seen && differs && rule == Merge::Ask {
            let asked = entity.group_columns(group).find(|(index, _)| other(*index)).map_or(lead_column, |(_, column)| column);
            return Err(Problem::new(Code::ChangedMeanwhile, format!("{} was changed meanwhile", asked.name)).field(asked.name));
        }
        let values_of = |of: &dyn Fn(usize) -> serde_json::Value| {
            entity.group_columns(group).map(|(index, column)| (column.name, of(index))).collect::<Vec<_>>()
        };
        let theirs = |index: usize| stored.values[index].clone();
        if !meeting.later {
            if rule == Merge::Latest {
                // What the change leaves out, it leaves as it is.
                let ours = |index: usize| given(index).cloned().unwrap_or_else(|| theirs(index));
                merged.held.push(Held::Kept(Lost { group, values: values_of(&ours), edit: new_edit, stood: Vec::new() }));
                if differs {
                    merged.verdict = Verdict::Superseded;
                } else {
                    merged.edits.insert(group.to_owned(), seconded(edit, change));
                }
            }
            return Ok(());
        }
        if rule == Merge::Latest {
            let stood = stood(stored, edit);
            let seen_upto = by_stamp.then(|| if same_base { i64::MAX } else { change.base.stamp.unwrap_or(i64::MAX) });
            merged.held.push(Held::Ended {
                group,
                value: stored.values[lead].clone(),
                seen_upto,
                stood,
                seconders: edit.seconders.clone(),
            });
            if !meeting.seen {
                let stood = stood.into_iter().collect();
                merged.held.push(Held::Kept(Lost { group, values: values_of(&theirs), edit: edit.clone(), stood }));
            }
        }
    }
    for (index, _) in entity.group_columns(group) {
        if let Some(value) = given(index) {
            merged.values[index] = value.clone();
        }
    }
    // Also when the value is the same as before: that it was said, and when, decides against whoever comes next.
    merged.edits.insert(group.to_owned(), new_edit);
    Ok(())
}

/// The edit of a change that nothing is known about yet.
pub(super) fn edit_of(change: &Change<'_>) -> Edit {
    Edit {
        stamp: 0,
        at: change.at,
        device: Some(change.device),
        n: change.n,
        user: Some(change.user),
        is_unsaid: false,
        after: Vec::new(),
        seconders: Vec::new(),
    }
}

/// The edit that stands when somebody says the same at an earlier time. The row gets a new stamp by it: only who has seen the
/// row under that one has seen that two say so.
fn seconded(edit: &Edit, change: &Change<'_>) -> Edit {
    let mut edit = edit.clone();
    edit.seconders.retain(|seconder| seconder.device != change.device);
    if edit.seconders.len() >= SECONDERS_MAX {
        edit.seconders.remove(0);
    }
    edit.seconders.push(Seconder { device: change.device, n: change.n, stamp: 0 });
    edit
}

/// The row's stamps under which an edit stood, the first and the last. Of a row that this very push has changed before, the
/// last is the newest that its edits know.
fn stood(stored: &Stored, edit: &Edit) -> Option<(i64, i64)> {
    let stamps = |edit: &Edit| edit.seconders.iter().map(|seconder| seconder.stamp).chain([edit.stamp]).max();
    let last = stored.stamp.or_else(|| stored.edits.values().filter_map(stamps).max())?;
    (edit.stamp != 0).then_some((edit.stamp, last))
}
