//! What the owner of this machine wants of its links: kept, followed, and changed at the door.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use gridwell_api::{ApiError, ErrorCode, LinkRequest, NoticeKind, NoticeLevel, Response};
use gridwell_links::Input;
use gridwell_model::{LinkPolicy, LinkRule, LinkWish, PeerId, Time};
use gridwell_store::{Store, StoreError};

use super::{Core, Fact, changes::What, facts::Reply, peers::NetWish, words::about};
use crate::{clock, start::StartError};

/// Key in the store.
const KEY: &str = "links";

/// Changes that may wait while one is written: more than people make, few enough to answer soon.
const WAITING: usize = 64;

/// Machines that a refusal names; the rest is counted.
const NAMED: usize = 8;

/// A change that another machine tells of is news for people at most this often; what holds shows in the link.
const HEAR_EVERY: Duration = Duration::from_secs(10);

/// What the owner of this machine wants of its links, and changes on their way to the disk.
#[derive(Default)]
pub(crate) struct Linking {
    wishes: BTreeMap<PeerId, LinkWish>,
    /// True while a change is written. One at a time, so that each is judged by what the one before it left.
    writing: bool,
    waiting: VecDeque<(LinkRequest, Option<u64>, Reply)>,
    /// When people last heard of a change at another machine.
    heard: BTreeMap<PeerId, Time>,
}

/// What is wanted of a link from now on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WishChange {
    peer: PeerId,
    wish: LinkWish,
    /// The change from which this one is the way back.
    undoes: Option<u64>,
}

/// What becomes of a change that is wanted.
enum Judged {
    /// Nothing: it is so already.
    AsItIs,
    /// This is wanted from now on.
    Change(LinkWish),
    /// The other owner is asked first; this is wanted until then.
    Ask(LinkWish),
}

impl Linking {
    /// Reads what is kept. What cannot be read might forbid something, so it is not passed over.
    pub(crate) async fn load(store: &Store) -> Result<Self, StartError> {
        let kept = store.meta(KEY).await?;
        let wishes = kept.map(|bytes| postcard::from_bytes(&bytes).map_err(|source| StartError::Links { source }));
        Ok(Self { wishes: wishes.transpose()?.unwrap_or_default(), ..Self::default() })
    }

    pub(crate) fn of(&self, peer: PeerId) -> LinkWish {
        self.wishes.get(&peer).copied().unwrap_or_default()
    }
}

impl Core {
    /// The members that may link with this machine, and those that are told that they may not.
    pub(crate) fn gate(&self) -> (BTreeSet<PeerId>, BTreeMap<PeerId, LinkWish>) {
        let members = self.membership.grid().peers(clock::stamp());
        let forbidden: BTreeMap<_, _> =
            members.iter().map(|peer| (*peer, self.linking.of(*peer))).filter(|(_, wish)| wish.forbids()).collect();
        (members.into_iter().filter(|peer| !forbidden.contains_key(peer)).collect(), forbidden)
    }

    /// What holds on the link with `peer`, as far as is known here.
    pub(crate) fn link_rule(&self, peer: PeerId) -> LinkRule {
        let theirs = self.links.view(peer).and_then(|view| view.theirs).unwrap_or_default();
        LinkRule::of((self.me, self.linking.of(peer)), (peer, theirs))
    }

    /// Changes what is wanted of a link; the answer goes back once it is written down. `undoes` is the change from which this
    /// one is the way back.
    pub(crate) fn change_link(&mut self, request: LinkRequest, undoes: Option<u64>, reply: Reply) {
        if self.linking.waiting.len() >= WAITING {
            let busy = ApiError::new(ErrorCode::Busy, format!("{WAITING} changes of links wait to be written down"));
            let _gone = reply.send(Err(busy));
            return;
        }
        self.linking.waiting.push_back((request, undoes, reply));
        self.next_link_change();
    }

    fn next_link_change(&mut self) {
        while !self.linking.writing {
            let Some((request, undoes, reply)) = self.linking.waiting.pop_front() else { return };
            match self.judge_link_change(&request) {
                Err(error) => {
                    let _gone = reply.send(Err(error));
                }
                Ok((peer, Judged::AsItIs)) => {
                    self.settle_asks(peer, request.policy);
                    self.answer_change(peer, undoes, reply);
                }
                Ok((peer, Judged::Change(wish))) => self.write_wish(WishChange { peer, wish, undoes }, reply),
                Ok((peer, Judged::Ask(ours))) => self.ask_owner(peer, ours, reply),
            }
        }
    }

