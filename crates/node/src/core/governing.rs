//! What people decide about the members of the grid: roles, revocations, recovery words.

use std::collections::BTreeSet;

use gridwell_api::{
    ApiError, ErrorCode, EventBody, GovernedView, MemberView, MembersView, ProposalKind, ProposalView, RecoverRequest,
    RecoveryWordsView, Response, RevokeRequest, RevokedView, RoleRequest,
};
use gridwell_model::{PeerId, Role, Stamp};
use gridwell_trust::{Done, Grid, Identity, Proposal, Proposed, RecoveryWords, WriteError};

use super::{Core, Fact, facts::Reply, membership::Membership};
use crate::clock;

impl Core {
    pub(crate) fn members_view(&self) -> MembersView {
        let (grid, now) = (&self.membership.grid, clock::stamp());
        let view = |member: &gridwell_trust::Member| MemberView {
            id: member.peer,
            name: self.machines.name(member.peer),
            this: member.peer == self.me,
            roles: member.roles.clone(),
            guest: member.guest,
            until: member.until,
            expired: member.until <= now,
            since: member.since,
        };
        let mut members: Vec<_> = grid.members().map(view).collect();
        members.sort_by(|left, right| (!left.this, &left.name).cmp(&(!right.this, &right.name)));
        let revoked = grid.revoked().iter().map(|(peer, revoked)| RevokedView {
            id: *peer,
            name: revoked.name.clone(),
            by: revoked.by.map(|by| self.member_name(by)),
            at: revoked.at,
        });
        MembersView {
            grid: grid.id(),
            members,
            revoked: revoked.collect(),
            proposals: grid.proposals().iter().map(|proposal| self.proposal_view(proposal)).collect(),
            recovery: grid.recovery().is_some(),
        }
    }

    fn proposal_view(&self, proposal: &Proposal) -> ProposalView {
        let by = self.member_name(proposal.by);
        let (what, machine) = match proposal.what {
            Proposed::Admin(peer) => (ProposalKind::Admin, Some(peer)),
            Proposed::NoAdmin(peer) => (ProposalKind::NoAdmin, Some(peer)),
            Proposed::Revoke(peer) => (ProposalKind::Revoke, Some(peer)),
            Proposed::Recovery(_) => (ProposalKind::Recovery, None),
        };
        let name = machine.map_or_else(String::new, |peer| self.machines.name(peer));
        let (sentence, confirm) = match what {
            ProposalKind::Admin => {
                (format!("{by} wants {name} to be an admin"), format!("gridwell role {name} --give admin"))
            }
            ProposalKind::NoAdmin => {
                (format!("{by} wants {name} to be no admin any more"), format!("gridwell role {name} --take admin"))
            }
            ProposalKind::Revoke => (format!("{by} wants to revoke {name}"), format!("gridwell revoke {name}")),
            ProposalKind::Recovery => (format!("{by} made recovery words"), "gridwell recover confirm".to_owned()),
        };
        ProposalView { by: proposal.by, what, machine, sentence, confirm }
    }

    /// Listeners hear of it when anything that people see of the members has changed.
    pub(super) fn tell_members(&mut self) {
        let view = self.members_view();
        if self.membership.told_view.as_ref() != Some(&view) {
            self.events.tell(EventBody::MembersChanged(Box::new(view.clone())));
            self.membership.told_view = Some(view);
        }
    }

    /// What people call a member, or called one that was revoked.
    fn member_name(&self, peer: PeerId) -> String {
        let revoked = self.membership.grid.revoked().get(&peer).map(|revoked| revoked.name.clone());
        revoked.unwrap_or_else(|| self.machines.name(peer))
    }

