//! A queue for password checks: a few run at once, in reused memory; sign-ins with known devices go first, and each address has one
//! sign-in in the common queue at a time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use waystation_model::{Code, Problem};

use super::passwords::Memory;
use crate::failure::Failure;

/// Password checks that run at once, independent of the number of cores: each takes a core and 19 MiB, and two of them handle about
/// a hundred sign-ins a second.
const PASSWORDS_AT_ONCE_MAX: usize = 2;
/// How long a sign-in waits for a slot.
const PASSWORD_WAIT: Duration = Duration::from_secs(10);
/// Sign-ins with unknown devices that may wait per address. The next one is refused at once with `too_many_requests`.
pub const UNKNOWN_DEVICES_WAITING_MAX: usize = 100;
/// Sign-ins with known devices that may wait, over all addresses.
const KNOWN_WAITING_MAX: usize = 1_000;

/// Password checks that run at once.
pub fn passwords_at_once() -> usize {
    PASSWORDS_AT_ONCE_MAX
}

/// Queue and memory for password checks.
#[derive(Debug)]
pub struct PasswordQueue {
    slots: Arc<Semaphore>,
    /// Sign-ins with unknown devices leave one slot free, when there is more than one.
    unknown_devices: Arc<Semaphore>,
    known_waiting: Arc<AtomicUsize>,
    addresses: Mutex<HashMap<IpAddr, Arc<Address>>>,
    memories: Mutex<Vec<Memory>>,
}

/// Sign-ins with unknown devices from one address.
#[derive(Debug)]
struct Address {
    one: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

/// Counts one waiting sign-in until it is dropped, also when its connection closes.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn enter(count: &Arc<AtomicUsize>, max: usize) -> Result<Waiting, Problem> {
        let waiting = Waiting(Arc::clone(count));
        if count.fetch_add(1, Ordering::AcqRel) >= max {
            return Err(Problem::new(Code::TooManyRequests, "too many sign in from this address at once"));
        }
        Ok(waiting)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A slot for one password check. It is free again when this is dropped.
#[derive(Debug)]
pub struct PasswordSlot {
    queue: Arc<PasswordQueue>,
    _permits: Vec<OwnedSemaphorePermit>,
    _address: Option<Arc<Address>>,
}

impl Default for PasswordQueue {
    fn default() -> PasswordQueue {
        PasswordQueue::of(passwords_at_once())
    }
}

impl PasswordQueue {
    fn of(slots: usize) -> PasswordQueue {
        PasswordQueue {
            slots: Arc::new(Semaphore::new(slots)),
            unknown_devices: Arc::new(Semaphore::new(slots.saturating_sub(1).max(1))),
            known_waiting: Arc::default(),
            addresses: Mutex::default(),
            memories: Mutex::default(),
        }
    }

    /// Slots that are free.
    pub fn available_permits(&self) -> usize {
        self.slots.available_permits()
    }

    /// Waits for a slot. `unknown_from`: the client's address when its device is not known.
    ///
    /// # Errors
    /// `too_many_requests` when too many already wait for this address, `too_many_attempts` when no slot is free in time.
    pub async fn take(self: &Arc<Self>, unknown_from: Option<IpAddr>) -> Result<PasswordSlot, Failure> {
        let permits = tokio::time::timeout(PASSWORD_WAIT, self.wait(unknown_from));
        let (permits, address) = permits.await.map_err(|_| Problem::new(Code::TooManyAttempts, "too many people sign in at once"))??;
        Ok(PasswordSlot { queue: Arc::clone(self), _permits: permits, _address: address })
    }

