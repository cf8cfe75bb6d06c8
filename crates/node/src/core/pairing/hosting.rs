//! The member's side: machines that ask to be let in.

use gridwell_api::{
    ApiError, NoticeKind, NoticeLevel, PairAnswerRequest, PairMethod, PairSide, PairState, PairingView, Response,
};
use gridwell_model::PeerId;
use gridwell_net::Talk;
use gridwell_store::StoreError;
use gridwell_trust::{Guest, HostEffect, Method, Outcome, Pass, Visit};
use zeroize::Zeroizing;

use super::{
    super::{Core, Fact, facts::Reply, membership::INVITES_KEY},
    ended, fingerprint, later, moment, stamp_at, unknown, words,
};
use crate::{clock, core::storage};

impl Core {
    pub(crate) fn on_visited(&mut self, peer: PeerId, address: String, talk: Talk) {
        let visit = self.pairing.next_visit();
        self.listen_to(visit, address, talk);
        self.pairing.host.arrive(visit, peer, clock::now());
    }

    pub(super) fn hear_guest(&mut self, visit: Visit, bytes: &[u8]) {
        let random = Zeroizing::new(crate::start::random());
        let name = self.machines.settings().name.clone();
        let house = gridwell_trust::House { name: &name, ..self.house() };
        self.pairing.host.hear(visit, bytes, random, &house, &mut self.membership.invites, moment());
    }

    pub(crate) fn carry_hosting(&mut self, effect: HostEffect) {
        match effect {
            HostEffect::Say { visit, bytes } => self.pairing.say(visit, bytes),
            HostEffect::Close { visit } => {
                self.pairing.lines.remove(&visit);
            }
            HostEffect::Ask { visit } => {
                if let Some(guest) = self.pairing.host.guest(visit).cloned() {
                    self.show_guest(visit, &guest, PairState::Waiting);
                    let sentence = words::of_guest(&guest.name, &guest.terms, PairState::Waiting);
                    self.notice(NoticeKind::Machine, NoticeLevel::Warning, sentence, None, Some(guest.peer));
                }
            }
            HostEffect::Admit { visit, guest } => self.admit(visit, &guest),
            HostEffect::Ended { visit, guest, outcome } => self.on_guest_ended(visit, &guest, outcome),
            HostEffect::CodeBurnt { peer, name } => {
                let who = format!("{name} ({})", peer.short());
                let sentence = format!("a wrong code was typed on {who}: the code shown here is not good any more");
                tracing::warn!(machine = who, "a wrong pairing code was tried");
                self.notice(NoticeKind::Machine, NoticeLevel::Warning, sentence, None, None);
            }
        }
    }

    /// A person decided, or gives up.
    pub(crate) fn answer_pairing(&mut self, request: &PairAnswerRequest, reply: Reply) {
        match self.decide(request) {
            Ok(visit) => match self.pairing.views.get(&visit) {
                Some(view) if view.state.is_ended() => {
                    let _gone = reply.send(Ok(Response::Pairing(Box::new(view.clone()))));
                }
                // Answered when it is written down.
                _ => self.pairing.replies.entry(visit).or_default().push(reply),
            },
            Err(error) => {
                let _gone = reply.send(Err(error));
            }
        }
    }

    fn decide(&mut self, request: &PairAnswerRequest) -> Result<Visit, ApiError> {
        let visit = self.named_pairing(&request.pairing)?;
        if self.pairing.entering.as_ref().is_some_and(|entering| entering.visit == visit) {
            if request.approve {
                let message = "the other machine lets this one in, not this one itself".to_owned();
                return Err(unknown(message).help("approve it there: gridwell pair approve"));
            }
            self.give_up();
            return Ok(visit);
        }
        let decided = self.pairing.host.decide(visit, request.approve, &mut self.membership.invites);
        decided.map_err(|error| unknown(error.to_string()))?;
        Ok(visit)
    }

