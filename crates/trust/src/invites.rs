use std::{collections::BTreeMap, time::Duration};

use gridwell_model::{GridId, PeerId, Stamp};
use serde::{Deserialize, Serialize};

use crate::{
    grid::Grid,
    identity::Identity,
    invite_link::InviteLink,
    record::{MemberRecord, clean_addresses},
    secret::Secret,
};

/// How long a link lives unless said otherwise.
pub const INVITE_TTL: Duration = Duration::from_hours(24);
/// Most invites that wait for their joiner at once.
pub const MAX_LIVE_INVITES: usize = 64;
/// Most invites remembered, used ones included.
const MAX_INVITES: usize = 512;
/// How long an expired invite is remembered, so that its holder hears "expired" and not "unknown".
const MEMORY: Duration = Duration::from_hours(1);
/// Wrong proofs of one invite within [`WRONG_WINDOW`] before it rests. A secret of 128 bits needs no more than a
/// limit on the work done for guesses; and it takes the link to know the invite's id.
const MAX_WRONG: u32 = 8;
const WRONG_WINDOW: Duration = Duration::from_mins(1);
/// Largest saved state in bytes.
const MAX_STATE_BYTES: usize = 256 * 1024;

/// Why no invite was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreateError {
    /// [`MAX_LIVE_INVITES`] wait already.
    #[error("{MAX_LIVE_INVITES} invites wait for their machines; use or withdraw one first")]
    TooMany,
    /// Those 8 bytes name another invite: they were not random.
    #[error("an invite with that id exists")]
    Exists,
}

/// Why a join was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another machine joined with it.
    #[error("the invite was used already")]
    Used,
    /// Its time is over.
    #[error("the invite has expired")]
    Expired,
    /// No such invite, or a wrong proof: the two are not told apart.
    #[error("there is no such invite")]
    Unknown,
    /// It names another grid.
    #[error("the invite is for another grid")]
    OtherGrid,
}

/// Why a saved state was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes are not saved invites of a known version")]
pub struct RestoreError {
    /// How many bytes.
    pub bytes: usize,
}

/// What a joiner says, as it came over the wire; `joiner` is what the handshake proved.
#[derive(Debug, Clone)]
pub struct JoinAttempt {
    /// Grid named by the invite.
    pub grid: GridId,
    /// The joiner.
    pub joiner: PeerId,
    /// What people call its machine.
    pub name: String,
    /// Where it listens.
    pub addresses: Vec<String>,
    /// Which invite.
    pub invite: [u8; 8],
    /// Made by [`InviteLink::proof`].
    pub proof: [u8; 32],
}

/// The invites that this peer has made. Save [`Invites::encode`] after every `create`, `withdraw` and `redeem`, before
/// anything leaves this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Invites {
    invites: BTreeMap<[u8; 8], Invite>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Invite {
    secret: Secret,
    expires: Stamp,
    state: State,
    #[serde(skip)]
    wrong: Wrong,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    Open,
    Used { by: PeerId },
}

/// Wrong proofs of late. Forgotten at a restart, which only makes it milder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Wrong {
    count: u32,
    since: Stamp,
}

#[derive(Serialize, Deserialize)]
enum Saved {
    V1(BTreeMap<[u8; 8], Invite>),
}

impl Invites {
    /// Makes an invite for `grid`. `secret` and `id` are random bytes.
    ///
    /// # Errors
    ///
    /// See [`CreateError`].
    pub fn create(&mut self, offer: &Offer<'_>, secret: [u8; 16], id: [u8; 8]) -> Result<InviteLink, CreateError> {
        let Offer { grid, inviter, addresses, now, ttl } = *offer;
        self.forget_old(now);
        if self.live(now) >= MAX_LIVE_INVITES || self.invites.len() >= MAX_INVITES {
            return Err(CreateError::TooMany);
        }
        if self.invites.contains_key(&id) {
            return Err(CreateError::Exists);
        }
        let (secret, expires) = (Secret::new(secret), later(now, ttl));
        let invite = Invite { secret: secret.clone(), expires, state: State::Open, wrong: Wrong::default() };
        self.invites.insert(id, invite);
        Ok(InviteLink { grid, inviter, invite: id, secret, expires, addresses: clean_addresses(addresses) })
    }

    /// Forgets an invite that was not used. Returns false if there is none.
    pub fn withdraw(&mut self, id: [u8; 8]) -> bool {
        self.invites.remove(&id).is_some()
    }

