use std::collections::BTreeSet;

use gridwell_model::{Stamp, Standing};
use serde::{Deserialize, Serialize};

use crate::Share;

/// Shows how this machine lends, or changes that.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(default, deny_unknown_fields)]
pub struct LendingRequest {
    /// Its owner's rules from now on, all of them.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub rules: Option<LendingRules>,
    /// Begins or ends a pause.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub pause: Option<LendingPause>,
    /// How programs of jobs are kept apart from the rest of the machine, in sessions that open from now on.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub isolation: Option<Isolation>,
}

/// How programs of jobs are kept apart from the rest of a machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// The kernel refuses what is not theirs.
    #[default]
    Landlock,
    /// They also get namespaces of their own, in which nobody else is; needs bubblewrap.
    Namespaces,
}

/// A pause of lending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct LendingPause {
    /// For how many seconds, at most 31 days; 0 ends it.
    pub secs: u64,
    /// What happens to work of others that runs here.
    #[serde(default)]
    pub how: OnReturn,
    /// Keeps only this part of the machine back.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub only: Option<LentPart>,
}

/// A part of a machine that can be kept back by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum LentPart {
    /// Its graphics.
    Graphics,
    /// Its network: nothing new starts for others.
    Network,
}

/// What the owner of a machine allows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct LendingRules {
    /// When it lends.
    pub when: LendWhen,
    /// What keeps it from lending, whatever the time.
    pub never_while: LendNever,
    /// How much of it is lent.
    pub limits: LendLimits,
    /// What happens to work of others when somebody comes back to the machine.
    pub on_return: OnReturn,
    /// Works for jobs of its owner alone.
    pub only_mine: bool,
    /// Jobs of its owner wait for idleness too.
    pub mine_wait: bool,
    /// Keeps the machine from falling asleep while it works, or others work for its jobs; never to wait for work.
    #[serde(default)]
    pub keep_awake: bool,
    /// When it goes down a step and comes back up; the usual one suits nearly everybody.
    #[serde(default)]
    pub ladder: LendLadder,
    /// Whether others may wake it once it sleeps, when work waits that no machine takes.
    #[serde(default)]
    pub wake_for_work: bool,
    /// For how many seconds nobody must have used it before it sleeps, 1 … 31 days; it never does by itself when absent.
    #[serde(default)]
    pub sleep_after_secs: Option<u64>,
}

/// When a machine goes down a step and comes back up. Times are in seconds, loads are shares of all cores, 0 … 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(default, deny_unknown_fields)]
pub struct LendLadder {
    /// Input more recent than this means that somebody is there.
    pub touched_secs: f64,
    /// Without input for this long, nobody is there any more.
    pub gone_secs: f64,
    /// Load of others above this softens …
    pub soften_load: f32,
    /// … when it lasts this long.
    pub soften_after_secs: f64,
    /// Load of others from this on freezes …
    pub freeze_load: f32,
    /// … when it lasts this long.
    pub freeze_after_secs: f64,
    /// Shortest stay on a step before it comes back up.
    pub dwell_secs: f64,
    /// What has been frozen for this long goes back.
    pub pack_after_secs: f64,
    /// Longest time a program gets to write what it has.
    pub grace_secs: f64,
    /// Who needs no longer than this finishes first.
    pub nearly_secs: f64,
}

impl Default for LendLadder {
    /// Source: `docs/courtesy.md`, "Numbers".
    fn default() -> Self {
        Self {
            touched_secs: 60.0,
            gone_secs: 300.0,
            soften_load: 0.3,
            soften_after_secs: 20.0,
            freeze_load: 0.5,
            freeze_after_secs: 120.0,
            dwell_secs: 10.0,
            pack_after_secs: 600.0,
            grace_secs: 600.0,
            nearly_secs: 90.0,
        }
    }
}

/// When a machine lends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum LendWhen {
    /// Whoever is there and whatever else runs: it is there for the grid.
    Dedicated,
    /// Whether anybody is there or not; beside somebody who is, with less.
    Always,
    /// Only when nobody has touched it for a while.
    Idle {
        /// How long, in seconds.
        after_secs: u64,
    },
    /// Only within the hours.
    Within {
        /// For each day from Monday on a number, of whose bits 0 … 23 each is an hour.
        hours: [u32; 7],
    },
    /// Only within the hours, and only when nobody has touched it.
    IdleWithin {
        /// How long, in seconds.
        after_secs: u64,
        /// As above.
        hours: [u32; 7],
    },
    /// Within the hours, and at others when nobody has touched it.
    IdleOrWithin {
        /// How long, in seconds.
        after_secs: u64,
        /// As above.
        hours: [u32; 7],
    },
}

/// What keeps a machine from lending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct LendNever {
    /// One of these programs runs.
    pub programs: BTreeSet<String>,
    /// A program covers the screen.
    pub full_screen: bool,
    /// It runs on its battery.
    pub on_battery: bool,
    /// Somebody else keeps the graphics busy: they are not lent, the rest is.
    pub graphics_busy: bool,
    /// The network costs by the byte: nothing new starts for others.
    pub metered: bool,
    /// It is hotter than this, in °C, 40 … 110.
    pub hotter_than: Option<u8>,
}

