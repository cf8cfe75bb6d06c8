use std::sync::Arc;

use gridwell_api::{ApiError, DraftView, NearbyView, Response};
use gridwell_job::{JobPlan, PathRule};
use gridwell_model::{BlobId, JobId, JobSpec, LeaseId, LinkWish, Load, PeerId, TaskResult, TaskSpan};
use gridwell_net::{Announced, NearbyError, Talk, VisitError};
use gridwell_sched::Input as SchedInput;
use gridwell_store::StoreError;
use gridwell_trust::{Code, Grid, Visit};
use tokio::sync::oneshot;

use super::Core;
use crate::{
    clock,
    transfer::{CollectError, Collected, TransferError},
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
    Drafted(Result<Vec<DraftView>, ApiError>, Vec<gridwell_model::Needs>, Reply),
    /// A submission was read, its inputs hashed and kept.
    Imported(Result<Vec<Imported>, ApiError>, Reply, Option<String>),
    /// The spec of somebody's job was fetched and understood, or not (one sentence).
    SpecRead(JobId, PeerId, Result<(Arc<JobSpec>, Arc<JobPlan>), String>),
    /// A job's inputs are here, and these rules lead to them.
    Staged(JobId, Result<Vec<PathRule>, TransferError>),
    /// What a run left was taken in.
    Collected(LeaseId, TaskSpan, Result<Collected, CollectError>),
    /// A run's outputs are home, or never will be.
    Landed(LeaseId, PeerId, TaskResult, Result<(), TransferError>),
    /// Results wait for what may pass: one sentence.
    LandingWaits(JobId, String),
    /// Bytes went to a peer at this rate, in bytes per second.
    Measured(PeerId, f64),
    /// The load was sampled.
    Sampled(Load),
    /// What is wanted of the link with a machine is written down, or could not be.
    WishKept(PeerId, LinkWish, Result<(), StoreError>, Reply),
    /// The other side of a pairing said something, or nothing more comes.
    PairHeard(Visit, Option<Vec<u8>>),
    /// The machine that this one asks to be let in was reached, or not.
    HostReached(Visit, Result<(PeerId, Talk), VisitError>),
    /// This machine can be found while it shows the code of that invite, or cannot.
    CodeAnnounced([u8; 8], Result<Announced, NearbyError>),
    /// Who nearby shows a code, for a code that was typed here.
    FoundForCode(Code, Result<Vec<NearbyView>, ApiError>, Reply),
    /// A new member is written down, or could not be.
    MemberKept(Visit, Result<(), StoreError>),
    /// The grid that this machine was let into is written down, or could not be.
    GridKept(Visit, Box<Grid>, Result<(), StoreError>),
}

/// A job ready to be added.
pub(crate) struct Imported {
    pub(crate) spec: JobSpec,
    pub(crate) plan: Arc<JobPlan>,
    pub(crate) spec_blob: BlobId,
    pub(crate) spec_bytes: u64,
    pub(crate) priority: i32,
    pub(crate) held: bool,
    pub(crate) warnings: Vec<String>,
}

impl Core {
    pub(crate) fn on_fact(&mut self, fact: Fact) {
        match fact {
            Fact::Journalled(result) => self.on_journalled(result),
            Fact::LogsWritten(upto) => self.logs.written(upto),
            Fact::Drafted(drafts, needs, reply) => self.on_drafted(drafts, &needs, reply),
            Fact::Imported(jobs, reply, key) => self.on_imported(jobs, reply, key),
            Fact::SpecRead(job, steward, read) => self.on_spec_read(job, steward, read),
            Fact::Staged(job, result) => self.on_staged(job, result),
            Fact::Collected(lease, run, result) => self.on_collected(lease, run, result),
            Fact::Landed(lease, peer, result, landed) => self.on_landed(lease, peer, result, landed),
            Fact::LandingWaits(job, why) => self.on_landing_waits(job, &why),
            Fact::Measured(peer, bytes_per_sec) => {
                self.sched.handle(SchedInput::PathMeasured { peer, bytes_per_sec }, clock::now());
            }
            Fact::Sampled(load) => self.on_sampled(load),
            Fact::WishKept(peer, wish, kept, reply) => self.on_wish_kept(peer, wish, kept, reply),
            Fact::PairHeard(visit, bytes) => self.on_pair_heard(visit, bytes),
            Fact::HostReached(visit, reached) => self.on_host_reached(visit, reached),
            Fact::CodeAnnounced(invite, announced) => self.on_code_announced(invite, announced),
            Fact::FoundForCode(code, found, reply) => self.on_found_for_code(code, found, reply),
            Fact::MemberKept(visit, kept) => self.on_member_kept(visit, kept),
            Fact::GridKept(visit, grid, kept) => self.on_grid_kept(visit, *grid, kept),
        }
    }
}
