use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gridwell_model::{GridId, PeerId, Role, Stamp};
use serde::{Deserialize, Serialize};

use crate::{
    invite_link::InviteLink,
    pairing::{Bond, Meeting, PairRefusal, Side},
    secret::Secret,
    texts::clean_addresses,
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

/// Why a saved state was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes are not saved invites of a known version")]
pub struct RestoreError {
    /// How many bytes.
    pub bytes: usize,
}

/// The invites that this peer has made. Save [`Invites::encode`] after every `create`, `close` and `use_up`, before
/// anything leaves this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Invites {
    invites: BTreeMap<[u8; 8], Invite>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Invite {
    secret: Secret,
    expires: Stamp,
    terms: Terms,
    /// Whoever made it wants no question asked about the machine that comes with it.
    approved: bool,
    state: State,
    #[serde(skip)]
    wrong: Wrong,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    Open,
    Used {
        by: PeerId,
    },
    /// A person took it back, or rejected who came with it.
    Closed,
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
        let Offer { grid, inviter, addresses, now, ttl, approved, ref terms } = *offer;
        let terms = terms.clone();
        self.forget_old(now);
        if self.live(now) >= MAX_LIVE_INVITES || self.invites.len() >= MAX_INVITES {
            return Err(CreateError::TooMany);
        }
        if self.invites.contains_key(&id) {
            return Err(CreateError::Exists);
        }
        let (secret, expires) = (Secret::new(secret), later(now, ttl));
        let (state, wrong) = (State::Open, Wrong::default());
        let invite = Invite { secret: secret.clone(), expires, terms, approved, state, wrong };
        self.invites.insert(id, invite);
        Ok(InviteLink { grid, inviter, invite: id, secret, expires, addresses: clean_addresses(addresses) })
    }

    /// Ends an invite that was not used: its holder hears that it was taken back. Returns false if there is none.
    pub fn close(&mut self, id: [u8; 8]) -> bool {
        let open = self.invites.get_mut(&id).filter(|invite| invite.state == State::Open);
        open.map(|invite| invite.state = State::Closed).is_some()
    }

    /// Marks an invite as used by a machine that is a member now.
    pub fn use_up(&mut self, id: [u8; 8], by: PeerId) {
        if let Some(invite) = self.invites.get_mut(&id).filter(|invite| invite.state == State::Open) {
            invite.state = State::Used { by };
        }
    }

    /// True for an invite that lets somebody in now.
    ///
    /// # Errors
    ///
    /// Why it does not.
    pub(crate) fn check(&self, id: [u8; 8], now: Stamp) -> Result<(), PairRefusal> {
        let invite = self.invites.get(&id).ok_or(PairRefusal::Expired)?;
        match invite.state {
            State::Open if now < invite.expires => Ok(()),
            State::Open => Err(PairRefusal::Expired),
            State::Used { .. } => Err(PairRefusal::Used),
            State::Closed => Err(PairRefusal::TakenBack),
        }
    }

    /// Checks what a guest shows for a link, and returns the bond with it, and whether nobody needs to be asked: because
    /// its maker said so, or because the same machine asks again, whose answer was lost.
    ///
    /// Only whoever proves the secret learns what became of the invite.
    ///
    /// # Errors
    ///
    /// See [`PairRefusal`].
    pub(crate) fn present(
        &mut self,
        id: [u8; 8],
        meeting: &Meeting,
        confirmation: [u8; 32],
        now: Stamp,
    ) -> Result<(Bond, bool), PairRefusal> {
        let invite = self.invites.get_mut(&id).ok_or(PairRefusal::Unknown)?;
        let bond = Bond::of_link(&invite.secret, id, meeting);
        invite.check_proof(&bond, confirmation, now)?;
        if invite.state == (State::Used { by: meeting.guest }) {
            return Ok((bond, true));
        }
        let approved = invite.approved;
        self.check(id, now).map(|()| (bond, approved))
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

    /// What an invite lets a machine become; nothing at all for one that is not known.
    #[must_use]
    pub fn terms(&self, id: [u8; 8]) -> Terms {
        let nothing = || Terms { roles: BTreeSet::new(), guest_for: Some(Duration::ZERO) };
        self.invites.get(&id).map_or_else(nothing, |invite| invite.terms.clone())
    }

    /// When an invite ends that is open now.
    #[must_use]
    pub fn open_until(&self, id: [u8; 8], now: Stamp) -> Option<Stamp> {
        self.check(id, now).ok()?;
        self.invites.get(&id).map(|invite| invite.expires)
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
#[derive(Debug, Clone)]
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
    /// Whether the machine that comes with it is let in without a question: the person who makes it says yes now.
    pub approved: bool,
    /// What that machine becomes.
    pub terms: Terms,
}

/// What an invite lets a machine become.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// What it may do on other machines.
    pub roles: BTreeSet<Role>,
    /// How long it stays from the moment it is let in, if it comes with a guest pass.
    pub guest_for: Option<Duration>,
}

impl Default for Terms {
    /// A machine of one's own: it may do everything, and stays.
    fn default() -> Self {
        Self { roles: BTreeSet::from(Role::ALL), guest_for: None }
    }
}

impl Invite {
    fn check_proof(&mut self, bond: &Bond, confirmation: [u8; 32], now: Stamp) -> Result<(), PairRefusal> {
        if now >= later(self.wrong.since, WRONG_WINDOW) {
            self.wrong = Wrong { count: 0, since: now };
        }
        if self.wrong.count >= MAX_WRONG {
            return Err(PairRefusal::Unknown);
        }
        // `blake3::Hash` compares in constant time.
        if bond.confirmation(Side::Guest) == blake3::Hash::from_bytes(confirmation) {
            return Ok(());
        }
        self.wrong.count += 1;
        Err(PairRefusal::Unknown)
    }
}

fn later(stamp: Stamp, duration: Duration) -> Stamp {
    Stamp(stamp.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Stamp = Stamp(1_700_000_000_000);

    fn invite(invites: &mut Invites, number: u8) -> Result<InviteLink, CreateError> {
        let (grid, inviter) = (GridId([1; 16]), PeerId([2; 32]));
        let (ttl, terms) = (INVITE_TTL, Terms::default());
        let offer = Offer { grid, inviter, addresses: &[], now: NOW, ttl, approved: false, terms };
        invites.create(&offer, [number; 16], [number; 8])
    }

    fn meeting(guest: u8) -> Meeting {
        let (grid, host, guest) = (GridId([1; 16]), PeerId([2; 32]), PeerId([guest; 32]));
        Meeting { grid, host, guest, guest_nonce: [3; 16], host_nonce: [4; 16] }
    }

    fn present(invites: &mut Invites, link: &InviteLink, guest: u8, now: Stamp) -> Result<bool, PairRefusal> {
        let bond = Bond::of_link(&link.secret, link.invite, &meeting(guest));
        let confirmation = *bond.confirmation(Side::Guest).as_bytes();
        invites.present(link.invite, &meeting(guest), confirmation, now).map(|(_, approved)| approved)
    }

    #[test]
    fn an_invite_lets_one_machine_in() {
        let mut invites = Invites::default();
        let link = invite(&mut invites, 5).unwrap();
        assert_eq!(present(&mut invites, &link, 7, NOW), Ok(false));
        invites.use_up(link.invite, PeerId([7; 32]));
        assert_eq!(present(&mut invites, &link, 8, NOW), Err(PairRefusal::Used));
        assert_eq!(present(&mut invites, &link, 7, NOW), Ok(true), "it asks again, its answer was lost");
    }

    #[test]
    fn an_expired_invite_says_so_and_is_forgotten_later() {
        let mut invites = Invites::default();
        let link = invite(&mut invites, 5).unwrap();
        assert_eq!(present(&mut invites, &link, 7, link.expires), Err(PairRefusal::Expired));
        assert!(invites.expects_strangers(link.expires));
        let end = invites.next_change(NOW).unwrap();
        assert!(!invites.expects_strangers(end));
        assert_eq!(Invites::decode(&invites.encode(), end), Ok(Invites::default()));
    }

    #[test]
    fn a_wrong_proof_is_no_better_than_no_invite() {
        let mut invites = Invites::default();
        let link = invite(&mut invites, 5).unwrap();
        let guess = InviteLink { secret: Secret::new([6; 16]), ..link.clone() };
        assert_eq!(present(&mut invites, &guess, 7, NOW), Err(PairRefusal::Unknown));
        let theirs = *Bond::of_link(&link.secret, link.invite, &meeting(7)).confirmation(Side::Guest).as_bytes();
        let stolen = invites.present(link.invite, &meeting(8), theirs, NOW);
        assert_eq!(stolen.map(|_| ()), Err(PairRefusal::Unknown), "another machine's proof");
        let other = InviteLink { invite: [9; 8], ..link.clone() };
        assert_eq!(present(&mut invites, &other, 7, NOW), Err(PairRefusal::Unknown));
        assert_eq!(present(&mut invites, &link, 7, NOW), Ok(false));
    }

    #[test]
    fn guessing_is_slowed_down() {
        let mut invites = Invites::default();
        let link = invite(&mut invites, 5).unwrap();
        let guess = InviteLink { secret: Secret::new([6; 16]), ..link.clone() };
        for _ in 0..MAX_WRONG {
            assert_eq!(present(&mut invites, &guess, 7, NOW), Err(PairRefusal::Unknown));
        }
        assert_eq!(present(&mut invites, &link, 7, NOW), Err(PairRefusal::Unknown));
        assert_eq!(present(&mut invites, &link, 7, later(NOW, WRONG_WINDOW)), Ok(false));
    }

    #[test]
    fn a_restart_forgets_nothing() {
        let mut invites = Invites::default();
        let [used, closed, open] = [5, 6, 7].map(|number| invite(&mut invites, number).unwrap());
        invites.use_up(used.invite, PeerId([7; 32]));
        assert!(invites.close(closed.invite));
        let mut invites = Invites::decode(&invites.encode(), NOW).unwrap();
        assert_eq!(present(&mut invites, &used, 8, NOW), Err(PairRefusal::Used));
        assert_eq!(present(&mut invites, &closed, 8, NOW), Err(PairRefusal::TakenBack));
        assert_eq!(present(&mut invites, &open, 8, NOW), Ok(false));
    }

    #[test]
    fn live_invites_are_bounded_and_can_be_taken_back() {
        let mut invites = Invites::default();
        for number in 0..MAX_LIVE_INVITES as u8 {
            invite(&mut invites, number).unwrap();
        }
        assert_eq!(invite(&mut invites, 200), Err(CreateError::TooMany));
        assert!(invites.close([0; 8]));
        assert!(!invites.close([0; 8]));
        assert_eq!(invite(&mut invites, 1), Err(CreateError::Exists));
        let link = invite(&mut invites, 200).unwrap();
        assert_eq!(present(&mut invites, &link, 7, NOW), Ok(false));
    }

    proptest! {
        #[test]
        fn hostile_states_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
            let _ = Invites::decode(&bytes, NOW);
            let ours = [&[1], bytes.as_slice()].concat();
            let _ = Invites::decode(&ours, NOW);
        }
    }
}
