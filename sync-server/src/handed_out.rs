//! The cursors that this instance has handed out, in memory: a device that comes back names them by their digest, and does
//! not have to send thousands of them.
//!
//! Nothing but speed hangs on it. Whoever is not known here is asked for the cursors themselves.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

/// Devices whose cursors are kept.
pub const DEVICES_MAX: usize = 20_000;
/// Bytes of all cursors that are kept: some 1,300 sets of 4,000 scopes.
pub const BYTES_MAX: usize = 64 * 1024 * 1024;
/// Sets of one device: an answer may be lost, so the one before may be asked for again.
const SETS_PER_DEVICE_MAX: usize = 3;
/// What a set costs besides its cursors.
const SET_BYTES: usize = 128;

/// How far a device was brought.
#[derive(Debug, Clone)]
pub struct Cursors {
    /// The number of the subscription whose scopes these are.
    pub subscription: u64,
    /// The scopes' places among all that this instance knows.
    pub places: Arc<[u32]>,
    /// How far each of them was read.
    pub versions: Arc<[i64]>,
    /// The number of the device's last mutation when every scope was read to its head; none while a page is to follow.
    pub whole_at: Option<i64>,
}

impl Cursors {
    fn bytes(&self) -> usize {
        SET_BYTES + size_of_val(&*self.places) + size_of_val(&*self.versions)
    }
}

#[derive(Default)]
struct Device {
    /// With their digests, the newest last.
    sets: Vec<(i64, Cursors)>,
    /// Whether it is owed a page although nothing may have moved.
    owed: bool,
    used: u64,
}

#[derive(Default)]
struct Inner {
    devices: HashMap<Uuid, Device>,
    by_use: BTreeMap<u64, Uuid>,
    uses: u64,
    bytes: usize,
}

/// The cursors that were handed out.
pub struct HandedOut {
    inner: Mutex<Inner>,
    devices_max: usize,
    bytes_max: usize,
}

impl Default for HandedOut {
    fn default() -> HandedOut {
        HandedOut::with_limits(DEVICES_MAX, BYTES_MAX)
    }
}

impl HandedOut {
    /// Keeps no more than this.
    pub fn with_limits(devices_max: usize, bytes_max: usize) -> HandedOut {
        HandedOut { inner: Mutex::default(), devices_max, bytes_max }
    }

    /// The cursors of this digest, when this device was given them.
    pub fn find(&self, device: Uuid, digest: i64) -> Option<Cursors> {
        let mut inner = self.lock();
        let found = inner.devices.get(&device)?.sets.iter().find(|(of, _)| *of == digest)?.1.clone();
        inner.touch(device);
        Some(found)
    }

    /// Whether the device is known to be owed a page although nothing may have moved.
    pub fn is_owed_page(&self, device: Uuid) -> bool {
        self.lock().devices.get(&device).is_some_and(|device| device.owed)
    }

    /// The next answer is a page: the device has pushed, and keeps that on top of its rows until a page covers it; or it was
    /// told of a loss, and shows by asking on that it knows. Only this instance knows of it.
    pub fn owe_page(&self, device: Uuid) {
        if let Some(device) = self.lock().devices.get_mut(&device) {
            device.owed = true;
        }
    }

    /// Keeps what a device is about to be given. Whoever was not heard of for the longest time goes when there is too much.
    pub fn keep(&self, device: Uuid, digest: i64, cursors: Cursors) {
        let mut inner = self.lock();
        inner.bytes += cursors.bytes();
        let known = inner.devices.entry(device).or_default();
        let mut freed = 0;
        known.owed = false;
        if let Some(place) = known.sets.iter().position(|(of, _)| *of == digest) {
            freed += known.sets.remove(place).1.bytes();
        }
        known.sets.push((digest, cursors));
        if known.sets.len() > SETS_PER_DEVICE_MAX {
            freed += known.sets.remove(0).1.bytes();
        }
        inner.bytes -= freed;
        inner.touch(device);
        while inner.devices.len() > self.devices_max || inner.bytes > self.bytes_max {
            inner.forget_oldest();
        }
    }

    /// Forgets a device.
    pub fn forget(&self, device: Uuid) {
        self.lock().forget(device);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn touch(&mut self, device: Uuid) {
        self.uses += 1;
        let Some(known) = self.devices.get_mut(&device) else { return };
        self.by_use.remove(&std::mem::replace(&mut known.used, self.uses));
        self.by_use.insert(self.uses, device);
    }

    fn forget(&mut self, device: Uuid) {
        if let Some(known) = self.devices.remove(&device) {
            self.by_use.remove(&known.used);
            self.bytes -= known.sets.iter().map(|(_, cursors)| cursors.bytes()).sum::<usize>();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, device)) = self.by_use.first_key_value().map(|(used, device)| (*used, *device)) {
            self.forget(device);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursors(of: usize) -> Cursors {
        Cursors { subscription: 1, places: vec![0; of].into(), versions: vec![7; of].into(), whole_at: Some(0) }
    }

    fn device(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    #[test]
    fn cursors_are_found_by_their_device_and_digest_alone() {
        let kept = HandedOut::default();
        kept.keep(device(1), 5, cursors(2));
        assert_eq!(kept.find(device(1), 5).map(|cursors| cursors.versions.to_vec()), Some(vec![7, 7]));
        assert!(kept.find(device(1), 6).is_none());
        assert!(kept.find(device(2), 5).is_none());
    }

    #[test]
    fn whoever_was_not_heard_of_for_the_longest_time_goes_first() {
        let kept = HandedOut::with_limits(2, usize::MAX);
        kept.keep(device(1), 1, cursors(1));
        kept.keep(device(2), 1, cursors(1));
        assert!(kept.find(device(1), 1).is_some());
        kept.keep(device(3), 1, cursors(1));
        let here: Vec<bool> = (1..=3).map(|number| kept.find(device(number), 1).is_some()).collect();
        assert_eq!(here, [true, false, true]);
    }

    #[test]
    fn bytes_are_counted_in_and_out() {
        let kept = HandedOut::with_limits(100, 10 * cursors(100).bytes());
        for round in 0..3 {
            for number in 0..50 {
                kept.keep(device(number), round * 100 + number as i64, cursors(100));
            }
        }
        assert_eq!(kept.lock().devices.len(), 10);
        assert_eq!(kept.lock().bytes, 10 * cursors(100).bytes());
        for number in 0..50 {
            kept.forget(device(number));
        }
        let inner = kept.lock();
        assert_eq!((inner.bytes, inner.by_use.len()), (0, 0));
    }

    #[test]
    fn a_device_keeps_its_last_sets_and_each_once() {
        let kept = HandedOut::default();
        for digest in [1, 2, 3, 3, 4] {
            kept.keep(device(1), digest, cursors(1));
        }
        let here: Vec<bool> = (1..=4).map(|digest| kept.find(device(1), digest).is_some()).collect();
        assert_eq!(here, [false, true, true, true]);
        assert_eq!(kept.lock().bytes, 3 * cursors(1).bytes());
    }

    #[test]
    fn a_page_is_owed_until_it_is_read() {
        let kept = HandedOut::default();
        kept.owe_page(device(1));
        assert!(!kept.is_owed_page(device(1)), "nobody who was given nothing is kept");
        kept.keep(device(1), 1, cursors(1));
        kept.owe_page(device(1));
        assert!(kept.is_owed_page(device(1)));
        kept.keep(device(1), 1, cursors(1));
        assert!(!kept.is_owed_page(device(1)));
    }
}
