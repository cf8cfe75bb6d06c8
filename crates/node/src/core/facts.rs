use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use gridwell_api::{ApiError, DraftView, InTheWay, NearbyView, Response};
use gridwell_job::{JobPlan, PathRule};
use gridwell_ledger::DeputyInput;
use gridwell_links::Pair;
use gridwell_model::{
    BlobId, Checkpoint, Claim, DeputyMessage, Hindrance, JobId, JobSpec, LeaseId, Load, Needs, OutputFile, PeerId,
    TaskResult, TaskSpan, TaskSpans, Time,
};
use gridwell_mount::{MountError, Mounted};
use gridwell_net::{Announced, NearbyError, Talk, VisitError};
use gridwell_probe::{PowerNews, SleepError};
use gridwell_store::{BlobHold, LandedFile, StoreError};
use gridwell_trust::{Code, Grid, Visit};
use gridwell_wire::BulkRequest;
use gridwell_worker::SessionId;
use tokio::sync::oneshot;

use super::{Core, handing::Handed, landing::Landed, mounting::MountAt, succession::Succession};
use crate::{
    clock,
    disk::Learnt,
    senses::Felt,
    transfer::{CheckpointError, CollectError, Collected, TransferError, Way},
    tree::JobOutputs,
};

/// How a door is answered.
pub(crate) type Reply = oneshot::Sender<Result<Response, ApiError>>;

