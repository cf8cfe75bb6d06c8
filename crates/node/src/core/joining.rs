//! Letting a machine in, and being let in.

use std::time::Duration;

use gridwell_api::{ApiError, ErrorCode, InviteRequest, InviteView, JoinedView, NoticeKind, NoticeLevel, Response};
use gridwell_links::Input;
use gridwell_model::PeerId;
use gridwell_net::JoinError;
use gridwell_trust::{Grid, INVITE_TTL, InviteLink, JoinAttempt, LinkError, Offer, Refusal};
use gridwell_wire::{JoinAnswer, JoinRequest, PROTOCOL_VERSION};
use tokio::sync::oneshot;

use super::{
    Core, Fact, Membership,
    facts::Reply,
    membership::{INVITES_KEY, keep_grid},
    peers::NetWish,
    words::number,
};
use crate::clock;

/// Longest life of an invite: a week.
const MAX_TTL: Duration = Duration::from_hours(168);

/// A join on its way to the inviter.
#[derive(Debug)]
pub(crate) struct JoinPlan {
    link: InviteLink,
}

impl Core {
    /// Lets strangers knock while an invite expects them, and no longer.
    pub(crate) fn follow_invites(&mut self) {
        let joinable = self.membership.invites.expects_strangers(clock::stamp());
        if std::mem::replace(&mut self.membership.joinable, joinable) != joinable {
            self.wish_net(NetWish::Joinable(joinable));
        }
    }

    pub(crate) fn invite(&mut self, request: &InviteRequest, reply: Reply) {
        let ttl = request.ttl_secs.map_or(INVITE_TTL, Duration::from_secs);
        if ttl.is_zero() || ttl > MAX_TTL {
            let message =
                format!("an invite stays good for 1 s to {} s, not for {} s", MAX_TTL.as_secs(), ttl.as_secs());
            let _gone = reply.send(Err(ApiError::new(ErrorCode::BadValue, message)));
            return;
        }
        let offer = Offer {
            grid: self.membership.grid.id(),
            inviter: self.me,
            addresses: &self.membership.addresses,
            now: clock::stamp(),
            ttl,
        };
        let link = match self.membership.invites.create(&offer, crate::start::random(), crate::start::random()) {
            Ok(link) => link,
            Err(error) => {
                let _gone = reply.send(Err(ApiError::new(ErrorCode::WrongState, error.to_string())));
                return;
            }
        };
        let view = InviteView { link: link.to_text(), expires: link.expires };
        self.membership.joinable = true;
        let (store, net, invites) = (self.store.clone(), self.net.clone(), self.membership.invites.encode());
        // The link leaves this machine only once the invite is kept and strangers may knock.
        self.beside.spawn(async move {
            let kept = store.put_meta(INVITES_KEY, invites).await;
            net.set_joinable(true).await;
            let answer = kept.map(|()| Response::Invite(view));
            let _gone = reply.send(answer.map_err(|error| ApiError::new(ErrorCode::Storage, error.to_string())));
        });
    }

    pub(super) fn on_join_asked(&mut self, peer: PeerId, request: JoinRequest, answer: oneshot::Sender<JoinAnswer>) {
        if request.version != PROTOCOL_VERSION {
            let _gone = answer.send(JoinAnswer::Version { version: PROTOCOL_VERSION });
            return;
        }
        let attempt = JoinAttempt {
            grid: request.grid,
            joiner: peer,
            name: request.name,
            addresses: request.addresses,
            invite: request.invite,
            proof: request.proof,
        };
        let Membership { identity, grid, invites, .. } = &mut self.membership;
        match invites.redeem(&attempt, grid, identity, clock::stamp()) {
            Ok(record) => {
                tracing::info!(machine = record.name, "joined the grid");
                self.welcome(answer);
                self.tell_joined(peer);
            }
            Err(refusal) => {
                tracing::info!(machine = peer.short(), %refusal, "a join was refused");
                let _gone = answer.send(match refusal {
                    Refusal::Used => JoinAnswer::Used,
                    Refusal::Expired => JoinAnswer::Expired,
                    Refusal::Unknown => JoinAnswer::Unknown,
                    Refusal::OtherGrid => JoinAnswer::OtherGrid,
                });
            }
        }
    }

    /// Keeps the new member and the used invite, opens the gate, then answers.
    fn welcome(&mut self, answer: oneshot::Sender<JoinAnswer>) {
        let records = self.membership.grid.encoded();
        for peer in self.links.up().collect::<Vec<_>>() {
            self.send_records(peer, records.clone());
        }
        self.members_changed();
        let (store, net, (members, forbidden)) = (self.store.clone(), self.net.clone(), self.gate());
        let (id, invites) = (self.membership.grid.id(), self.membership.invites.encode());
        self.beside.spawn(async move {
            let kept = async {
                store.put_meta(INVITES_KEY, invites).await?;
                keep_grid(&store, id, records.clone()).await
            };
            if let Err(error) = kept.await {
                tracing::error!(%error, "a new member was not kept");
                return;
            }
            net.set_members(members, forbidden).await;
            let _gone = answer.send(JoinAnswer::Joined { members: records });
        });
    }