    /// Checks an attempt and, if it holds, admits the joiner and uses the invite up.
    ///
    /// The same machine may ask again with the same invite, in case the answer was lost; it gets the same record.
    /// Only whoever proves the secret learns whether the invite was used or has expired.
    ///
    /// # Errors
    ///
    /// See [`Refusal`].
    pub fn redeem(
        &mut self,
        attempt: &JoinAttempt,
        grid: &mut Grid,
        inviter: &Identity,
        now: Stamp,
    ) -> Result<MemberRecord, Refusal> {
        if attempt.grid != grid.id() {
            return Err(Refusal::OtherGrid);
        }
        let invite = self.invites.get_mut(&attempt.invite).ok_or(Refusal::Unknown)?;
        invite.check_proof(attempt, inviter.peer(), now)?;
        match invite.state {
            State::Used { by } if by == attempt.joiner => grid.member(by).cloned().ok_or(Refusal::Used),
            State::Used { .. } => Err(Refusal::Used),
            State::Open if now >= invite.expires => Err(Refusal::Expired),
            State::Open => {
                let admitted = grid.admit(inviter, attempt.joiner, &attempt.name, &attempt.addresses, now);
                // Not a member ourselves, or the grid is full: as good as no invite.
                let record = admitted.map_err(|_| Refusal::Unknown)?;
                invite.state = State::Used { by: attempt.joiner };
                Ok(record)
            }
        }
    }

    /// True while a stranger may have something to say: open invites, and used or just expired ones, whose holders
    /// should hear what is wrong. The net lets strangers knock only then.
    #[must_use]
    pub fn expects_strangers(&self, now: Stamp) -> bool {
        self.invites.values().any(|invite| now < later(invite.expires, MEMORY))
    }

    /// The next moment at which [`Invites::expects_strangers`] may change by itself.
    #[must_use]
    pub fn next_change(&self, now: Stamp) -> Option<Stamp> {
        self.invites.values().map(|invite| later(invite.expires, MEMORY)).filter(|moment| *moment > now).min()
    }

    /// Invites that wait for their joiner.
    #[must_use]
    pub fn live(&self, now: Stamp) -> usize {
        self.invites.values().filter(|invite| invite.state == State::Open && now < invite.expires).count()
    }

    /// The state as bytes, secrets included: store them as the identity is stored.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(&Saved::V1(self.invites.clone())).expect("plain data always encodes")
    }

    /// Reads what [`Invites::encode`] wrote, and forgets what is long over.
    ///
    /// # Errors
    ///
    /// [`RestoreError`] if it is something else.
    pub fn decode(bytes: &[u8], now: Stamp) -> Result<Self, RestoreError> {
        let refuse = || RestoreError { bytes: bytes.len() };
        if bytes.len() > MAX_STATE_BYTES {
            return Err(refuse());
        }
        let Ok((Saved::V1(invites), [])) = postcard::take_from_bytes::<Saved>(bytes) else { return Err(refuse()) };
        if invites.len() > MAX_INVITES {
            return Err(refuse());
        }
        let mut restored = Self { invites };
        restored.forget_old(now);
        Ok(restored)
    }

    fn forget_old(&mut self, now: Stamp) {
        self.invites.retain(|_, invite| now < later(invite.expires, MEMORY));
    }
}

/// What an invite is made of.
#[derive(Debug, Clone, Copy)]
pub struct Offer<'a> {
    /// The grid.
    pub grid: GridId,
    /// This peer.
    pub inviter: PeerId,
    /// Where this peer listens.
    pub addresses: &'a [String],
    /// Now.
    pub now: Stamp,
    /// How long the invite lives; [`INVITE_TTL`] by default.
    pub ttl: Duration,
}

impl Invite {
    fn check_proof(&mut self, attempt: &JoinAttempt, inviter: PeerId, now: Stamp) -> Result<(), Refusal> {
        if now >= later(self.wrong.since, WRONG_WINDOW) {
            self.wrong = Wrong { count: 0, since: now };
        }
        if self.wrong.count >= MAX_WRONG {
            return Err(Refusal::Unknown);
        }
        let right = join_proof(&self.secret, attempt.grid, inviter, attempt.joiner, attempt.invite);
        // `blake3::Hash` compares in constant time.
        if right == blake3::Hash::from_bytes(attempt.proof) {
            return Ok(());
        }
        self.wrong.count += 1;
        Err(Refusal::Unknown)
    }
}

/// The keyed hash that proves knowledge of `secret`, worth something for this grid, inviter, joiner and invite only.
///
/// It needs no nonce: TLS has proved both peers, and the invite works once.
#[must_use]
pub fn join_proof(secret: &Secret, grid: GridId, inviter: PeerId, joiner: PeerId, invite: [u8; 8]) -> blake3::Hash {
    let message = [grid.0.as_slice(), &inviter.0, &joiner.0, &invite].concat();
    secret.mac("gridwell 2026-11 /gridwell/join/1 proof", &message)
}

