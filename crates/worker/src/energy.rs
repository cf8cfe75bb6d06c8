use std::{collections::BTreeMap, time::Duration};

use gridwell_model::{Energy, Time};

use crate::SessionId;

/// Longest time between two readings that counts: a machine that slept in between begins its counters anew, or not.
const LONGEST: Duration = Duration::from_secs(60);
/// More than the processors of any one machine draw: what says so was set back meanwhile.
const MOST_WATTS: f64 = 10_000.0;
/// Counters go on in steps of about a millisecond: a step may fall into a much shorter time. Source: Intel SDM, volume 3B, 16.10.
const LEAST_SECS: f64 = 2e-3;
/// What a run without a reserve counts as, so that one that is alone has what the machine took.
const LEAST_CPUS: f64 = 1e-3;

/// Shares the energy that a machine's processors take among what runs there.
///
/// Between two readings each run gets a part that is as large as its part of all core-seconds that were in use: those that
/// runs had reserved and ran, and those of everybody else's programs. While nothing runs, the energy is nobody's.
///
/// Source: `docs/scheduling.md`, "Energy".
#[derive(Debug, Default)]
pub struct EnergyShares {
    /// One for each session that runs something: it runs one thing at a time.
    runs: BTreeMap<SessionId, Run>,
    read_at: Option<Time>,
    /// Read at the very moment of the reading before: belongs to the next.
    carried: Energy,
}

#[derive(Debug)]
struct Run {
    cpus: f64,
    /// Since when core-seconds are not noted yet; absent while it stands still.
    since: Option<Time>,
    /// Since the last reading.
    core_secs: f64,
    joules: f64,
    /// Some of it was not measured: nothing of it is known.
    unknown: bool,
}

impl Run {
    fn note(&mut self, now: Time) {
        if let Some(since) = self.since.as_mut() {
            self.core_secs += self.cpus * now.since(*since).as_secs_f64();
            *since = now;
        }
    }
}

impl EnergyShares {
    /// A session begins a run on so many cores. Tell a reading first.
    pub fn started(&mut self, session: SessionId, cpus: f32, now: Time) {
        let cpus = f64::from(cpus).max(LEAST_CPUS);
        let run = Run { cpus, since: Some(now), core_secs: 0.0, joules: 0.0, unknown: self.read_at != Some(now) };
        self.runs.insert(session, run);
    }

    /// What a session runs stands still, or goes on.
    pub fn stands_still(&mut self, session: SessionId, still: bool, now: Time) {
        if let Some(run) = self.runs.get_mut(&session) {
            run.note(now);
            run.since = (!still).then(|| run.since.unwrap_or(now));
        }
    }

    /// The processors took so much since the last reading (`None` if that could not be read), while everybody else's programs kept
    /// `foreign_cpus` cores busy.
    pub fn read(&mut self, taken: Option<Energy>, foreign_cpus: f32, now: Time) {
        let length = self.read_at.map(|at| now.since(at));
        self.read_at = taken.is_some().then_some(now);
        if let (Some(Duration::ZERO), Some(taken)) = (length, taken) {
            self.carried = self.carried + taken;
            return;
        }
        let carried = std::mem::take(&mut self.carried);
        let taken = taken.zip(length).map(|(taken, length)| ((taken + carried).joules(), length));
        let joules = taken.filter(|(joules, length)| {
            *length <= LONGEST && *joules <= MOST_WATTS * length.as_secs_f64().max(LEAST_SECS)
        });
        self.runs.values_mut().for_each(|run| run.note(now));
        let foreign = f64::from(foreign_cpus).max(0.0) * length.unwrap_or_default().as_secs_f64();
        let all = foreign + self.runs.values().map(|run| run.core_secs).sum::<f64>();
        for run in self.runs.values_mut() {
            let core_secs = std::mem::take(&mut run.core_secs);
            match joules {
                Some((joules, _)) => run.joules += joules * core_secs / all.max(f64::MIN_POSITIVE),
                None => run.unknown |= core_secs > 0.0,
            }
        }
    }