    pub(crate) fn change_roles(&mut self, request: &RoleRequest, reply: Reply) {
        let wish = self.find_member(&request.machine).and_then(|peer| {
            if request.give.is_empty() && request.take.is_empty() {
                let error = ApiError::new(ErrorCode::BadValue, "no role is named");
                return Err(error.help("name some: --give run, --take files"));
            }
            let mut roles = self.membership.grid.member(peer).map(|member| member.roles.clone()).unwrap_or_default();
            roles.extend(&request.give);
            roles.retain(|role| !request.take.contains(role));
            Ok((peer, roles))
        });
        let (peer, roles) = match wish {
            Ok(wish) => wish,
            Err(error) => {
                let _gone = reply.send(Err(error));
                return;
            }
        };
        let name = self.machines.name(peer);
        self.govern(
            reply,
            "change what machines may do",
            |grid, identity, now| grid.set_roles(identity, peer, &roles, now),
            |done| {
                governed(
                    done,
                    format!("{name} may now: {}", Role::list(&roles)),
                    &format!("the role of {name} as an admin"),
                )
            },
        );
    }

    pub(crate) fn revoke(&mut self, request: &RevokeRequest, reply: Reply) {
        let peer = match self.find_member(&request.machine) {
            Ok(peer) => peer,
            Err(error) => {
                let _gone = reply.send(Err(error));
                return;
            }
        };
        let name = self.machines.name(peer);
        let sentence = if peer == self.me {
            "this machine left the grid and is on its own now".to_owned()
        } else {
            format!("{name} is revoked")
        };
        self.govern(
            reply,
            "revoke machines",
            |grid, identity, now| grid.revoke(identity, peer, now),
            |done| governed(done, sentence, &format!("that {name} goes")),
        );
    }

    /// Makes recovery words: this answer is the only place that ever holds them.
    pub(crate) fn set_recovery(&mut self, reply: Reply) {
        let words = RecoveryWords::new(crate::start::random());
        let key = words.key().peer();
        self.govern(
            reply,
            "set recovery words",
            |grid, identity, now| grid.set_recovery(identity, key, now),
            |done| {
                let GovernedView { in_effect, sentence } =
                    told(done, "these words recover the grid from now on".to_owned(), "them");
                Response::RecoveryWords(RecoveryWordsView { words: words.to_text().to_string(), in_effect, sentence })
            },
        );
    }

    /// Confirms the recovery words that another admin made.
    pub(crate) fn confirm_recovery(&mut self, reply: Reply) {
        let proposals = self.membership.grid.proposals().iter();
        let made = proposals.filter(|proposal| proposal.by != self.me).filter_map(|proposal| match proposal.what {
            Proposed::Recovery(key) => Some(key),
            _ => None,
        });
        let made: BTreeSet<_> = made.collect();
        let key = match made.iter().collect::<Vec<_>>()[..] {
            [key] => *key,
            _ => {
                let error =
                    ApiError::new(ErrorCode::WrongState, "no recovery words of another admin wait for this machine");
                let _gone = reply.send(Err(error.help("see what waits with: gridwell members")));
                return;
            }
        };
        self.govern(
            reply,
            "confirm recovery words",
            |grid, identity, now| grid.set_recovery(identity, key, now),
            |done| governed(done, "the recovery words are confirmed".to_owned(), "them"),
        );
    }

    /// Makes this machine an admin by the recovery words, and revokes whom they name.
    pub(crate) fn recover(&mut self, request: &RecoverRequest, reply: Reply) {
        let wish = RecoveryWords::parse(&request.words)
            .map_err(|error| ApiError::new(ErrorCode::BadValue, error.to_string()))
            .and_then(|words| {
                let revoke: Result<Vec<_>, _> = request.revoke.iter().map(|name| self.find_member(name)).collect();
                Ok((words.key(), revoke?))
            });
        let (words, revoke) = match wish {
            Ok(wish) => wish,
            Err(error) => {
                let _gone = reply.send(Err(error));
                return;
            }
        };
        if revoke.contains(&self.me) {
            let error = ApiError::new(ErrorCode::BadValue, "this machine cannot be recovered and revoked at once");
            let _gone = reply.send(Err(error));
            return;
        }
        let (me, name) = (self.me, self.machines.settings().name.clone());
        let addresses = self.membership.addresses.clone();
        let names: Vec<_> = revoke.iter().map(|peer| self.machines.name(*peer)).collect();
        let sentence = match names.as_slice() {
            [] => "this machine is an admin".to_owned(),
            names => format!("this machine is an admin; revoked: {}", names.join(", ")),
        };
        self.govern(
            reply,
            "recover the grid",
            |grid, _, now| {
                grid.restore(&words, me, &name, &addresses, now)?;
                revoke.iter().try_for_each(|peer| grid.revoke_by_words(&words, *peer, now))?;
                Ok(Done::InEffect)
            },
            |done| governed(done, sentence, ""),
        );
    }

