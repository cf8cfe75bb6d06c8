//! What has just come of files, in memory: whoever waits for it reads it here, and the disk gets it behind that.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, Weak},
};

use bytes::{Bytes, BytesMut};
use gridwell_files::{GROUP_BYTES, Groups};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Groups that the disk does not have yet, of all files together: 32 MiB. Who brings more waits for it.
const MOST_COMING: usize = 512;
/// Groups that stay when the disk has them, of all files together: 16 MiB. Who reads in order finds there what was read ahead.
const MOST_KEPT: usize = 256;

/// Room in memory for what comes of all files; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Room {
    coming: Arc<Semaphore>,
    kept: Arc<Mutex<Kept>>,
}

/// Groups of files that the disk has, too; the latest last.
type Kept = VecDeque<(Weak<Fresh>, u64)>;

impl Default for Room {
    fn default() -> Self {
        Self { coming: Arc::new(Semaphore::new(MOST_COMING)), kept: Arc::default() }
    }
}

impl Room {
    /// Room for a group if there is some now, until what is returned goes.
    pub(super) fn take_now(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.coming).try_acquire_owned().ok()
    }

    /// Room for a group, until what is returned goes.
    pub(super) async fn take(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.coming).acquire_owned().await.expect("it is never closed")
    }

    /// Groups are on the disk now: they stay only while others do not need the room.
    pub(super) fn keep(&self, fresh: &Arc<Fresh>, groups: impl IntoIterator<Item = u64>) {
        let mut kept = self.kept.lock().expect("nothing panics while it holds the list");
        kept.extend(groups.into_iter().map(|group| (Arc::downgrade(fresh), group)));
        let excess = kept.len().saturating_sub(MOST_KEPT);
        for (fresh, group) in kept.drain(..excess) {
            fresh.upgrade().inspect(|fresh| fresh.forget(group..group + 1));
        }
    }
}

/// What has just come of one file.
#[derive(Debug, Default)]
pub(super) struct Fresh(Mutex<BTreeMap<u64, Bytes>>);

impl Fresh {
    pub(super) fn insert(&self, group: u64, bytes: Bytes) {
        self.lock().insert(group, bytes);
    }

    pub(super) fn forget(&self, groups: Range<u64>) {
        let mut all = self.lock();
        groups.for_each(|group| _ = all.remove(&group));
    }

    /// Forgets those of `groups` that are not among `kept`: nobody keeps them any more.
    pub(super) fn forget_but(&self, groups: Range<u64>, kept: &Groups) {
        let mut all = self.lock();
        groups.filter(|group| !kept.contains(*group)).for_each(|group| _ = all.remove(&group));
    }

    /// Those of `groups` that are not here.
    pub(super) fn missing(&self, groups: &Groups) -> Groups {
        let all = self.lock();
        groups.iter().filter(|group| !all.contains_key(group)).collect()
    }

    /// `bytes` bytes from `offset` on, one at least, if all of them are here.
    pub(super) fn read(&self, offset: u64, bytes: u64) -> Option<Bytes> {
        let (first, end) = (offset / GROUP_BYTES, offset + bytes);
        let all = self.lock();
        let part = |group: u64| {
            let start = group * GROUP_BYTES;
            let range = offset.saturating_sub(start) as usize..(end - start).min(GROUP_BYTES) as usize;
            let whole = all.get(&group)?;
            (range.end <= whole.len()).then(|| whole.slice(range))
        };
        let (head, more) = (part(first)?, first + 1..end.div_ceil(GROUP_BYTES));
        if more.is_empty() {
            return Some(head);
        }
        let tail = more.map(part).collect::<Option<Vec<_>>>()?;
        drop(all);
        let mut joined = BytesMut::with_capacity(bytes as usize);
        std::iter::once(head).chain(tail).for_each(|part| joined.extend_from_slice(&part));
        Some(joined.freeze())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Bytes>> {
        self.0.lock().expect("nothing panics while it holds what came")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(group: u64, length: u64) -> Bytes {
        (0..length).map(|at| (group * 7 + at % 251) as u8).collect()
    }

    #[test]
    fn what_came_is_read_across_groups_and_never_in_part() {
        let fresh = Fresh::default();
        let whole = |group| bytes(group, GROUP_BYTES);
        fresh.insert(1, whole(1));
        fresh.insert(2, whole(2));
        fresh.insert(3, bytes(3, 10));

        assert_eq!(fresh.read(GROUP_BYTES, GROUP_BYTES), Some(whole(1)));
        let joined = [&whole(1)[100..], &whole(2)[..], &bytes(3, 10)[..5]].concat();
        assert_eq!(fresh.read(GROUP_BYTES + 100, 2 * GROUP_BYTES - 95), Some(joined.into()));
        assert_eq!(fresh.read(3 * GROUP_BYTES + 3, 7), Some(bytes(3, 10).slice(3..)));
        for (offset, length) in [(0, 1), (GROUP_BYTES - 1, 2), (3 * GROUP_BYTES, 11), (4 * GROUP_BYTES, 1)] {
            assert_eq!(fresh.read(offset, length), None, "{length} from {offset} on");
        }
        assert_eq!(fresh.missing(&Groups::from(0..5)), [0, 4].into_iter().collect());
    }

    #[test]
    fn what_the_disk_has_goes_when_others_need_the_room() {
        let room = Room::default();
        let (old, new) = (Arc::new(Fresh::default()), Arc::new(Fresh::default()));
        old.insert(5, bytes(5, 1));
        room.keep(&old, [5]);
        let news = 0..MOST_KEPT as u64;
        news.clone().for_each(|group| new.insert(group, bytes(group, 1)));
        room.keep(&new, news.clone().skip(1));
        assert!(old.read(5 * GROUP_BYTES, 1).is_some());

        room.keep(&new, [0]);
        assert!(old.read(5 * GROUP_BYTES, 1).is_none());
        assert!(new.missing(&Groups::from(news)).is_empty());
    }
}
