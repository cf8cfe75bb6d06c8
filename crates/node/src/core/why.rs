//! Why here, why not there: the scheduler's own numbers in words.

use gridwell_api::{Terms, WhyMachine, WhyView, WhyWish};
use gridwell_model::{JobId, Leaning, PeerId, TaskKey, TaskState};
use gridwell_sched::{Against, Explanation, MachineExplanation, Term, WishPull};

use super::{Core, machines::capabilities, words::names};

impl Core {
    pub(crate) fn why(&mut self, job: JobId, task: Option<TaskKey>) -> Option<WhyView> {
        let key = task.unwrap_or_else(|| self.next_task(job));
        let task = self.ledger.tasks(job, key, 1, |_| true).into_iter().find(|task| task.key == key)?;
        let kept = || self.homes.get(&job)?.explained.get(&key.step).cloned();
        let explanation = self.sched.explain(job, key.step).or_else(kept);
        let placed_on = task.peer;
        let mut machines: Vec<_> =
            explanation.iter().flat_map(|explanation| &explanation.machines).map(why_machine).collect();
        if let Some(peer) = placed_on
            && task.state != TaskState::Ready
            && let Some(terms) = explanation.as_ref().and_then(|explanation| explanation.placed(peer))
            && let Some(machine) = machines.iter_mut().find(|machine| machine.machine == peer)
        {
            // The numbers as they were when it was placed, not as they would be now.
            (machine.terms, machine.gravity, machine.chance) = (Some(view(&terms)), terms.gravity, terms.probability);
        }
        let label = self.homes.get(&job)?.plan.task_label(key.step, key.index);
        let decisive = explanation.as_ref().and_then(|explanation| explanation.decisive).map(word).unwrap_or_default();
        let change = explanation.as_ref().and_then(|explanation| match placed_on {
            Some(peer) if task.state != TaskState::Ready => self.otherwise(explanation, peer),
            _ => smallest_change(explanation),
        });
        let smallest_change = change.unwrap_or_default();
        let sentence = match (task.state, placed_on) {
            (TaskState::Waiting, _) => "waits for an earlier step".to_owned(),
            (TaskState::Held, _) => "held back by a person".to_owned(),
            (TaskState::Ready | TaskState::Lost, _) => {
                self.why_nobody(job).map_or("about to be placed".to_owned(), |(why, _)| why)
            }
            (_, Some(peer)) if explanation.is_none() => {
                format!("went to {}; the numbers that decided are not kept", self.machines.name(peer))
            }
            (_, Some(peer)) if decisive.is_empty() => {
                format!("went to {}: no other machine took it", self.machines.name(peer))
            }
            (_, Some(peer)) if decisive == word(Term::Prefers) && self.is_preferred(peer) => {
                format!("went to {}: it is preferred here", self.machines.name(peer))
            }
            (_, Some(peer)) => format!("went to {}: {}", self.machines.name(peer), because(decisive)),
            (_, None) => "was never placed".to_owned(),
        };
        let sentence = match self.ledger.second_of(job, key) {
            Some(second) => {
                let second = self.machines.name(second);
                format!("{sentence}; it takes far longer than its like, so {second} runs it, too")
            }
            None => sentence,
        };
        Some(WhyView {
            job,
            task: key,
            label,
            state: task.state,
            sentence,
            placed_on,
            machines,
            decisive: decisive.to_owned(),
            smallest_change,
        })
    }

    fn is_preferred(&self, peer: PeerId) -> bool {
        self.machines.settings().leanings.get(&peer) == Some(&Leaning::Prefer)
    }

    /// What would have drawn the task to another machine.
    fn otherwise(&self, explanation: &Explanation, peer: PeerId) -> Option<String> {
        let (other, term) = explanation.counterfactual(peer)?;
        let condition = match term {
            Term::Wait => "a slot were free there",
            Term::Fetch => "it held the input files",
            Term::Run => "it ran such tasks as fast",
            Term::Path => "it were as near",
            Term::Prefers => "it were what the job prefers as much",
            Term::Strategy => "its use counted the same",
        };
        Some(format!("{} would pull more if {condition}", self.machines.name(other)))
    }

    /// The job's first task that is not ended, else its first.
    fn next_task(&self, job: JobId) -> TaskKey {
        let first = TaskKey { step: 0, index: 0 };
        let steps = self.homes.get(&job).map_or(0, |home| home.spec.steps.len() as u32);
        for step in 0..steps {
            let tasks = self.ledger.tasks(job, TaskKey { step, index: 0 }, 1, |state| !state.is_ended());
            if let Some(task) = tasks.first() {
                return task.key;
            }
        }
        first
    }

