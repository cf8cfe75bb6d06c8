//! What machines did over the last day: one sample a minute.

use std::{collections::BTreeMap, time::Duration};

use gridwell_api::{HistoryRequest, HistoryView, MachineHistory, Response};
use gridwell_model::{PeerId, Stamp, Time};
use gridwell_store::{MachineSample, Sample};

use super::{Core, door::storage, facts::Reply};
use crate::{clock, recorder::Happened};

/// Distance of samples: fine enough for a chart of a day, and no work for a node at rest.
const EVERY: Duration = Duration::from_secs(60);

/// A sample is taken this long after its minute began, so that a timer that is early by a hair hits no earlier minute.
const BEHIND: Duration = Duration::from_millis(50);

/// What happened since the last sample, and when the next one is due.
#[derive(Debug, Default)]
pub(crate) struct History {
    due: Option<Time>,
    done: BTreeMap<PeerId, u32>,
}

impl History {
    /// Plans the next sample.
    pub(crate) fn plan(&mut self, now: Time, stamp: Stamp) {
        let minute_ms = EVERY.as_millis() as u64;
        self.due = Some(now + Duration::from_millis(minute_ms - stamp.0 % minute_ms) + BEHIND);
    }

    pub(super) const fn due(&self) -> Option<Time> {
        self.due
    }

    /// Notes tasks that a machine did well.
    pub(super) fn done(&mut self, machine: PeerId, tasks: u32) {
        let count = self.done.entry(machine).or_default();
        *count = count.saturating_add(tasks);
    }

    /// Takes a sample of these machines, with the cores that jobs and others hold.
    fn take(&mut self, stamp: Stamp, machines: impl IntoIterator<Item = (PeerId, f32, f32)>) -> Sample {
        let sample = |(machine, lent_cpus, foreign_cpus)| MachineSample {
            machine,
            lent_cpus,
            foreign_cpus,
            tasks_done: self.done.remove(&machine).unwrap_or(0),
        };
        let machines = machines.into_iter().map(sample).collect();
        // Machines that left meanwhile: their tasks are in nobody's sample.
        self.done.clear();
        Sample { minute: minute(stamp), machines }
    }
}

fn minute(stamp: Stamp) -> u64 {
    stamp.0 / EVERY.as_millis() as u64
}

impl Core {
    /// Takes the sample that is due and plans the next one.
    pub(super) fn sample_machines(&mut self) {
        let stamp = clock::stamp();
        let mine = (self.me, self.worker.reserved().cpus, self.machines.load().foreign_cpu);
        let others =
            self.machines.others().iter().filter(|(_, machine)| machine.online).filter_map(|(peer, machine)| {
                let announced = machine.announced.as_ref()?;
                Some((*peer, announced.lends.cpus - announced.free.cpus, announced.load.foreign_cpu))
            });
        let machines: Vec<_> = std::iter::once(mine).chain(others).collect();
        self.recorder.note(Happened::Sample(self.history.take(stamp, machines)));
        self.history.plan(clock::now(), stamp);
    }

    /// Answers with samples, read beside the loop.
    pub(super) fn history(&self, request: &HistoryRequest, reply: Reply) {
        let secs = match request.secs {
            0 => HistoryRequest::MAX_SECS,
            asked => asked.min(HistoryRequest::MAX_SECS),
        };
        let last = minute(clock::stamp());
        let count = secs.div_ceil(EVERY.as_secs());
        let span = Minutes { from: (last + 1).saturating_sub(count), count: count as usize };
        // In the order in which machines are shown everywhere: this one first, then by name.
        let mut others: Vec<_> = self.machines.others().keys().map(|peer| (self.machines.name(*peer), *peer)).collect();
        others.sort();
        let mut names = vec![(self.machines.name(self.me), self.me)];
        names.append(&mut others);
        let (store, recorder) = (self.store.clone(), self.recorder.clone());
        self.beside.spawn(async move {
            recorder.caught_up().await;
            let samples = store.samples(span.from).await;
            let view = samples.map(|samples| Response::History(span.view(&samples, names)));
            let _gone = reply.send(view.map_err(|error| storage(&error)));
        });
    }
}

/// Some minutes in a row.
#[derive(Debug, Clone, Copy)]
struct Minutes {
    from: u64,
    count: usize,
}

