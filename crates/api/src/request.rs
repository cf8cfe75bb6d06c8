use std::collections::{BTreeMap, BTreeSet};

use gridwell_model::{Leaning, LinkPolicy, Role, Sharpness, Strategy, Tariff, TaskState, Watts, Weight};
use serde::{Deserialize, Serialize};

use crate::{
    ActivityRequest, BehaviourRequest, DoctorRequest, FileFetchRequest, FilePinRequest, FilePutRequest, FileRequest,
    FilesRequest, ForgiveRequest, HistoryRequest, LandRequest, LayoutRequest, LendingRequest, LimitRequest,
    LinkAnswerRequest, LinkUndoRequest, MountRequest, PairAnswerRequest, PairCodeRequest, PairEnterRequest,
    PairShowRequest, RecoverRequest, ResultsRequest, RevokeRequest, RoleRequest, ShareAddRequest, ShareRemoveRequest,
    ShareReplicateRequest, TimelineRequest,
};

/// One wish of a person's program. Each has one answer; everything after that arrives as events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Request {
    /// The node itself → [`crate::Response::Status`].
    Status,
    /// What this submission would become; starts nothing → [`crate::Response::Drafts`], one for each job it would make.
    Inspect(SubmitRequest),
    /// Starts jobs → [`crate::Response::Submitted`].
    Submit(SubmitRequest),
    /// Jobs known here, newest first → [`crate::Response::Jobs`].
    Jobs(JobsRequest),
    /// Jobs of other machines of which copies are kept here → [`crate::Response::Copies`].
    Copies,
    /// One job in full → [`crate::Response::Job`].
    Job(JobRequest),
    /// A page of a job's tasks → [`crate::Response::Tasks`].
    Tasks(TasksRequest),
    /// Stops a job or a task for good → [`crate::Response::Changed`].
    Cancel(TargetRequest),
    /// Puts failed, skipped and cancelled tasks back in the queue → [`crate::Response::Changed`].
    Retry(TargetRequest),
    /// Starts nothing new of a job or a task; what runs is given back or finishes → [`crate::Response::Changed`].
    Hold(HoldRequest),
    /// Ends a hold → [`crate::Response::Changed`].
    Release(TargetRequest),
    /// Changes a job's priority → [`crate::Response::Changed`].
    Priority(PriorityRequest),
    /// Lands what waits of a job, and says what happens to files in the way → [`crate::Response::Changed`].
    Land(LandRequest),
    /// Why a job or a task runs where it runs, or does not run → [`crate::Response::Why`].
    Why(TargetRequest),
    /// Machines of the grid, this one first → [`crate::Response::Machines`].
    Machines,
    /// Links of this machine, then what other machines tell of theirs → [`crate::Response::Links`].
    Links,
    /// Makes an invite link → [`crate::Response::Invite`].
    Invite(InviteRequest),
    /// Joins the grid that a link names, and waits until a person there has let this machine in →
    /// [`crate::Response::Joined`].
    Join(JoinRequest),
    /// Shows a code and a link that let one machine in; those shown before are taken back →
    /// [`crate::Response::Invitation`].
    PairShow(PairShowRequest),
    /// Takes back the code and the link that are shown → [`crate::Response::Pairings`].
    PairHide,
    /// Asks to be let in with a code; answers once a person there is asked → [`crate::Response::Pairing`].
    PairCode(PairCodeRequest),
    /// Asks to be let in with a link; answers once a person there is asked → [`crate::Response::Pairing`].
    PairEnter(PairEnterRequest),
    /// Lets a machine in or not, or gives up → [`crate::Response::Pairing`].
    PairAnswer(PairAnswerRequest),
    /// Who is being let in → [`crate::Response::Pairings`].
    Pairings,
    /// Looks for machines on the same network that show a code; takes some seconds → [`crate::Response::Nearby`].
    Nearby,
    /// Who belongs to the grid → [`crate::Response::Members`].
    Members,
    /// Changes what a machine may do on the others → [`crate::Response::Governed`].
    Role(RoleRequest),
    /// Takes a machine out of the grid → [`crate::Response::Governed`].
    Revoke(RevokeRequest),
    /// Makes words that recover the grid, and shows them this once → [`crate::Response::RecoveryWords`].
    RecoverSet,
    /// Confirms the recovery words that another admin made → [`crate::Response::Governed`].
    RecoverConfirm,
    /// Makes this machine an admin by the recovery words → [`crate::Response::Governed`].
    Recover(RecoverRequest),
    /// Checks what the node can check about itself → [`crate::Response::Doctor`].
    Doctor,
    /// Wakes a machine that sleeps, by one beside it → [`crate::Response::Wake`].
    Wake(WakeRequest),
    /// Says why another machine is seen or not, from this end; takes some seconds → [`crate::Response::Doctor`].
    DoctorOf(DoctorRequest),
    /// Changes how this machine lends → [`crate::Response::Machine`].
    Set(SetRequest),
    /// Forgets that programs failed on a machine → [`crate::Response::Machine`].
    Forgive(ForgiveRequest),
    /// Changes what people want of a link, or asks the owner of the other end to allow it → [`crate::Response::Link`].
    Link(LinkRequest),
    /// Limits what a link of this machine carries → [`crate::Response::Link`].
    LinkLimit(LinkLimitRequest),
    /// What owners of machines ask each other → [`crate::Response::LinkAsks`].
    LinkAsks,
    /// Answers what the owner of another machine asks → [`crate::Response::LinkAsks`].
    LinkAnswer(LinkAnswerRequest),
    /// What became of links of this machine, and by whom → [`crate::Response::LinkHistory`].
    LinkHistory,
    /// Goes back behind a change of links → [`crate::Response::LinkHistory`].
    LinkUndo(LinkUndoRequest),
    /// Which links the grid is to have; changes it, if a shape is named → [`crate::Response::Layout`].
    Layout(LayoutRequest),
    /// Changes who looks for better links of this machine → [`crate::Response::Layout`].
    Behaviour(BehaviourRequest),
    /// Lets another machine go on with jobs of this one; answers once it does → [`crate::Response::HandedOver`].
    HandOver(HandOverRequest),
    /// Counted licences of the grid; changes one that this machine keeps → [`crate::Response::Limits`].
    Limit(LimitRequest),
    /// How this machine lends; changes it, if asked → [`crate::Response::Lending`].
    Lending(Box<LendingRequest>),
    /// Folders that machines show each other, those of this one first → [`crate::Response::Shares`].
    Shares,
    /// Shows a folder of this machine to others → [`crate::Response::Shares`].
    ShareAdd(ShareAddRequest),
    /// Shows a folder no more; the folder itself stays as it is → [`crate::Response::Shares`].
    ShareRemove(ShareRemoveRequest),
    /// Has so many machines keep each file of a share of this one → [`crate::Response::Shares`].
    ShareReplicate(ShareReplicateRequest),
    /// A page of a folder of the tree → [`crate::Response::Files`].
    Files(FilesRequest),
    /// Shows the tree as a folder of this machine, also after a restart → [`crate::Response::Mount`].
    Mount(MountRequest),
    /// Shows it there no more → [`crate::Response::Mount`].
    Unmount,
    /// Where the tree is shown as a folder now → [`crate::Response::Mount`].
    Mounted,
    /// One file or folder of the tree → [`crate::Response::File`].
    File(FileRequest),
    /// Keeps something of another machine here, or no more → [`crate::Response::File`].
    FilePin(FilePinRequest),
    /// Fetches all of it without keeping it → [`crate::Response::File`].
    FileFetch(FileFetchRequest),
    /// Makes room here: never of what is kept, and never a last copy → [`crate::Response::Freed`].
    FileFree(FileRequest),
    /// Which machines have it → [`crate::Response::Places`].
    FileWhere(FileRequest),
    /// Copies a file of this machine into a folder that it shares → [`crate::Response::File`].
    FilePut(FilePutRequest),
    /// Checks what lies here of it against its hash, and drops what is wrong → [`crate::Response::Verified`].
    FileVerify(FileRequest),
    /// A page of the files that a job brought home → [`crate::Response::Results`].
    Results(ResultsRequest),
    /// A part of what one task's program wrote → [`crate::Response::Log`].
    Log(LogPageRequest),
    /// Which machine ran what, and when → [`crate::Response::Timeline`].
    Timeline(TimelineRequest),
    /// What happened, newest first → [`crate::Response::Activity`].
    Activity(ActivityRequest),
    /// What the grid did over time → [`crate::Response::History`].
    History(HistoryRequest),
}