    /// What keeps the ready tasks of a job from starting, and the smallest change that would help, if nobody fits.
    pub(crate) fn why_nobody(&mut self, job: JobId) -> Option<(String, Option<String>)> {
        let steps = self.homes.get(&job)?.spec.steps.len() as u32;
        let explained = (0..steps).filter_map(|step| Some((step, self.sched.explain(job, step)?)));
        let (step, explanation) = explained.into_iter().find(|(_, found)| found.ready > 0)?;
        if let Some(waits) = self.waits_for_licences(&explanation.lacking) {
            return Some((waits, None));
        }
        if explanation.machines.iter().any(|machine| machine.against.is_empty()) {
            return None;
        }
        let busy = explanation.machines.iter().any(|machine| machine.against.iter().all(|against| !against.lasts()));
        if busy {
            return Some(("every machine that fits is in use".to_owned(), None));
        }
        let away = self.fit_but_away(job, step);
        if !away.is_empty() {
            let be = if away.len() == 1 { "is" } else { "are" };
            let sentence = format!("no machine that can be reached fits: {} would, and {be} away", names(&away));
            return Some((sentence, Some(format!("why it is away says: gridwell doctor {}", away[0]))));
        }
        Some(("no machine fits".to_owned(), smallest_change(&explanation)))
    }

    /// Machines that would do for a step, by what they said of themselves last, and cannot be reached now.
    fn fit_but_away(&self, job: JobId, step: u32) -> Vec<String> {
        let Some(step) = self.homes.get(&job).and_then(|home| home.spec.steps.get(step as usize)) else {
            return Vec::new();
        };
        let away = self.machines.others().iter().filter(|(_, machine)| !machine.online);
        let fits = away.filter(|(peer, machine)| {
            let said = machine.announced.as_ref().map(capabilities);
            said.is_some_and(|said| step.needs.unmet(&said, &machine.name, &peer.to_string()).is_empty())
        });
        fits.map(|(peer, _)| self.machines.name(*peer)).collect()
    }
}

fn view(terms: &gridwell_sched::Terms) -> Terms {
    Terms {
        wait_secs: terms.wait_secs,
        fetch_secs: terms.fetch_secs,
        run_secs: terms.run_secs,
        path_secs: terms.path_secs,
        prefer: terms.prefers,
        strategy: terms.strategy,
    }
}

fn why_machine(machine: &MachineExplanation) -> WhyMachine {
    WhyMachine {
        machine: machine.peer,
        name: machine.name.clone(),
        fits: !machine.against.iter().any(|against| matches!(against, Against::Unmet(_))),
        reasons: machine.against.iter().map(ToString::to_string).collect(),
        terms: machine.terms.as_ref().map(view),
        wishes: machine.wishes.iter().map(why_wish).collect(),
        gravity: machine.terms.map_or(0.0, |terms| terms.gravity),
        chance: machine.terms.map_or(0.0, |terms| terms.probability),
    }
}

fn why_wish(wish: &WishPull) -> WhyWish {
    let WishPull { words, pull, counted, by_the_unit } = wish.clone();
    WhyWish { words, pull, counted, unsaid: by_the_unit && counted.is_none() }
}

/// The smallest change that would let the closest machine take the task.
fn smallest_change(explanation: &Explanation) -> Option<String> {
    let closest = explanation.closest?;
    let machine = explanation.machines.iter().find(|machine| machine.peer == closest)?;
    let remedy = |against: &Against| match against {
        Against::Unmet(unmet) => Some(unmet.remedy()),
        Against::Blocked => Some("retry the job".to_owned()),
        Against::OtherLook { tool, began, .. } => {
            Some(format!("install {tool} {began} there, or start it with --look any"))
        }
        Against::KeptOff => Some(format!("let work go there again: gridwell keep-off {} --clear", machine.name)),
        _ => None,
    };
    let remedies: Vec<_> = machine.against.iter().filter_map(remedy).collect();
    (!remedies.is_empty()).then(|| format!("{} would do: {}", machine.name, remedies.join(", and ")))
}

const fn word(term: Term) -> &'static str {
    match term {
        Term::Wait => "wait",
        Term::Fetch => "fetch",
        Term::Run => "run",
        Term::Path => "path",
        Term::Prefers => "prefer",
        Term::Strategy => "strategy",
    }
}

fn because(decisive: &str) -> &'static str {
    match decisive {
        "wait" => "it was free soonest",
        "fetch" => "it has the input files",
        "run" => "it runs such tasks fastest",
        "path" => "it is nearest",
        "prefer" => "it is what the job prefers",
        _ => "it is used least",
    }
}
