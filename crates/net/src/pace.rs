//! How fast bulk bytes may go: a limit that all streams which count here share.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

/// What was not used for this long may be used at once.
const BURST: Duration = Duration::from_millis(100);

/// Bytes of one direction. There is no limit until one is set.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// 0 for no limit.
    bytes_per_second: AtomicU64,
    /// When what was spent so far has had its time.
    free_at: Mutex<Option<Instant>>,
}

impl Pace {
    /// Lowest limit in bytes per second: below, streams that share it would wait for each other longer than they wait for a machine that
    /// says nothing.
    pub(crate) const LEAST: u64 = 256 * 1024;

    pub(crate) fn set(&self, bytes_per_second: Option<u64>) {
        let limit = bytes_per_second.map_or(0, |limit| limit.max(Self::LEAST));
        self.bytes_per_second.store(limit, Ordering::Relaxed);
        // What was spent under another limit is over.
        *self.free_at() = None;
    }

    /// Counts bytes that went; returns when the next ones may go, unless that is at once.
    pub(crate) fn spend(&self, bytes: u64) -> Option<Instant> {
        let limit = self.bytes_per_second.load(Ordering::Relaxed);
        if limit == 0 || bytes == 0 {
            return None;
        }
        let (took, now) = (Duration::from_secs_f64(bytes as f64 / limit as f64), Instant::now());
        let mut free_at = self.free_at();
        let earliest = now.checked_sub(BURST).unwrap_or(now);
        let next = free_at.map_or(earliest, |free| free.max(earliest)) + took;
        *free_at = Some(next);
        (next > now).then_some(next)
    }

    fn free_at(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.free_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Both directions of a link, or of all links together.
#[derive(Debug, Default)]
pub(crate) struct Paces {
    pub(crate) sent: Pace,
    pub(crate) received: Pace,
}

impl Paces {
    pub(crate) fn set(&self, bytes_per_second: Option<u64>) {
        self.sent.set(bytes_per_second);
        self.received.set(bytes_per_second);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[tokio::test(start_paused = true)]
    async fn nothing_waits_without_a_limit() {
        let pace = Pace::default();
        assert_eq!(pace.spend(u64::MAX / 2), None);
        pace.set(Some(MIB));
        pace.set(None);
        assert_eq!(pace.spend(100 * MIB), None);
    }

    #[tokio::test(start_paused = true)]
    async fn streams_that_share_a_limit_keep_it_together() {
        let (pace, begun) = (Pace::default(), Instant::now());
        pace.set(Some(MIB));
        let mut sent = 0;
        while sent < 20 * MIB {
            sent += MIB / 4;
            if let Some(next) = pace.spend(MIB / 4) {
                tokio::time::sleep_until(next).await;
            }
        }
        let took = begun.elapsed();
        assert!(took > Duration::from_millis(19_800) && took < Duration::from_millis(20_100), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn rest_is_saved_up_for_a_moment_only() {
        let pace = Pace::default();
        pace.set(Some(MIB));
        assert_eq!(pace.spend(MIB / 20), None, "a burst");
        tokio::time::advance(Duration::from_secs(3_600)).await;
        assert_eq!(pace.spend(MIB / 20), None);
        let next = pace.spend(MIB).expect("an hour of rest is no hour of bytes");
        assert!(next - Instant::now() > Duration::from_millis(900));
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_is_never_so_low_that_transfers_seem_to_stand_still() {
        let pace = Pace::default();
        pace.set(Some(1));
        let next = pace.spend(Pace::LEAST).expect("a wait");
        assert!(next - Instant::now() <= Duration::from_secs(1));
    }
}