/// Which machine to wake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct WakeRequest {
    /// Its name, or the beginning of its id.
    pub machine: String,
}

/// What to run: files, or a command.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct SubmitRequest {
    /// Absolute paths on this machine; empty when `command` is given.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub paths: Vec<String>,
    /// A command; absent when `paths` are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandRequest>,
    /// What people will call the job; made from the file or command when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Frames as `1-24`, `1-240:2` or `1,5,9-12`; the file's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<String>,
    /// Absolute folder into which results land; the recipe's choice when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// −100 … 100; higher goes first, 0 is usual.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub priority: i32,
    /// Hard requirements in words: `ram > 8 GB`, `gpu`, `tool:blender >= 4.2`, `tier = fast`. All must hold.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub needs: Vec<String>,
    /// Wishes in words: a requirement, then `* STRENGTH` from −5 to 5.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub prefers: Vec<String>,
    /// Values of the job's parameters, by name.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub parameters: BTreeMap<String, String>,
    /// Machines (names or id prefixes) that alone may run it; any when empty.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub on: Vec<String>,
    /// Attempts that may fail by the program's doing before a task has failed, 1 … 100. When absent: what the bundle says,
    /// else 1 for a command that runs once and 3 for everything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// Seconds after which a program that gives no sign of life has failed; 0 for never. When absent: what the recipe says,
    /// which for commands is never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stuck_secs: Option<u32>,
    /// Whether all tasks of a step run only where their tool is the same version and build. When absent: what the recipe says,
    /// which for Blender and POV-Ray is yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_look: Option<bool>,
    /// Start held.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub hold: bool,
    /// Make everything anew, also what an earlier job made with the same command from the same files.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub fresh: bool,
    /// Let results replace whatever lies in their place; else what is not the grid's own makes them wait.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub overwrite: bool,
    /// Ask the installed program itself too which files it would read, as Blender of a scene: takes seconds. Only inspecting
    /// does; what was learnt also counts when the same files are submitted.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub ask_tool: bool,
    /// Chosen by the asker, at most 64 bytes: asking twice with the same key starts one job and answers twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// A command that becomes a job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct CommandRequest {
    /// Program and arguments; `{}` in them stands for the item (or index) of each task.
    pub argv: Vec<String>,
    /// How many tasks, and what `{}` is in each.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub repeat: Repeat,
    /// Patterns of files below the working folder that come home as results.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub outputs: Vec<String>,
    /// True if its program leaves checkpoints, from which it goes on elsewhere.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub continues: bool,
    /// Absolute folder against which relative paths and patterns are read.
    pub cwd: String,
}

