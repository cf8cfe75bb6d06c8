use std::time::Duration;

use serde::{Deserialize, Serialize};

/// When the machine goes down a step and when it comes back up; the usual one suits nearly everybody.
///
/// Shares are of the whole machine, `0.0..=1.0`. Source of every number: `docs/courtesy.md`, "Numbers".
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ladder {
    /// Input more recent than this means that somebody is there.
    pub touched: Duration,
    /// Without input for this long, nobody is there any more.
    pub gone: Duration,
    /// Load of others above this share is noticed …
    pub soften_load: f32,
    /// … when it lasts this long; it is low again when it was not above that share for as long.
    pub soften_after: Duration,
    /// Load of others from this share on freezes …
    pub freeze_load: f32,
    /// … when it lasts this long.
    pub freeze_after: Duration,
    /// Sessions younger than this are not frozen because of load: they may be what it comes from.
    pub young: Duration,
    /// Shortest stay on a step before the machine comes back up; going down never waits.
    pub dwell: Duration,
    /// A session that has been frozen for this long, less what it ran between, packs.
    pub pack_after: Duration,
    /// Longest time a program gets to write what it has.
    pub grace: Duration,
    /// How long the end of a program may take before that is trouble.
    pub watchdog: Duration,
    /// Who needs no longer than this finishes first.
    pub nearly: Duration,
    /// Programs with graphics that cannot be frozen are ended if they are younger than this: little is lost.
    pub cheap: Duration,
}

impl Default for Ladder {
    fn default() -> Self {
        Self {
            touched: Duration::from_mins(1),
            gone: Duration::from_mins(5),
            soften_load: 0.3,
            soften_after: Duration::from_secs(20),
            freeze_load: 0.5,
            freeze_after: Duration::from_mins(2),
            young: Duration::ZERO,
            dwell: Duration::from_secs(10),
            pack_after: Duration::from_mins(10),
            grace: Duration::from_mins(10),
            watchdog: Duration::from_secs(30),
            nearly: Duration::from_secs(90),
            cheap: Duration::from_mins(1),
        }
    }
}

impl Ladder {
    /// Who is further than this share finishes first, like who needs no longer than [`Ladder::nearly`].
    pub const NEARLY_DONE: f32 = 0.9;

    /// How long before the end of the open hours nothing new starts.
    pub const LAST_START: Duration = Duration::from_mins(30);

    /// How long before the end of the open hours what runs packs.
    pub const LAST_PACK: Duration = Duration::from_mins(10);

    /// Free memory below this share of all of it is needed now.
    pub const MEMORY_NEEDED: f32 = 0.05;

    /// Share of time in which somebody waits for memory from which it is under pressure.
    pub const PRESSURE: f32 = 0.1;

    /// Graphics busier with others than this share are theirs.
    pub const GRAPHICS_BUSY: f32 = 0.3;

    /// Free graphics memory below this is needed now, in bytes.
    pub const GRAPHICS_NEEDED_BYTES: u64 = 256 << 20;

    /// What was too hot, under pressure or busy is not so any more below this share of its limit.
    pub const RELEASE: f32 = 0.9;

    /// How much sooner than it must a frozen session is woken that owes somebody a heartbeat.
    pub const HEARTBEAT_MARGIN: Duration = Duration::from_secs(5);
}
