//! The tenant queue: every organization has a share of the database connections, so that an organization that floods the server
//! delays only itself.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;
use waystation_model::{Code, Problem};

/// One organization's pushes and pages use at most 1/`SHARE_DIVISOR` of the database connections.
const SHARE_DIVISOR: usize = 2;
/// Waiting pushes and pages per organization. Each holds its body in memory: 200 MiB at most.
pub const REQUESTS_WAITING_MAX: usize = 200;
/// How long a request waits before it is refused with `too_many_requests`.
const QUEUE_WAIT: Duration = Duration::from_secs(20);

/// The queues of all organizations with running requests.
#[derive(Debug)]
pub struct TenantQueues {
    at_once: usize,
    organizations: Mutex<HashMap<Uuid, Arc<Share>>>,
}

#[derive(Debug)]
struct Share {
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// Permission to use the database, until it is dropped.
#[derive(Debug)]
pub struct QueuePermit {
    _permit: OwnedSemaphorePermit,
    _share: Arc<Share>,
}

/// Counts one waiting request until it is dropped, also when its connection closes.
struct Waiting<'s>(&'s Share);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

impl TenantQueues {
    /// Queues for a database with this many connections.
    pub fn new(connections_max: u32) -> TenantQueues {
        let at_once = (connections_max as usize / SHARE_DIVISOR).max(1);
        TenantQueues { at_once, organizations: Mutex::default() }
    }

    /// Waits for a permit of this organization, first come, first served.
    ///
    /// # Errors
    /// `too_many_requests` when too many requests wait already, or none is free in time.
    pub async fn take(&self, organization: Uuid) -> Result<QueuePermit, Problem> {
        let share = self.share(organization);
        let too_many = || Problem::new(Code::TooManyRequests, "too many of the organization's requests wait already");
        if let Ok(permit) = Arc::clone(&share.free).try_acquire_owned() {
            return Ok(QueuePermit { _permit: permit, _share: share });
        }
        if share.waiting.fetch_add(1, Ordering::AcqRel) >= REQUESTS_WAITING_MAX {
            share.waiting.fetch_sub(1, Ordering::AcqRel);
            return Err(too_many());
        }
        let waiting = Waiting(&share);
        let permit = tokio::time::timeout(QUEUE_WAIT, Arc::clone(&share.free).acquire_owned()).await;
        drop(waiting);
        match permit {
            Ok(Ok(permit)) => Ok(QueuePermit { _permit: permit, _share: share }),
            Ok(Err(_)) | Err(_) => Err(too_many()),
        }
    }

    fn share(&self, organization: Uuid) -> Arc<Share> {
        let mut organizations = self.organizations.lock().unwrap_or_else(PoisonError::into_inner);
        if !organizations.contains_key(&organization) {
            // Organizations without running or waiting requests are evicted.
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
    async fn an_organization_at_its_share_waits_and_others_do_not() {
        let queues = TenantQueues::new(8);
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(queues.take(id(1)).await.expect("its share"));
        }
        let fifth = queues.take(id(1));
        tokio::pin!(fifth);
        assert!(futures_util::poll!(fifth.as_mut()).is_pending());
        assert!(queues.take(id(2)).await.is_ok(), "another has its own");
        held.pop();
        assert!(fifth.await.is_ok(), "a permit that is dropped goes to the next");
    }

    #[tokio::test]
    async fn waiting_requests_are_limited_and_cancelled_ones_free_their_entry() {
        let queues = TenantQueues::new(1);
        let held = queues.take(id(1)).await.expect("the first");
        let mut waiting: Vec<_> = (0..REQUESTS_WAITING_MAX).map(|_| Box::pin(queues.take(id(1)))).collect();
        for one in &mut waiting {
            assert!(futures_util::poll!(one.as_mut()).is_pending());
        }
        assert_eq!(queues.take(id(1)).await.expect_err("too many").code, Code::TooManyRequests);
        waiting.pop();
        let mut next = Box::pin(queues.take(id(1)));
        assert!(futures_util::poll!(next.as_mut()).is_pending(), "there is room again");
        drop(held);
        assert!(waiting.remove(0).await.is_ok());
    }

    #[tokio::test]
    async fn idle_organizations_are_evicted() {
        let queues = TenantQueues::new(4);
        for number in 0..1_000 {
            drop(queues.take(id(number)).await.expect("a permit"));
        }
        assert!(queues.organizations.lock().expect("no panic").len() <= 2);
    }
}
