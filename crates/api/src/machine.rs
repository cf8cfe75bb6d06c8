use std::collections::BTreeMap;

use gridwell_model::{GridId, Hardware, Leaning, LinkPolicy, Load, PeerId, Power, Stamp, Standing, Tuning};
use serde::{Deserialize, Serialize};

use crate::LinkAskState;

/// The node itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct StatusView {
    /// Version of the program.
    pub version: String,
    /// This machine.
    pub peer: PeerId,
    /// What people call it.
    pub name: String,
    /// Its grid.
    pub grid: GridId,
    /// Addresses on which other machines reach it.
    pub addresses: Vec<String>,
    /// Its data folder.
    pub data: String,
    /// Process id of the node.
    pub pid: u32,
    /// Seconds since it started.
    pub uptime_secs: f64,
    /// Machines of the grid, this one included.
    pub machines: u32,
    /// Those that are reachable now, this one included.
    pub machines_online: u32,
    /// Jobs that have not ended.
    pub active_jobs: u64,
    /// Tasks that run on this machine now.
    pub running: u32,
    /// False while this machine takes nothing new.
    pub accepts: bool,
    /// Why, when `accepts` is false; empty otherwise.
    pub why_not: String,
    /// True if this machine may sleep or be switched off now: its jobs go on elsewhere, and nobody misses anything that is here.
    pub safe_to_close: bool,
    /// Why not, one sentence each, at most [`StatusView::MAX_REASONS`]; empty if it is safe.
    pub close_why: Vec<String>,
}

impl StatusView {
    /// Most reasons in a view: what people read before they close the lid.
    pub const MAX_REASONS: usize = 8;
}

/// A machine to which the packet was sent that wakes it; it takes a while until it is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct WakeView {
    /// The machine.
    pub machine: PeerId,
    /// What people call it.
    pub name: String,
    /// What people call the machines that sent the packet.
    pub sent_by: Vec<String>,
}

/// What a machine does, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum MachineState {
    /// Lends, and has nothing to do.
    Ready,
    /// Runs tasks.
    Working,
    /// Its owner uses it.
    InUse,
    /// Takes nothing new because a person said so.
    Paused,
    /// Cannot be reached.
    Offline,
    /// Something is wrong with it.
    Problem,
}

/// Part of a machine: what it lends, or what of that is free.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Share {
    /// Logical cores.
    pub cpus: f32,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Graphics cards.
    pub gpus: u32,
}

/// A machine of the grid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct MachineView {
    /// Which.
    pub id: PeerId,
    /// What people call it.
    pub name: String,
    /// True for the machine that answers.
    pub this: bool,
    /// Whether it is reachable now.
    pub online: bool,
    /// What it does, in one word.
    pub state: MachineState,
    /// What it is.
    pub hardware: Hardware,
    /// Labels its owner set.
    pub labels: BTreeMap<String, String>,
    /// Other people's load on it.
    pub load: Load,
    /// What jobs may use of it altogether.
    pub lends: Share,
    /// What of that is free now.
    pub free: Share,
    /// False while it takes nothing new.
    pub accepts: bool,
    /// Why, one sentence, when `accepts` is false; else why work on it has less, while it does; empty otherwise.
    pub why_not: String,
    /// Tasks it runs now.
    pub running: u32,
    /// Tasks it did well for jobs of this machine.
    pub made: u64,
    /// How it stands toward the work of others.
    pub standing: Standing,
    /// When its pause ends by itself; absent when it is not paused, or until its owner says so.
    pub paused_until: Option<Stamp>,
    /// Version of its program; empty while unknown.
    pub version: String,
    /// When it was last heard of; absent while it is online or if never.
    pub last_seen: Option<Stamp>,
    /// How its owner tuned gravity.
    pub tuning: Tuning,
    /// What is known of the energy that it takes.
    pub power: Power,
    /// What is wanted of it for the jobs that start on the machine that answers; absent if nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub leaning: Option<Leaning>,
    /// True while somebody wants to be told once it is back.
    #[serde(default, skip_serializing_if = "is_false")]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<bool>"))]
    pub awaited: bool,
    /// True if its owner lets others wake it for work once it sleeps.
    #[serde(default, skip_serializing_if = "is_false")]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<bool>"))]
    pub wakes_for_work: bool,
    /// Since when no other machine of the grid can be reached from here; absent while that is news of no interest, and
    /// for other machines.
    pub isolated_since: Option<Stamp>,
    /// How far programs of jobs are kept from what is its owner's: `full`, `partial: …` or `none: …`; absent for other
    /// machines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub confinement: Option<String>,
    /// The machines over which it is reached, in this order; absent while there is a link with it, or no way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<Vec<PeerId>>"))]
    pub via: Vec<PeerId>,
    /// Programs that fail there and end well elsewhere, as the machine that answers has seen: it offers it none of them while
    /// another machine fits. Absent if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<Vec<SickView>>"))]
    pub sick: Vec<SickView>,
}