    pub(crate) fn join(&self, text: &str, reply: Reply) {
        let link = match InviteLink::parse(text) {
            Ok(link) => link,
            Err(error) => {
                let code = match error {
                    LinkError::NotALink => ErrorCode::InviteMalformed,
                    LinkError::Damaged => ErrorCode::InviteTampered,
                    LinkError::Version { .. } => ErrorCode::OtherVersion,
                };
                let _gone = reply.send(Err(ApiError::new(code, error.to_string())));
                return;
            }
        };
        if let Err(error) = self.may_join(&link) {
            let _gone = reply.send(Err(error));
            return;
        }
        let request = JoinRequest {
            version: PROTOCOL_VERSION,
            grid: link.grid,
            joiner: self.me,
            name: self.machines.settings().name.clone(),
            addresses: self.membership.addresses.clone(),
            invite: link.invite,
            proof: link.proof(self.me),
        };
        let net = self.net.clone();
        self.spawn(async move {
            let answer = net.join(link.addresses.clone(), link.inviter, request).await;
            let answer = answer.map_err(|error| join_failed(&error));
            Fact::JoinAnswered(Box::new(JoinPlan { link }), answer, reply)
        });
    }

    fn may_join(&self, link: &InviteLink) -> Result<(), ApiError> {
        let already = |message: &str, help: &str| Err(ApiError::new(ErrorCode::AlreadyMember, message).help(help));
        if link.inviter == self.me {
            return already("this invite was made by this machine itself", "give the link to another machine");
        }
        if link.grid == self.membership.grid.id() {
            return already("this machine belongs to that grid already", "see its machines with: gridwell machines");
        }
        if self.membership.grid.members().count() > 1 {
            return already(
                "this machine belongs to another grid already",
                "start it with a fresh data folder (--data DIR) to join a second grid",
            );
        }
        Ok(())
    }

    pub(crate) fn on_join_answered(&mut self, plan: JoinPlan, answer: Result<JoinAnswer, ApiError>, reply: Reply) {
        let joined = answer.and_then(|answer| self.adopt_grid(&plan.link, answer));
        let _gone = reply.send(joined.map(Response::Joined));
    }

    fn adopt_grid(&mut self, link: &InviteLink, answer: JoinAnswer) -> Result<JoinedView, ApiError> {
        let members = match answer {
            JoinAnswer::Joined { members } => members,
            JoinAnswer::Used => {
                return Err(ApiError::new(ErrorCode::InviteUsed, "the invite was used already").help(ASK_AGAIN));
            }
            JoinAnswer::Expired => {
                return Err(ApiError::new(ErrorCode::InviteExpired, "the invite has expired").help(ASK_AGAIN));
            }
            JoinAnswer::Unknown => {
                return Err(
                    ApiError::new(ErrorCode::InviteTampered, "the inviter does not know this invite").help(ASK_AGAIN)
                );
            }
            JoinAnswer::OtherGrid => {
                return Err(
                    ApiError::new(ErrorCode::OtherGrid, "the inviter belongs to another grid now").help(ASK_AGAIN)
                );
            }
            JoinAnswer::Version { version } => {
                let message = format!("the inviter speaks protocol version {version}, this machine {PROTOCOL_VERSION}");
                return Err(
                    ApiError::new(ErrorCode::OtherVersion, message).help("install the same version on both machines")
                );
            }
        };
        let mut grid = Grid::of(link.grid);
        grid.merge(members);
        if !grid.is_member(self.me) || !grid.is_member(link.inviter) {
            return Err(ApiError::new(ErrorCode::OtherGrid, "the inviter's records do not make this machine a member"));
        }
        self.membership.grid = grid;
        self.keep_records();
        self.set_hello();
        self.members_changed();
        let reached = Input::AddressesLearned { peer: link.inviter, addresses: link.addresses.clone() };
        self.links.handle(reached, clock::now());
        self.keep_addresses(link.inviter);
        tracing::info!(grid = %link.grid, "joined a grid");
        let names: Vec<String> = self.membership.grid.members().map(|member| member.name.clone()).collect();
        let machines = number(names.len() as u64, "machine");
        let sentence = format!("joined the grid of {}: {machines}", self.machines.name(link.inviter));
        self.notice(NoticeKind::Machine, NoticeLevel::Info, sentence, None, Some(self.me));
        Ok(JoinedView { grid: link.grid, machines: names })
    }
}

const ASK_AGAIN: &str = "ask for a new one: gridwell invite on a machine of that grid";

fn join_failed(error: &JoinError) -> ApiError {
    ApiError::new(ErrorCode::PeerUnreachable, error.to_string())
        .help("check that the inviting machine is awake, runs gridwell and can be reached from here")
}
