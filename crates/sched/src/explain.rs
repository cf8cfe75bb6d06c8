use std::{collections::BTreeMap, fmt, time::Duration};

use gridwell_model::{Decline, JobId, Leaning, LimitNeed, PeerId, Reserve, Strategy, Unmet, format_duration};
use serde::{Deserialize, Serialize};

use crate::{
    Term, Terms,
    board::{Access, Board, JobFacts, StepFacts, World},
    health::{Health, Sick},
    jobs::{Job, Step},
    limits::Limits,
    peer::Peer,
    place::is_slower_than_waiting,
    queue::ReadyQueue,
};

/// Where the tasks of one step may go, machine by machine, in the very numbers that decide.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The job.
    pub job: JobId,
    /// The step.
    pub step: u32,
    /// Tasks of it that wait for a place.
    pub ready: u32,
    /// Every known machine, strongest pull first, those that cannot take it last.
    pub machines: Vec<MachineExplanation>,
    /// The term that most favours the strongest machine over the next one.
    pub decisive: Option<Term>,
    /// When no machine could ever take it: the one that lacks least.
    pub closest: Option<PeerId>,
    /// Licences it takes that are not free now, wherever it would go.
    pub lacking: Vec<LimitNeed>,
}

impl Explanation {
    /// The numbers of the last placement on a peer, as they were then.
    #[must_use]
    pub fn placed(&self, peer: PeerId) -> Option<Terms> {
        self.machines.iter().find(|machine| machine.peer == peer)?.last_placed
    }

    /// Which machine would pull more than `peer` if one term were otherwise there, and which term: the strongest such.
    #[must_use]
    pub fn counterfactual(&self, peer: PeerId) -> Option<(PeerId, Term)> {
        let winner = self.machines.iter().find(|machine| machine.peer == peer)?.terms?;
        let others = self.machines.iter().filter(|machine| machine.peer != peer);
        let able = others.filter(|machine| !machine.against.iter().any(Against::lasts));
        let close = able.filter_map(|machine| {
            let terms = machine.terms?;
            Some((machine.peer, terms.lacks_to_pass(&winner)?, terms.log_gravity()))
        });
        let strongest = close.max_by(|left, right| left.2.total_cmp(&right.2));
        strongest.map(|(peer, term, _)| (peer, term))
    }
}

/// One machine's case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MachineExplanation {
    /// Which.
    pub peer: PeerId,
    /// What people call it.
    pub name: String,
    /// All that speaks against it now; empty when tasks may go there now.
    pub against: Vec<Against>,
    /// Its numbers; absent when it could never take a task.
    pub terms: Option<Terms>,
    /// What each wish of the step adds to its pull, in the step's order; none while it could never take a task.
    pub wishes: Vec<WishPull>,
    /// The numbers of the last placement there, as they were then.
    pub last_placed: Option<Terms>,
}

/// What one wish adds to the pull of one machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WishPull {
    /// The wish, as it is written.
    pub words: String,
    /// What it adds; 0 if the machine is not as wished.
    pub pull: f64,
    /// For a wish that counts by the unit: how much the machine has, if anybody said.
    pub counted: Option<f64>,
    /// True for a wish that counts by the unit.
    pub by_the_unit: bool,
}

/// One reason why a machine gets no task now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Against {
    /// A requirement it does not meet.
    Unmet(Unmet),
    /// Its owner's settings; one sentence.
    NotAccepting(String),
    /// The job failed there too often.
    Blocked,
    /// All ready tasks failed there before; other machines are tried first.
    Avoided {
        /// How many tasks.
        tasks: u32,
    },
    /// The strategy keeps everything at another machine.
    StaysElsewhere,
    /// The owner of the machine that the job came from wants no work there.
    KeptOff,
    /// It declined, in its own words; it is asked again later.
    Declined(String),
    /// All it lends is in use.
    NoFreeSlot,
    /// A task takes every core it lends, and some are in use.
    NotAllFree,
    /// It runs dry for a job that goes first and takes more of it than is free.
    KeptForAnother,
    /// The other machines will be through before it would be.
    SlowerThanWaiting,
    /// Its tool is of another version or build than that with which the job began.
    OtherLook {
        /// The tool.
        tool: String,
        /// What it has there; empty when it has none, or none that says so.
        has: String,
        /// What the job began with.
        began: String,
    },
    /// A program fails there that ends well elsewhere; other machines are tried first.
    Sick {
        /// The program.
        program: String,
        /// Tasks that failed there.
        failed: u32,
        /// Of how many.
        of: u32,
        /// What people call the machine where the last of them ended well.
        succeeded_on: String,
        /// How long until it is tried there again.
        again: Duration,
    },
}

