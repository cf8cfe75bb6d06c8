//! What lets a machine in: links for scripts, and a code with a link for people.

use std::time::Duration;

use gridwell_api::{
    ApiError, CodeShown, ErrorCode, EventBody, InvitationView, InviteRequest, InviteView, PairShowRequest, Response,
};
use gridwell_model::Role;
use gridwell_store::StoreError;
use gridwell_trust::{Code, INVITE_TTL, InviteLink, Offer, Terms};

use super::super::{Core, facts::Reply, membership::INVITES_KEY, peers::NetWish};
use crate::{clock, core::storage};

/// Longest life of an invite: a week.
const MAX_TTL: Duration = Duration::from_hours(168);

/// Longest stay of a guest: what is to stay longer is a machine of one's own.
const MAX_STAY: Duration = Duration::from_hours(90 * 24);

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
        let terms = terms_of(request);
        match terms.and_then(|terms| self.make_invite(ttl, MAX_TTL, request.approve_now, terms)) {
            Ok(link) => {
                let view = InviteView { link: link.to_text(), expires: link.expires };
                self.keep_invites_then(Ok(Response::Invite(view)), reply);
            }
            Err(error) => {
                let _gone = reply.send(Err(error));
            }
        }
    }

    /// Shows a code and a link; those shown before are taken back.
    pub(crate) fn show_code(&mut self, request: &PairShowRequest, reply: Reply) {
        let most = Duration::from_secs(PairShowRequest::MAX_SECS);
        let ttl = request.ttl_secs.map_or(most, Duration::from_secs);
        let shown = self.take_code_back();
        let invitation = self.make_invite(ttl, most, false, Terms::default()).and_then(|link| self.show_code_of(&link));
        match invitation {
            Ok(invitation) => self.keep_invites_then(Ok(Response::Invitation(invitation)), reply),
            Err(error) if shown => self.keep_invites_then(Err(error), reply),
            Err(error) => {
                let _gone = reply.send(Err(error));
            }
        }
    }

    pub(crate) fn hide_code(&mut self, reply: Reply) {
        self.take_code_back();
        let pairings = self.pairings();
        self.keep_invites_then(Ok(Response::Pairings(pairings)), reply);
    }

    fn show_code_of(&mut self, link: &InviteLink) -> Result<InvitationView, ApiError> {
        let code = Code::new(crate::start::random());
        if let Err(refused) = self.pairing.host.show_code(code.clone(), link.invite, clock::now()) {
            self.membership.invites.close(link.invite);
            let minutes = refused.until.since(clock::now()).as_secs().div_ceil(60);
            let error = ApiError::new(ErrorCode::TooManyGuesses, refused.to_string());
            return Err(error.help(format!("show one in {minutes} min, or use a link: gridwell invite")));
        }
        self.become_findable(link.invite);
        let (expires, addresses) = (link.expires, link.addresses.clone());
        Ok(InvitationView { code: code.to_text(), link: link.to_text(), expires, addresses })
    }

    /// Takes the code back that is shown, and its link. Returns false if none is.
    pub(super) fn take_code_back(&mut self) -> bool {
        let shown = self.pairing.host.shown();
        self.pairing.host.hide_code();
        shown.is_some_and(|invite| self.membership.invites.close(invite))
    }

    pub(crate) fn code_shown(&self) -> CodeShown {
        let shown = self.pairing.host.shown();
        CodeShown { until: shown.and_then(|invite| self.membership.invites.open_until(invite, clock::stamp())) }
    }

    /// Tells every window when the code is another one, or none: used, burnt, taken back or too old.
    pub(crate) fn tell_code(&mut self) {
        let shown = self.code_shown();
        if std::mem::replace(&mut self.pairing.told, shown) != shown {
            self.events.tell(EventBody::CodeChanged(shown));
        }
    }

    fn make_invite(
        &mut self,
        ttl: Duration,
        most: Duration,
        approved: bool,
        terms: Terms,
    ) -> Result<InviteLink, ApiError> {
        if ttl.is_zero() || ttl > most {
            let message = format!("an invite stays good for 1 s to {} s, not for {} s", most.as_secs(), ttl.as_secs());
            return Err(ApiError::new(ErrorCode::BadValue, message));
        }
        if !self.may_admit() {
            return Err(self.not_an_admin("let machines in"));
        }
        let offer = Offer {
            grid: self.membership.grid.id(),
            inviter: self.me,
            addresses: &self.membership.addresses,
            now: clock::stamp(),
            ttl,
            approved,
            terms,
        };
        let link = self.membership.invites.create(&offer, crate::start::random(), crate::start::random());
        link.map_err(|error| ApiError::new(ErrorCode::WrongState, error.to_string()))
    }

    /// Answers once the invites are kept and strangers may knock: no link leaves this machine before.
    fn keep_invites_then(&mut self, answer: Result<Response, ApiError>, reply: Reply) {
        self.membership.joinable = true;
        let (net, kept) = (self.net.clone(), self.keep(INVITES_KEY, self.membership.invites.encode()));
        self.beside.spawn(async move {
            let kept = kept.await.unwrap_or(Err(StoreError::Closed));
            net.set_joinable(true).await;
            let _gone = reply.send(kept.map_err(|error| storage(&error)).and(answer));
        });
    }
}

/// What the machine that comes with an invite becomes.
fn terms_of(request: &InviteRequest) -> Result<Terms, ApiError> {
    let guest_for = request.guest_secs.map(Duration::from_secs);
    if guest_for.is_some_and(|stay| stay.is_zero() || stay > MAX_STAY) {
        let message = format!("a guest stays for 1 s to {} days", MAX_STAY.as_secs() / 86_400);
        return Err(ApiError::new(ErrorCode::BadValue, message));
    }
    let roles = request.roles.clone().unwrap_or_else(|| Terms::default().roles);
    if guest_for.is_some() && roles.contains(&Role::Admin) {
        let error =
            ApiError::new(ErrorCode::BadValue, "a guest cannot be an admin: it goes, and who it let in would stay");
        return Err(error.help("let it in as a machine of your own: gridwell invite"));
    }
    Ok(Terms { roles, guest_for })
}
