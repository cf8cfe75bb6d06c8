//! Programs that look for better links of this machine, and what they suggest.

use std::{collections::BTreeMap, time::Duration};

use gridwell_api::{
    ApiError, BehaviourMode, BehaviourRequest, BehaviourView, ErrorCode, Response, SuggestionReason, SuggestionView,
};
use gridwell_links::behaviour::{Behaviour, Change, Nearest, Walk, Why};
use gridwell_model::Time;

use super::{Core, changes::What, facts::Reply};
use crate::clock;

/// How often a behaviour looks at the map, unless said otherwise.
const USUAL_PACE: Duration = Duration::from_mins(1);
/// Longest pace: a day.
const LONGEST_SECS: u32 = 86_400;
/// The behaviours there are, and what they do.
const KNOWN: [(&str, &str); 2] = [
    ("nearest", "replaces the slowest link by one to a neighbour's neighbour that answers faster"),
    ("walk", "moves the end of a link, taken by chance, to a neighbour of the machine that is there"),
];

/// How behaviours are set, by name.
pub(super) type Kept = BTreeMap<String, (BehaviourMode, u32)>;

/// Every behaviour of this machine.
#[derive(Debug)]
pub(crate) struct Behaviours(Vec<Running>);

#[derive(Debug)]
struct Running {
    engine: Box<dyn Behaviour>,
    about: &'static str,
    mode: BehaviourMode,
    pace: Duration,
    next: Time,
    looks: u64,
    suggestion: Option<Change>,
}

impl Default for Behaviours {
    fn default() -> Self {
        Self::of(Kept::default())
    }
}

impl Behaviours {
    pub(super) fn of(kept: Kept) -> Self {
        let all = KNOWN.into_iter().map(|(name, about)| {
            let (mode, secs) = kept.get(name).copied().unwrap_or_default();
            let pace = if secs == 0 { USUAL_PACE } else { Duration::from_secs(secs.into()) };
            Running { engine: engine(name, pace), about, mode, pace, next: Time::ZERO, looks: 0, suggestion: None }
        });
        Self(all.collect())
    }

    pub(super) fn kept(&self) -> Kept {
        self.0.iter().map(|it| (it.engine.name().to_owned(), (it.mode, it.pace.as_secs() as u32))).collect()
    }

    pub(super) fn due(&self) -> Option<Time> {
        self.0.iter().filter(|it| it.mode != BehaviourMode::Off).map(|it| it.next).min()
    }

    /// The links are not what they were when something was suggested.
    pub(super) fn forget_suggestions(&mut self) {
        for running in &mut self.0 {
            running.suggestion = None;
        }
    }
}

fn engine(name: &str, pace: Duration) -> Box<dyn Behaviour> {
    match name {
        "walk" => Box::new(Walk::new(u64::from_le_bytes(crate::start::random()))),
        _ => Box::new(Nearest::new(pace)),
    }
}

impl Core {
    pub(super) fn behaviour(&mut self, request: &BehaviourRequest, reply: Reply) {
        let answer = self.change_behaviour(request);
        let answer = answer.map(|()| Response::Layout(Box::new(self.layout_view(None))));
        self.answer_when_kept(answer, reply);
    }

    fn change_behaviour(&mut self, request: &BehaviourRequest) -> Result<(), ApiError> {
        let known = self.layouts.behaviours.0.iter().position(|it| it.engine.name() == request.name);
        let at = known.ok_or_else(|| {
            let known: Vec<_> = KNOWN.iter().map(|(name, _)| *name).collect();
            let message = format!("no behaviour is called '{}' here: {} are", request.name, known.join(" and "));
            ApiError::new(ErrorCode::BadValue, message)
        })?;
        if let Some(secs) = request.every_secs.filter(|secs| !(1..=LONGEST_SECS).contains(secs)) {
            let message = format!("a behaviour looks at the map every 1 … {LONGEST_SECS} seconds, not {secs}");
            return Err(ApiError::new(ErrorCode::BadValue, message));
        }
        if let Some(accept) = request.accept {
            self.answer_suggestion(at, accept)?;
        }
        let running = &mut self.layouts.behaviours.0[at];
        if let Some(secs) = request.every_secs {
            running.pace = Duration::from_secs(secs.into());
            running.engine = engine(&request.name, running.pace);
        }
        if let Some(mode) = request.mode {
            (running.mode, running.suggestion, running.next) = (mode, None, clock::now());
        }
        if request.mode.is_some() || request.every_secs.is_some() {
            self.keep_layouts();
        }
        if request.once {
            self.run_behaviour(at, BehaviourMode::On);
        }
        self.layouts_changed();
        Ok(())
    }

