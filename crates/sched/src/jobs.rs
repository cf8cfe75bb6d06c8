use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gridwell_model::{JobId, PeerId, Time};

use crate::{
    JobView, LookWish, StepView, Terms,
    board::{Board, JobFacts, StepFacts, World},
    pace::Pace,
    queue::ReadyQueue,
};

/// A job that gets nothing moves up one priority each time this long passes, so that it gets something in the end.
const AGE_STEP: Duration = Duration::from_mins(30);

/// A job, its steps and their boards.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: JobId,
    pub(crate) facts: JobFacts,
    pub(crate) steps: Vec<Step>,
    /// False if each of its tasks is to be tried once only.
    pub(crate) may_repeat: bool,
    /// True once the ledger was told that every machine that fits is blocked.
    pub(crate) stranded: bool,
}

/// One step.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) facts: StepFacts,
    pub(crate) queue: ReadyQueue,
    pub(crate) board: Board,
    /// Peers that are sick for its program: used only when nobody else fits.
    pub(crate) sick: Vec<usize>,
    /// The numbers of the last placement, by peer.
    pub(crate) placed: BTreeMap<usize, Terms>,
}

impl Step {
    pub(crate) fn new(view: StepView) -> Self {
        let limits = view.needs.limits();
        Self {
            facts: StepFacts { view, pace: Pace::default(), limits },
            queue: ReadyQueue::default(),
            board: Board::default(),
            sick: Vec::new(),
            placed: BTreeMap::new(),
        }
    }

    /// Decides how all tasks will look, if they are to look the same and nothing was decided: as on the peers that can do most
    /// together. False if there is nothing to decide, or nobody to decide it by.
    pub(crate) fn choose_look(&mut self, world: &World) -> bool {
        let Some(LookWish { tool, look: look @ None }) = &mut self.facts.view.look else { return false };
        let mut power: BTreeMap<&str, f64> = BTreeMap::new();
        for (seat, peer) in self.board.seats.iter().zip(&world.peers).filter(|(seat, _)| seat.slots() > 0) {
            let has = peer.view.looks.get(tool).map_or("", String::as_str);
            *power.entry(has).or_default() += seat.tasks_per_sec();
        }
        let most = power.into_iter().max_by(|left, right| left.1.total_cmp(&right.1));
        let Some((most, _)) = most else { return false };
        *look = Some(most.to_owned());
        self.board.forget_fits();
        true
    }

    /// Peers that get none of the tasks that failed on `failed`: as many as leave one that may be used.
    pub(crate) fn avoided(&self, failed: &[usize]) -> Vec<usize> {
        if failed.is_empty() && self.sick.is_empty() {
            return Vec::new();
        }
        let choices = [[failed, &self.sick].concat(), failed.to_vec(), self.sick.clone()];
        choices.into_iter().find(|avoid| self.board.has_usable_besides(avoid)).unwrap_or_default()
    }
}

/// What decides whose turn it is, apart from the jobs themselves so that a thousand of them are scanned in a breath.
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    pub(crate) ready: u64,
    pub(crate) priority: i32,
    pub(crate) submitter: usize,
    pub(crate) arrival: u64,
    /// Since when it has had ready tasks and got nothing.
    pub(crate) waiting_since: Time,
    /// The state of the world in which no place was found for it.
    pub(crate) tried: u64,
}

/// All jobs; positions are used again after a job is gone.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    pub(crate) positions: BTreeMap<JobId, usize>,
    pub(crate) jobs: Vec<Option<Job>>,
    pub(crate) turns: Vec<Turn>,
    vacant: BTreeSet<usize>,
    submitters: BTreeMap<PeerId, usize>,
    /// Cores reserved now, in thousandths, by submitter.
    pub(crate) in_use: Vec<i64>,
    arrivals: u64,
}

impl Jobs {
    pub(crate) fn add(&mut self, view: JobView) {
        if self.positions.contains_key(&view.job) {
            return;
        }
        let turn = Turn {
            ready: 0,
            priority: view.priority,
            submitter: self.submitter(view.submitter),
            arrival: self.arrivals,
            waiting_since: Time::ZERO,
            tried: 0,
        };
        self.arrivals += 1;
        let facts = JobFacts {
            recipe: view.recipe,
            input_bytes: view.input_bytes,
            blocked: BTreeSet::new(),
            refused: BTreeMap::new(),
            held_bytes: BTreeMap::new(),
        };
        let steps = view.steps.into_iter().map(Step::new).collect();
        let job = Some(Job { id: view.job, facts, steps, may_repeat: view.may_repeat, stranded: false });
        let at = self.vacant.pop_first().unwrap_or(self.jobs.len());
        if at == self.jobs.len() {
            self.jobs.push(job);
            self.turns.push(turn);
        } else {
            self.jobs[at] = job;
            self.turns[at] = turn;
        }
        self.positions.insert(view.job, at);
    }

    /// Forgets a job. Returns how many ready tasks go with it.
    pub(crate) fn remove(&mut self, id: JobId) -> u64 {
        let Some(at) = self.positions.remove(&id) else {
            return 0;
        };
        self.jobs[at] = None;
        self.vacant.insert(at);
        std::mem::take(&mut self.turns[at].ready)
    }

    pub(crate) fn get(&mut self, id: JobId) -> Option<(usize, &mut Job, &mut Turn)> {
        let at = *self.positions.get(&id)?;
        Some((at, self.jobs[at].as_mut()?, &mut self.turns[at]))
    }

    fn submitter(&mut self, id: PeerId) -> usize {
        let next = self.in_use.len();
        let at = *self.submitters.entry(id).or_insert(next);
        if at == next {
            self.in_use.push(0);
        }
        at
    }

    /// Whose turn it is: highest priority (raised by age), then the submitter who uses least, then first come.
    ///
    /// Jobs for which nothing was found in this state of the world are passed over.
    pub(crate) fn next(&self, world_state: u64, now: Time) -> Option<usize> {
        let waiting = self.turns.iter().enumerate().filter(|(_, turn)| turn.ready > 0 && turn.tried != world_state);
        let rank = |turn: &Turn| {
            let aged = now.since(turn.waiting_since).as_secs() / AGE_STEP.as_secs();
            let class = i64::from(turn.priority).saturating_add(i64::try_from(aged).unwrap_or(i64::MAX));
            (std::cmp::Reverse(class), self.in_use[turn.submitter], turn.arrival)
        };
        waiting.min_by_key(|(_, turn)| rank(turn)).map(|(at, _)| at)
    }
}
