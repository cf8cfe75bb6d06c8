use std::{collections::BTreeMap, ops::Range, time::Duration};

use gridwell_model::{PeerId, Time};

use crate::Groups;

/// What a source is asked for first, and at least later: 1 MiB, so that a round trip is little beside it.
const LEAST_GROUPS: u64 = 16;
/// What it is asked for at most: 32 MiB, as in one stream.
const MOST_GROUPS: u64 = 512;
/// For how long a source is asked at once: whoever turns slow holds up little.
const AHEAD: Duration = Duration::from_millis(500);
/// Sources that are asked for the same groups at the end.
const MOST_ASKED: usize = 2;

/// Shares the groups of some content out among several sources of it.
///
/// Each source takes the next groups when it has brought those before: so it brings as many as its rate allows, and is asked for
/// as many at once as it brings in half a second. When nothing is left to ask for, whoever is idle is asked for what another one
/// does not bring, the oldest first. What a source fails to bring goes back to all.
#[derive(Debug, Clone)]
pub struct Spread {
    /// Groups that nobody is asked for.
    left: Groups,
    asked: Vec<Asked>,
    /// What each source brought of late, in groups a second.
    rates: BTreeMap<PeerId, f64>,
}

#[derive(Debug, Clone)]
struct Asked {
    source: PeerId,
    run: Range<u64>,
    since: Time,
}

impl Spread {
    /// `wanted` groups are to come.
    #[must_use]
    pub const fn new(wanted: Groups) -> Self {
        Self { left: wanted, asked: Vec::new(), rates: BTreeMap::new() }
    }

    /// What `source`, which has nothing to bring, is asked for next; nothing if there is nothing for it to do. `present` groups are
    /// here.
    pub fn ask(&mut self, source: PeerId, present: &Groups, now: Time) -> Option<Range<u64>> {
        self.left = self.left.difference(present);
        let run = match self.left.runs().next() {
            Some(run) => {
                let most = self.credit(source).min((self.left.count() / 2).max(LEAST_GROUPS));
                run.start..run.end.min(run.start.saturating_add(most))
            }
            None => self.slowest(source, present)?,
        };
        self.left = self.left.difference(&Groups::from(run.clone()));
        self.asked.push(Asked { source, run: run.clone(), since: now });
        Some(run)
    }

    /// A source brought the groups that it was asked for last.
    pub fn brought(&mut self, source: PeerId, now: Time) {
        let Some(asked) = self.end(source) else { return };
        let secs = now.since(asked.since).as_secs_f64().max(1e-3);
        let rate = (asked.run.end - asked.run.start) as f64 / secs;
        let known = self.rates.entry(source).or_insert(rate);
        *known = (*known + rate) / 2.0;
    }

    /// A source does not bring what it was asked for last; what of that is not `present` is to come from others. It is not asked any
    /// more.
    pub fn failed(&mut self, source: PeerId, present: &Groups) {
        let Some(asked) = self.end(source) else { return };
        let others = self.asked.iter().fold(Groups::new(), |all, other| all.union(&Groups::from(other.run.clone())));
        self.left = self.left.union(&Groups::from(asked.run).difference(present).difference(&others));
    }

    /// Groups that nobody is asked for.
    #[must_use]
    pub const fn left(&self) -> &Groups {
        &self.left
    }

    fn end(&mut self, source: PeerId) -> Option<Asked> {
        let at = self.asked.iter().position(|asked| asked.source == source)?;
        Some(self.asked.remove(at))
    }

    /// How many groups a source is asked for at once.
    fn credit(&self, source: PeerId) -> u64 {
        let groups = self.rates.get(&source).map_or(0.0, |rate| rate * AHEAD.as_secs_f64());
        (groups as u64).clamp(LEAST_GROUPS, MOST_GROUPS)
    }