impl Against {
    /// True when it does not pass by itself.
    #[must_use]
    pub const fn lasts(&self) -> bool {
        matches!(self, Self::Unmet(_) | Self::OtherLook { .. } | Self::Blocked | Self::StaysElsewhere | Self::KeptOff)
    }
}

impl fmt::Display for Against {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unmet(unmet) => unmet.fmt(f),
            Self::NotAccepting(why) if why.is_empty() => f.write_str("takes nothing new"),
            Self::NotAccepting(why) => f.write_str(why),
            Self::Blocked => f.write_str("the job failed there too often"),
            Self::Avoided { tasks } => write!(f, "all {tasks} waiting tasks failed there; others are tried first"),
            Self::StaysElsewhere => f.write_str("the strategy keeps work on the machine it came from"),
            Self::KeptOff => f.write_str("work is kept off it here"),
            Self::Declined(why) => write!(f, "declined: {why}"),
            Self::NoFreeSlot => f.write_str("all it lends is in use"),
            Self::NotAllFree => f.write_str("a task takes all cores it lends, and some are in use"),
            Self::KeptForAnother => f.write_str("is kept for a job that goes first and takes more of it than is free"),
            Self::SlowerThanWaiting => f.write_str("waiting for the other machines is faster"),
            Self::OtherLook { tool, has, began } if has.is_empty() => {
                write!(f, "no {tool} there that says its version, the job began with {began}")
            }
            Self::OtherLook { tool, has, began } => write!(f, "{tool} {has} there, the job began with {began}"),
            Self::Sick { program, failed, of, succeeded_on, again } => {
                let again = format_duration(*again);
                write!(
                    f,
                    "sick for {program}: {failed} of {of} failed there, succeeded on {succeeded_on}; tries again in {again}"
                )
            }
        }
    }
}

/// Every machine's case for one step, from the very board that draws.
pub(crate) fn explain(
    job: &mut Job,
    step_index: u32,
    world: &World,
    (limits, health): (&Limits, &Health),
    kept: &[usize],
) -> Option<Explanation> {
    let step = job.steps.get_mut(step_index as usize)?;
    step.board.catch_up(world, &job.facts, &step.facts);
    let case = Case {
        board: &step.board,
        job: &job.facts,
        step: &step.facts,
        queue: &step.queue,
        world,
        kept,
        sick: sick(step, world, health),
    };
    let here = (0..world.peers.len()).filter(|at| world.peers[*at].here);
    let mut machines: Vec<_> = here
        .map(|at| MachineExplanation {
            peer: world.peers[at].id,
            name: world.peers[at].view.name.clone(),
            against: case.against(at),
            terms: case.terms(at),
            wishes: case.wishes(at),
            last_placed: step.placed.get(&at).copied(),
        })
        .collect();
    let pull = |machine: &MachineExplanation| machine.terms.map_or(f64::MIN, |terms| terms.log_gravity());
    machines.sort_by(|left, right| {
        let open = left.against.is_empty().cmp(&right.against.is_empty()).reverse();
        open.then_with(|| pull(right).total_cmp(&pull(left)))
    });
    let mut strongest =
        machines.iter().filter(|machine| machine.against.is_empty()).filter_map(|machine| machine.terms);
    let decisive = strongest.next().zip(strongest.next()).and_then(|(first, second)| first.decisive_over(&second));
    let closest = closest(&machines);
    let lacking = limits.lacking(&step.facts.limits, world.now).cloned().collect();
    Some(Explanation { job: job.id, step: step_index, ready: step.queue.count(), machines, decisive, closest, lacking })
}

