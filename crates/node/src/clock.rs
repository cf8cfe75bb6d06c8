use std::{
    sync::OnceLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

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

/// When the wall clock showed what it showed when the node's clock was at `time`. The two are compared once, so that the
/// same moment always gives the same stamp.
pub(crate) fn stamp_of(time: Time) -> Stamp {
    static BOTH: OnceLock<(Time, Stamp)> = OnceLock::new();
    let (then, shown) = *BOTH.get_or_init(|| (now(), stamp()));
    let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    Stamp(shown.0.saturating_add(millis(time.since(then))).saturating_sub(millis(then.since(time))))
}

/// How long until `at`, for a timer.
pub(crate) fn until(at: Time) -> Duration {
    at.since(now())
}
