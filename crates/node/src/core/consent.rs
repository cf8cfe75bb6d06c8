//! What owners ask each other before one pins a link to the other's machine. Machines that may change links of others, as those
//! of one owner do, need not ask.

use std::{collections::BTreeMap, time::Duration};

use gridwell_api::{
    AlwaysView, ApiError, ErrorCode, EventBody, LinkAnswerRequest, LinkAskState, LinkAskView, LinkAsksView, LinkKey,
    NoticeKind, NoticeLevel, Response,
};
use gridwell_links::{AskState, AskView, Asks};
use gridwell_model::{LinkAnswer, LinkAsk, LinkPolicy, LinkWish, PeerId, Role, Stamp, Time};
use gridwell_store::{Store, StoreError};
use gridwell_wire::Message;

use super::{Core, Fact, door::storage, facts::Reply};
use crate::{clock, start::StartError};

/// Key in the store.
const KEY: &str = "asks";

/// People hear of what one machine asks at most this often.
const HEAR_EVERY: Duration = Duration::from_secs(10);

/// What is asked, and what listeners were told of it.
#[derive(Default)]
pub(crate) struct Consent {
    asks: Asks,
    told: BTreeMap<(PeerId, PeerId), LinkAskView>,
    /// When people last heard what a machine asks.
    heard: BTreeMap<PeerId, Time>,
}

/// What happens once what is asked is written down.
pub(crate) enum AsksKept {
    /// The other machine hears what this one asks, or asks no more.
    Say(PeerId, Option<Reply>),
    /// The other machine hears what became of what it asked.
    Answer(PeerId, u64, LinkAnswer),
    /// So does whoever answered it.
    Answered(Option<(PeerId, u64, LinkAnswer)>, Reply),
    /// The link is pinned.
    Pin(PeerId),
    Nothing,
}

impl Consent {
    /// Reads what is kept. What cannot be read might allow something, so it is not passed over.
    pub(crate) async fn load(store: &Store) -> Result<Self, StartError> {
        let kept = store.meta(KEY).await?;
        let asks = kept.map(|bytes| postcard::from_bytes(&bytes).map_err(|source| StartError::Links { source }));
        Ok(Self { asks: asks.transpose()?.unwrap_or_default(), ..Self::default() })
    }

    /// When something that is asked is over.
    pub(crate) fn due(&self) -> Option<Time> {
        let now = clock::stamp();
        self.asks.due().map(|due| clock::now() + Duration::from_millis(due.0.saturating_sub(now.0).saturating_add(1)))
    }

    /// True if something that is asked is over, by the clock by which it ends.
    pub(super) fn is_over(&self) -> bool {
        self.asks.due().is_some_and(|due| due <= clock::stamp())
    }
}

impl Core {
    /// True if the owner of `peer` has to allow a pin of this machine first.
    pub(super) fn needs_consent(&self, peer: PeerId) -> bool {
        !self.membership.grid().may(self.me, Role::Links, clock::stamp()) && !self.consent.asks.is_granted(peer)
    }

    /// Asks the owner of `peer` to let this machine pin the link.
    pub(super) fn ask_owner(&mut self, peer: PeerId, ours: LinkWish, reply: Reply) {
        let revision = ours.revision.saturating_add(1);
        self.consent.asks.ask(peer, revision, clock::stamp());
        self.keep_asks(AsksKept::Say(peer, Some(reply)));
        self.asks_changed(peer);
    }

    /// This machine's owner wants something else of a link now, or what was asked is done.
    pub(super) fn settle_asks(&mut self, peer: PeerId, policy: LinkPolicy) {
        let changed = match policy {
            LinkPolicy::Pinned => self.consent.asks.settle(peer),
            LinkPolicy::Automatic | LinkPolicy::Forbidden => self.consent.asks.take_back(peer, clock::stamp()),
        };
        if changed {
            self.keep_asks(AsksKept::Say(peer, None));
            self.asks_changed(peer);
        }
    }

    /// Goes on with what was asked before the node ended.
    pub(crate) fn begin_consent(&mut self) {
        self.consent.told = self.ask_views().into_iter().map(|ask| ((ask.from, ask.peer), ask)).collect();
        for peer in self.consent.asks.granted().collect::<Vec<_>>() {
            self.pin_granted(peer);
        }
    }