/// When everybody has a lasting reason against: the machine with the fewest, then with the smallest gaps.
fn closest(machines: &[MachineExplanation]) -> Option<PeerId> {
    let lasting = |machine: &MachineExplanation| machine.against.iter().filter(|against| against.lasts()).count();
    if machines.iter().any(|machine| lasting(machine) == 0) {
        return None;
    }
    let gap = |machine: &MachineExplanation| machine.against.iter().map(Against::gap).sum::<f64>();
    let least = machines
        .iter()
        .min_by(|left, right| lasting(left).cmp(&lasting(right)).then_with(|| gap(left).total_cmp(&gap(right))));
    least.map(|machine| machine.peer)
}

impl Against {
    /// How far from fitting, as a share of what is asked; 1.0 where there is nothing to measure.
    fn gap(&self) -> f64 {
        match self {
            Self::Unmet(Unmet::Amount { has, min: Some(min), .. }) if has < min => (min - has) / min.abs().max(1e-9),
            Self::Unmet(Unmet::Amount { has, max: Some(max), .. }) if has > max => (has - max) / has.abs().max(1e-9),
            _ => 1.0,
        }
    }
}

/// What one step's explanation looks at.
struct Case<'a> {
    board: &'a Board,
    job: &'a JobFacts,
    step: &'a StepFacts,
    queue: &'a ReadyQueue,
    world: &'a World,
    kept: &'a [usize],
    /// Reasons by peer.
    sick: BTreeMap<usize, Vec<Against>>,
}

/// Who is left out because its program fails there.
fn sick(step: &Step, world: &World, health: &Health) -> BTreeMap<usize, Vec<Against>> {
    let left_out = step.avoided(&[]).into_iter();
    let reasons = left_out.map(|at| {
        let sick = health.against(world.peers[at].id, &step.facts.view.program, world.now);
        (at, sick.into_iter().map(|sick| named(sick, world)).collect())
    });
    reasons.collect()
}

fn named(sick: Sick, world: &World) -> Against {
    let known = world.positions.get(&sick.succeeded_on).map(|at| world.peers[*at].view.name.clone());
    let succeeded_on = known.filter(|name| !name.is_empty()).unwrap_or_else(|| sick.succeeded_on.short());
    sick.against(succeeded_on)
}

impl Sick {
    /// What it says for people, who call the machine where tasks ended well `succeeded_on`.
    #[must_use]
    pub fn against(self, succeeded_on: String) -> Against {
        let Self { program, failed, of, again, .. } = self;
        Against::Sick { program, failed, of, succeeded_on, again }
    }
}

