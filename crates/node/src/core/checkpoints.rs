//! Checkpoints of programs that run here: what a run goes on from is brought before it starts, and what it leaves is taken while it
//! runs and when it ends.
//!
//! A program vouches for what stands in its folder by a line of its output. What it leaves when it ends otherwise than well is taken
//! once more if it has vouched for it since.

use std::time::Duration;

use gridwell_model::{ActionPlan, Checkpoint, LeaseId, PeerId, TaskKey, TaskSpan, Time};
use gridwell_store::BlobHold;
use gridwell_worker::{Input, SessionId};
use tokio_util::sync::CancellationToken;

use super::{Core, Fact, outbox::Held, sessions::tag, steward::sentence};
use crate::{clock, transfer::CheckpointError};

/// The variable that names the folder to programs.
pub(super) const FOLDER_VARIABLE: &str = "GRIDWELL_CHECKPOINT";

/// How far apart checkpoints of one run are taken: each is read, hashed and sent as a whole.
const TAKEN_EVERY: Duration = Duration::from_secs(10);

/// What a session whose programs leave checkpoints does about them. It has one run at a time.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    run: Option<CheckpointedRun>,
    /// One is being taken. Cancelled when it is not to wait any longer.
    taking: Option<CancellationToken>,
    /// The session's last event came while an end waited.
    is_gone: bool,
}

#[derive(Debug)]
struct CheckpointedRun {
    lease: LeaseId,
    step: u32,
    span: TaskSpan,
    /// Until what it goes on from is there.
    waiting: Option<(ActionPlan, PeerId)>,
    /// How many were taken.
    number: u32,
    /// The program vouched for what stands there since it was last looked at.
    is_due: bool,
    /// When it was last looked at.
    looked_at: Option<Time>,
    /// When the last one that was taken was begun.
    taken_at: Option<Time>,
    /// The machine's owner wants what it has, so that what comes after its last checkpoint is lost.
    is_packed: bool,
    /// How it ended, told once what it left is taken.
    ended: Option<Ended>,
}

#[derive(Debug)]
struct Ended {
    input: Input,
    /// Since when it had run, if its program was started at all.
    since: Option<Time>,
    at: Time,
}