    /// What another source was asked for the longest ago and has not brought, unless two are at it already.
    fn slowest(&self, source: PeerId, present: &Groups) -> Option<Range<u64>> {
        let open = self.asked.iter().filter_map(|asked| {
            let first = present.first_missing(asked.run.clone())?;
            let at_it = self.asked.iter().filter(|other| other.run.contains(&first));
            let sources: Vec<_> = at_it.map(|other| other.source).collect();
            let may = sources.len() < MOST_ASKED && !sources.contains(&source);
            may.then(|| (asked.since, first..asked.run.end.min(first + MOST_GROUPS)))
        });
        open.min_by_key(|(since, _)| *since).map(|(_, run)| run)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ANN: PeerId = PeerId([1; 32]);
    const BOB: PeerId = PeerId([2; 32]);

    fn at(millis: u64) -> Time {
        Time(millis * 1_000)
    }

    #[test]
    fn who_brings_four_times_as_fast_brings_four_times_as_much() {
        let mut spread = Spread::new(Groups::from(0..10_000));
        let (mut present, mut brought) = (Groups::new(), BTreeMap::from([(ANN, 0), (BOB, 0)]));
        let mut ends: BTreeMap<PeerId, (u64, Range<u64>)> = BTreeMap::new();
        let mut now = 0;
        loop {
            for (source, millis_each) in [(ANN, 1), (BOB, 4)] {
                if !ends.contains_key(&source)
                    && let Some(run) = spread.ask(source, &present, at(now))
                {
                    ends.insert(source, (now + (run.end - run.start) * millis_each, run));
                }
            }
            let Some((source, (end, run))) = ends.iter().min_by_key(|(_, (end, _))| *end).map(|(s, e)| (*s, e.clone()))
            else {
                break;
            };
            (now, _) = (end, ends.remove(&source));
            *brought.entry(source).or_default() += Groups::from(run.clone()).difference(&present).count();
            present.insert(run);
            spread.brought(source, at(now));
        }
        assert!(present.contains_all(0..10_000));
        assert!((7_500..8_500).contains(&brought[&ANN]), "{brought:?}");
        assert!(now < 8_600, "together they take {now} ms; one alone would take 10,000");
    }

    #[test]
    fn at_the_end_the_idle_one_is_asked_for_what_another_one_does_not_bring() {
        let mut spread = Spread::new(Groups::from(0..20));
        let none = Groups::new();
        assert_eq!(spread.ask(ANN, &none, at(0)), Some(0..16));
        assert_eq!(spread.ask(BOB, &none, at(0)), Some(16..20));
        spread.brought(BOB, at(10));
        let present = Groups::from(0..3).union(&Groups::from(16..20));
        assert_eq!(spread.ask(BOB, &present, at(10)), Some(3..16), "what is missing of it");
        assert_eq!(spread.ask(PeerId([3; 32]), &present, at(10)), None, "two are at it");
    }

    #[test]
    fn what_a_source_fails_to_bring_comes_from_another() {
        let mut spread = Spread::new(Groups::from(0..16));
        assert_eq!(spread.ask(ANN, &Groups::new(), at(0)), Some(0..16));
        let present = Groups::from(0..5);
        spread.failed(ANN, &present);
        assert_eq!(spread.left().count(), 11);
        assert_eq!(spread.ask(BOB, &present, at(1)), Some(5..16));
    }

    proptest! {
        #[test]
        fn all_comes_while_one_source_is_good(fate in prop::collection::vec((0_u8..4, 0_u8..3), 1..200), count in 1_u64..3_000) {
            let mut spread = Spread::new(Groups::from(0..count));
            let (mut present, mut lost, mut busy) = (Groups::new(), [false; 3], BTreeMap::<u8, Range<u64>>::new());
            let mut now = 0;
            let mut fate = fate.into_iter();
            // After what happens by chance, the first source does its work.
            while !present.contains_all(0..count) {
                now += 1;
                prop_assert!(now < 20_000, "it goes on");
                let (what, number) = fate.next().unwrap_or(((now % 2) as u8, 0));
                let source = PeerId([number; 32]);
                match what {
                    0 if !busy.contains_key(&number) && !lost[usize::from(number)] => {
                        if let Some(run) = spread.ask(source, &present, at(now)) {
                            prop_assert!(run.end <= count && run.end - run.start <= MOST_GROUPS);
                            busy.insert(number, run);
                        }
                    }
                    1 => {
                        if let Some(run) = busy.remove(&number) {
                            present.insert(run);
                            spread.brought(source, at(now));
                        }
                    }
                    2 if number != 0 && busy.remove(&number).is_some() => {
                        lost[usize::from(number)] = true;
                        spread.failed(source, &present);
                    }
                    _ => {}
                }
            }
        }
    }
}