    /// Writes into the membership log; the answer goes back once it is on disk and others are told.
    fn govern(
        &mut self,
        reply: Reply,
        deed: &str,
        write: impl FnOnce(&mut Grid, &Identity, Stamp) -> Result<Done, WriteError>,
        answer: impl FnOnce(Done) -> Response,
    ) {
        let Membership { grid, identity, .. } = &mut self.membership;
        let from = grid.len();
        match write(grid, identity, clock::stamp()) {
            Ok(done) => {
                let updates = grid.encoded_from(from);
                let (kept, asked) = (self.keep_grid(), Some((reply, answer(done))));
                self.spawn(async move { Fact::MembersWritten(updates, kept.await, asked) });
            }
            Err(error) => {
                let _gone = reply.send(Err(self.not_written(&error, deed)));
            }
        }
    }

    fn not_written(&self, error: &WriteError, deed: &str) -> ApiError {
        let named = |peer: PeerId| self.member_name(peer);
        let refused = |code, message: String| ApiError::new(code, message);
        match error {
            WriteError::NotAnAdmin { .. } => self.not_an_admin(deed),
            WriteError::NotAMember { peer } => self.unknown_machine(&named(*peer)),
            WriteError::AlreadyRevoked { peer } => {
                refused(ErrorCode::WrongState, format!("{} is revoked already", named(*peer)))
                    .help("see who was with: gridwell members")
            }
            WriteError::AlreadyProposed => refused(
                ErrorCode::WrongState,
                "this machine wants that already, and another admin has to confirm it".to_owned(),
            )
            .help("ask at another admin's machine, or use the recovery words: gridwell recover use"),
            WriteError::LastAdmin { peer } => refused(
                ErrorCode::WrongState,
                format!("{} is the only admin: nobody could let machines in any more", named(*peer)),
            )
            .help("make another one first: gridwell role MACHINE --give admin"),
            WriteError::WrongWords => {
                refused(ErrorCode::Forbidden, "those are not the recovery words of this grid".to_owned())
                    .help("use the words that were made last")
            }
            WriteError::NoWords => refused(ErrorCode::WrongState, "this grid has no recovery words".to_owned())
                .help("an admin makes some with: gridwell recover set"),
            WriteError::Refused(refusal) => refused(ErrorCode::WrongState, refusal.to_string()),
        }
    }

    /// The member that a person's text names, among those whose time is over too.
    fn find_member(&self, text: &str) -> Result<PeerId, ApiError> {
        match self.find_machine(text) {
            Ok(peer) => Ok(peer),
            Err(error) => {
                let mut revoked = self.membership.grid.revoked().iter();
                let known = revoked.find(|(peer, revoked)| {
                    revoked.name.eq_ignore_ascii_case(text) || (text.len() >= 4 && peer.to_string().starts_with(text))
                });
                Err(known.map_or(error, |(peer, _)| self.not_written(&WriteError::AlreadyRevoked { peer: *peer }, "")))
            }
        }
    }
}

fn told(done: Done, sentence: String, what: &str) -> GovernedView {
    match done {
        Done::InEffect => GovernedView { in_effect: true, sentence },
        Done::Proposed => {
            let sentence =
                format!("another admin has to confirm {what}, at its own machine: gridwell members shows how");
            GovernedView { in_effect: false, sentence }
        }
    }
}

fn governed(done: Done, sentence: String, what: &str) -> Response {
    Response::Governed(told(done, sentence, what))
}
