//! How other machines stand toward the work of this one's jobs, in words for people.

use std::collections::BTreeSet;

use gridwell_api::{EventBody, NoticeKind, NoticeLevel, TasksChanged};
use gridwell_ledger::JobSummary;
use gridwell_model::{JobId, PeerId, Standing, TaskSpan, TaskState};
use gridwell_wire::Announcement;

use super::{Core, reasons};

impl Core {
    /// Why work on this machine has less than usual now; empty while it has not.
    pub(super) fn why_less(&self) -> String {
        let softened = self.manners.engine.standing() == Standing::Softened;
        self.manners.because().filter(|_| softened).map(reasons::sentence).unwrap_or_default()
    }

    /// Why what runs on a machine stands still, as far as that machine says; empty otherwise.
    pub(super) fn why_still(&self, peer: Option<PeerId>) -> String {
        match peer {
            Some(peer) if peer == self.me => self.accepts(false).1,
            Some(peer) => self.announced(peer).map(|said| said.why_not.clone()).unwrap_or_default(),
            None => String::new(),
        }
    }

    /// Tasks stand still, or go on: whoever looks at them sees it.
    pub(super) fn tell_frozen(&mut self, job: JobId, step: u32, span: TaskSpan, peer: PeerId, frozen: bool) {
        let (state, reason) = match frozen {
            true => (TaskState::Frozen, self.why_still(Some(peer))),
            false => (TaskState::Running, String::new()),
        };
        let (machine, exit_code, saved_at) = (Some(peer), None, None);
        let change = TasksChanged { job, step, span, state, machine, exit_code, reason, saved_at };
        self.events.tell(EventBody::TasksChanged(change));
    }

    /// Why nothing of a job goes on though tasks of it have begun: all of these stand still.
    pub(super) fn stands_still(&self, job: JobId, summary: &JobSummary) -> Option<String> {
        let frozen = self.homes.get(&job)?.said.values().filter(|said| said.frozen);
        let frozen: u32 = frozen.map(|said| said.count).sum();
        let begun = summary.counts.of(TaskState::Running);
        let machines = summary.shares.iter().filter(|share| share.held > 0).map(|share| share.peer);
        let still = machines.map(|peer| match (self.machines.name(peer), self.why_still(Some(peer))) {
            (name, why) if why.is_empty() => name,
            (name, why) => format!("{name} ({why})"),
        });
        (frozen > 0 && frozen >= begun)
            .then(|| format!("work stands still on {}", still.collect::<Vec<_>>().join(", ")))
    }

    fn announced(&self, peer: PeerId) -> Option<&Announcement> {
        self.machines.others().get(&peer)?.announced.as_ref()
    }

    /// People hear when work of this machine's jobs stands still elsewhere, goes back from there, or goes on.
    pub(super) fn tell_of_standing(&mut self, peer: PeerId, before: Standing) {
        let Some(said) = self.announced(peer).filter(|said| said.standing != before) else { return };
        let (now, why) = (said.standing, said.why_not.clone());
        let jobs: BTreeSet<JobId> =
            self.live.iter().filter(|(_, live)| live.peer == peer).map(|(lease, _)| lease.job).collect();
        let word = match (before, now) {
            _ if jobs.is_empty() => return,
            (_, Standing::Frozen) => "stands still",
            (_, Standing::Packing) => "goes back",
            (Standing::Frozen, Standing::Working | Standing::Softened) => "goes on",
            _ => return,
        };
        let because = if why.is_empty() { String::new() } else { format!(" ({why})") };
        let sentence = format!("{}: work {word}{because}", self.machines.name(peer));
        // What concerns one job is told with it.
        let job = jobs.first().copied().filter(|_| jobs.len() == 1);
        // Its tasks show it, too.
        jobs.into_iter().for_each(|job| self.job_changed(job));
        // Of the kind `Lending` is what this machine does for others.
        self.notice(NoticeKind::Machine, NoticeLevel::Info, sentence, job, Some(peer));
    }
}