/// How much of a machine is lent. Shares are 0 … 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct LendLimits {
    /// Logical cores; all when absent.
    pub cpus: Option<f32>,
    /// Share of these while somebody is there.
    pub cpus_in_use: f32,
    /// Share of the memory.
    pub memory: f32,
    /// Share of the memory while somebody is there.
    pub memory_in_use: f32,
    /// Whether graphics are lent.
    pub graphics: bool,
    /// Free space that stays free, in bytes: with less nothing new starts.
    pub disk_reserve_bytes: u64,
    /// Files of other machines that are kept because they were read here, in bytes.
    pub cache_bytes: u64,
    /// Files that go over all links together, each way, in bytes per second; no limit when absent.
    pub network: Option<u64>,
}

/// Where the work of others goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum OnReturn {
    /// It goes on with less, and freezes only if the machine is needed.
    #[default]
    Soften,
    /// It finishes within this time, with less, and then freezes.
    Finish {
        /// In seconds, at most an hour.
        within_secs: u64,
    },
    /// It stands still.
    Freeze,
    /// It goes back at once: what runs may write what it has.
    Pack,
    /// It ends at once.
    End,
}

/// How this machine lends, now and by its rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct LendingView {
    /// How it stands.
    pub standing: Standing,
    /// What jobs of others may use of it now; nothing while it does not lend.
    pub others: Share,
    /// What jobs of its owner may use of it now.
    pub own: Share,
    /// Why others get nothing; empty while they do.
    pub why_not: String,
    /// Everything that is against lending now, what a person said first.
    pub objections: Vec<ObjectionView>,
    /// Its owner's rules.
    pub rules: LendingRules,
    /// When a pause ends by itself, while one holds.
    pub paused_until: Option<Stamp>,
    /// True while its owner lets it take nothing new, until they say so.
    pub drained: bool,
    /// How programs of jobs are kept apart from the rest of the machine.
    pub isolation: Isolation,
    /// Until when its graphics are kept back.
    pub graphics_until: Option<Stamp>,
    /// Until when its network is kept back.
    pub network_until: Option<Stamp>,
    /// What it knows of its owner by, and of itself.
    pub senses: Vec<SenseView>,
    /// Within how many milliseconds everything that runs here makes room when its owner comes back.
    pub promise_ms: u64,
    /// What programs cost here, ever.
    pub programs: Vec<ProgramView>,
    /// What all of them cost here in the last seven days.
    pub week: CostView,
}

/// What work of others cost on a machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct CostView {
    /// How often programs made room for its owner.
    pub times: u32,
    /// How long that took altogether, in milliseconds.
    pub waited_ms: u64,
    /// What it took at most, in milliseconds.
    pub most_ms: u64,
    /// How long work stood still, in seconds.
    pub frozen_secs: f64,
    /// How much work was thrown away, in seconds.
    pub lost_secs: f64,
}

/// One thing that is against lending.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ObjectionView {
    /// Who objects: `manual`, `timed`, `calendar` or `automatic`.
    pub flag: String,
    /// Against whose work: `everyone`, `others`, `graphics`, or `desktop` (others' on the card that draws the desktop).
    pub scope: String,
    /// How much: `hold` (nothing new), `soften`, `freeze`, `pack` or `end`.
    pub rung: String,
    /// Why, in one word such as `in_use`.
    pub reason: String,
    /// The figure behind it, if it has one: seconds since the last input or until the hours end, a share 0 … 1, °C, bytes, or percent
    /// of the battery.
    pub value: Option<f64>,
    /// The program, for `program`.
    pub name: Option<String>,
    /// When it ends by itself, if that is known.
    pub until: Option<Stamp>,
    /// One sentence that fits behind the machine's name.
    pub sentence: String,
    /// The figures behind it, such as `12 s ago`; empty if there are none.
    pub figures: String,
}

/// One sense of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct SenseView {
    /// Which, such as `x11` or `load`.
    pub sense: String,
    /// True if it sees keyboard and mouse, and so tells that nobody is there.
    pub idle: bool,
    /// Why it says nothing; absent while it does.
    pub missing: Option<String>,
}

/// What one program cost here, and how it makes room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ProgramView {
    /// Name of its recipe; empty for commands.
    pub program: String,
    /// How often it made room in each way, and how long that takes at most.
    pub steps: Vec<YieldView>,
    /// How long it stood still altogether, in seconds.
    pub frozen_secs: f64,
    /// How much work went with it, in seconds.
    pub lost_secs: f64,
}

/// How fast a program makes room in one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct YieldView {
    /// `soften`, `freeze`, `pack` or `end`.
    pub step: String,
    /// How often it was measured.
    pub count: u32,
    /// What it takes at most, in milliseconds.
    pub most_ms: u64,
}
