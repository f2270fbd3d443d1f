//! The cursor cache: the cursors that this instance has issued, in memory. A returning device names them by their digest and does
//! not have to send thousands of them.
//!
//! It affects only speed. A device that is not in the cache is asked for its cursors.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

/// The most devices in the cache.
pub const DEVICES_MAX: usize = 20_000;
/// The most bytes of all cursors: some 1,300 sets of 4,000 scopes.
pub const BYTES_MAX: usize = 64 * 1024 * 1024;
/// Sets per device: an answer may be lost, so a device may ask with an earlier set again.
const SETS_PER_DEVICE_MAX: usize = 3;
/// Estimated bytes of a set besides its cursors.
const SET_BYTES: usize = 128;

/// The cursors that a device has after a page.
#[derive(Debug, Clone)]
pub struct Cursors {
    /// The number of the subscription whose scopes these are.
    pub subscription: u64,
    /// Ordinals of the scopes among all scopes that this instance knows.
    pub ordinals: Arc<[u32]>,
    /// The version up to which each scope was read.
    pub versions: Arc<[i64]>,
    /// The number of the device's last mutation when every scope was read to its head; none while another page follows.
    pub complete_at: Option<i64>,
}

impl Cursors {
    fn bytes(&self) -> usize {
        SET_BYTES + size_of_val(&*self.ordinals) + size_of_val(&*self.versions)
    }
}

#[derive(Default)]
struct Device {
    /// Digest and cursors, the newest last.
    sets: Vec<(i64, Cursors)>,
    /// Whether the next answer has to be a page although no head may have moved.
    page_required: bool,
    used: u64,
}

#[derive(Default)]
struct Inner {
    devices: HashMap<Uuid, Device>,
    by_use: BTreeMap<u64, Uuid>,
    uses: u64,
    bytes: usize,
}

/// The cache of issued cursors, least recently used devices evicted first.
pub struct CursorCache {
    inner: Mutex<Inner>,
    devices_max: usize,
    bytes_max: usize,
}

impl Default for CursorCache {
    fn default() -> CursorCache {
        CursorCache::with_limits(DEVICES_MAX, BYTES_MAX)
    }
}

impl CursorCache {
    /// A cache with these limits.
    pub fn with_limits(devices_max: usize, bytes_max: usize) -> CursorCache {
        CursorCache { inner: Mutex::default(), devices_max, bytes_max }
    }

    /// The cursors of this digest, if they were issued to this device.
    pub fn find(&self, device: Uuid, digest: i64) -> Option<Cursors> {
        let mut inner = self.lock();
        let found = inner.devices.get(&device)?.sets.iter().find(|(of, _)| *of == digest)?.1.clone();
        inner.touch(device);
        Some(found)
    }

    /// Whether the next answer has to be a page although no head may have moved.
    pub fn is_page_required(&self, device: Uuid) -> bool {
        self.lock().devices.get(&device).is_some_and(|device| device.page_required)
    }

    /// Makes the next answer a page: either the device has pushed and keeps its mutations above its rows until a page covers them,
    /// or it was told of a loss and confirms it by its next request. Other instances do not know of it.
    pub fn require_page(&self, device: Uuid) {
        if let Some(device) = self.lock().devices.get_mut(&device) {
            device.page_required = true;
        }
    }

    /// Stores the cursors that a device is about to receive. When a limit is exceeded, the least recently used devices are evicted.
    pub fn keep(&self, device: Uuid, digest: i64, cursors: Cursors) {
        let mut inner = self.lock();
        inner.bytes += cursors.bytes();
        let known = inner.devices.entry(device).or_default();
        let mut freed = 0;
        known.page_required = false;
        if let Some(index) = known.sets.iter().position(|(of, _)| *of == digest) {
            freed += known.sets.remove(index).1.bytes();
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

    /// Evicts a device.
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
        Cursors { subscription: 1, ordinals: vec![0; of].into(), versions: vec![7; of].into(), complete_at: Some(0) }
    }

    fn device(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    #[test]
    fn cursors_are_found_only_by_their_device_and_digest() {
        let cache = CursorCache::default();
        cache.keep(device(1), 5, cursors(2));
        assert_eq!(cache.find(device(1), 5).map(|cursors| cursors.versions.to_vec()), Some(vec![7, 7]));
        assert!(cache.find(device(1), 6).is_none());
        assert!(cache.find(device(2), 5).is_none());
    }

    #[test]
    fn least_recently_used_devices_are_evicted_first() {
        let cache = CursorCache::with_limits(2, usize::MAX);
        cache.keep(device(1), 1, cursors(1));
        cache.keep(device(2), 1, cursors(1));
        assert!(cache.find(device(1), 1).is_some());
        cache.keep(device(3), 1, cursors(1));
        let here: Vec<bool> = (1..=3).map(|number| cache.find(device(number), 1).is_some()).collect();
        assert_eq!(here, [true, false, true]);
    }

    #[test]
    fn evicted_cursors_free_their_bytes() {
        let cache = CursorCache::with_limits(100, 10 * cursors(100).bytes());
        for round in 0..3 {
            for number in 0..50 {
                cache.keep(device(number), round * 100 + number as i64, cursors(100));
            }
        }
        assert_eq!(cache.lock().devices.len(), 10);
        assert_eq!(cache.lock().bytes, 10 * cursors(100).bytes());
        for number in 0..50 {
            cache.forget(device(number));
        }
        let inner = cache.lock();
        assert_eq!((inner.bytes, inner.by_use.len()), (0, 0));
    }

    #[test]
    fn devices_keep_their_latest_sets_without_duplicates() {
        let cache = CursorCache::default();
        for digest in [1, 2, 3, 3, 4] {
            cache.keep(device(1), digest, cursors(1));
        }
        let here: Vec<bool> = (1..=4).map(|digest| cache.find(device(1), digest).is_some()).collect();
        assert_eq!(here, [false, true, true, true]);
        assert_eq!(cache.lock().bytes, 3 * cursors(1).bytes());
    }

    #[test]
    fn a_page_is_owed_until_it_is_read() {
        let cache = CursorCache::default();
        cache.require_page(device(1));
        assert!(!cache.is_page_required(device(1)), "a device that is not cached is not added");
        cache.keep(device(1), 1, cursors(1));
        cache.require_page(device(1));
        assert!(cache.is_page_required(device(1)));
        cache.keep(device(1), 1, cursors(1));
        assert!(!cache.is_page_required(device(1)));
    }
}
