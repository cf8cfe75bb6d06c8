//! Which machines went away and came back, and which of that is worth telling.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use gridwell_api::{NoticeKind, NoticeLevel};
use gridwell_model::{PeerId, Time};

use super::{
    Core,
    words::{about, names},
};
use crate::clock;

/// How long a machine is away before people hear of it: a link that breaks for a moment is nobody's business.
pub(super) const AWAY_AFTER: Duration = Duration::from_secs(30);

/// Machines that went away within this time are told of together: mostly it is this machine that lost its network.
const TOGETHER: Duration = Duration::from_secs(3);

/// Most words about one machine's coming and going within [`WINDOW`]; the last one says that more will follow unsaid.
const MOST_TOLD: usize = 6;
const WINDOW: Duration = Duration::from_hours(1);

/// Machines that cannot be reached, and what was told of each.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    away: BTreeMap<PeerId, Away>,
    told: BTreeMap<PeerId, VecDeque<Time>>,
}

#[derive(Debug, Clone, Copy)]
struct Away {
    since: Time,
    told: bool,
    /// It was away when the node started: since when nobody knows.
    always: bool,
}

/// Whether something is told of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tell {
    Yes,
    /// And that nothing more will be told for a while.
    Last,
    No,
}

/// A machine is back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Back {
    /// For how long it was away, if known.
    pub(super) away: Option<Duration>,
    pub(super) tell: Tell,
}

impl Presence {
    /// The node has started: nobody is there yet, and who was away before nobody knows.
    pub(crate) fn started(&mut self, machines: impl IntoIterator<Item = PeerId>, now: Time) {
        self.away.extend(machines.into_iter().map(|machine| (machine, Away { since: now, told: true, always: true })));
    }

    /// A machine cannot be reached any more.
    pub(super) fn left(&mut self, machine: PeerId, now: Time) {
        self.away.entry(machine).or_insert(Away { since: now, told: false, always: false });
    }

    /// A machine is no member any more.
    pub(super) fn forget(&mut self, machine: PeerId) {
        self.away.remove(&machine);
        self.told.remove(&machine);
    }

    /// A machine can be reached; says so if people heard that it was away.
    pub(super) fn came(&mut self, machine: PeerId, now: Time) -> Option<Back> {
        let away = self.away.remove(&machine)?;
        let gone = now.since(away.since);
        let known = Some(gone).filter(|_| !away.always);
        (away.told && gone >= AWAY_AFTER).then(|| Back { away: known, tell: self.tell(machine, now) })
    }

    fn is_away(&self, machine: PeerId) -> bool {
        self.away.contains_key(&machine)
    }

    /// When the next machine has been away for long enough to be told of.
    pub(super) fn due(&self) -> Option<Time> {
        self.away.values().filter(|away| !away.told).map(|away| away.since + AWAY_AFTER).min()
    }

    /// Machines that have been away for long enough; those that went together are told of together.
    pub(super) fn take_due(&mut self, now: Time) -> Vec<(PeerId, Tell)> {
        if self.due().is_none_or(|due| due > now) {
            return Vec::new();
        }
        let fresh = self.away.iter_mut().filter(|(_, away)| !away.told && away.since + AWAY_AFTER <= now + TOGETHER);
        let gone: Vec<PeerId> = fresh
            .map(|(machine, away)| {
                away.told = true;
                *machine
            })
            .collect();
        gone.into_iter().map(|machine| (machine, self.tell(machine, now))).collect()
    }

    fn tell(&mut self, machine: PeerId, now: Time) -> Tell {
        let told = self.told.entry(machine).or_default();
        while told.front().is_some_and(|at| now.since(*at) >= WINDOW) {
            told.pop_front();
        }
        if told.len() >= MOST_TOLD {
            return Tell::No;
        }
        told.push_back(now);
        if told.len() == MOST_TOLD { Tell::Last } else { Tell::Yes }
    }
}

/// Said behind the last words about a machine that comes and goes.
const NO_MORE: &str = "; it comes and goes, and more of that is not told within the hour";

impl Core {
    /// A machine can be reached.
    pub(super) fn machine_came(&mut self, machine: PeerId) {
        let back = self.presence.came(machine, clock::now());
        if self.machines.settings().awaited.contains(&machine) {
            return self.tell_who_waited(machine);
        }
        let Some(back) = back else { return };
        let away = back.away.map(|away| format!(" after {}", about(away))).unwrap_or_default();
        let sentence = format!("{} is back{away}", self.machines.name(machine));
        self.tell_of_machine(sentence, machine, back.tell);
    }

