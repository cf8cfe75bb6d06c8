//! Machines on which programs fail that end well elsewhere, and this one if nothing ends well on it.

use std::collections::{BTreeMap, BTreeSet};

use gridwell_api::{ApiError, ErrorCode, Finding, ForgiveRequest, NoticeKind, NoticeLevel, Response, SickView};
use gridwell_job::{JobPlan, draft::COMMAND};
use gridwell_model::{JobId, JobSpec, PeerId, format_duration};
use gridwell_sched::{Health, Input as SchedInput, Sick};

use super::{Core, words::names};
use crate::clock;

/// What ends on this machine, whosever it is.
#[derive(Debug, Default)]
pub(crate) struct OwnHealth {
    health: Health,
    /// True while it lends nothing because several programs fail here and none of them ends well.
    pub(super) is_sick: bool,
    /// Steps that fail on other machines, too: nothing of them counts.
    excused: BTreeSet<(JobId, u32)>,
}

impl OwnHealth {
    /// Nothing of this job runs here any more.
    pub(super) fn forget(&mut self, job: JobId) {
        self.excused.retain(|(excused, _)| *excused != job);
    }
}

/// What people call the program of a step: the tool that it needs, else its recipe, for commands, which are as different as their
/// programs, the program itself.
pub(super) fn program_of(spec: &JobSpec, plan: &JobPlan, step: u32) -> String {
    match tool_of(spec, step) {
        Some(tool) => tool.to_owned(),
        None if spec.recipe == COMMAND => plan.program(step).unwrap_or_else(|| spec.recipe.clone()),
        None => spec.recipe.clone(),
    }
}

/// The tool that a step needs.
pub(super) fn tool_of(spec: &JobSpec, step: u32) -> Option<&str> {
    let needs = &spec.steps.get(step as usize)?.needs.attributes;
    let tool = needs.iter().find(|need| need.name == "attr.worker.tool")?;
    tool.any_of.first().or(tool.all_of.first()).map(String::as_str)
}

impl Core {
    /// The looks of the machine that first ended tasks of a job well, as far as it is known.
    pub(super) fn began_with(&self, job: JobId) -> BTreeMap<String, String> {
        let summary = self.ledger.summary(job, clock::now());
        let first = summary.and_then(|summary| summary.shares.into_iter().find(|share| share.done > 0));
        match first.map(|first| first.peer) {
            None => BTreeMap::new(),
            Some(peer) if peer == self.me => self.machines.hardware().looks(),
            Some(peer) => {
                let announced = self.machines.others().get(&peer).and_then(|machine| machine.announced.as_ref());
                announced.map(|said| said.hardware.looks()).unwrap_or_default()
            }
        }
    }

    /// Tasks failed on `peer` and ended well on another machine since.
    pub(super) fn on_outdone(&mut self, (job, step): (JobId, u32), peer: PeerId, by: PeerId, tasks: u32) {
        let now = clock::now();
        let before = self.sched.sick(peer, now).len();
        self.sched.handle(SchedInput::Outdone { job, step, peer, by, tasks }, now);
        let sick = self.sched.sick(peer, now);
        self.changed.machines.insert(peer);
        self.tell_soon();
        let program = self.homes.get(&job).map(|home| home.program(step)).unwrap_or_default();
        if let Some(news) = sick.iter().find(|sick| sick.program == program).filter(|_| sick.len() > before) {
            let sentence = format!("{} is {}", self.machines.name(peer), self.sick_words(news));
            tracing::warn!(machine = self.machines.name(peer), program, "a machine is sick for a program");
            self.notice(NoticeKind::Machine, NoticeLevel::Warning, sentence, Some(job), Some(peer));
        }
    }

    /// A run ended here, or its session did. What the job is to blame for is told apart by the others that end well, here or
    /// elsewhere.
    pub(super) fn note_own_end(&mut self, job: JobId, step: u32, good: bool) {
        let Some(guest) = self.guests.get(&job) else { return };
        let (program, now) = (program_of(&guest.spec, &guest.plan, step), clock::now());
        if good {
            self.own.health.succeeded(self.me, &program, 1, now);
        } else if !self.own.excused.contains(&(job, step)) {
            self.own.health.outdone(self.me, &program, 1, self.me, now);
        }
        self.look_at_own_health();
    }

