//! Merges columns whose edits are tracked: `latest`, `latest, quiet` and `ask`. All columns of a group win or lose together.

use super::order::compare;
use super::{Change, ConflictStep, Edit, LosingValue, Merged, Seconder, Stored, Verdict};
use crate::error::{Code, Problem};
use crate::registry::{Entity, Merge};

/// Maximum length of [`Edit::seconders`].
const SECONDERS_MAX: usize = 100;

/// Merges the fields of one group.
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
    // The deciding column alone counts, unless the change does not name it or the rule is `ask`: then every column counts.
    let differs =
        if rule == Merge::Ask || given(lead).is_none() { entity.group_columns(group).any(|(index, _)| other(index)) } else { other(lead) };
    if rule == Merge::Latest {
        merged.conflict_steps.push(ConflictStep::Restated { group, device: change.device });
        merged.conflict_steps.extend(change.base.stamp.map(|stamp| ConflictStep::Seen { group, stamp }));
    }
    let mut new_edit = edit_of(change);
    if let Some(edit) = stored.edits.get(group).filter(|edit| edit.is_explicit()) {
        let by_stamp = same_base || change.base.stamp.is_some_and(|base| edit.stamp != 0 && edit.stamp <= base);
        let comparison = compare(change, edit, by_stamp);
        new_edit.after = comparison.after;
        if !comparison.seen && differs && rule == Merge::Ask {
            let asked = entity.group_columns(group).find(|(index, _)| other(*index)).map_or(lead_column, |(_, column)| column);
            return Err(Problem::new(Code::ChangedMeanwhile, format!("{} was changed meanwhile", asked.name)).field(asked.name));
        }
        let values_of = |of: &dyn Fn(usize) -> serde_json::Value| {
            entity.group_columns(group).map(|(index, column)| (column.name, of(index))).collect::<Vec<_>>()
        };
        let theirs = |index: usize| stored.values[index].clone();
        if !comparison.later {
            if rule == Merge::Latest {
                // Columns that the change does not name keep their current values.
                let ours = |index: usize| given(index).cloned().unwrap_or_else(|| theirs(index));
                merged.conflict_steps.push(ConflictStep::Added(LosingValue {
                    group,
                    values: values_of(&ours),
                    edit: new_edit,
                    stood: Vec::new(),
                }));
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
            merged.conflict_steps.push(ConflictStep::Replaced {
                group,
                value: stored.values[lead].clone(),
                seen_upto,
                stood,
                seconders: edit.seconders.clone(),
            });
            if !comparison.seen {
                let stood = stood.into_iter().collect();
                merged.conflict_steps.push(ConflictStep::Added(LosingValue {
                    group,
                    values: values_of(&theirs),
                    edit: edit.clone(),
                    stood,
                }));
            }
        }
    }
    for (index, _) in entity.group_columns(group) {
        if let Some(value) = given(index) {
            merged.values[index] = value.clone();
        }
    }
    // Also when the value is the same as before: the time of this edit is compared with the next change.
    merged.edits.insert(group.to_owned(), new_edit);
    Ok(())
}

/// The edit of a change before it is compared with others.
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

/// The current edit after another device has set the same value at an earlier time. The row gets a new stamp: only who has
/// seen the row at that stamp has seen both.
fn seconded(edit: &Edit, change: &Change<'_>) -> Edit {
    let mut edit = edit.clone();
    edit.seconders.retain(|seconder| seconder.device != change.device);
    if edit.seconders.len() >= SECONDERS_MAX {
        edit.seconders.remove(0);
    }
    edit.seconders.push(Seconder { device: change.device, n: change.n, stamp: 0 });
    edit
}

/// The range of row stamps during which an edit was current, first and last. For a row that the same push has already changed,
/// the last is the newest stamp in its edits.
fn stood(stored: &Stored, edit: &Edit) -> Option<(i64, i64)> {
    let stamps = |edit: &Edit| edit.seconders.iter().map(|seconder| seconder.stamp).chain([edit.stamp]).max();
    let last = stored.stamp.or_else(|| stored.edits.values().filter_map(stamps).max())?;
    (edit.stamp != 0).then_some((edit.stamp, last))
}