    /// Makes a guest a member: first on disk, then at the gate, then it is told, and everybody else.
    fn admit(&mut self, visit: Visit, guest: &Guest) {
        let (grid, identity) = (&mut self.membership.grid, &self.membership.identity);
        let from = grid.len();
        let now = clock::stamp();
        let guest_until = guest.terms.guest_for.map(|stay| later(now, stay));
        let (name, addresses, roles) = (&guest.name, &guest.addresses, &guest.terms.roles);
        let pass = Pass { peer: guest.peer, name, addresses, roles, guest_until };
        if let Err(error) = grid.admit(identity, &pass, now) {
            tracing::warn!(%error, machine = guest.name, "a machine could not be let in");
            self.pairing.host.admitted(visit, None);
            return;
        }
        self.membership.invites.use_up(guest.invite, guest.peer);
        let (net, (members, forbidden)) = (self.net.clone(), self.gate());
        let updates = self.membership.grid.encoded_from(from);
        drop(self.keep(INVITES_KEY, self.membership.invites.encode()));
        let kept = self.keep_grid();
        self.spawn(async move {
            let kept = kept.await;
            if kept.is_ok() {
                net.set_members(members, forbidden).await;
            }
            Fact::MemberKept(visit, updates, kept)
        });
    }

    pub(crate) fn on_member_kept(&mut self, visit: Visit, updates: &[Vec<u8>], kept: Result<(), StoreError>) {
        if let Err(error) = kept {
            tracing::error!(%error, "a new member was not kept");
            self.pairing.host.admitted(visit, None);
            return;
        }
        self.spread(None, updates);
        self.members_changed();
        self.pairing.host.admitted(visit, Some(self.membership.grid.encoded()));
    }

    fn on_guest_ended(&mut self, visit: Visit, guest: &Guest, outcome: Outcome) {
        let state = match outcome {
            Outcome::Joined => PairState::Joined,
            Outcome::Rejected => PairState::Rejected,
            Outcome::TimedOut => PairState::TimedOut,
            Outcome::Left => PairState::Cancelled,
            Outcome::Failed => PairState::Failed,
        };
        tracing::info!(machine = guest.name, ?state, "a pairing ended");
        self.show_guest(visit, guest, state);
        if state == PairState::Joined {
            self.tell_joined(guest.peer);
        } else {
            let sentence = words::of_guest(&guest.name, &guest.terms, state);
            self.notice(NoticeKind::Machine, NoticeLevel::Info, sentence, None, Some(guest.peer));
        }
        let Some(view) = self.pairing.views.get(&visit).cloned() else { return };
        let replies = self.pairing.replies.remove(&visit).unwrap_or_default();
        // A rejection has closed the invite: that is written down before anybody hears that it is so.
        let kept = self.keep(INVITES_KEY, self.membership.invites.encode());
        self.beside.spawn(async move {
            let kept = kept.await.unwrap_or(Err(StoreError::Closed)).map_err(|error| storage(&error));
            for reply in replies {
                let _gone = reply.send(kept.clone().map(|()| Response::Pairing(Box::new(view.clone()))));
            }
        });
    }

    fn show_guest(&mut self, visit: Visit, guest: &Guest, state: PairState) {
        let known = self.pairing.views.get(&visit);
        let mut view = PairingView {
            id: visit,
            side: PairSide::Host,
            method: match guest.method {
                Method::Code => PairMethod::Code,
                Method::Link => PairMethod::Link,
            },
            machine: guest.name.clone(),
            peer: Some(guest.peer),
            fingerprint: fingerprint(guest.peer),
            address: known.map_or_else(|| self.pairing.address(visit), |view| view.address.clone()),
            words: guest.words.clone(),
            state,
            sentence: words::of_guest(&guest.name, &guest.terms, state),
            error: None,
            since: known.map_or_else(clock::stamp, |view| view.since),
            until: Some(stamp_at(guest.until)),
        };
        if state.is_ended() {
            ended(&mut view, state);
        }
        self.show_pairing(view);
    }
}