    /// Pins a link whose other owner allowed it. Nobody waits for the answer.
    pub(super) fn pin_granted(&mut self, peer: PeerId) {
        let (from, to) = (self.me.to_string(), peer.to_string());
        let policy = LinkPolicy::Pinned;
        let (reply, _nobody) = tokio::sync::oneshot::channel();
        self.change_link(LinkRequest { from, to, policy, expected: None, cut_off: false }, None, reply);
    }

    /// The other end of the link, and what becomes of it.
    fn judge_link_change(&self, request: &LinkRequest) -> Result<(PeerId, Judged), ApiError> {
        let peer = self.other_end(request)?;
        let (ours, rule) = (self.linking.of(peer), self.link_rule(peer));
        let forbidden_there = rule.policy == LinkPolicy::Forbidden && !ours.forbids();
        if ours.policy == request.policy {
            return if rule.policy == request.policy {
                Ok((peer, Judged::AsItIs))
            } else {
                Err(self.wanted_there(peer, rule))
            };
        }
        if request.expected.is_some_and(|expected| expected != rule.revision) {
            return Err(self.changed_since(peer, rule));
        }
        if request.policy == LinkPolicy::Pinned && forbidden_there {
            return Err(self.wanted_there(peer, rule));
        }
        if request.policy == LinkPolicy::Pinned && self.needs_consent(peer) {
            return Ok((peer, Judged::Ask(ours)));
        }
        if request.policy == LinkPolicy::Forbidden && !request.cut_off {
            self.check_cut(peer)?;
        }
        Ok((peer, Judged::Change(ours.changed_to(request.policy, clock::stamp()))))
    }

    fn other_end(&self, request: &LinkRequest) -> Result<PeerId, ApiError> {
        let (from, to) = (self.find_machine(&request.from)?, self.find_machine(&request.to)?);
        if from == to {
            let message = format!("a link has two ends, and both named here are {}", self.machines.name(from));
            return Err(ApiError::new(ErrorCode::BadRequest, message));
        }
        if from != self.me && to != self.me {
            let (from, to) = (self.machines.name(from), self.machines.name(to));
            let message = format!("only the owner of {from} or {to} can change the link between them");
            return Err(ApiError::new(ErrorCode::Forbidden, message).help(format!("change it on {from} or {to}")));
        }
        Ok(if from == self.me { to } else { from })
    }

    fn wanted_there(&self, peer: PeerId, rule: LinkRule) -> ApiError {
        let name = self.machines.name(peer);
        let (does, can) = match rule.policy {
            LinkPolicy::Forbidden => ("forbids", "allowed"),
            LinkPolicy::Pinned | LinkPolicy::Automatic => ("pinned", "given back to the grid"),
        };
        let message = format!("the owner of {name} {does} this link: it can be {can} only there");
        let this = self.machines.name(self.me);
        ApiError::new(ErrorCode::Forbidden, message).help(format!("on {name}: gridwell link auto {this}"))
    }

    pub(super) fn changed_since(&self, peer: PeerId, rule: LinkRule) -> ApiError {
        let name = self.machines.name(peer);
        let message = rule.changed.map_or_else(
            || format!("the link to {name} is not as it was when it was looked at"),
            |(at, stamp)| {
                let ago = about(Duration::from_millis(clock::stamp().0.saturating_sub(stamp.0)));
                format!("the link to {name} was changed on {} {ago} ago", self.machines.name(at))
            },
        );
        ApiError::new(ErrorCode::LinkChanged, message).help("look at it again, then decide")
    }

    /// Refuses what would leave machines without any way to this one.
    fn check_cut(&self, peer: PeerId) -> Result<(), ApiError> {
        let cut = self.map.cut_off(self.me, &self.links.up().collect(), peer);
        if cut.is_empty() {
            return Ok(());
        }
        let mut names: Vec<_> = cut.iter().take(NAMED).map(|peer| self.machines.name(*peer)).collect();
        if cut.len() > NAMED {
            names.push(format!("{} more", cut.len() - NAMED));
        }
        let message = format!(
            "without this link there is no way from {} to {}: no job, file or message travels between them; what runs \
             there for each other is queued again",
            self.machines.name(self.me),
            names.join(", "),
        );
        Err(ApiError::new(ErrorCode::WouldCutOff, message))
    }

