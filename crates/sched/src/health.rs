//! Machines on which a program fails that ends well elsewhere, and how that is forgiven with time.
//!
//! Only a task that failed on one machine and then ended well on another counts: what fails everywhere is the job's own
//! fault. Source: Afanasy counts errors for each host and forgives them with time; the numbers are our choice.

use std::{collections::BTreeMap, time::Duration};

use gridwell_model::{PeerId, Time};

/// After this long a failure counts half.
const HALF_LIFE: Duration = Duration::from_mins(20);

/// From this weight on a machine is sick: the third failure within minutes, or the first one after a try that was due.
const SICK_FROM: f64 = 2.0;

/// Most that failures weigh together: nobody is kept off for more than an hour by what is past.
const MOST_WEIGHT: f64 = 16.0;

/// Below this nothing is remembered.
const FORGOTTEN: f64 = 0.1;

/// A machine that is sick for so many programs is sick for all: the fault is hardly theirs. Only those count that have failed
/// since anything ended well there: a machine on which work gets done is no broken one.
const SICK_FOR_ALL: usize = 3;

/// Most machines with programs that are remembered; the lightest goes first.
const MOST_RECORDS: usize = 1_024;

/// What failed where, by machine and program.
#[derive(Debug, Default)]
pub struct Health {
    records: BTreeMap<PeerId, BTreeMap<String, Record>>,
}

/// A program on a machine that fails where others succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sick {
    /// The program.
    pub program: String,
    /// Tasks that failed there and ended well elsewhere, since it began to fail.
    pub failed: u32,
    /// All tasks of the program that ended there since then.
    pub of: u32,
    /// Where the last of them ended well.
    pub succeeded_on: PeerId,
    /// How long until it is tried there again.
    pub again: Duration,
}

#[derive(Debug)]
struct Record {
    /// Of the failures, at `since`.
    weight: f64,
    since: Time,
    failed: u32,
    of: u32,
    succeeded_on: PeerId,
    /// Nothing, of whatever program, has ended well there since the last of the failures.
    is_last_word: bool,
}

impl Record {
    fn weight_at(&self, now: Time) -> f64 {
        self.weight * 0.5_f64.powf(now.since(self.since).as_secs_f64() / HALF_LIFE.as_secs_f64())
    }

    fn weigh(&mut self, weight: f64, now: Time) {
        (self.weight, self.since) = (weight.min(MOST_WEIGHT), now);
    }

    /// When it is tried again; `None` if nothing keeps it off.
    fn again(&self, now: Time) -> Option<Duration> {
        let weight = self.weight_at(now);
        (weight > SICK_FROM).then(|| HALF_LIFE.mul_f64((weight / SICK_FROM).log2()))
    }
}

impl Health {
    /// Tasks of one run of `program` failed on `peer` and have ended well on another machine since.
    pub fn outdone(&mut self, peer: PeerId, program: &str, tasks: u32, by: PeerId, now: Time) {
        self.make_room(now);
        let fresh = || Record { weight: 0.0, since: now, failed: 0, of: 0, succeeded_on: by, is_last_word: true };
        let record = self.records.entry(peer).or_default().entry(program.to_owned()).or_insert_with(fresh);
        record.weigh(record.weight_at(now) + 1.0, now);
        record.failed = record.failed.saturating_add(tasks);
        record.of = record.of.saturating_add(tasks);
        record.succeeded_on = by;
        record.is_last_word = true;
    }

    /// Tasks of `program` ended well on `peer`: each halves what speaks against it for that program, and for others the peer
    /// is not broken. False if that changes nothing.
    pub fn succeeded(&mut self, peer: PeerId, program: &str, tasks: u32, now: Time) -> bool {
        let Some(programs) = self.records.get_mut(&peer) else { return false };
        let mut changes = false;
        for record in programs.values_mut() {
            changes |= std::mem::replace(&mut record.is_last_word, false);
        }
        let Some(record) = programs.get_mut(program) else { return changes };
        record.weigh(record.weight_at(now) * 0.5_f64.powf(f64::from(tasks)), now);
        record.of = record.of.saturating_add(tasks);
        programs.retain(|_, record| record.weight_at(now) >= FORGOTTEN);
        true
    }