    async fn wait(&self, unknown_from: Option<IpAddr>) -> Result<(Vec<OwnedSemaphorePermit>, Option<Arc<Address>>), Failure> {
        let acquire = |semaphore: &Arc<Semaphore>| Arc::clone(semaphore).acquire_owned();
        let Some(address) = unknown_from else {
            let _waiting = Waiting::enter(&self.known_waiting, KNOWN_WAITING_MAX)?;
            return Ok((vec![acquire(&self.slots).await.map_err(Failure::broken)?], None));
        };
        let address = self.address(address);
        let _waiting = Waiting::enter(&address.waiting, UNKNOWN_DEVICES_WAITING_MAX)?;
        // One sign-in per address waits in the common queue, so that opening many connections gives no advantage.
        let mut permits = vec![acquire(&address.one).await.map_err(Failure::broken)?];
        permits.push(acquire(&self.unknown_devices).await.map_err(Failure::broken)?);
        permits.push(acquire(&self.slots).await.map_err(Failure::broken)?);
        Ok((permits, Some(address)))
    }

    fn address(&self, address: IpAddr) -> Arc<Address> {
        let mut addresses = lock(&self.addresses);
        if !addresses.contains_key(&address) {
            // Addresses without a waiting sign-in are evicted.
            addresses.retain(|_, known| Arc::strong_count(known) > 1);
        }
        let new = || Arc::new(Address { one: Arc::new(Semaphore::new(1)), waiting: Arc::default() });
        Arc::clone(addresses.entry(address).or_insert_with(new))
    }
}

impl PasswordSlot {
    /// Runs slow work off the async threads, in reused memory. The work completes also when the caller is dropped; only then is the
    /// slot free.
    ///
    /// # Errors
    /// When the work panics.
    pub async fn work<T: Send + 'static>(self, work: impl FnOnce(&mut Memory) -> T + Send + 'static) -> Result<(T, PasswordSlot), Failure> {
        tokio::task::spawn_blocking(move || {
            let mut memory = lock(&self.queue.memories).pop().unwrap_or_default();
            let result = work(&mut memory);
            lock(&self.queue.memories).push(memory);
            (result, self)
        })
        .await
        .map_err(Failure::broken)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::poll;
    use std::net::Ipv4Addr;

    fn address(last: u8) -> Option<IpAddr> {
        Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)))
    }

    #[tokio::test]
    async fn known_devices_have_a_slot_while_unknown_ones_wait() {
        let queue = Arc::new(PasswordQueue::of(2));
        let first = queue.take(address(1)).await.expect("a slot");
        let mut second = Box::pin(queue.take(address(2)));
        assert!(poll!(second.as_mut()).is_pending(), "unknown devices leave a slot free");
        let known = queue.take(None).await.expect("the slot that was left");
        drop(first);
        assert!(second.await.is_ok());
        drop(known);
    }

    #[tokio::test]
    async fn each_address_has_one_entry_in_the_common_queue() {
        let queue = Arc::new(PasswordQueue::of(1));
        let held = queue.take(None).await.expect("a slot");
        let mut many: Vec<_> = (0..UNKNOWN_DEVICES_WAITING_MAX).map(|_| Box::pin(queue.take(address(1)))).collect();
        for one in &mut many {
            assert!(poll!(one.as_mut()).is_pending());
        }
        let refused = queue.take(address(1)).await.expect_err("the queue of the address is full");
        assert!(matches!(refused, Failure::Problem(Problem { code: Code::TooManyRequests, .. })), "{refused}");
        let mut other = Box::pin(queue.take(address(2)));
        assert!(poll!(other.as_mut()).is_pending());
        drop(held);
        let first = many.remove(0).await.expect("the first of the address");
        drop(first);
        assert!(other.await.is_ok(), "the other address comes second, not last");
    }

    #[tokio::test]
    async fn memory_is_reused_and_idle_addresses_are_evicted() {
        let queue = Arc::new(PasswordQueue::of(2));
        for last in 0..100 {
            let slot = queue.take(address(last)).await.expect("a slot");
            let (_, slot) = slot.work(|_| ()).await.expect("no panic");
            drop(slot);
        }
        assert_eq!(lock(&queue.memories).len(), 1);
        assert!(lock(&queue.addresses).len() <= 2);
        assert_eq!(queue.available_permits(), 2);
    }
}