/// How often a command runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Repeat {
    /// Once.
    #[default]
    Once,
    /// So many times; `{}` is the index, from 0.
    Array(u64),
    /// Once for each item of a range (`1-100`), a pattern (`*.wav`) or a table (`list.csv`).
    Over(String),
}

/// Which jobs to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(default, deny_unknown_fields)]
pub struct JobsRequest {
    /// Leave out jobs that have ended.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub active: bool,
    /// Most jobs to list; 0 means all that are kept.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub limit: u32,
}

/// Names one job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct JobRequest {
    /// Its id or a unique prefix of it.
    pub job: String,
}

/// Names a job or one of its tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct TargetRequest {
    /// `JOB`, `JOB.INDEX` or `JOB.STEP.INDEX`; JOB may be a unique prefix.
    pub target: String,
}

/// Starts nothing new of a job or of one of its tasks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct HoldRequest {
    /// As in [`TargetRequest::target`].
    pub target: String,
    /// Stop also what runs: it goes on from what it left, or begins anew, once it is released.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub now: bool,
}

/// A page of tasks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct TasksRequest {
    /// `JOB` or `JOB.STEP.INDEX`; JOB may be a unique prefix.
    pub target: String,
    /// Only tasks in one of these states; any when empty.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub states: Vec<TaskState>,
    /// Matching tasks to skip.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub offset: u64,
    /// Most tasks to send: at most [`TasksRequest::MAX_LIMIT`], 0 means that.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub limit: u32,
}

impl TasksRequest {
    /// Most tasks in one page: about 300 kB of JSON.
    pub const MAX_LIMIT: u32 = 1_000;
}

/// What tasks' programs wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct LogsRequest {
    /// `JOB`, `JOB.INDEX` or `JOB.STEP.INDEX`; JOB may be a unique prefix.
    pub target: String,
    /// Stay until the target has ended, sending what comes.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub follow: bool,
    /// Bytes of a task's log to skip; for one task only.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub after: u64,
    /// Send only about the last so many bytes of what is there now; 0 means all.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub tail: u64,
}

/// A part of what one task's program wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct LogPageRequest {
    /// `JOB.INDEX` or `JOB.STEP.INDEX`; JOB may be a unique prefix.
    pub target: String,
    /// Which attempt, from 1; the last one when absent.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub attempt: Option<u32>,
    /// First byte wanted; the last page when absent.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub from: Option<u64>,
    /// Most bytes to send: at most [`LogPageRequest::MAX_BYTES`], 0 means that.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub limit: u32,
}

impl LogPageRequest {
    /// Most bytes in one page: some thousand lines.
    pub const MAX_BYTES: u32 = 256 * 1024;
}

/// Changes a job's priority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct PriorityRequest {
    /// The job's id or a unique prefix of it.
    pub job: String,
    /// −100 … 100.
    pub priority: i32,
}