    fn write_wish(&mut self, change: WishChange, reply: Reply) {
        self.linking.writing = true;
        let mut wishes = self.linking.wishes.clone();
        wishes.insert(change.peer, change.wish);
        let bytes = postcard::to_stdvec(&wishes).expect("wishes are plain data");
        let store = self.store.clone();
        self.spawn(async move { Fact::WishKept(change, store.put_meta(KEY, bytes).await, reply) });
    }

    /// A wish is written down, or could not be: then nothing has changed.
    pub(crate) fn on_wish_kept(&mut self, change: WishChange, kept: Result<(), StoreError>, reply: Reply) {
        self.linking.writing = false;
        match kept {
            Ok(()) => {
                self.follow_wish(change);
                self.answer_change(change.peer, change.undoes, reply);
            }
            Err(error) => {
                let message = format!("the change could not be written down: {error}");
                let _gone = reply.send(Err(ApiError::new(ErrorCode::Storage, message)));
            }
        }
        self.next_link_change();
    }

    fn follow_wish(&mut self, WishChange { peer, wish, undoes }: WishChange) {
        let before = self.linking.wishes.insert(peer, wish).unwrap_or_default().policy;
        self.links.handle(Input::WishChanged { peer, ours: wish }, clock::now());
        // The other side hears it from its link before that ends.
        self.tell_links_to(peer);
        // The gate lets a dial pass that the link table may wish: its wishes are carried after this.
        let (members, forbidden) = self.gate();
        self.wish_net(NetWish::Members(members, forbidden));
        let name = self.machines.name(peer);
        let sentence = match wish.policy {
            LinkPolicy::Automatic => format!("the link to {name} is automatic again"),
            LinkPolicy::Pinned => format!("the link to {name} is pinned"),
            LinkPolicy::Forbidden => {
                format!("the link to {name} is forbidden: nothing travels over it")
            }
        };
        tracing::info!(machine = name, policy = ?wish.policy, "a link was changed");
        self.settle_asks(peer, wish.policy);
        self.follow_isolation();
        let theirs = self.links.view(peer).and_then(|view| view.theirs).unwrap_or_default().revision;
        self.note_change(self.me, What::Wish { peer, wanted: (before, wish.policy), theirs }, &sentence, undoes);
        self.notice(NoticeKind::Link, NoticeLevel::Info, sentence, None, Some(peer));
        self.link_changed(peer);
    }

    /// The other side said what its owner wants of the link with this machine.
    pub(crate) fn hear_wish(&mut self, peer: PeerId, theirs: LinkWish) {
        let theirs = self.agreed(peer, theirs);
        let before = self.links.view(peer).and_then(|view| view.theirs);
        // What comes over several links may be older than what was heard on the link itself.
        if before.is_some_and(|before| before == theirs || before.revision > theirs.revision) {
            return;
        }
        self.links.handle(Input::WishHeard { peer, theirs }, clock::now());
        self.link_changed(peer);
        let now = clock::now();
        let lately = self.linking.heard.get(&peer).is_some_and(|heard| now.since(*heard) < HEAR_EVERY);
        // What was heard first in this run of the node may be old: what follows it may have been noted before.
        let is_noted = self.changes.heard_of(peer) == Some(theirs.policy);
        if let Some(before) = before.filter(|before| before.revision < theirs.revision && !lately && !is_noted) {
            self.linking.heard.insert(peer, now);
            let name = self.machines.name(peer);
            let sentence = match theirs.policy {
                LinkPolicy::Automatic => format!("{name} leaves its link to this machine to the grid again"),
                LinkPolicy::Pinned => format!("{name} pinned its link to this machine"),
                LinkPolicy::Forbidden => {
                    format!("{name} forbids its link to this machine: nothing travels over it")
                }
            };
            self.note_change(peer, What::Heard { peer, wanted: (before.policy, theirs.policy) }, &sentence, None);
            self.notice(NoticeKind::Link, NoticeLevel::Info, sentence, None, Some(peer));
        }
    }

    fn answer_change(&self, peer: PeerId, undoes: Option<u64>, reply: Reply) {
        match undoes {
            None => self.answer_link(peer, reply),
            Some(_) => {
                let _gone = reply.send(Ok(Response::LinkHistory(self.link_history())));
            }
        }
    }

    pub(super) fn answer_link(&self, peer: PeerId, reply: Reply) {
        let view = self.link_view(peer).ok_or_else(|| ApiError::bug("a member has no link entry"));
        let _gone = reply.send(view.map(|view| Response::Link(Box::new(view))));
    }
}