impl Minutes {
    /// Lays samples out, one place for each minute; a machine that nobody knows any more goes by the start of its id.
    fn view(self, samples: &[Sample], names: Vec<(String, PeerId)>) -> HistoryView {
        let mut tasks_done = vec![None; self.count];
        let mut series = BTreeMap::<PeerId, MachineHistory>::new();
        for sample in samples {
            let Some(at) = self.place(sample.minute) else { continue };
            tasks_done[at] = Some(sample.machines.iter().map(|machine| machine.tasks_done).sum());
            for MachineSample { machine, lent_cpus, foreign_cpus, tasks_done } in &sample.machines {
                let lane = series.entry(*machine).or_insert_with(|| self.empty(*machine));
                lane.lent_cpus[at] = Some(*lent_cpus);
                lane.foreign_cpus[at] = Some(*foreign_cpus);
                lane.tasks_done[at] = Some(*tasks_done);
            }
        }
        let mut machines = Vec::with_capacity(series.len());
        for (name, machine) in names {
            machines.extend(series.remove(&machine).map(|lane| MachineHistory { name, ..lane }));
        }
        machines.extend(series.into_values());
        let from = Stamp(self.from * EVERY.as_millis() as u64);
        HistoryView { every_secs: EVERY.as_secs() as u32, from, tasks_done, machines }
    }

    fn place(self, minute: u64) -> Option<usize> {
        minute.checked_sub(self.from).and_then(|at| usize::try_from(at).ok()).filter(|at| *at < self.count)
    }

    fn empty(self, machine: PeerId) -> MachineHistory {
        MachineHistory {
            machine,
            name: machine.short(),
            lent_cpus: vec![None; self.count],
            foreign_cpus: vec![None; self.count],
            tasks_done: vec![None; self.count],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILL: PeerId = PeerId([1; 32]);
    const QUARRY: PeerId = PeerId([2; 32]);

    #[test]
    fn samples_are_planned_for_the_beginning_of_each_minute() {
        let mut history = History::default();
        history.plan(Time::from_secs(1_000), Stamp(60_000 * 7 + 15_000));
        assert_eq!(history.due(), Some(Time::from_secs(1_045) + BEHIND));
        // On the stroke: the next minute's, not this one again.
        history.plan(Time::from_secs(1_000), Stamp(60_000 * 7));
        assert_eq!(history.due(), Some(Time::from_secs(1_060) + BEHIND));
    }

    #[test]
    fn tasks_are_counted_in_the_sample_that_follows_and_in_no_other() {
        let mut history = History::default();
        history.done(MILL, 3);
        history.done(MILL, 2);
        history.done(QUARRY, 9);
        let taken = history.take(Stamp(60_000 * 7 + 50), [(MILL, 1.0, 0.5)]);
        let expected = MachineSample { machine: MILL, lent_cpus: 1.0, foreign_cpus: 0.5, tasks_done: 5 };
        assert_eq!(taken, Sample { minute: 7, machines: vec![expected] });
        let next = history.take(Stamp(60_000 * 8 + 50), [(MILL, 0.0, 0.0), (QUARRY, 0.0, 0.0)]);
        assert!(next.machines.iter().all(|machine| machine.tasks_done == 0), "{next:?}");
    }

    #[test]
    fn minutes_without_a_sample_stay_empty() {
        let entry = |machine, tasks_done| MachineSample { machine, lent_cpus: 2.0, foreign_cpus: 0.0, tasks_done };
        let samples = [
            Sample { minute: 9, machines: vec![entry(MILL, 1)] },
            Sample { minute: 10, machines: vec![entry(MILL, 1), entry(QUARRY, 2)] },
            Sample { minute: 12, machines: vec![entry(MILL, 4)] },
            Sample { minute: 99, machines: vec![entry(MILL, 7)] },
        ];
        let names = vec![("quarry".to_owned(), QUARRY), ("inn".to_owned(), PeerId([3; 32]))];

        let view = Minutes { from: 10, count: 3 }.view(&samples, names);

        assert_eq!((view.from, view.every_secs), (Stamp(600_000), 60));
        assert_eq!(view.tasks_done, [Some(3), None, Some(4)]);
        let lanes: Vec<_> = view.machines.iter().map(|lane| (lane.name.clone(), lane.tasks_done.clone())).collect();
        assert_eq!(
            lanes,
            [("quarry".to_owned(), vec![Some(2), None, None]), (MILL.short(), vec![Some(1), None, Some(4)]),]
        );
        assert_eq!(view.machines[0].lent_cpus, [Some(2.0), None, None]);
    }
}