    /// A machine is back of which somebody wanted to be told: once, however short it was away.
    fn tell_who_waited(&mut self, machine: PeerId) {
        self.machines.settings_mut().awaited.remove(&machine);
        self.changed.machines.insert(machine);
        let sentence = format!("{} is back", self.machines.name(machine));
        self.notice(NoticeKind::Back, NoticeLevel::Info, sentence, None, Some(machine));
        drop(self.keep_settings());
    }

    /// Tells of machines that have been away for long enough.
    pub(super) fn tell_absences(&mut self) {
        let gone = self.presence.take_due(clock::now());
        let (together, others): (Vec<_>, Vec<_>) = gone.into_iter().partition(|(_, tell)| *tell == Tell::Yes);
        if let [(machine, tell)] = together[..] {
            self.tell_of_machine(format!("{} is offline", self.machines.name(machine)), machine, tell);
        } else if !together.is_empty() {
            let all: Vec<String> = together.iter().map(|(machine, _)| self.machines.name(*machine)).collect();
            let sentence = format!("{} are offline", names(&all));
            self.notice(NoticeKind::Machine, NoticeLevel::Warning, sentence, None, None);
        }
        for (machine, tell) in others {
            self.tell_of_machine(format!("{} is offline", self.machines.name(machine)), machine, tell);
        }
    }

    fn tell_of_machine(&mut self, mut sentence: String, machine: PeerId, tell: Tell) {
        match tell {
            Tell::No => return,
            Tell::Last => sentence.push_str(NO_MORE),
            Tell::Yes => {}
        }
        let level = if self.presence.is_away(machine) { NoticeLevel::Warning } else { NoticeLevel::Info };
        self.notice(NoticeKind::Machine, level, sentence, None, Some(machine));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILL: PeerId = PeerId([1; 32]);
    const QUARRY: PeerId = PeerId([2; 32]);

    fn at(secs: u64) -> Time {
        Time::from_secs(secs)
    }

    #[test]
    fn a_moment_away_is_not_told() {
        let mut presence = Presence::default();
        presence.left(MILL, at(100));
        assert_eq!(presence.due(), Some(at(130)));
        assert_eq!(presence.take_due(at(120)), []);
        assert_eq!(presence.came(MILL, at(125)), None);
        assert_eq!(presence.due(), None);
    }

    #[test]
    fn machines_that_went_together_are_told_of_together_and_each_comes_back() {
        let mut presence = Presence::default();
        presence.left(MILL, at(100));
        presence.left(QUARRY, at(102));
        assert_eq!(presence.take_due(at(130)), [(MILL, Tell::Yes), (QUARRY, Tell::Yes)]);
        assert_eq!(presence.take_due(at(140)), []);
        let back = Back { away: Some(Duration::from_secs(700)), tell: Tell::Yes };
        assert_eq!(presence.came(MILL, at(800)), Some(back));
        assert_eq!(presence.came(MILL, at(801)), None);
    }

    #[test]
    fn a_machine_that_was_missed_since_the_start_is_back_later_on() {
        let mut presence = Presence::default();
        presence.started([MILL, QUARRY], at(100));
        assert_eq!(presence.due(), None);
        assert_eq!(presence.came(MILL, at(103)), None);
        assert_eq!(presence.came(QUARRY, at(500)), Some(Back { away: None, tell: Tell::Yes }));
    }

    #[test]
    fn a_machine_that_comes_and_goes_is_told_of_a_few_times_an_hour() {
        let mut presence = Presence::default();
        let mut told = Vec::new();
        for round in 0..20 {
            let now = 1_000 + round * 100;
            presence.left(MILL, at(now));
            told.extend(presence.take_due(at(now + 40)).into_iter().map(|(_, tell)| tell));
            told.extend(presence.came(MILL, at(now + 50)).map(|back| back.tell));
        }
        let said = told.iter().filter(|tell| **tell != Tell::No).count();
        assert_eq!((said, told[MOST_TOLD - 1], told.len()), (MOST_TOLD, Tell::Last, 40));

        presence.left(MILL, at(10_000));
        assert_eq!(presence.take_due(at(10_040)), [(MILL, Tell::Yes)]);
    }
}