/// Makes an invite.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(default, deny_unknown_fields)]
pub struct InviteRequest {
    /// How long it stays good, in seconds; the node's choice when absent.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub ttl_secs: Option<u64>,
    /// Whoever makes it approves the machine that comes with it now, unseen: nobody is asked then. For scripts.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub approve_now: bool,
    /// What the machine that comes with it may do on the others; everything when absent.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub roles: Option<BTreeSet<Role>>,
    /// How long that machine stays once it is let in, in seconds, if it comes as a guest.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub guest_secs: Option<u64>,
}

/// Joins a grid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct JoinRequest {
    /// The link that `invite` made.
    pub link: String,
}

/// Lets another machine go on with jobs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct HandOverRequest {
    /// Which job; all that have not ended when absent.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub job: Option<String>,
    /// Name or id prefix of the machine; the one that has a copy and comes first when absent.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub to: Option<String>,
}

/// Changes what people want of a link of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct LinkRequest {
    /// One end: name or id prefix of a machine.
    pub from: String,
    /// The other end.
    pub to: String,
    /// What is wanted of it.
    pub policy: LinkPolicy,
    /// The [`crate::LinkView::revision`] that the asker saw: refused with [`crate::ErrorCode::LinkChanged`] when somebody
    /// changed the link since, unless what is wanted holds already; not checked when absent.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub expected: Option<u64>,
    /// Also when it cuts machines off from this one.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub cut_off: bool,
}

/// Limits the files that go over a link of this machine, as long as this machine wants; the other end may limit them, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct LinkLimitRequest {
    /// The other end: name or id prefix of a machine.
    pub machine: String,
    /// Most bytes a second, each way; no limit when absent.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub bytes_per_sec: Option<u64>,
}

/// Changes this machine; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(default, deny_unknown_fields)]
pub struct SetRequest {
    /// `false`: take nothing new and finish what runs; `true`: lend again.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub lend: Option<bool>,
    /// Lend nothing for so many seconds, then lend again by itself; kept over restarts. 0 ends a pause.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub pause_secs: Option<u64>,
    /// What people call this machine: 1 … 64 characters, none of them control characters.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub name: Option<String>,
    /// Logical cores to lend: 0 … all of them.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub lend_cpus: Option<f32>,
    /// How use of this machine counts when somebody chooses machines: -100 … 100; 1 is usual, a negative one flips
    /// this machine alone.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    #[schema(value_type = Option<f64>)]
    pub weight: Option<Weight>,
    /// How machines are chosen for the jobs of this machine.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub strategy: Option<Strategy>,
    /// How sharply the machine that pulls most is favoured: 0 (evenly) … 32 (always the best).
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    #[schema(value_type = Option<f64>)]
    pub sharpness: Option<Sharpness>,
    /// For how many seconds no other machine may be reachable before people hear of it: 1 … 86,400.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub isolated_after_secs: Option<u64>,
    /// Most bytes of files that are copied here for one job of another machine, so that the job goes on without it.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub copies_bytes: Option<u64>,
    /// Most bytes of copies of other machines' shared files that are kept here.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub share_copies_bytes: Option<u64>,
    /// Whether this machine looks for others nearby, and is found by them while it shows a code.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub nearby: Option<bool>,
    /// Whether this machine passes on what others send to each other over its links.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub relay: Option<bool>,
    /// Over how many links tasks of this machine's jobs go: 1 … 6.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub reach: Option<u32>,
    /// Watts that this machine draws with all its cores at work, above 0, at most 100,000; nobody says so any more with `null`.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional = nullable, as = "Option<Watts>"))]
    #[schema(value_type = Option<f64>)]
    pub watts: Option<Option<Watts>>,
    /// What a kilowatt-hour costs here, 0 … 1,000,000 in the currency that its owner means; nobody says so any more with `null`.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional = nullable, as = "Option<Tariff>"))]
    #[schema(value_type = Option<f64>)]
    pub tariff: Option<Option<Tariff>>,
    /// What is wanted of machines for the jobs that start here, by name or id, or nothing with `null`.
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<BTreeMap<String, Option<Leaning>>>"))]
    #[schema(value_type = BTreeMap<String, Leaning>)]
    pub leanings: BTreeMap<String, Option<Leaning>>,
    /// Machines, by name or id, of which people want to be told once they are back, or no more.
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<BTreeMap<String, bool>>"))]
    pub awaited: BTreeMap<String, bool>,
    /// Labels to set, or to remove with `null`.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub labels: BTreeMap<String, Option<String>>,
}

/// What is there is given, also `null`: only what is absent stays.
fn given<'de, D, T>(from: D) -> Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(from).map(Some)
}