/// Something that happened beside the loop.
pub(crate) enum Fact {
    /// The journal is written up to the entry of this number, or not.
    Journalled(Result<u64, StoreError>),
    /// Logs are written, up to this number.
    LogsWritten(u64),
    /// A submission was read; nothing was started.
    Drafted(Result<Vec<(DraftView, Needs)>, ApiError>, Learnt, Reply),
    /// A submission was read, its inputs hashed and kept.
    Imported(Result<Vec<Imported>, ApiError>, Reply, Option<String>),
    /// The spec of somebody's job was fetched and understood, or not (one sentence).
    SpecRead(JobId, PeerId, Result<(Arc<JobSpec>, Arc<JobPlan>), String>),
    /// A job's inputs are here, and these rules lead to them.
    Staged(JobId, Result<Vec<PathRule>, TransferError>),
    /// The mount through which jobs read is there, or not.
    JobsMounted(Result<Result<Mounted, MountError>, String>),
    /// What a run left was taken in.
    Collected(LeaseId, TaskSpan, Result<Collected, CollectError>),
    /// What a run goes on from stands in its session's folder, or cannot be had.
    CheckpointBrought(SessionId, LeaseId, TaskSpan, Result<(), CheckpointError>),
    /// What a run left was taken in, as it stood then; nothing if nothing stood there.
    CheckpointTaken(SessionId, LeaseId, TaskSpan, Time, Result<Option<(BlobHold, u64)>, CheckpointError>),
    /// What a run left is at its steward, or will not be.
    CheckpointHome(LeaseId, PeerId, Checkpoint, Result<(), TransferError>),
    /// A run's outputs are home, or never will be.
    Landed(LeaseId, PeerId, TaskResult, Result<Landed, TransferError>),
    /// What another steward said of a job is on the disk, or not.
    CopyKept(JobId, u64, Result<u64, String>),
    /// Records of a job, for that machine to fetch, are in the store, and this says so to it; or they are not.
    BodyStored(PeerId, JobId, Result<Box<DeputyMessage>, String>),
    /// What was kept of another steward's job is gone.
    CopyForgotten(JobId),
    /// A copy was read to be taken over, under this epoch, or is no good.
    CopyRead(Claim, Result<Box<Succession>, String>),
    /// What a former steward knew has come, or not.
    MergeRead(JobId, PeerId, Result<Vec<u8>, String>),
    /// A job's inputs are here as a deputy's, or not.
    InputsCopied(JobId, Result<(), TransferError>),
    /// Outputs that another machine kept for this origin are home, or never will be.
    StowLanded(JobId, u32, TaskSpan, Result<Landed, TransferError>),
    /// Results of the run that began with this task wait for what may pass, in one sentence; files are in the way of some.
    LandingWaits(LeaseId, u32, String, Vec<OutputFile>),
    /// Pictures of a job that landed were looked into.
    Proved(JobId, Vec<LandedFile>),
    /// Bytes went to a peer at this rate, in bytes per second.
    Measured(PeerId, f64),
    /// A machine reads a file of this one no longer.
    Served(PeerId),
    /// Bytes are wanted from a machine, over none of these links: how are they asked for?
    WayWanted(PeerId, BulkRequest, BTreeSet<Pair>, oneshot::Sender<Way>),
    /// What the jobs made of which this machine is steward is wanted.
    JobsWanted(oneshot::Sender<Vec<JobOutputs>>),
    /// The link between the first two machines did not carry bytes.
    WayBroke(PeerId, PeerId, Hindrance),
    /// Bytes of a file, in words, came from a machine that were not its content.
    CameWrong(PeerId, String),
    /// This machine carried so many bytes of a file for others.
    Carried(u64),
    /// The machine leaves, or is back.
    Power(PowerNews),
    /// This machine was sent to sleep by itself, or the system does not let it.
    Slept(Result<(), SleepError>),
    /// A piece of a log goes to whoever is the job's steward now.
    LogPiece(Handed),
    /// A job's log went to a machine up to this position; true if that is all.
    LogsHanded(JobId, PeerId, u64, bool),
    /// A packet that wakes the second machine, which the first one wanted, was sent, or could not be.
    WakeSent(PeerId, PeerId, bool),
    /// The system keeps this machine awake, or does not, in one sentence.
    KeptAwake(Result<gridwell_probe::Awake, String>),
    /// The load was sampled.
    Sampled(Load),
    /// The machine's senses were asked.
    Felt(Box<Felt>),
    /// Whether this system makes namespaces for programs of jobs, if not in one sentence, before that is wished.
    NamespacesTried(Result<(), String>, Box<gridwell_api::LendingRequest>, Reply),
    /// What is wanted of the link with a machine is written down, or could not be.
    WishKept(super::linking::WishChange, Result<(), StoreError>, Reply),
    /// A folder to be shared was looked at: where it lies, or why it cannot be.
    ShareChecked(Result<std::path::PathBuf, ApiError>, gridwell_api::ShareAddRequest, Reply),
    /// What this machine shares is written down, or could not be; which shares are new, and who waits.
    SharesKept(Result<(), StoreError>, Vec<(Option<gridwell_model::ShareId>, Reply)>),
    /// So is what others share.
    SeenKept(Result<(), StoreError>),
    /// The newest edition of a share of this machine is written down, or could not be; who waits for it.
    EditionKept(Result<(), StoreError>, gridwell_model::ShareId, Option<Reply>),
    /// The files of a share of this machine are listed.
    Listed(gridwell_model::ShareId, gridwell_model::ListRef),
    /// Others are to hear which copies are kept here.
    CopiesChanged,
    /// The tree is shown as a folder, or could not be; who waits for that.
    TreeMounted(MountAt, Result<Mounted, ApiError>, Option<Reply>),
    /// It is shown no more; whether that is written down.
    TreeUnmounted(Result<(), ApiError>, Reply),
    /// What owners ask each other is written down, or could not be.
    AsksKept(Result<(), StoreError>, super::AsksKept),
    /// The other side of a pairing said something, or nothing more comes.
    PairHeard(Visit, Option<Vec<u8>>),
    /// The machine that this one asks to be let in was reached, or not.
    HostReached(Visit, Result<(PeerId, Talk), VisitError>),
    /// This machine can be found while it shows the code of that invite, or cannot.
    CodeAnnounced([u8; 8], Result<Announced, NearbyError>),
    /// Who nearby shows a code, for a code that was typed here.
    FoundForCode(Code, Result<Vec<NearbyView>, ApiError>, Reply),
    /// A new member is written down, or could not be; what is new in the log.
    MemberKept(Visit, Vec<Vec<u8>>, Result<(), StoreError>),
    /// What this machine wrote into the membership log is on disk, or could not be written; who waits for it.
    MembersWritten(Vec<Vec<u8>>, Result<(), StoreError>, Option<(Reply, Response)>),
    /// The grid that this machine was let into is written down, or could not be.
    GridKept(Visit, Box<Grid>, Result<(), StoreError>),
}

/// A job ready to be added.
pub(crate) struct Imported {
    pub(crate) spec: Arc<JobSpec>,
    pub(crate) plan: Arc<JobPlan>,
    pub(crate) spec_blob: BlobId,
    pub(crate) spec_bytes: u64,
    pub(crate) priority: i32,
    pub(crate) held: bool,
    pub(crate) warnings: Vec<String>,
    /// Tasks whose results are home already.
    pub(crate) reused: BTreeMap<u32, TaskSpans>,
    /// Those results.
    pub(crate) landed: Vec<LandedFile>,
    /// What happens to files in the way.
    pub(crate) in_the_way: InTheWay,
}