fn later(stamp: Stamp, duration: Duration) -> Stamp {
    Stamp(stamp.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Stamp = Stamp(1_700_000_000_000);

    struct Inviter {
        identity: Identity,
        grid: Grid,
        invites: Invites,
    }

    impl Inviter {
        fn new() -> Self {
            let identity = Identity::from_seed(&mut [1; 32]);
            let grid = Grid::found(&identity, "ann", &[], [7; 16], NOW);
            Self { identity, grid, invites: Invites::default() }
        }

        fn invite(&mut self, number: u8) -> Result<InviteLink, CreateError> {
            let (grid, inviter) = (self.grid.id(), self.identity.peer());
            let offer = Offer { grid, inviter, addresses: &[], now: NOW, ttl: INVITE_TTL };
            self.invites.create(&offer, [number; 16], [number; 8])
        }

        fn redeem(&mut self, attempt: &JoinAttempt, now: Stamp) -> Result<MemberRecord, Refusal> {
            self.invites.redeem(attempt, &mut self.grid, &self.identity, now)
        }
    }

    fn attempt(link: &InviteLink, joiner: u8) -> JoinAttempt {
        let joiner = Identity::from_seed(&mut [joiner; 32]).peer();
        JoinAttempt {
            grid: link.grid,
            joiner,
            name: "bob".to_owned(),
            addresses: vec!["10.0.0.2:4001".to_owned()],
            invite: link.invite,
            proof: link.proof(joiner),
        }
    }

    #[test]
    fn an_invite_lets_one_machine_in() {
        let mut ann = Inviter::new();
        let link = ann.invite(5).unwrap();
        let record = ann.redeem(&attempt(&link, 2), NOW).unwrap();
        assert_eq!((record.name.as_str(), record.author()), ("bob", ann.identity.peer()));
        assert!(ann.grid.is_member(record.peer));
        assert_eq!(ann.redeem(&attempt(&link, 3), NOW), Err(Refusal::Used));
        assert_eq!(ann.redeem(&attempt(&link, 2), NOW), Ok(record));
    }

    #[test]
    fn an_expired_invite_says_so_and_is_forgotten_later() {
        let mut ann = Inviter::new();
        let link = ann.invite(5).unwrap();
        assert_eq!(ann.redeem(&attempt(&link, 2), link.expires), Err(Refusal::Expired));
        assert!(ann.invites.expects_strangers(link.expires));
        let end = ann.invites.next_change(NOW).unwrap();
        assert!(!ann.invites.expects_strangers(end));
        assert_eq!(Invites::decode(&ann.invites.encode(), end), Ok(Invites::default()));
    }

    #[test]
    fn a_wrong_proof_is_no_better_than_no_invite() {
        let mut ann = Inviter::new();
        let link = ann.invite(5).unwrap();
        let guess = InviteLink { secret: Secret::new([6; 16]), ..link.clone() };
        assert_eq!(ann.redeem(&attempt(&guess, 2), NOW), Err(Refusal::Unknown));
        let stolen = JoinAttempt { proof: attempt(&link, 2).proof, ..attempt(&link, 3) };
        assert_eq!(ann.redeem(&stolen, NOW), Err(Refusal::Unknown));
        let other = JoinAttempt { invite: [9; 8], ..attempt(&link, 2) };
        assert_eq!(ann.redeem(&other, NOW), Err(Refusal::Unknown));
        assert!(ann.redeem(&attempt(&link, 2), NOW).is_ok());
    }

    #[test]
    fn guessing_is_slowed_down() {
        let mut ann = Inviter::new();
        let link = ann.invite(5).unwrap();
        let guess = InviteLink { secret: Secret::new([6; 16]), ..link.clone() };
        for _ in 0..MAX_WRONG {
            assert_eq!(ann.redeem(&attempt(&guess, 2), NOW), Err(Refusal::Unknown));
        }
        assert_eq!(ann.redeem(&attempt(&link, 2), NOW), Err(Refusal::Unknown));
        assert!(ann.redeem(&attempt(&link, 2), later(NOW, WRONG_WINDOW)).is_ok());
    }

    #[test]
    fn an_invite_of_another_grid_is_refused() {
        let mut ann = Inviter::new();
        let link = ann.invite(5).unwrap();
        let foreign = InviteLink { grid: GridId([0; 16]), ..link };
        assert_eq!(ann.redeem(&attempt(&foreign, 2), NOW), Err(Refusal::OtherGrid));
    }

    #[test]
    fn a_restart_forgets_nothing() {
        let mut ann = Inviter::new();
        let (used, open) = (ann.invite(5).unwrap(), ann.invite(6).unwrap());
        ann.redeem(&attempt(&used, 2), NOW).unwrap();
        ann.invites = Invites::decode(&ann.invites.encode(), NOW).unwrap();
        assert_eq!(ann.redeem(&attempt(&used, 3), NOW), Err(Refusal::Used));
        assert!(ann.redeem(&attempt(&open, 3), NOW).is_ok());
    }

    #[test]
    fn live_invites_are_bounded_and_can_be_withdrawn() {
        let mut ann = Inviter::new();
        for number in 0..MAX_LIVE_INVITES as u8 {
            ann.invite(number).unwrap();
        }
        assert_eq!(ann.invite(200), Err(CreateError::TooMany));
        assert!(ann.invites.withdraw([0; 8]));
        assert!(!ann.invites.withdraw([0; 8]));
        assert_eq!(ann.invite(1), Err(CreateError::Exists));
        let link = ann.invite(200).unwrap();
        assert!(ann.redeem(&attempt(&link, 2), NOW).is_ok());
    }

    proptest! {
        #[test]
        fn hostile_states_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
            let _ = Invites::decode(&bytes, NOW);
        }
    }
}