/// A program that fails on a machine where others succeed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct SickView {
    /// The program, or the recipe.
    pub program: String,
    /// Tasks that failed there and ended well elsewhere since it began to fail.
    pub failed: u32,
    /// Tasks that ended there since then.
    pub of: u32,
    /// Name of the machine where the last of them ended well.
    pub succeeded_on: String,
    /// Seconds until it is tried there again.
    pub again_secs: f64,
    /// The same for people: `sick for blender: 4 of 5 failed there, …`.
    pub sentence: String,
}

/// Forgets what is held against a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ForgiveRequest {
    /// Its name, or the beginning of its id.
    pub machine: String,
    /// For this program alone; for all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub program: Option<String>,
}

impl MachineView {
    /// What changes often on it.
    #[must_use]
    pub const fn activity(&self) -> MachineActivity {
        let Self { id, state, load, free, running, made, .. } = *self;
        MachineActivity { id, state, load, free, running, made }
    }

    /// Takes over what changed.
    pub const fn apply(&mut self, activity: &MachineActivity) {
        let MachineActivity { id: _, state, load, free, running, made } = *activity;
        (self.state, self.load, self.free, self.running, self.made) = (state, load, free, running, made);
    }

    /// What changed since `before`, when that is no more than what changes often.
    #[must_use]
    pub fn activity_since(&self, before: &Self) -> Option<MachineActivity> {
        let activity = self.activity();
        let mut after = before.clone();
        after.apply(&activity);
        (after == *self).then_some(activity)
    }
}

/// What changes often on a machine, so that the rest of its view is not told each time. See [`MachineView`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct MachineActivity {
    /// Which.
    pub id: PeerId,
    /// What it does, in one word.
    pub state: MachineState,
    /// Other people's load on it.
    pub load: Load,
    /// What of what it lends is free now.
    pub free: Share,
    /// Tasks it runs now.
    pub running: u32,
    /// Tasks it did well for jobs of this machine.
    pub made: u64,
}

/// Whether a link carries anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// Being made.
    Connecting,
    /// Carries work and data.
    Up,
    /// Broken; being tried again.
    Down,
}

/// A link between two machines, as the machine `from` sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct LinkView {
    /// The machine that tells: this one, or another one about a link of its own.
    pub from: PeerId,
    /// The other machine.
    pub peer: PeerId,
    /// What people call it.
    pub name: String,
    /// Whether it carries anything.
    pub state: LinkState,
    /// What holds, from what the owners of both ends want: forbidden if either forbids it, else pinned if either pins it.
    pub policy: LinkPolicy,
    /// Grows with each change at either end; 0 when nobody ever changed anything.
    pub revision: u64,
    /// The machine at which something was last changed, and when.
    pub changed: Option<(PeerId, Stamp)>,
    /// The other end's address now, or the one tried last; empty for links of other machines.
    pub address: String,
    /// Last round-trip time in milliseconds.
    pub rtt_ms: Option<f64>,
    /// Since when it has been in this state.
    pub since: Stamp,
    /// Bytes received over it since the node started.
    pub received_bytes: u64,
    /// Bytes sent over it since the node started.
    pub sent_bytes: u64,
    /// Why it broke or could not be made, last time; may be empty.
    pub last_error: String,
    /// How far this machine's ask to pin it is, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub ask: Option<LinkAskState>,
    /// Bytes that it carries each second, from files that went over it, smoothed; absent until one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub bytes_per_sec: Option<f64>,
    /// True if it is down because a machine does without it.
    #[serde(default, skip_serializing_if = "is_false")]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<bool>"))]
    pub rests: bool,
    /// Most bytes of files a second, each way, as this machine limits them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub limit_bytes_per_sec: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
pub(crate) const fn is_false(value: &bool) -> bool {
    !*value
}

/// An invite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct InviteView {
    /// What the other machine gives to `gridwell join`; good for one machine.
    pub link: String,
    /// When it stops being good.
    pub expires: Stamp,
}

/// The grid that was joined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct JoinedView {
    /// The grid.
    pub grid: GridId,
    /// Names of its machines, this one included.
    pub machines: Vec<String>,
}

/// Asks why another machine is seen or not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct DoctorRequest {
    /// Name or id prefix of the machine.
    pub machine: String,
}

/// What a check-up found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct DoctorView {
    /// One for each thing that was checked.
    pub findings: Vec<Finding>,
}

/// One checked thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Finding {
    /// What was checked, a word or two: `socket`, `tool blender`, `clock of mill`.
    pub what: String,
    /// Whether it works.
    pub ok: bool,
    /// What was found, one sentence.
    pub sentence: String,
    /// What to do about it; empty when nothing.
    pub next_step: String,
}
