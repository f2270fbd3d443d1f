//! Where passwords are looked at: a few at a time, in memory that is used again, devices that are known first, and of one
//! address one after another.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use waystation_model::{Code, Problem};

use super::passwords::Memory;
use crate::failure::Failure;

/// Passwords that are looked at at once, whatever the number of cores: each takes a core and 19 MiB, and two are about a
/// hundred sign-ins a second.
const PASSWORDS_AT_ONCE_MAX: usize = 2;
/// How long a sign-in waits for its turn.
const PASSWORD_WAIT: Duration = Duration::from_secs(10);
/// Sign-ins from one address that wait with a device which is not known. The next is told to come again at once.
pub const STRANGERS_WAITING_MAX: usize = 100;
/// Sign-ins with known devices that wait, from everywhere.
const KNOWN_WAITING_MAX: usize = 1_000;

/// Passwords that are looked at at once.
pub fn passwords_at_once() -> usize {
    PASSWORDS_AT_ONCE_MAX
}

/// Where passwords are looked at.
#[derive(Debug)]
pub struct PasswordDesk {
    places: Arc<Semaphore>,
    /// Those who come with a device that is not known leave one place free, where there is more than one.
    strangers: Arc<Semaphore>,
    known_waiting: Arc<AtomicUsize>,
    addresses: Mutex<HashMap<IpAddr, Arc<Address>>>,
    memories: Mutex<Vec<Memory>>,
}

/// Who signs in from one address with a device that is not known.
#[derive(Debug)]
struct Address {
    one: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

/// Counts one who waits, until they do no longer, also when their connection breaks off.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn among(count: &Arc<AtomicUsize>, max: usize) -> Result<Waiting, Problem> {
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

/// A place to look at one password, for as long as it is held.
#[derive(Debug)]
pub struct Place {
    desk: Arc<PasswordDesk>,
    _permits: Vec<OwnedSemaphorePermit>,
    _address: Option<Arc<Address>>,
}

impl Default for PasswordDesk {
    fn default() -> PasswordDesk {
        PasswordDesk::of(passwords_at_once())
    }
}

impl PasswordDesk {
    fn of(places: usize) -> PasswordDesk {
        PasswordDesk {
            places: Arc::new(Semaphore::new(places)),
            strangers: Arc::new(Semaphore::new(places.saturating_sub(1).max(1))),
            known_waiting: Arc::default(),
            addresses: Mutex::default(),
            memories: Mutex::default(),
        }
    }

    /// Places that are free.
    pub fn available_permits(&self) -> usize {
        self.places.available_permits()
    }

    /// Waits for a place. `stranger`: the address of somebody whose device is not known.
    ///
    /// # Errors
    /// `too_many_requests` when too many wait at the address already, `too_many_attempts` when no place comes in time.
    pub async fn take(self: &Arc<Self>, stranger: Option<IpAddr>) -> Result<Place, Failure> {
        let permits = tokio::time::timeout(PASSWORD_WAIT, self.wait(stranger));
        let (permits, address) = permits.await.map_err(|_| Problem::new(Code::TooManyAttempts, "too many people sign in at once"))??;
        Ok(Place { desk: Arc::clone(self), _permits: permits, _address: address })
    }

    async fn wait(&self, stranger: Option<IpAddr>) -> Result<(Vec<OwnedSemaphorePermit>, Option<Arc<Address>>), Failure> {
        let acquire = |semaphore: &Arc<Semaphore>| Arc::clone(semaphore).acquire_owned();
        let Some(address) = stranger else {
            let _waiting = Waiting::among(&self.known_waiting, KNOWN_WAITING_MAX)?;
            return Ok((vec![acquire(&self.places).await.map_err(Failure::broken)?], None));
        };
        let address = self.address(address);
        let _waiting = Waiting::among(&address.waiting, STRANGERS_WAITING_MAX)?;
        // One of an address stands in the common line, so that many connections are no more than one.
        let mut permits = vec![acquire(&address.one).await.map_err(Failure::broken)?];
        permits.push(acquire(&self.strangers).await.map_err(Failure::broken)?);
        permits.push(acquire(&self.places).await.map_err(Failure::broken)?);
        Ok((permits, Some(address)))
    }

    fn address(&self, address: IpAddr) -> Arc<Address> {
        let mut addresses = lock(&self.addresses);
        if !addresses.contains_key(&address) {
            // Only those from which somebody signs in are kept.
            addresses.retain(|_, known| Arc::strong_count(known) > 1);
        }
        let new = || Arc::new(Address { one: Arc::new(Semaphore::new(1)), waiting: Arc::default() });
        Arc::clone(addresses.entry(address).or_insert_with(new))
    }
}

impl Place {
    /// Does slow work off the async threads, in memory that is used again. It ends also when its caller is dropped, and
    /// only then the place is free.
    ///
    /// # Errors
    /// When the work panics.
    pub async fn work<T: Send + 'static>(self, work: impl FnOnce(&mut Memory) -> T + Send + 'static) -> Result<(T, Place), Failure> {
        tokio::task::spawn_blocking(move || {
            let mut memory = lock(&self.desk.memories).pop().unwrap_or_default();
            let result = work(&mut memory);
            lock(&self.desk.memories).push(memory);
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
    async fn a_known_device_has_a_place_while_strangers_wait() {
        let desk = Arc::new(PasswordDesk::of(2));
        let first = desk.take(address(1)).await.expect("a place");
        let mut second = Box::pin(desk.take(address(2)));
        assert!(poll!(second.as_mut()).is_pending(), "strangers leave a place free");
        let known = desk.take(None).await.expect("the place that was left");
        drop(first);
        assert!(second.await.is_ok());
        drop(known);
    }

    #[tokio::test]
    async fn an_address_with_many_connections_is_one_in_the_line() {
        let desk = Arc::new(PasswordDesk::of(1));
        let held = desk.take(None).await.expect("a place");
        let mut many: Vec<_> = (0..STRANGERS_WAITING_MAX).map(|_| Box::pin(desk.take(address(1)))).collect();
        for one in &mut many {
            assert!(poll!(one.as_mut()).is_pending());
        }
        let refused = desk.take(address(1)).await.expect_err("as many as may wait already do");
        assert!(matches!(refused, Failure::Problem(Problem { code: Code::TooManyRequests, .. })), "{refused}");
        let mut other = Box::pin(desk.take(address(2)));
        assert!(poll!(other.as_mut()).is_pending());
        drop(held);
        let first = many.remove(0).await.expect("the first of the address");
        drop(first);
        assert!(other.await.is_ok(), "the other address comes second, not last");
    }

    #[tokio::test]
    async fn memory_is_used_again_and_addresses_are_not_kept() {
        let desk = Arc::new(PasswordDesk::of(2));
        for last in 0..100 {
            let place = desk.take(address(last)).await.expect("a place");
            let (_, place) = place.work(|_| ()).await.expect("no panic");
            drop(place);
        }
        assert_eq!(lock(&desk.memories).len(), 1);
        assert!(lock(&desk.addresses).len() <= 2);
        assert_eq!(desk.available_permits(), 2);
    }
}
