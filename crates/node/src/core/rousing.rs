//! Machines that sleep are woken when work waits that nobody who is awake takes, if their owners allow it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gridwell_api::{NoticeKind, NoticeLevel};
use gridwell_model::{JobId, Leaning, PeerId, Strategy, Time};
use gridwell_store::{Store, StoreError};

use super::{Core, machines::capabilities};
use crate::clock;

/// Key in the store.
const KEY: &str = "wakes_for_work";
/// Shortest time between two packets for one machine: it wakes within a minute, or not at all, and then nobody keeps knocking.
const AGAIN_AFTER: Duration = Duration::from_mins(10);

/// Who may be woken for work, and for what.
#[derive(Debug, Default)]
pub(crate) struct Rousing {
    /// As they said themselves; kept over restarts, because whoever sleeps says nothing.
    allowed: BTreeSet<PeerId>,
    woken_at: BTreeMap<PeerId, Time>,
    /// Jobs of which tasks waited for nobody in particular when this was last looked at.
    waited: BTreeSet<JobId>,
}

/// A machine that cannot be reached and may be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sleeper {
    peer: PeerId,
    /// Whether it would do for the tasks, as it said of itself last; absent if nobody knows.
    fits: Option<bool>,
}

impl Rousing {
    /// True if any machine may be woken.
    pub(super) fn may_wake(&self) -> bool {
        !self.allowed.is_empty()
    }

    /// Reads what is kept. It is a hint: what cannot be read is forgotten.
    pub(crate) async fn load(store: &Store) -> Result<Self, StoreError> {
        let kept = store.meta(KEY).await?;
        let allowed = kept.and_then(|bytes| postcard::from_bytes(&bytes).ok()).unwrap_or_default();
        Ok(Self { allowed, ..Self::default() })
    }

    /// A machine said whether it may be woken; returns what is to be kept if that is news.
    fn learn(&mut self, peer: PeerId, allowed: bool) -> Option<Vec<u8>> {
        let news = if allowed { self.allowed.insert(peer) } else { self.allowed.remove(&peer) };
        news.then(|| postcard::to_stdvec(&self.allowed).expect("ids are plain data"))
    }

    /// Jobs of which tasks wait now that waited at the look before, too: what is about to be placed waits for a moment only.
    fn still(&mut self, waiting: BTreeSet<JobId>) -> Vec<JobId> {
        let still = waiting.intersection(&self.waited).copied().collect();
        self.waited = waiting;
        still
    }

    /// Whom to wake for so many tasks that wait: no more machines than tasks, none of them twice within [`AGAIN_AFTER`], and first
    /// those of which is known that they would do.
    fn choose(&mut self, tasks: u32, mut sleepers: Vec<Sleeper>, now: Time) -> Vec<PeerId> {
        let rested = |peer: &PeerId| self.woken_at.get(peer).is_none_or(|at| *at + AGAIN_AFTER <= now);
        sleepers.retain(|sleeper| {
            sleeper.fits != Some(false) && self.allowed.contains(&sleeper.peer) && rested(&sleeper.peer)
        });
        sleepers.sort_by_key(|sleeper| (sleeper.fits.is_none(), sleeper.peer));
        let chosen: Vec<PeerId> = sleepers.iter().map(|sleeper| sleeper.peer).take(tasks as usize).collect();
        self.woken_at.extend(chosen.iter().map(|peer| (*peer, now)));
        chosen
    }
}

impl Core {
    pub(super) fn learn_rousing(&mut self, peer: PeerId, allowed: bool) {
        if let Some(bytes) = self.rousing.learn(peer, allowed) {
            drop(self.keep(KEY, bytes));
        }
    }

    /// Looks, once in a while, whether work waits for machines that may be woken.
    pub(super) fn rouse_for_work(&mut self) {
        let away = |peer: &PeerId| self.machines.others().get(peer).is_some_and(|machine| !machine.online);
        if !self.rousing.allowed.iter().any(away) || self.leaving.is_some() {
            self.rousing.waited.clear();
            return;
        }
        let homes: Vec<JobId> = self.homes.keys().copied().collect();
        let waiting = homes.into_iter().filter(|job| self.waits_for_anybody(*job)).collect();
        for job in self.rousing.still(waiting) {
            self.rouse_for(job);
        }
    }

    /// True if tasks of a job could begin, and no machine that is there takes them.
    fn waits_for_anybody(&mut self, job: JobId) -> bool {
        self.homes.get(&job).is_some_and(|home| home.has_inputs) && self.untaken(job).is_some()
    }

    /// The first step of which tasks wait that nobody takes, and how many. More machines are no help where licences are missing.
    fn untaken(&mut self, job: JobId) -> Option<(u32, u32)> {
        let summary = self.ledger.summary(job, clock::now())?;
        if summary.held || summary.state.is_ended() {
            return None;
        }
        let steps = self.homes.get(&job)?.spec.steps.len() as u32;
        (0..steps).find_map(|step| {
            let found = self.sched.explain(job, step)?;
            let is_untaken = found.ready > 0
                && found.lacking.is_empty()
                && found.machines.iter().all(|machine| !machine.against.is_empty());
            is_untaken.then_some((step, found.ready))
        })
    }