    /// A way leads to a machine: it hears what it may have missed.
    pub(super) fn say_asks(&mut self, peer: PeerId) {
        if let Some((ask, wanted)) = self.consent.asks.said(peer)
            && let Err(error) = self.send(peer, &Message::LinkAsked { ask, wanted })
        {
            tracing::debug!(%error, "what is asked of a machine was not said");
        }
    }

    pub(super) fn on_link_asked(&mut self, peer: PeerId, ask: LinkAsk, wanted: bool) {
        let (answer, news) = if wanted {
            let known = match self.linking.of(peer).policy {
                LinkPolicy::Forbidden => Some(false),
                LinkPolicy::Pinned => Some(true),
                LinkPolicy::Automatic => self.may(peer, Role::Links).then_some(true),
            };
            self.consent.asks.hear(peer, ask, known, clock::stamp())
        } else {
            (LinkAnswer::Forgotten, self.consent.asks.hear_taken_back(peer, ask.number))
        };
        if !news {
            return self.say_answer(peer, ask.number, answer);
        }
        self.keep_asks(AsksKept::Answer(peer, ask.number, answer));
        self.asks_changed(peer);
        if answer == LinkAnswer::Waiting {
            self.ask_people(peer);
        }
    }

    fn ask_people(&mut self, peer: PeerId) {
        let now = clock::now();
        if self.consent.heard.get(&peer).is_none_or(|heard| now.since(*heard) >= HEAR_EVERY) {
            self.consent.heard.insert(peer, now);
            let sentence = format!("{} asks to pin its link to this machine", self.machines.name(peer));
            self.notice(NoticeKind::Link, NoticeLevel::Problem, sentence, None, Some(peer));
        }
    }

    pub(super) fn on_link_answered(&mut self, peer: PeerId, number: u64, answer: LinkAnswer) {
        if !self.consent.asks.answered(peer, number, answer, clock::stamp()) {
            return;
        }
        let granted = answer == LinkAnswer::Allowed;
        self.keep_asks(if granted { AsksKept::Pin(peer) } else { AsksKept::Nothing });
        self.asks_changed(peer);
        if answer == LinkAnswer::Declined {
            let sentence = format!("the owner of {} does not let this machine pin the link", self.machines.name(peer));
            self.notice(NoticeKind::Link, NoticeLevel::Info, sentence, None, Some(peer));
        }
    }

    /// Answers what another machine asks; the answer goes back once it is written down.
    pub(super) fn answer_ask(&mut self, request: &LinkAnswerRequest, reply: Reply) {
        let answered = self.find_machine(&request.machine).and_then(|peer| {
            let LinkAnswerRequest { allow, always, .. } = *request;
            let answered = self.consent.asks.answer(peer, allow, always, clock::stamp());
            let answered = answered.map_err(|_| self.nothing_asked(peer))?;
            self.asks_changed(peer);
            Ok(answered.map(|(number, answer)| (peer, number, answer)))
        });
        match answered {
            Ok(answer) => self.keep_asks(AsksKept::Answered(answer, reply)),
            Err(error) => {
                let _gone = reply.send(Err(error));
            }
        }
    }

    fn nothing_asked(&self, peer: PeerId) -> ApiError {
        let message = format!("{} asks for nothing", self.machines.name(peer));
        ApiError::new(ErrorCode::WrongState, message).help("see who asks with: gridwell link requests")
    }

    fn keep_asks(&self, then: AsksKept) {
        let kept = self.keep(KEY, postcard::to_stdvec(&self.consent.asks).expect("asks are plain data"));
        self.spawn(async move { Fact::AsksKept(kept.await.unwrap_or(Err(StoreError::Closed)), then) });
    }

    pub(crate) fn on_asks_kept(&mut self, kept: Result<(), StoreError>, then: AsksKept) {
        if let Err(error) = &kept {
            tracing::warn!(%error, "what owners ask each other could not be written down");
        }
        match (kept, then) {
            (Ok(()), AsksKept::Say(peer, reply)) => {
                self.say_asks(peer);
                if let Some(reply) = reply {
                    self.answer_link(peer, reply);
                }
            }
            (Ok(()), AsksKept::Answer(peer, number, answer)) => self.say_answer(peer, number, answer),
            (Ok(()), AsksKept::Answered(answer, reply)) => {
                if let Some((peer, number, answer)) = answer {
                    self.say_answer(peer, number, answer);
                }
                let _gone = reply.send(Ok(Response::LinkAsks(self.link_asks())));
            }
            (Ok(()), AsksKept::Pin(peer)) => self.pin_granted(peer),
            (Err(error), AsksKept::Say(_, Some(reply)) | AsksKept::Answered(_, reply)) => {
                let _gone = reply.send(Err(storage(&error)));
            }
            // It is said again later, when it may be written down.
            (_, AsksKept::Nothing) | (Err(_), _) => {}
        }
    }

