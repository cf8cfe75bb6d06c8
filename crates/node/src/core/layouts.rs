//! Which links the grid is to have: the plan that holds, and what this machine's behaviours changed since.

use std::collections::BTreeMap;

use gridwell_api::{ApiError, ErrorCode, EventBody, LayoutRequest, LayoutView, NoticeKind, NoticeLevel, Response};
use gridwell_model::{GridId, PeerId, Plan, Role, Time};
use gridwell_store::{Store, StoreError};
use gridwell_trust::{open_plan, seal_plan};
use gridwell_wire::Message;
use serde::{Deserialize, Serialize};

use super::{
    Core,
    behaviours::{Behaviours, Kept as KeptBehaviours},
    changes::What,
    facts::Reply,
    resting::Own,
    storage,
};
use crate::clock;

/// Key in the store.
const KEY: &str = "layout";

/// What links the grid is to have, as far as this machine knows.
#[derive(Debug, Default)]
pub(crate) struct Layouts {
    pub(super) plan: Option<(Plan, Vec<u8>)>,
    /// The one before, to go back to.
    pub(super) before: Option<Plan>,
    /// What became of links of this machine since the plan.
    pub(super) own: BTreeMap<PeerId, Own>,
    pub(super) behaviours: Behaviours,
    pub(super) look_at: Option<Time>,
    told: bool,
}

#[derive(Default, Serialize, Deserialize)]
struct Kept {
    sealed: Option<Vec<u8>>,
    before: Option<Plan>,
    own: BTreeMap<PeerId, Own>,
    behaviours: KeptBehaviours,
}

impl Layouts {
    /// Reads what is kept. A plan that cannot be read any more is none: everybody is linked with everybody.
    pub(crate) async fn load(store: &Store, grid: GridId) -> Result<Self, StoreError> {
        let kept = store.meta(KEY).await?;
        let kept: Kept = kept.and_then(|bytes| postcard::from_bytes(&bytes).ok()).unwrap_or_default();
        let plan = kept.sealed.and_then(|sealed| Some((open_plan(&sealed, grid).ok()?, sealed)));
        let own = if plan.is_some() || kept.before.is_none() { kept.own } else { BTreeMap::new() };
        let behaviours = Behaviours::of(kept.behaviours);
        Ok(Self { plan, before: kept.before, own, behaviours, ..Self::default() })
    }

    fn kept(&self) -> Vec<u8> {
        let sealed = self.plan.as_ref().map(|(_, sealed)| sealed.clone());
        let behaviours = self.behaviours.kept();
        let kept = Kept { sealed, before: self.before.clone(), own: self.own.clone(), behaviours };
        postcard::to_stdvec(&kept).expect("what is kept is plain data")
    }

    /// True if this machine needs its link with `peer`, as far as that is automatic.
    pub(super) fn needs(&self, me: PeerId, peer: PeerId) -> bool {
        match self.own.get(&peer) {
            Some(Own::Adopted) => true,
            Some(Own::LetGo | Own::Agreed) => false,
            None => self.plan.as_ref().is_none_or(|(plan, _)| plan.needs(me, peer)),
        }
    }

    pub(crate) fn due(&self) -> Option<Time> {
        [self.look_at, self.behaviours.due()].into_iter().flatten().min()
    }
}

impl Core {
    /// Answers who looks at the layout, previews another one, changes it or goes back.
    pub(super) fn layout(&mut self, request: &LayoutRequest, reply: Reply) {
        let answer = self.judge_layout(request, None).map(|view| Response::Layout(Box::new(view)));
        let only_looks = request.preview || (request.kind.is_none() && !request.undo);
        if only_looks || answer.is_err() {
            let _gone = reply.send(answer);
        } else {
            self.answer_when_kept(answer, reply);
        }
    }

    /// Answers whoever changed something once it is on the disk.
    pub(super) fn answer_when_kept(&self, answer: Result<Response, ApiError>, reply: Reply) {
        let kept = self.keep(KEY, self.layouts.kept());
        self.beside.spawn(async move {
            let kept = kept.await.unwrap_or(Err(StoreError::Closed));
            let _gone = reply.send(kept.map_err(|error| storage(&error)).and(answer));
        });
    }

