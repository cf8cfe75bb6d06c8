//! Stewardship comes and goes: this machine takes a job over, gives one up, or learns what a former steward knew.

use std::{path::Path, sync::Arc};

use gridwell_api::{ApiError, ErrorCode, HandOverRequest, HandedOverView, NoticeKind, NoticeLevel, Response};
use gridwell_job::JobPlan;
use gridwell_ledger::{DeputyInput, Ledger};
use gridwell_model::{BlobId, Body, Claim, DeputyMessage, JobId, JobSpec, PeerId};
use gridwell_sched::Input as SchedInput;
use gridwell_store::{Store, StoredJob};
use gridwell_worker::Input as WorkerInput;

use super::{
    Core, Fact, Home,
    deputies::{epoch_of, opened, read_body},
    facts::Reply,
    journal::Wish,
    kept_wish,
    proofs::Flaws,
    steward::sentence,
    stow,
};
use crate::{clock, start::EPOCH_KEY};

/// A copy that was read to be taken over.
pub(crate) struct Succession {
    epochs: u32,
    stored: StoredJob,
    home: Home,
}

impl Core {
    /// The epoch is raised and kept, and the copy is read, before anything is granted.
    pub(super) fn take_over(&mut self, claim: Claim) {
        self.copying.epochs += 1;
        let (epochs, store, me) = (self.copying.epochs, self.store.clone(), self.me);
        let data = self.data.clone();
        self.spawn(async move {
            let read = async {
                store.put_meta(EPOCH_KEY, epochs.to_le_bytes().to_vec()).await.map_err(|error| sentence(&error))?;
                let stored = store.job(claim.job).await.map_err(|error| sentence(&error))?;
                let (spec, _) = Ledger::read_copy(claim.job, stored.snapshot.as_deref(), &stored.entries)
                    .map_err(|error| error.to_string())?;
                let home = home_of(&store, &data, me, &spec).await?;
                Ok(Box::new(Succession { epochs, stored, home }))
            };
            Fact::CopyRead(claim, read.await)
        });
    }

    pub(crate) fn on_copy_read(&mut self, claim: Claim, read: Result<Box<Succession>, String>) {
        let job = claim.job;
        let adopted = read.and_then(|succession| {
            let Succession { epochs, stored, home } = *succession;
            self.ledger.raise_epoch(epoch_of(epochs, self.me));
            self.homes.insert(job, home);
            self.ledger
                .adopt(claim, stored.snapshot.as_deref(), &stored.entries, clock::now())
                .map_err(|error| error.to_string())
        });
        if let Err(why) = adopted {
            tracing::error!(why, %job, "a job could not be taken over");
            self.homes.remove(&job);
            self.deputies.handle(DeputyInput::TakeOverFailed { job }, clock::now());
            return;
        }
        self.copying.ceded.remove(&job);
        while let Some(effect) = self.ledger.poll_effect() {
            self.journal.wish(effect);
        }
        if let Some(input) = opened(&self.ledger, job) {
            self.journal.then(Wish::Deputy(input));
        }
        tracing::info!(%job, term = claim.term, "this machine is the job's steward now");
        self.tell_succession(claim);
        self.bring_stowed_home();
        self.gather_inputs();
        self.job_changed(job);
    }

    fn tell_succession(&mut self, claim: Claim) {
        let Some(home) = self.homes.get(&claim.job) else { return };
        let name = home.spec.name.clone();
        let sentence = if claim.origin == self.me {
            format!("{name} is back in the hands of this machine")
        } else {
            format!("{name} goes on here: {} handed it over or cannot be reached", self.machines.name(claim.origin))
        };
        self.notice(NoticeKind::Machine, NoticeLevel::Info, sentence, Some(claim.job), None);
    }

    pub(super) fn step_down(&mut self, claim: Claim) {
        tracing::info!(job = %claim.job, steward = claim.steward.short(), "another machine is the job's steward now");
        if let Some(bytes) = self.ledger.retire(claim.job) {
            self.copying.ceded.insert(claim.job, bytes);
        }
    }

    /// Everything that was said of the job before is carried: it is not shown or placed here any more.
    pub(super) fn on_job_retired(&mut self, job: JobId) {
        self.sched.handle(SchedInput::JobRemoved { job }, clock::now());
        self.hand_logs_home(job);
        self.homes.remove(&job);
        self.events.tell(gridwell_api::EventBody::JobRemoved(job));
        self.answer_waiting();
        self.follow_leaving();
    }

    pub(super) fn send_merge(&mut self, to: PeerId, job: JobId) {
        if let Some(bytes) = self.copying.ceded.get(&job).cloned() {
            self.send_body(to, job, bytes, move |body| DeputyMessage::Merge { job, body });
        }
    }

    pub(super) fn take_in(&mut self, from: PeerId, job: JobId, body: Body) {
        let transfer = self.transfer.clone();
        self.spawn(async move {
            let read = read_body(&transfer, job, from, body).await.map_err(|error| sentence(&error));
            Fact::MergeRead(job, from, read)
        });
    }

