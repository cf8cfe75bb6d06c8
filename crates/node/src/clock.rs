use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gridwell_model::{Stamp, Time};
use rustix::time::{ClockId, clock_gettime};

/// The node's clock: microseconds that go on while the machine sleeps, so that a lease ends on time after a nap.
///
/// Source: `CLOCK_BOOTTIME`, clock_gettime(2).
pub(crate) fn now() -> Time {
    let time = clock_gettime(ClockId::Boottime);
    let secs = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    Time(secs * 1_000_000 + nanos / 1_000)
}

/// The wall clock, for people.
pub(crate) fn stamp() -> Stamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Stamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// How long until `at`, for a timer.
pub(crate) fn until(at: Time) -> Duration {
    at.since(now())
}