    /// Forgets what speaks against `peer`, for one program or all; false if nothing did.
    pub fn forgive(&mut self, peer: PeerId, program: Option<&str>) -> bool {
        match program {
            None => self.records.remove(&peer).is_some_and(|programs| !programs.is_empty()),
            Some(program) => self.records.get_mut(&peer).is_some_and(|programs| programs.remove(program).is_some()),
        }
    }

    /// Programs for which `peer` is sick now, by name.
    #[must_use]
    pub fn sick(&self, peer: PeerId, now: Time) -> Vec<Sick> {
        let programs = self.records.get(&peer).into_iter().flatten();
        let sick = programs.filter_map(|(program, record)| {
            let (failed, of, succeeded_on) = (record.failed, record.of, record.succeeded_on);
            Some(Sick { program: program.clone(), failed, of, succeeded_on, again: record.again(now)? })
        });
        sick.collect()
    }

    /// Why `peer` is not to get tasks of `program` now: it is sick for that one, or for so many that it is for all.
    #[must_use]
    pub fn against(&self, peer: PeerId, program: &str, now: Time) -> Vec<Sick> {
        let mut sick = self.sick(peer, now);
        if !self.is_sick_for_all(peer, now) {
            sick.retain(|one| one.program == program);
        }
        sick
    }

    /// True if `peer` is sick for so many programs, and none has ended well there since, that it had better take none.
    #[must_use]
    pub fn is_sick_for_all(&self, peer: PeerId, now: Time) -> bool {
        let records = self.records.get(&peer).into_iter().flat_map(BTreeMap::values);
        records.filter(|record| record.is_last_word && record.again(now).is_some()).count() >= SICK_FOR_ALL
    }

    /// When the next machine is tried again.
    #[must_use]
    pub fn next_try(&self, now: Time) -> Option<Time> {
        let again = self.records.values().flat_map(BTreeMap::values).filter_map(|record| record.again(now));
        // A moment later, so that rounding does not find it sick for another nanosecond.
        again.min().map(|again| now + again + Duration::from_millis(1))
    }