    /// What a session ran has ended: what it took, if all of that was measured. Tell a reading first.
    pub fn ended(&mut self, session: SessionId) -> Option<Energy> {
        let run = self.runs.remove(&session)?;
        (!run.unknown).then(|| Energy::from_joules(run.joules))
    }

    /// True while something runs.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !self.runs.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: SessionId = SessionId(1);
    const TWO: SessionId = SessionId(2);

    fn at(secs: u64) -> Time {
        Time::from_secs(secs)
    }

    fn joules(joules: u64) -> Option<Energy> {
        Some(Energy(joules * 1_000))
    }

    fn begun() -> EnergyShares {
        let mut shares = EnergyShares::default();
        shares.read(joules(7), 0.0, at(100));
        shares
    }

    #[test]
    fn a_run_that_is_alone_has_all_that_was_taken_while_it_ran() {
        let mut shares = begun();
        shares.read(joules(50), 0.0, at(110));
        shares.started(ONE, 1.0, at(110));
        shares.read(joules(100), 0.0, at(115));
        shares.read(joules(20), 0.0, at(116));
        assert_eq!(shares.ended(ONE), Some(Energy(120_000)), "what came before it is nobody's");
        assert!(!shares.is_busy());
        assert_eq!(shares.ended(ONE), None);
    }

    #[test]
    fn runs_share_by_their_cores_and_times_with_everybody_elses_programs() {
        let mut shares = begun();
        shares.started(ONE, 2.0, at(100));
        shares.read(joules(0), 0.0, at(105));
        shares.started(TWO, 1.0, at(105));
        shares.read(joules(100), 1.0, at(110));
        assert_eq!((shares.ended(ONE), shares.ended(TWO)), (Some(Energy(50_000)), Some(Energy(25_000))));
    }

    #[test]
    fn what_stands_still_takes_nothing() {
        let mut shares = begun();
        shares.started(ONE, 1.0, at(100));
        shares.started(TWO, 1.0, at(100));
        shares.stands_still(ONE, true, at(105));
        shares.read(joules(90), 0.0, at(110));
        shares.read(joules(10), 0.0, at(111));
        shares.stands_still(ONE, false, at(111));
        shares.read(joules(20), 0.0, at(112));
        assert_eq!((shares.ended(ONE), shares.ended(TWO)), (Some(Energy(40_000)), Some(Energy(80_000))));
    }

    #[test]
    fn a_run_of_which_a_part_was_not_measured_is_unknown() {
        let unreadable = |shares: &mut EnergyShares| shares.read(None, 0.0, at(105));
        let too_long = |shares: &mut EnergyShares| shares.read(joules(5), 0.0, at(161));
        let absurd = |shares: &mut EnergyShares| shares.read(joules(1_000_000), 0.0, at(101));
        for spoil in [unreadable, too_long, absurd] {
            let mut shares = begun();
            shares.started(ONE, 1.0, at(100));
            spoil(&mut shares);
            shares.read(joules(5), 0.0, at(170));
            shares.started(TWO, 1.0, at(170));
            shares.read(joules(5), 0.0, at(175));
            assert_eq!(shares.ended(ONE), None);
            assert!(shares.ended(TWO).is_some(), "the next one is known again");
        }
        let mut never_read = EnergyShares::default();
        never_read.started(ONE, 1.0, at(100));
        never_read.read(joules(5), 0.0, at(105));
        assert_eq!(never_read.ended(ONE), None);
    }

    #[test]
    fn readings_at_one_moment_lose_nothing() {
        let mut shares = begun();
        shares.read(joules(1), 0.0, at(100));
        shares.started(ONE, 1.0, at(100));
        shares.read(joules(9), 0.0, at(105));
        assert_eq!(shares.ended(ONE), Some(Energy(10_000)));
    }
}