    /// A step that failed here fails on others as well: its program does not speak against this machine.
    pub(super) fn excuse_own(&mut self, job: JobId, step: u32) {
        let Some(guest) = self.guests.get(&job) else { return };
        let program = program_of(&guest.spec, &guest.plan, step);
        self.own.excused.insert((job, step));
        self.own.health.forgive(self.me, Some(&program));
        self.look_at_own_health();
    }

    /// Lends nothing to others while it is sick, and again once it may try or something ended well.
    pub(super) fn look_at_own_health(&mut self) {
        let is_sick = self.own.health.is_sick_for_all(self.me, clock::now());
        if std::mem::replace(&mut self.own.is_sick, is_sick) != is_sick {
            if is_sick {
                let sentence = format!("{} is {}", self.machines.name(self.me), self.own_sick_words());
                self.notice(NoticeKind::Machine, NoticeLevel::Warning, sentence, None, Some(self.me));
            }
            self.lending_changed();
        }
    }

    /// Why this machine lends nothing while it is sick.
    pub(super) fn own_sick_words(&self) -> String {
        let sick = self.own.health.sick(self.me, clock::now());
        let again = sick.iter().map(|sick| sick.again).min().unwrap_or_default();
        let programs: Vec<_> = sick.into_iter().map(|sick| sick.program).collect();
        format!("sick: {} fail here; tries again in {}", names(&programs), format_duration(again))
    }

    /// `sick for blender: 4 of 5 failed there, …`.
    fn sick_words(&self, sick: &Sick) -> String {
        sick.clone().against(self.machines.name(sick.succeeded_on)).to_string()
    }

    /// What this machine holds against another one, or itself.
    pub(super) fn sick_views(&self, peer: PeerId) -> Vec<SickView> {
        let view = |sick: Sick| SickView {
            sentence: self.sick_words(&sick),
            program: sick.program,
            failed: sick.failed,
            of: sick.of,
            succeeded_on: self.machines.name(sick.succeeded_on),
            again_secs: sick.again.as_secs_f64(),
        };
        self.sched.sick(peer, clock::now()).into_iter().map(view).collect()
    }

    /// Every machine that is sick, as a thing to look at.
    pub(super) fn sick_findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.own.is_sick {
            let next_step =
                format!("look at the logs of what failed, then: gridwell forgive {}", self.machines.name(self.me));
            findings.push(Finding { what: "health".into(), ok: false, sentence: self.own_sick_words(), next_step });
        }
        for peer in self.members() {
            let name = self.machines.name(peer);
            findings.extend(self.sick_views(peer).into_iter().map(|sick| Finding {
                what: format!("health of {name}"),
                ok: false,
                sentence: format!("{name} is {}", sick.sentence),
                next_step: format!("look at {} there, then: gridwell forgive {name} {}", sick.program, sick.program),
            }));
        }
        findings
    }

    pub(super) fn forgive(&mut self, request: &ForgiveRequest) -> Result<Response, ApiError> {
        let (peer, program) = (self.find_machine(&request.machine)?, request.program.as_deref());
        let own = peer == self.me && self.own.health.forgive(self.me, program);
        let name = self.machines.name(peer);
        if !self.sched.forgive(peer, program, clock::now()) && !own {
            let what = program.map(|program| format!(" for {program}")).unwrap_or_default();
            let message = format!("nothing is held against {name}{what} here");
            return Err(ApiError::new(ErrorCode::WrongState, message).help("see who is sick: gridwell machines"));
        }
        self.look_at_own_health();
        self.changed.machines.insert(peer);
        self.tell_soon();
        let view = self.machine_view(peer).ok_or_else(|| self.unknown_machine(&request.machine))?;
        Ok(Response::Machine(Box::new(view)))
    }
}
