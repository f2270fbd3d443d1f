//! Whose turn it is at the database. Every organization has a share of the connections, so that one that floods the server
//! waits for itself and not the others for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;
use waystation_model::{Code, Problem};

/// The part of the database's connections that one organization's pushes and pages may hold: half of them.
const SHARE_DIVISOR: usize = 2;
/// Pushes and pages of one organization that wait for their turn. Each holds its body in memory: 200 MiB at the most.
pub const TURNS_WAITING_MAX: usize = 200;
/// How long one waits before it is told to come again.
const TURN_WAIT: Duration = Duration::from_secs(20);

/// The turns of every organization that is being served.
#[derive(Debug)]
pub struct Turns {
    at_once: usize,
    organizations: Mutex<HashMap<Uuid, Arc<Share>>>,
}

#[derive(Debug)]
struct Share {
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// A turn at the database, for as long as it is held.
#[derive(Debug)]
pub struct Turn {
    _permit: OwnedSemaphorePermit,
    _share: Arc<Share>,
}

/// One who waits, until they do no longer, also when their connection breaks off.
struct Waiting<'s>(&'s Share);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Turns {
    /// Turns at a database with this many connections.
    pub fn new(connections_max: u32) -> Turns {
        let at_once = (connections_max as usize / SHARE_DIVISOR).max(1);
        Turns { at_once, organizations: Mutex::default() }
    }

    /// Waits for a turn of this organization. Whoever came first has it first.
    ///
    /// # Errors
    /// `too_many_requests` when too many wait already, or it does not come in time.
    pub async fn take(&self, organization: Uuid) -> Result<Turn, Problem> {
        let share = self.share(organization);
        let too_many = || Problem::new(Code::TooManyRequests, "too many of the organization's requests wait already");
        if let Ok(permit) = Arc::clone(&share.free).try_acquire_owned() {
            return Ok(Turn { _permit: permit, _share: share });
        }
        if share.waiting.fetch_add(1, Ordering::AcqRel) >= TURNS_WAITING_MAX {
            share.waiting.fetch_sub(1, Ordering::AcqRel);
            return Err(too_many());
        }
        let waiting = Waiting(&share);
        let permit = tokio::time::timeout(TURN_WAIT, Arc::clone(&share.free).acquire_owned()).await;
        drop(waiting);
        match permit {
            Ok(Ok(permit)) => Ok(Turn { _permit: permit, _share: share }),
            Ok(Err(_)) | Err(_) => Err(too_many()),
        }
    }

    fn share(&self, organization: Uuid) -> Arc<Share> {
        let mut organizations = self.organizations.lock().unwrap_or_else(PoisonError::into_inner);
        if !organizations.contains_key(&organization) {
            // Only those that somebody holds or waits for are kept.
            organizations.retain(|_, share| Arc::strong_count(share) > 1);
        }
        let new = || Arc::new(Share { free: Arc::new(Semaphore::new(self.at_once)), waiting: AtomicUsize::new(0) });
        Arc::clone(organizations.entry(organization).or_insert_with(new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    #[tokio::test]
    async fn an_organization_that_has_its_share_waits_and_another_does_not() {
        let turns = Turns::new(8);
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(turns.take(id(1)).await.expect("its share"));
        }
        let fifth = turns.take(id(1));
        tokio::pin!(fifth);
        assert!(futures_util::poll!(fifth.as_mut()).is_pending());
        assert!(turns.take(id(2)).await.is_ok(), "another has its own");
        held.pop();
        assert!(fifth.await.is_ok(), "a turn that ends is the next one's");
    }

    #[tokio::test]
    async fn so_many_wait_and_no_more_and_who_goes_away_makes_room() {
        let turns = Turns::new(1);
        let held = turns.take(id(1)).await.expect("the first");
        let mut waiting: Vec<_> = (0..TURNS_WAITING_MAX).map(|_| Box::pin(turns.take(id(1)))).collect();
        for one in &mut waiting {
            assert!(futures_util::poll!(one.as_mut()).is_pending());
        }
        assert_eq!(turns.take(id(1)).await.expect_err("too many").code, Code::TooManyRequests);
        waiting.pop();
        let mut next = Box::pin(turns.take(id(1)));
        assert!(futures_util::poll!(next.as_mut()).is_pending(), "there is room again");
        drop(held);
        assert!(waiting.remove(0).await.is_ok());
    }

    #[tokio::test]
    async fn organizations_that_nobody_is_served_of_are_forgotten() {
        let turns = Turns::new(4);
        for number in 0..1_000 {
            drop(turns.take(id(number)).await.expect("a turn"));
        }
        assert!(turns.organizations.lock().expect("nobody panicked").len() <= 2);
    }
}
