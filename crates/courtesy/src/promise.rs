use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{Cost, Week};

/// What a session can be asked to do for the owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// To take less.
    Soften,
    /// To stand still.
    Freeze,
    /// To write what it has and end.
    Pack,
    /// To end.
    End,
}

impl Step {
    /// How long it takes where nobody has measured it yet. Source: `docs/courtesy.md`, "The promise".
    #[must_use]
    pub const fn usual(self) -> Duration {
        match self {
            Self::Soften => Duration::from_secs(1),
            Self::Freeze | Self::End => Duration::from_secs(2),
            Self::Pack => Duration::from_secs(30),
        }
    }
}

/// How long something took, over all times that it was measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// How often it was measured.
    pub count: u32,
    /// Altogether.
    pub total: Duration,
    /// The slowest; it fades by a sixteenth with each faster one, so that one bad day is not held against a program for ever.
    pub slowest: Duration,
}

impl Timing {
    fn add(&mut self, took: Duration) {
        self.count = self.count.saturating_add(1);
        self.total = self.total.saturating_add(took);
        self.slowest = took.max(self.slowest - self.slowest / 16);
    }

    /// How long it takes at most, as far as is known.
    #[must_use]
    pub fn promise(&self) -> Option<Duration> {
        (self.count > 0).then_some(self.slowest)
    }
}

/// What one program has cost the owner and its own job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// How long it takes to yield.
    pub steps: BTreeMap<Step, Timing>,
    /// How long its sessions stood still.
    pub frozen: Duration,
    /// How long work had taken that was thrown away.
    pub lost: Duration,
}

/// How fast each program yields on this machine, and what that cost: the machine's promise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promises {
    programs: BTreeMap<String, Record>,
    #[serde(default)]
    week: Week,
}

impl Promises {
    /// Most programs remembered; the one measured least makes room.
    pub const MOST_PROGRAMS: usize = 256;

    /// Takes in a measurement.
    pub fn yielded(&mut self, program: &str, step: Step, took: Duration) {
        self.record(program).steps.entry(step).or_default().add(took);
        self.week.today().waited(took);
    }

    /// Takes in how long a session stood still.
    pub fn froze(&mut self, program: &str, time: Duration) {
        let record = self.record(program);
        record.frozen = record.frozen.saturating_add(time);
        self.week.today().add(Cost { frozen: time, ..Cost::default() });
    }

    /// Takes in work that was thrown away.
    pub fn lost(&mut self, program: &str, time: Duration) {
        let record = self.record(program);
        record.lost = record.lost.saturating_add(time);
        self.week.today().add(Cost { lost: time, ..Cost::default() });
    }

    /// How long `program` takes for `step` at most: measured, or as usual.
    #[must_use]
    pub fn of(&self, program: &str, step: Step) -> Duration {
        let timing = self.programs.get(program).and_then(|record| record.steps.get(&step));
        timing.and_then(Timing::promise).unwrap_or(step.usual())
    }

    /// What is known, by program.
    pub fn programs(&self) -> impl Iterator<Item = (&str, &Record)> {
        self.programs.iter().map(|(program, record)| (program.as_str(), record))
    }

    /// What all of them cost in the last seven days.
    #[must_use]
    pub const fn week(&self) -> &Week {
        &self.week
    }

    pub(crate) fn day_began(&mut self, day: u32) {
        self.week.begin(day);
    }

    fn record(&mut self, program: &str) -> &mut Record {
        if !self.programs.contains_key(program) && self.programs.len() >= Self::MOST_PROGRAMS {
            let count = |record: &Record| record.steps.values().map(|timing| timing.count).sum::<u32>();
            let least =
                self.programs.iter().min_by_key(|(_, record)| count(record)).map(|(program, _)| program.clone());
            least.and_then(|least| self.programs.remove(&least));
        }
        self.programs.entry(program.to_owned()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_promise_is_the_slowest_time_which_fades() {
        let mut promises = Promises::default();
        assert_eq!(promises.of("blender", Step::Freeze), Step::Freeze.usual());
        promises.yielded("blender", Step::Freeze, millis(40));
        promises.yielded("blender", Step::Freeze, millis(1_600));
        promises.yielded("blender", Step::Freeze, millis(40));
        assert_eq!(promises.of("blender", Step::Freeze), millis(1_500));
        (0..60).for_each(|_| promises.yielded("blender", Step::Freeze, millis(40)));
        assert_eq!(promises.of("blender", Step::Freeze), millis(40));
        assert_eq!(promises.of("blender", Step::Pack), Step::Pack.usual());
    }

    #[test]
    fn costs_are_summed_per_program_and_the_least_measured_is_forgotten_first() {
        let mut promises = Promises::default();
        promises.yielded("blender", Step::Pack, millis(5));
        promises.lost("blender", millis(7));
        promises.lost("blender", millis(8));
        promises.froze("blender", millis(9));
        (0..2 * Promises::MOST_PROGRAMS).for_each(|number| promises.lost(&number.to_string(), millis(1)));
        assert_eq!(promises.programs().count(), Promises::MOST_PROGRAMS);
        let (_, record) = promises.programs().find(|(program, _)| *program == "blender").unwrap();
        assert_eq!((record.lost, record.frozen), (millis(15), millis(9)));
        assert_eq!(serde_json::from_str::<Promises>(&serde_json::to_string(&promises).unwrap()).unwrap(), promises);
    }
}