impl Core {
    /// Brings what a run goes on from; it starts once that is there.
    pub(super) fn bring_checkpoint(
        &mut self,
        id: SessionId,
        (lease, step, span): (LeaseId, u32, TaskSpan),
        (action, steward): (ActionPlan, PeerId),
        from: Option<Checkpoint>,
    ) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Some(checkpoints) = &mut session.checkpoints else { return };
        checkpoints.run = Some(CheckpointedRun {
            lease,
            step,
            span,
            waiting: Some((action, steward)),
            number: 0,
            is_due: false,
            looked_at: None,
            taken_at: None,
            is_packed: false,
            ended: None,
        });
        let (transfer, place, job) = (self.transfer.clone(), session.place.clone(), session.job);
        self.spawn(async move {
            let brought = transfer.bring_checkpoint(&place, from.map(|from| (from, steward)), job).await;
            Fact::CheckpointBrought(id, lease, span, brought)
        });
    }

    pub(crate) fn on_checkpoint_brought(
        &mut self,
        id: SessionId,
        lease: LeaseId,
        span: TaskSpan,
        brought: Result<(), CheckpointError>,
    ) {
        let Some(run) = self.checkpointed(id).filter(|run| run.lease == lease && run.span == span) else { return };
        let Some((action, steward)) = run.waiting.take() else { return };
        let task = TaskKey { step: run.step, index: span.start };
        if let Err(error) = brought {
            self.say_of_checkpoint(lease, task, "begins anew, its checkpoint is not there", &error);
        }
        match self.exec.run(id.0, vec![(tag(span), action)]) {
            Ok(()) => self.works_for(steward),
            Err(_) => self.on_session_gone(id),
        }
    }

    /// Takes back a run that waits for what it goes on from; false if it has started, or is another one.
    pub(super) fn stop_waiting(&mut self, id: SessionId, runs: &[TaskSpan]) -> bool {
        let Some(run) = self.checkpointed(id).filter(|run| run.waiting.is_some() && runs.contains(&run.span)) else {
            return false;
        };
        let span = run.span;
        if let Some(session) = self.sessions.get_mut(&id) {
            session.runs.remove(&tag(span));
            session.checkpoints = Some(Checkpoints::default());
        }
        self.worker.handle(Input::TaskNotRun { session: id, run: span }, clock::now());
        true
    }

    /// A program vouches for what stands in its folder.
    pub(super) fn checkpoint_said(&mut self, id: SessionId) {
        if let Some(run) = self.checkpointed(id) {
            run.is_due = true;
            self.take_checkpoint(id);
        }
    }

    /// A run ended: tells the engine at once if it ended well, else when what it left is taken.
    pub(super) fn checkpointed_ended(&mut self, id: SessionId, input: Input, since: Option<Time>, well: bool) {
        let now = clock::now();
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Some(checkpoints) = session.checkpoints.as_mut().filter(|checkpoints| checkpoints.run.is_some()) else {
            self.worker.handle(input, now);
            return;
        };
        if well {
            checkpoints.run = None;
            self.worker.handle(input, now);
            return;
        }
        if let Some(run) = &mut checkpoints.run {
            run.ended = Some(Ended { input, since, at: now });
        }
        if let Some(waits) = &checkpoints.taking {
            waits.cancel();
        }
        self.take_checkpoint(id);
        self.tell_ended(id);
    }

    /// The session's last event came; true if something of it is still to be taken.
    pub(super) fn is_taking_last(&mut self, id: SessionId) -> bool {
        let checkpoints = self.sessions.get_mut(&id).and_then(|session| session.checkpoints.as_mut());
        checkpoints.is_some_and(|checkpoints| {
            checkpoints.is_gone = checkpoints.run.as_ref().is_some_and(|run| run.ended.is_some());
            checkpoints.is_gone
        })
    }

    /// True if what runs in a session leaves checkpoints: what is lost when it goes is counted once it has gone.
    pub(super) fn counts_loss_later(&mut self, id: SessionId) -> bool {
        self.checkpointed(id).map(|run| run.is_packed = true).is_some()
    }

    /// Begins to take what stands there, if that is wanted and nothing is being taken.
    fn take_checkpoint(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Some(Checkpoints { run: Some(run), taking: taking @ None, .. }) = &mut session.checkpoints else { return };
        if !run.is_due {
            return;
        }
        run.is_due = false;
        let wait = run
            .looked_at
            .filter(|_| run.ended.is_none())
            .map_or(Duration::ZERO, |at| TAKEN_EVERY.saturating_sub(clock::now().since(at)));
        let no_longer = taking.insert(CancellationToken::new()).clone();
        let (lease, span, name) = (run.lease, run.span, format!("checkpoint-{}-{}", run.span.start, run.number));
        let (transfer, place) = (self.transfer.clone(), session.place.clone());
        self.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = no_longer.cancelled() => {}
            }
            let begun = clock::now();
            Fact::CheckpointTaken(id, lease, span, begun, transfer.take_checkpoint(&place, &name).await)
        });
    }

    pub(crate) fn on_checkpoint_taken(
        &mut self,
        id: SessionId,
        lease: LeaseId,
        span: TaskSpan,
        begun: Time,
        taken: Result<Option<(BlobHold, u64)>, CheckpointError>,
    ) {
        let Some(checkpoints) = self.sessions.get_mut(&id).and_then(|session| session.checkpoints.as_mut()) else {
            return self.discard(taken);
        };
        checkpoints.taking = None;
        let run = checkpoints.run.as_mut().filter(|run| run.lease == lease && run.span == span);
        let Some(run) = run else {
            self.discard(taken);
            return self.take_checkpoint(id);
        };
        run.looked_at = Some(begun);
        let task = TaskKey { step: run.step, index: span.start };
        match taken {
            taken if !self.guests.contains_key(&lease.job) => self.discard(taken),
            Ok(Some((hold, size_bytes))) => {
                run.number += 1;
                run.taken_at = Some(begun);
                let checkpoint = Checkpoint { tasks: span, number: run.number, blob: hold.blob(), size_bytes };
                if let Some(at) = self.sessions.get_mut(&id).and_then(|session| session.runs.get_mut(&tag(span))) {
                    // What came before is not lost any more.
                    at.since = Some(begun);
                }
                self.drop_outputs(lease, &[span]);
                self.outbox.entry(lease).or_default().push(Held { tasks: span, blobs: vec![hold] });
                self.worker.handle(Input::CheckpointTaken { lease, checkpoint }, clock::now());
            }
            Ok(None) => tracing::debug!(%lease, "a program vouched for an empty checkpoint"),
            // When it ends, or vouches for it again.
            Err(CheckpointError::Changed) if run.ended.is_none() => {
                run.is_due = true;
                return;
            }
            Err(error) => self.say_of_checkpoint(lease, task, "a checkpoint was not taken", &error),
        }
        self.take_checkpoint(id);
        self.tell_ended(id);
    }

    /// Tells the engine how a run ended once nothing of it is being taken, and clears its session away if that waited.
    fn tell_ended(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Some(checkpoints) = session.checkpoints.as_mut().filter(|checkpoints| checkpoints.taking.is_none()) else {
            return;
        };
        let Some(run) = checkpoints.run.take_if(|run| run.ended.is_some()) else { return };
        let (is_gone, job) = (checkpoints.is_gone, session.job);
        let Some(Ended { input, since, at }) = run.ended else { return };
        if let Some(since) = since.filter(|_| run.is_packed) {
            self.work_lost(job, at.since(run.taken_at.map_or(since, |taken| taken.max(since))));
        }
        self.worker.handle(input, clock::now());
        if is_gone {
            self.on_session_gone(id);
        }
    }

    fn checkpointed(&mut self, id: SessionId) -> Option<&mut CheckpointedRun> {
        self.sessions.get_mut(&id)?.checkpoints.as_mut()?.run.as_mut()
    }

    /// Tells whoever reads the task's log.
    fn say_of_checkpoint(&mut self, lease: LeaseId, task: TaskKey, what: &str, error: &CheckpointError) {
        tracing::warn!(%error, %lease, what, "about a checkpoint");
        let Some(steward) = self.guests.get(&lease.job).map(super::guest::Guest::steward) else { return };
        self.send_log(steward, lease, task, format!("gridwell: {what}: {}\n", sentence(error)).into_bytes());
    }

    fn discard(&self, taken: Result<Option<(BlobHold, u64)>, CheckpointError>) {
        let Ok(Some((hold, _))) = taken else { return };
        let blobs = self.store.blobs().clone();
        self.beside.spawn(async move {
            if let Err(error) = blobs.discard(hold).await {
                tracing::warn!(%error, "a checkpoint that nobody waits for was not dropped");
            }
        });
    }
}
