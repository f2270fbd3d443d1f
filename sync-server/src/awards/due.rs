//! Who has to be looked at, because a change of theirs may have made an award due.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use uuid::Uuid;
use waystation_model::registry;
use waystation_model::wire::Mutation;

/// People of one step, few enough for a short transaction.
pub(super) const STEP_PEOPLE: usize = 200;
/// People and rows of one organization that wait for a look after their changes.
const WAITING_MAX: usize = 10_000;
/// Rows of the tables that may make an award due, with the person where the change names them.
#[derive(Debug, Default)]
pub struct Touched {
    pub(super) people: HashSet<Uuid>,
    /// By table and its column with the person.
    pub(super) rows: HashMap<(&'static str, &'static str), HashSet<Uuid>>,
}

impl Touched {
    /// What these mutations touch.
    pub fn by(mutations: &[Mutation]) -> Touched {
        let mut touched = Touched::default();
        for mutation in mutations {
            touched.add(&mutation.entity, mutation.id, &mutation.columns, &mutation.values);
        }
        touched
    }

    /// Adds one change, if it may make an award due: its table, its row, its columns and their values.
    pub fn add(&mut self, entity: &str, id: Option<Uuid>, columns: &[String], values: &[Value]) {
        let Some(entity) = registry::entity(entity) else { return };
        let Some(person) = entity.record.earns else { return };
        let named = columns.iter().position(|column| column == person).and_then(|index| values.get(index));
        match (named.and_then(Value::as_str).and_then(|user| Uuid::parse_str(user).ok()), id) {
            (Some(user), _) => drop(self.people.insert(user)),
            (None, Some(id)) => drop(self.rows.entry((entity.name, person)).or_default().insert(id)),
            (None, None) => {}
        }
    }

    /// Adds what another change touched.
    fn merge(&mut self, other: Touched) {
        self.people.extend(other.people);
        for (table, rows) in other.rows {
            self.rows.entry(table).or_default().extend(rows);
        }
    }

    /// Takes as many people and rows as one step looks at. A row is about one person.
    fn take_step(&mut self) -> Touched {
        let mut step = Touched { people: take(&mut self.people, STEP_PEOPLE), rows: HashMap::new() };
        for (table, rows) in &mut self.rows {
            let taken = take(rows, STEP_PEOPLE - step.len());
            if !taken.is_empty() {
                step.rows.insert(*table, taken);
            }
        }
        self.rows.retain(|_, rows| !rows.is_empty());
        step
    }

    /// How many people and rows.
    fn len(&self) -> usize {
        self.people.len() + self.rows.values().map(HashSet::len).sum::<usize>()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.people.is_empty() && self.rows.is_empty()
    }
}

fn take(ids: &mut HashSet<Uuid>, most: usize) -> HashSet<Uuid> {
    let taken: HashSet<Uuid> = ids.iter().take(most).copied().collect();
    ids.retain(|id| !taken.contains(id));
    taken
}

/// People and rows that committed changes have touched and that are still to be checked for awards. One task looks, one organization at a time: while it does,
/// what comes is put together, so that many pushes at once cost few looks.
#[derive(Debug, Default)]
pub struct Due(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    organizations: HashMap<Uuid, Touched>,
    /// Their order: one that is not through yet goes to the end.
    order: VecDeque<Uuid>,
    is_looked_at: bool,
}

impl Due {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what a change has touched. True when no task is checking, so that the caller has to start one.
    pub(super) fn add(&self, organization: Uuid, touched: Touched) -> bool {
        let mut waiting = self.waiting();
        if !waiting.organizations.contains_key(&organization) {
            waiting.order.push_back(organization);
        }
        let of_organization = waiting.organizations.entry(organization).or_default();
        if of_organization.len() >= WAITING_MAX {
            tracing::debug!(%organization, "too many people wait for a look at their awards; the hourly look finds them");
        } else {
            of_organization.merge(touched);
        }
        !std::mem::replace(&mut waiting.is_looked_at, true)
    }

    /// What to look at next. When nothing is left, the look is over.
    pub(super) fn next(&self) -> Option<(Uuid, Touched)> {
        let mut waiting = self.waiting();
        let organization = waiting.order.pop_front();
        let next = organization.and_then(|organization| {
            let touched = waiting.organizations.get_mut(&organization)?;
            let step = touched.take_step();
            if touched.is_empty() {
                waiting.organizations.remove(&organization);
            } else {
                waiting.order.push_back(organization);
            }
            Some((organization, step))
        });
        waiting.is_looked_at = next.is_some();
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(person: u128) -> Touched {
        let mut touched = Touched::default();
        touched.add("topic_progress", None, &["user_id".to_owned()], &[Value::from(Uuid::from_u128(person).to_string())]);
        touched
    }

    #[test]
    fn changes_that_come_during_a_look_are_put_together() {
        let due = Due::default();
        let organization = Uuid::from_u128(9);
        assert!(due.add(organization, of(1)), "nobody looks yet");
        assert_eq!(due.next().map(|(_, touched)| touched.len()), Some(1));
        for person in [2, 3, 3] {
            assert!(!due.add(organization, of(person)), "somebody looks already");
        }
        assert_eq!(due.next().map(|(_, touched)| touched.len()), Some(2));
        assert!(due.next().is_none());
        assert!(due.add(organization, of(4)), "the look was over");
    }

    #[test]
    fn no_more_wait_than_the_limit() {
        let due = Due::default();
        let organization = Uuid::from_u128(9);
        for number in 0..WAITING_MAX as u128 + 5 {
            let mut touched = of(number);
            if number % 2 == 0 {
                touched = Touched::default();
                touched.add("topic_progress", Some(Uuid::from_u128(number)), &[], &[]);
            }
            due.add(organization, touched);
        }
        let steps = std::iter::from_fn(|| due.next()).map(|(_, touched)| touched.len()).collect::<Vec<_>>();
        assert!(steps.iter().all(|people| *people <= STEP_PEOPLE));
        assert_eq!(steps.iter().sum::<usize>(), WAITING_MAX);
    }
}