impl Core {
    pub(crate) fn on_fact(&mut self, fact: Fact) {
        match fact {
            Fact::Journalled(result) => self.on_journalled(result),
            Fact::LogsWritten(upto) => self.logs.written(upto),
            Fact::Drafted(drafts, learnt, reply) => self.on_drafted(drafts, learnt, reply),
            Fact::Imported(jobs, reply, key) => self.on_imported(jobs, reply, key),
            Fact::SpecRead(job, steward, read) => self.on_spec_read(job, steward, read),
            Fact::Staged(job, result) => self.on_staged(job, result),
            Fact::JobsMounted(mounted) => self.on_jobs_mounted(mounted),
            Fact::Collected(lease, run, result) => self.on_collected(lease, run, result),
            Fact::KeptAwake(kept) => self.on_kept_awake(kept),
            Fact::NamespacesTried(tried, request, reply) => self.on_namespaces_tried(tried, *request, reply),
            Fact::CheckpointBrought(session, lease, run, brought) => {
                self.on_checkpoint_brought(session, lease, run, brought);
            }
            Fact::CheckpointTaken(session, lease, run, begun, taken) => {
                self.on_checkpoint_taken(session, lease, run, begun, taken);
            }
            Fact::CheckpointHome(lease, peer, checkpoint, brought) => {
                self.on_checkpoint_home(lease, peer, checkpoint, brought);
            }
            Fact::Landed(lease, peer, result, landed) => self.on_landed(lease, peer, result, landed),
            Fact::LandingWaits(lease, first, why, held) => self.on_landing_waits(lease, first, why, held),
            Fact::Proved(job, proved) => self.on_proved(job, &proved),
            Fact::CopyKept(job, stream, kept) => self.on_copy_kept(job, stream, kept),
            Fact::BodyStored(to, job, message) => self.on_body_stored(to, job, message),
            Fact::CopyForgotten(job) => {
                self.ledger.forget_foreign(job, clock::now());
                self.deputies.handle(DeputyInput::Forgotten { job }, clock::now());
            }
            Fact::CopyRead(claim, read) => self.on_copy_read(claim, read),
            Fact::MergeRead(job, from, read) => self.on_merge_read(job, from, read),
            Fact::InputsCopied(job, copied) => self.on_inputs_copied(job, copied),
            Fact::StowLanded(job, step, tasks, landed) => self.on_stow_landed(job, step, tasks, landed),
            Fact::Served(peer) => self.readers.ended(peer),
            Fact::Measured(peer, bytes_per_sec) => self.on_rate(peer, bytes_per_sec),
            Fact::WayWanted(from, request, avoided, answer) => {
                // Nobody waits for it any more.
                let _ = answer.send(self.find_way(from, request, &avoided));
            }
            Fact::JobsWanted(answer) => {
                // Nobody waits for it any more.
                let _ = answer.send(self.made_here());
            }
            Fact::WayBroke(one, other, why) => self.way_broke(one, other, why),
            Fact::CameWrong(from, file) => self.on_wrong_bytes(from, &file),
            Fact::Carried(bytes) => self.passing.count(true, bytes),
            Fact::Power(news) => self.on_power(news),
            Fact::Slept(sent) => self.on_slept(sent),
            Fact::LogPiece(handed) => self.hand_log(handed),
            Fact::LogsHanded(job, to, after, whole) => self.on_logs_handed(job, to, after, whole),
            Fact::WakeSent(wanted_by, peer, sent) => self.on_wake_sent(wanted_by, peer, sent),
            Fact::Sampled(load) => self.on_sampled(load),
            Fact::Felt(felt) => self.on_felt(*felt),
            Fact::WishKept(change, kept, reply) => self.on_wish_kept(change, kept, reply),
            Fact::TreeMounted(at, mounted, reply) => self.on_tree_mounted(at, mounted, reply),
            Fact::TreeUnmounted(kept, reply) => self.on_tree_unmounted(kept, reply),
            Fact::ShareChecked(checked, request, reply) => self.on_share_checked(checked, &request, reply),
            Fact::SharesKept(kept, waiting) => self.on_shares_kept(kept, waiting),
            Fact::EditionKept(kept, share, reply) => self.on_edition_kept(kept, share, reply),
            Fact::Listed(share, list) => self.on_listed(share, list),
            Fact::CopiesChanged => self.tell_copies(),
            Fact::SeenKept(kept) => self.on_seen_kept(kept),
            Fact::AsksKept(kept, then) => self.on_asks_kept(kept, then),
            Fact::PairHeard(visit, bytes) => self.on_pair_heard(visit, bytes),
            Fact::HostReached(visit, reached) => self.on_host_reached(visit, reached),
            Fact::CodeAnnounced(invite, announced) => self.on_code_announced(invite, announced),
            Fact::FoundForCode(code, found, reply) => self.on_found_for_code(code, found, reply),
            Fact::MemberKept(visit, updates, kept) => self.on_member_kept(visit, &updates, kept),
            Fact::MembersWritten(updates, kept, asked) => self.on_members_written(&updates, kept, asked),
            Fact::GridKept(visit, grid, kept) => self.on_grid_kept(visit, *grid, kept),
        }
    }
}