impl Case<'_> {
    fn terms(&self, at: usize) -> Option<Terms> {
        let seat = &self.board.seats[at];
        let probability = self.board.share(self.world, at);
        seat.fits.then_some(Terms { probability, ..seat.terms })
    }

    fn wishes(&self, at: usize) -> Vec<WishPull> {
        let peer = &self.world.peers[at];
        let (view, id) = (&peer.view, peer.id.to_string());
        let wishes = self.step.view.prefers.iter().filter(|_| self.board.seats[at].fits).map(|wish| WishPull {
            words: wish.to_string(),
            pull: wish.pull(&view.capabilities, &view.name, &id),
            counted: wish.per_unit.as_ref().and_then(|per| view.capabilities.amounts.get(&per.name).copied()),
            by_the_unit: wish.per_unit.is_some(),
        });
        wishes.collect()
    }

    fn against(&self, at: usize) -> Vec<Against> {
        let (peer, seat) = (&self.world.peers[at], &self.board.seats[at]);
        let mut all: Vec<_> = unmet(peer, self.step).into_iter().map(Against::Unmet).collect();
        if let (Some(wish), Some((has, began))) = (&self.step.view.look, self.step.other_look(peer)) {
            all.push(Against::OtherLook { tool: wish.tool.clone(), has: has.to_owned(), began: began.to_owned() });
        }
        if self.world.config.strategy == Strategy::Direct && peer.id != self.world.config.me {
            all.push(Against::StaysElsewhere);
        }
        if self.world.leanings.get(&peer.id) == Some(&Leaning::KeepOff) {
            all.push(Against::KeptOff);
        }
        if self.job.blocked.contains(&at) {
            all.push(Against::Blocked);
        }
        if !peer.view.accepts {
            all.push(Against::NotAccepting(peer.view.why_not.clone()));
        }
        if let Some((reason, _)) = self.job.refused.get(&at) {
            all.push(Against::Declined(reason.clone()));
        }
        if let Some(pause) = &peer.pause {
            all.push(Against::Declined(decline_words(&pause.why)));
        }
        if seat.access == Access::Full {
            let some_free = self.step.view.needs.all_cores && peer.free().milli_cpus > 0;
            all.push(if some_free { Against::NotAllFree } else { Against::NoFreeSlot });
        }
        if seat.access.is_drawn() && self.kept.contains(&at) {
            all.push(Against::KeptForAnother);
        }
        let avoided = self.avoided(at);
        if avoided > 0 && avoided == self.queue.count() {
            all.push(Against::Avoided { tasks: avoided });
        }
        all.extend(self.sick.get(&at).into_iter().flatten().cloned());
        let waits = self.step.pace.is_known() && self.queue.count() > 0 && seat.access.is_drawn();
        let avoid = self.queue.retries().first().map_or(&[][..], |group| &group.avoid);
        if waits && is_slower_than_waiting(self.board, self.world, self.step, at, self.queue.count(), avoid) {
            all.push(Against::SlowerThanWaiting);
        }
        all
    }

    /// Ready tasks that will not go there because others may succeed.
    fn avoided(&self, at: usize) -> u32 {
        let groups = self.queue.retries().iter().filter(|group| group.avoid.contains(&at));
        groups.filter(|group| self.board.has_usable_besides(&group.avoid)).map(|group| group.tasks.count()).sum()
    }
}

fn decline_words(why: &Decline) -> String {
    match why {
        Decline::Busy => "not enough is free there".to_owned(),
        Decline::Draining => "it takes nothing new".to_owned(),
        Decline::Rules(reason) => reason.clone(),
        Decline::Stranger => "it does not know this machine as a member".to_owned(),
        Decline::Licence(name) => format!("no licence of {name} was free"),
    }
}

/// What the machine lacks, and what its owner does not lend of it.
fn unmet(peer: &Peer, step: &StepFacts) -> Vec<Unmet> {
    let mut unmet = step.view.needs.unmet(&peer.view.capabilities, &peer.view.name, &peer.id.to_string());
    let known = |name: &str, unmet: &[Unmet]| {
        unmet.iter().any(|entry| matches!(entry, Unmet::Amount { name: have, .. } if have == name))
    };
    for lack in lacking(&step.view.reserve, &peer.view.lends) {
        if let Unmet::Amount { name, .. } = &lack
            && !known(name, &unmet)
        {
            unmet.push(lack);
        }
    }
    unmet
}

fn lacking(reserve: &Reserve, lends: &Reserve) -> Vec<Unmet> {
    let amounts = [
        ("amount.worker.vcpu", f64::from(reserve.cpus), f64::from(lends.cpus)),
        ("amount.worker.memory", reserve.memory_mib as f64, lends.memory_mib as f64),
        ("amount.worker.gpu", f64::from(reserve.gpus), f64::from(lends.gpus)),
        ("amount.worker.disk.scratch", reserve.disk_mib as f64 / 1_024.0, lends.disk_mib as f64 / 1_024.0),
    ];
    let unmet = |(name, min, has): (&str, f64, f64)| {
        let short = min > has + 1e-3;
        short.then(|| Unmet::Amount { name: name.to_owned(), has, min: Some(min), max: None })
    };
    amounts.into_iter().filter_map(unmet).collect()
}