    fn answer_suggestion(&mut self, at: usize, accept: bool) -> Result<(), ApiError> {
        let running = &mut self.layouts.behaviours.0[at];
        let Some(change) = running.suggestion.take() else {
            let message = format!("the behaviour {} suggests nothing now", running.engine.name());
            return Err(ApiError::new(ErrorCode::WrongState, message));
        };
        if accept {
            self.carry_change(at, &change);
        }
        Ok(())
    }

    /// Lets every behaviour look whose time has come.
    pub(super) fn run_behaviours(&mut self) {
        let now = clock::now();
        for at in 0..self.layouts.behaviours.0.len() {
            let running = &self.layouts.behaviours.0[at];
            if running.mode != BehaviourMode::Off && running.next <= now {
                self.run_behaviour(at, running.mode);
            }
        }
    }

    fn run_behaviour(&mut self, at: usize, mode: BehaviourMode) {
        let (now, graph) = (clock::now(), self.graph(true));
        let running = &mut self.layouts.behaviours.0[at];
        running.next = now + running.pace;
        running.looks += 1;
        let Some(change) = running.engine.propose(&graph, self.me, now) else { return };
        if mode == BehaviourMode::On {
            self.carry_change(at, &change);
        } else if running.suggestion.as_ref() != Some(&change) {
            running.suggestion = Some(change);
            self.layouts_changed();
        }
    }

    fn carry_change(&mut self, at: usize, change: &Change) {
        let sentence = format!("{}: {}", self.layouts.behaviours.0[at].engine.name(), self.said(change));
        tracing::info!(sentence, "a behaviour changed links");
        let what = What::Rewired { adopt: change.adopt, let_go: change.let_go };
        self.note_layout(what, self.me, sentence, None);
        self.rewire(change.adopt, change.let_go);
    }

    /// A change and the numbers that decided, one sentence.
    fn said(&self, change: &Change) -> String {
        let name = |peer| self.machines.name(peer);
        let what = match (change.adopt, change.let_go) {
            (Some(new), Some(old)) => format!("link with {} instead of {}", name(new), name(old)),
            (Some(new), None) => format!("link with {}", name(new)),
            (None, Some(old)) => format!("let the link to {} go", name(old)),
            (None, None) => "change nothing".to_owned(),
        };
        format!("{what}, {}", reason(change.why))
    }

    fn suggestion_view(&self, change: &Change) -> SuggestionView {
        let (why, new_micros, old_micros, links) = match change.why {
            Why::MayBeNearer { at_least, slowest } => {
                (SuggestionReason::MayBeNearer, Some(at_least), Some(slowest), None)
            }
            Why::IsNearer { new, old } => (SuggestionReason::IsNearer, Some(new), Some(old), None),
            Why::IsNotNearer { new: Some(new), old } => (SuggestionReason::IsNotNearer, Some(new), Some(old), None),
            Why::IsNotNearer { new: None, .. } => (SuggestionReason::NotMeasured, None, None, None),
            Why::TooMany { links } => (SuggestionReason::TooMany, None, None, Some(links)),
            Why::TooFew { links } => (SuggestionReason::TooFew, None, None, Some(links)),
            Why::Chance => (SuggestionReason::Chance, None, None, None),
        };
        let (link_with, let_go) = (change.adopt, change.let_go);
        SuggestionView { sentence: self.said(change), link_with, let_go, why, new_micros, old_micros, links }
    }

    pub(super) fn behaviour_views(&self) -> Vec<BehaviourView> {
        let views = self.layouts.behaviours.0.iter().map(|running| BehaviourView {
            name: running.engine.name().to_owned(),
            about: running.about.to_owned(),
            mode: running.mode,
            every_secs: running.pace.as_secs() as u32,
            looks: running.looks,
            suggestion: running.suggestion.as_ref().map(|change| self.suggestion_view(change)),
        });
        views.collect()
    }
}

fn reason(why: Why) -> String {
    let ms = |micros: u32| format!("{:.1} ms", f64::from(micros) / 1e3);
    match why {
        Why::MayBeNearer { at_least, slowest } => {
            format!("which may answer in {} where the slowest link takes {}", ms(at_least), ms(slowest))
        }
        Why::IsNearer { new, old } => format!("which takes {} where the new one takes {}", ms(old), ms(new)),
        Why::IsNotNearer { new: Some(new), old } => {
            format!("which takes {} and is not faster by enough than the slowest with {}", ms(new), ms(old))
        }
        Why::IsNotNearer { new: None, .. } => "which could not be measured".to_owned(),
        Why::TooMany { links } => format!("the slowest of {links}, more than one machine keeps"),
        Why::TooFew { links } => format!("because there are only {links}"),
        Why::Chance => "by chance".to_owned(),
    }
}