    fn rouse_for(&mut self, job: JobId) {
        let Some((step, tasks)) = self.untaken(job) else { return };
        let Some(home) = self.homes.get(&job) else { return };
        let (name, needs) = (home.spec.name.clone(), home.spec.steps.get(step as usize).map(|step| step.needs.clone()));
        let settings = self.machines.settings();
        if settings.tuning.strategy == Strategy::Direct || !self.may_run_elsewhere() {
            return;
        }
        let away = self.machines.others().iter().filter(|(peer, machine)| {
            !machine.online && self.can_be_woken(**peer) && settings.leanings.get(peer) != Some(&Leaning::KeepOff)
        });
        let sleepers = away.map(|(peer, machine)| {
            let said = machine.announced.as_ref().map(capabilities);
            let id = peer.to_string();
            let fits = said.zip(needs.as_ref()).map(|(said, needs)| needs.unmet(&said, &machine.name, &id).is_empty());
            let is_named = needs.as_ref().is_none_or(|needs| needs.names(&machine.name, &id));
            Sleeper { peer: *peer, fits: if is_named { fits } else { Some(false) } }
        });
        let sleepers: Vec<Sleeper> = sleepers.collect();
        for peer in self.rousing.choose(tasks, sleepers, clock::now()) {
            self.wake_for_work(peer, format!("tasks of {name} wait that no machine takes"));
        }
    }

    /// A machine was, or could not be, woken for work.
    pub(super) fn tell_roused(&mut self, peer: PeerId, why: &str, sent_by: &[PeerId]) {
        let name = self.machines.name(peer);
        let (level, sentence) = if sent_by.is_empty() {
            (
                NoticeLevel::Warning,
                format!("{name} could not be woken, though {why}: no machine beside it can be reached"),
            )
        } else {
            let by: Vec<_> = sent_by.iter().map(|peer| self.machines.name(*peer)).collect();
            (NoticeLevel::Info, format!("{name} is woken by {}: {why}", super::words::names(&by)))
        };
        self.notice(NoticeKind::Machine, level, sentence, None, Some(peer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILL: PeerId = PeerId([1; 32]);
    const ATTIC: PeerId = PeerId([2; 32]);
    const LOFT: PeerId = PeerId([3; 32]);

    fn at(secs: u64) -> Time {
        Time::from_secs(secs)
    }

    fn allowing(peers: &[PeerId]) -> Rousing {
        Rousing { allowed: peers.iter().copied().collect(), ..Rousing::default() }
    }

    fn asleep(peers: &[(PeerId, Option<bool>)]) -> Vec<Sleeper> {
        peers.iter().map(|(peer, fits)| Sleeper { peer: *peer, fits: *fits }).collect()
    }

    #[test]
    fn only_machines_that_may_be_woken_and_would_do_are_woken_and_no_more_than_there_are_tasks() {
        let all = [(MILL, Some(true)), (ATTIC, None), (LOFT, Some(true))];
        for (allowed, sleepers, tasks, woken) in [
            (&[MILL, ATTIC, LOFT][..], &all[..], 9, &[MILL, LOFT, ATTIC][..]),
            (&[MILL, ATTIC, LOFT], &all, 2, &[MILL, LOFT]),
            (&[ATTIC], &all, 9, &[ATTIC]),
            (&[], &all, 9, &[]),
            (&[MILL, ATTIC], &[(MILL, Some(false)), (ATTIC, Some(true))], 9, &[ATTIC]),
            (&[MILL], &all, 0, &[]),
        ] {
            assert_eq!(allowing(allowed).choose(tasks, asleep(sleepers), at(0)), woken);
        }
    }

    #[test]
    fn a_machine_is_woken_once_within_ten_minutes() {
        let mut rousing = allowing(&[MILL, ATTIC]);
        let mill = || asleep(&[(MILL, Some(true))]);
        assert_eq!(rousing.choose(1, mill(), at(1_000)), [MILL]);
        assert_eq!(rousing.choose(1, mill(), at(1_599)), []);
        assert_eq!(rousing.choose(1, asleep(&[(MILL, Some(true)), (ATTIC, None)]), at(1_599)), [ATTIC]);
        assert_eq!(rousing.choose(1, mill(), at(1_600)), [MILL]);
    }

    #[test]
    fn what_waits_for_a_moment_only_wakes_nobody() {
        let mut rousing = Rousing::default();
        let jobs = |numbers: &[u8]| numbers.iter().map(|number| JobId([*number; 10])).collect::<BTreeSet<_>>();
        assert_eq!(rousing.still(jobs(&[1, 2])), []);
        assert_eq!(rousing.still(jobs(&[2, 3])), [JobId([2; 10])]);
        assert_eq!(rousing.still(jobs(&[])), []);
        assert_eq!(rousing.still(jobs(&[2])), []);
    }

    #[test]
    fn what_a_machine_said_is_kept_when_it_is_news() {
        let mut rousing = Rousing::default();
        assert_eq!(rousing.learn(MILL, false), None);
        let kept = rousing.learn(MILL, true).expect("news");
        assert_eq!(rousing.learn(MILL, true), None);
        assert_eq!(postcard::from_bytes::<BTreeSet<PeerId>>(&kept).unwrap(), BTreeSet::from([MILL]));
        assert!(rousing.learn(MILL, false).is_some());
    }
}