    /// `undoes` is the change from which this one is the way back.
    pub(super) fn judge_layout(
        &mut self,
        request: &LayoutRequest,
        undoes: Option<u64>,
    ) -> Result<LayoutView, ApiError> {
        self.check_expected(request.expected)?;
        let plan = match (request.kind, request.undo) {
            (None, false) => return Ok(self.layout_view(None)),
            (Some(_), true) => {
                let message = "a change of the layout either names a shape or goes back, not both";
                return Err(ApiError::new(ErrorCode::BadRequest, message));
            }
            (Some(kind), false) => self.plan_of(kind, &request.machines)?,
            (None, true) => self.plan_before()?,
        };
        if request.preview {
            return Ok(self.layout_view(Some(&plan)));
        }
        if !self.membership.grid().may(self.me, Role::Links, clock::stamp()) {
            let error = ApiError::new(ErrorCode::Forbidden, "this machine may not change links of others");
            return Err(error.help("an admin gives it the role: gridwell role MACHINE --give links"));
        }
        let sealed = seal_plan(plan.clone(), self.membership.grid().id(), &self.membership.identity);
        self.adopt_plan(plan, sealed, undoes);
        Ok(self.layout_view(None))
    }

    fn check_expected(&self, expected: Option<u64>) -> Result<(), ApiError> {
        let Some((plan, _)) = &self.layouts.plan else { return Ok(()) };
        if expected.is_none_or(|expected| expected == plan.revision) {
            return Ok(());
        }
        let message = format!("the layout was changed on {} meanwhile", self.machines.name(plan.by));
        Err(ApiError::new(ErrorCode::LinkChanged, message).help("look at it again, then decide"))
    }

    /// Refuses what is about another plan than the one that holds.
    pub(super) fn check_plan_is(&self, revision: u64) -> Result<(), ApiError> {
        self.check_expected(Some(revision))
    }

    /// Another machine tells of a plan.
    pub(super) fn on_plan(&mut self, from: PeerId, sealed: Vec<u8>) {
        let plan = match open_plan(&sealed, self.membership.grid().id()) {
            Ok(plan) if self.may(plan.by, Role::Links) => plan,
            Ok(plan) => return self.on_forbidden_plan(from, plan.by),
            Err(error) => {
                let machine = self.machines.name(from);
                if self.membership.is_news(&format!("{machine}: {error}")) {
                    tracing::warn!(machine, %error, "a plan of links was refused");
                }
                return;
            }
        };
        if self.layouts.plan.as_ref().is_none_or(|(known, _)| plan.is_newer_than(known)) {
            self.adopt_plan(plan, sealed, None);
        }
    }

    /// A plan of a stranger, or of a member that may not change links.
    fn on_forbidden_plan(&mut self, from: PeerId, by: PeerId) {
        let (machine, by) = (self.machines.name(from), by.short());
        if self.membership.is_news(&format!("{by} plans links")) {
            tracing::warn!(machine, by, "a plan of links was refused: its author may not change links");
        }
    }

    fn adopt_plan(&mut self, plan: Plan, sealed: Vec<u8>, undoes: Option<u64>) {
        let (by, what) = (plan.by, What::Plan { revision: plan.revision });
        let sentence = format!("{} asked for the layout {}", self.machines.name(plan.by), plan.kind);
        tracing::info!(by = self.machines.name(plan.by), kind = %plan.kind, "the layout changed");
        self.layouts.own.clear();
        let before = self.layouts.plan.replace((plan, sealed));
        self.layouts.before = before.map(|(plan, _)| plan);
        self.layouts.behaviours.forget_suggestions();
        self.note_layout(what, by, sentence, undoes);
        self.keep_layouts();
        for peer in self.links.up().collect::<Vec<_>>() {
            self.tell_plan_to(peer);
        }
        self.follow_layout();
    }

    pub(super) fn tell_plan_to(&self, peer: PeerId) {
        let Some((_, sealed)) = &self.layouts.plan else { return };
        if let Err(error) = self.net.send(peer, &Message::Plan(sealed.clone())) {
            tracing::debug!(%error, "a machine was not told of the plan of links");
        }
    }

    /// Writes down what links became, and tells people.
    pub(super) fn note_layout(&mut self, what: What, by: PeerId, sentence: String, undoes: Option<u64>) {
        self.note_change(by, what, &sentence, undoes);
        self.notice(NoticeKind::Link, NoticeLevel::Info, sentence, None, None);
    }

    pub(super) fn keep_layouts(&self) {
        drop(self.keep(KEY, self.layouts.kept()));
    }

    /// Listeners hear of it.
    pub(super) fn layouts_changed(&mut self) {
        self.layouts.told = false;
        self.tell_soon();
    }

    pub(super) fn tell_layout(&mut self) {
        if !std::mem::replace(&mut self.layouts.told, true) {
            let view = self.layout_view(None);
            self.events.tell(EventBody::LayoutChanged(Box::new(view)));
        }
    }
}