    fn say_answer(&mut self, peer: PeerId, number: u64, answer: LinkAnswer) {
        if let Err(error) = self.send(peer, &Message::LinkAnswered { number, answer }) {
            tracing::debug!(%error, "what was asked was not answered; it is asked again");
        }
    }

    /// What a machine wants of its link to this one, as far as that counts: a pin does if it need not ask, or was allowed.
    pub(super) fn agreed(&mut self, peer: PeerId, theirs: LinkWish) -> LinkWish {
        if self.consent.asks.follow(peer, theirs) {
            self.keep_asks(AsksKept::Nothing);
            self.asks_changed(peer);
        }
        let counts = theirs.policy != LinkPolicy::Pinned
            || self.may(peer, Role::Links)
            || self.consent.asks.allows(peer, theirs);
        if counts { theirs } else { LinkWish { policy: LinkPolicy::Automatic, ..theirs } }
    }

    pub(super) fn forget_asks(&mut self, peer: PeerId) {
        if self.consent.asks.forget(peer) {
            self.keep_asks(AsksKept::Nothing);
            self.asks_changed(peer);
        }
        self.consent.heard.remove(&peer);
    }

    pub(super) fn end_old_asks(&mut self) {
        let over = self.consent.asks.end_old(clock::stamp());
        if over.is_empty() {
            return;
        }
        self.keep_asks(AsksKept::Nothing);
        for peer in over {
            self.asks_changed(peer);
        }
    }

    /// Tells listeners what changed about what two owners ask each other.
    fn asks_changed(&mut self, peer: PeerId) {
        let (ours, theirs) = (self.consent.asks.ours(peer), self.consent.asks.theirs(peer));
        for (from, to, ask) in [(self.me, peer, ours), (peer, self.me, theirs)] {
            let view = ask.map(|ask| self.ask_view(&ask));
            let told = match &view {
                Some(view) => self.consent.told.insert((from, to), view.clone()),
                None => self.consent.told.remove(&(from, to)),
            };
            match (view, told) {
                (Some(view), told) if told.as_ref() != Some(&view) => {
                    self.events.tell(EventBody::LinkAskChanged(Box::new(view)));
                }
                (None, Some(_)) => self.events.tell(EventBody::LinkAskRemoved(LinkKey { from, peer: to })),
                _ => {}
            }
        }
        self.link_changed(peer);
    }

    pub(super) fn link_asks(&self) -> LinkAsksView {
        let always = self.consent.asks.always();
        let always =
            always.map(|(machine, allow)| AlwaysView { machine, name: self.machines.name(machine), allow }).collect();
        LinkAsksView { asks: self.ask_views(), always }
    }

    pub(super) fn ask_views(&self) -> Vec<LinkAskView> {
        self.consent.asks.views().map(|ask| self.ask_view(&ask)).collect()
    }

    /// How far this machine's ask to pin its link to `peer` is.
    pub(super) fn own_ask(&self, peer: PeerId) -> Option<LinkAskState> {
        self.consent.asks.ours(peer).map(|ask| shown(ask.state))
    }

    fn ask_view(&self, ask: &AskView) -> LinkAskView {
        let (from, peer) = if ask.ours { (self.me, ask.peer) } else { (ask.peer, self.me) };
        let (from_name, name) = (self.machines.name(from), self.machines.name(peer));
        let (asked, until): (Stamp, Option<Stamp>) = (ask.at, ask.until);
        LinkAskView { from, from_name, peer, name, state: shown(ask.state), asked, until }
    }
}

const fn shown(state: AskState) -> LinkAskState {
    match state {
        AskState::Sending | AskState::TakenBack => LinkAskState::Sending,
        AskState::Waiting => LinkAskState::Waiting,
        AskState::Allowed => LinkAskState::Allowed,
        AskState::Declined => LinkAskState::Declined,
    }
}