    fn make_room(&mut self, now: Time) {
        for programs in self.records.values_mut() {
            programs.retain(|_, record| record.weight_at(now) >= FORGOTTEN);
        }
        self.records.retain(|_, programs| !programs.is_empty());
        if self.records.values().map(BTreeMap::len).sum::<usize>() < MOST_RECORDS {
            return;
        }
        let all = self.records.iter().flat_map(|(peer, programs)| programs.iter().map(move |one| (*peer, one)));
        let lightest = all.min_by(|left, right| left.1.1.weight_at(now).total_cmp(&right.1.1.weight_at(now)));
        if let Some((peer, (program, _))) = lightest {
            let program = program.clone();
            self.forgive(peer, Some(&program));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LOFT: PeerId = PeerId([2; 32]);
    const MILL: PeerId = PeerId([1; 32]);

    fn at(mins: u64) -> Time {
        Time::ZERO + Duration::from_mins(mins)
    }

    fn failed(times: u32) -> Health {
        let mut health = Health::default();
        (0..times).for_each(|_| health.outdone(MILL, "blender", 1, LOFT, at(0)));
        health
    }

    #[test]
    fn the_third_failure_makes_a_machine_sick_for_that_program_alone() {
        assert!(failed(2).sick(MILL, at(0)).is_empty());
        let health = failed(3);
        let sick = health.against(MILL, "blender", at(0));
        assert_eq!(
            sick.iter().map(|sick| (sick.failed, sick.of, sick.succeeded_on)).collect::<Vec<_>>(),
            [(3, 3, LOFT)]
        );
        assert_eq!(sick[0].again.as_secs() / 60, 11);
        assert!(health.against(MILL, "ffmpeg", at(0)).is_empty() && health.sick(LOFT, at(0)).is_empty());
    }

    #[test]
    fn it_is_tried_again_and_one_more_failure_keeps_it_off_as_long_again() {
        let mut health = failed(3);
        let next = health.next_try(at(0)).unwrap();
        assert!(health.sick(MILL, next).is_empty());
        assert_eq!(health.next_try(next), None);
        health.outdone(MILL, "blender", 1, LOFT, next);
        assert_eq!(health.sick(MILL, next)[0].again.as_secs() / 60, 11);
    }

    #[test]
    fn success_and_a_person_forgive() {
        let mut health = failed(3);
        health.succeeded(MILL, "blender", 1, at(0));
        assert!(health.sick(MILL, at(0)).is_empty());
        let mut health = failed(3);
        assert!(!health.forgive(MILL, Some("ffmpeg")) && health.forgive(MILL, Some("blender")));
        assert!(health.sick(MILL, at(0)).is_empty());
    }

    #[test]
    fn a_machine_sick_for_many_programs_is_sick_for_all() {
        let mut health = Health::default();
        for program in ["blender", "ffmpeg", "python3"] {
            assert!(!health.is_sick_for_all(MILL, at(0)));
            (0..3).for_each(|_| health.outdone(MILL, program, 1, LOFT, at(0)));
        }
        assert!(health.is_sick_for_all(MILL, at(0)));
        assert_eq!(health.against(MILL, "povray", at(0)).len(), 3);
    }

    #[test]
    fn a_good_end_of_any_program_shows_that_a_machine_is_not_sick_for_all_until_all_fail_anew() {
        let mut health = Health::default();
        let programs = ["blender", "ffmpeg", "python3"];
        let fail = |health: &mut Health, program| health.outdone(MILL, program, 1, LOFT, at(0));
        programs.iter().for_each(|program| (0..3).for_each(|_| fail(&mut health, program)));
        assert!(health.succeeded(MILL, "povray", 1, at(0)));
        assert!(!health.is_sick_for_all(MILL, at(0)) && health.against(MILL, "povray", at(0)).is_empty());
        assert_eq!(health.sick(MILL, at(0)).len(), 3, "each of them is as sick as before");
        assert_eq!(health.against(MILL, "ffmpeg", at(0)).len(), 1);
        assert!(!health.succeeded(MILL, "povray", 1, at(0)), "and nothing more is changed by the next");

        programs[..2].iter().for_each(|program| fail(&mut health, program));
        assert!(!health.is_sick_for_all(MILL, at(0)));
        fail(&mut health, programs[2]);
        assert!(health.is_sick_for_all(MILL, at(0)));
    }

    proptest! {
        #[test]
        fn nobody_is_kept_off_for_more_than_an_hour_and_memory_is_bounded(
            events in prop::collection::vec((0_u8..200, 0_u8..20, any::<bool>(), 0_u64..30), 0..300)
        ) {
            let mut health = Health::default();
            let mut now = Time::ZERO;
            for (peer, program, good, mins) in events {
                now = now + Duration::from_mins(mins);
                let (peer, program) = (PeerId([peer; 32]), format!("program-{program}"));
                if good {
                    health.succeeded(peer, &program, 1, now);
                } else {
                    health.outdone(peer, &program, 1, LOFT, now);
                }
                prop_assert!(health.sick(peer, now).iter().all(|sick| sick.again <= Duration::from_hours(1)));
                prop_assert!(health.records.values().map(BTreeMap::len).sum::<usize>() <= MOST_RECORDS);
                let next = health.next_try(now);
                prop_assert!(next.is_none_or(|next| next > now));
            }
            let later = now + Duration::from_hours(2);
            prop_assert!(health.records.keys().all(|peer| health.sick(*peer, later).is_empty()));
        }
    }
}