    pub(crate) fn on_merge_read(&mut self, job: JobId, from: PeerId, read: Result<Vec<u8>, String>) {
        let merged =
            read.and_then(|bytes| self.ledger.merge(job, &bytes, clock::now()).map_err(|error| error.to_string()));
        if let Err(why) = merged {
            tracing::warn!(why, %job, machine = self.machines.name(from), "what a former steward knew was not taken in");
            return;
        }
        while let Some(effect) = self.ledger.poll_effect() {
            self.journal.wish(effect);
        }
        self.journal.then(Wish::Deputy(DeputyInput::TakenIn { job, from }));
        self.bring_stowed_home();
        self.job_changed(job);
    }

    /// What runs here of the job is reported to its new steward.
    pub(super) fn follow(&mut self, claim: Claim) {
        let Claim { job, steward, .. } = claim;
        if let Some(guest) = self.guests.get_mut(&job) {
            guest.follow(steward);
            self.outgoing.follow(job, steward);
            self.send_logs(steward);
        }
        let reachable = steward == self.me || self.machines.others().get(&steward).is_some_and(|other| other.online);
        self.worker.handle(WorkerInput::StewardChanged { job, steward, reachable }, clock::now());
    }

    /// A person wants other machines to go on with jobs of this one.
    pub(super) fn hand_over(&mut self, request: &HandOverRequest, reply: Reply) {
        let named = self.jobs_to_hand_over(request.job.as_deref());
        let to = request.to.as_deref().map(|name| self.find_machine(name)).transpose();
        let (jobs, to) = match named.and_then(|jobs| Ok((jobs, to?))) {
            Ok(named) => named,
            Err(error) => {
                let _gone = reply.send(Err(error));
                return;
            }
        };
        if let Some(to) = to.filter(|to| !self.machines.others().get(to).is_some_and(|other| other.online)) {
            let message = format!("{} cannot be reached", self.machines.name(to));
            let error = ApiError::new(ErrorCode::WrongState, message).help("see who can: gridwell machines");
            let _gone = reply.send(Err(error));
            return;
        }
        self.begin_hand_over(&jobs, to);
        self.answer_when_handed_over(jobs, reply);
    }

    pub(super) fn begin_hand_over(&mut self, jobs: &[JobId], to: Option<PeerId>) {
        for job in jobs.iter().copied() {
            self.deputies.handle(DeputyInput::HandOver { job, to }, clock::now());
        }
    }

    /// The job named, or every one that has not ended.
    pub(super) fn jobs_to_hand_over(&self, named: Option<&str>) -> Result<Vec<JobId>, ApiError> {
        let ended = |job: JobId| self.ledger.summary(job, clock::now()).is_none_or(|job| job.state.is_ended());
        let Some(named) = named else {
            return Ok(self.homes.keys().copied().filter(|job| !ended(*job)).collect());
        };
        let (job, _) = self.find(named)?;
        if ended(job) {
            return Err(ApiError::new(
                ErrorCode::WrongState,
                format!("job {named} has ended: nobody needs to go on with it"),
            ));
        }
        Ok(vec![job])
    }

    /// What came of handing over.
    pub(super) fn handed_over(&self, jobs: &[JobId]) -> Result<Response, ApiError> {
        let stays: Vec<String> = jobs.iter().filter_map(|job| Some(self.homes.get(job)?.spec.name.clone())).collect();
        if !stays.is_empty() {
            let message = format!("still with this machine: {}", stays.join(", "));
            return Err(ApiError::new(ErrorCode::WrongState, message)
                .help("another machine that lends must be linked with this one; see: gridwell links"));
        }
        let view = |job: &JobId| {
            let steward = self.deputies.steward_of(*job)?;
            Some(HandedOverView { job: *job, steward, steward_name: self.machines.name(steward) })
        };
        Ok(Response::HandedOver(jobs.iter().filter_map(view).collect()))
    }
}

/// What the node needs of a job of which it is steward, and its spec as a blob for workers.
///
/// On a machine that is not the origin results land in a folder of its own until the origin fetches them.
pub(crate) async fn home_of(store: &Store, data: &Path, me: PeerId, spec: &Arc<JobSpec>) -> Result<Home, String> {
    let plan = JobPlan::new(&spec.template, &spec.parameters).map_err(|error| sentence(&error))?;
    let bytes = postcard::to_stdvec::<JobSpec>(spec).expect("a spec is plain data");
    let spec_bytes = bytes.len() as u64;
    let blobs = store.blobs();
    let kept = async {
        let _until_pinned = blobs.hold(BlobId::of(&bytes));
        let blob = blobs.put(bytes).await?;
        blobs.pin(spec.id, vec![blob]).await?;
        Ok::<_, gridwell_store::BlobError>(blob)
    };
    let blob = kept.await.map_err(|error| sentence(&error))?;
    let mine = spec.origin == me;
    let local = if mine { Arc::clone(spec) } else { Arc::new(stow::local(spec, data)) };
    let mut home = Home::new(store, local, Arc::new(plan), (blob, spec_bytes));
    home.in_the_way.send_replace(kept_wish(store, spec.id).await);
    home.flaws = Flaws::load(store, spec.id).await;
    home.has_inputs = mine || spec.inputs.iter().all(|input| blobs.contains(input.blob));
    Ok(home)
}
