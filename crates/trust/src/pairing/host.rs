use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use gridwell_model::{GridId, PeerId, Stamp, Time};
use zeroize::Zeroizing;

use super::{
    code::Code,
    meeting::{Bond, Meeting},
    message::{Knock, MessageError, Open, PairMessage, PairRefusal, members},
    pake::{Pake as _, Side, Spake},
};
use crate::invites::{Invites, Terms};

/// How long a guest may take to prove what it knows: its person typed the code before it came.
const PROVE: Duration = Duration::from_secs(30);
/// How long a guest waits for a person at the host: enough to walk over from the other machine and compare four words.
pub const APPROVAL: Duration = Duration::from_mins(5);
/// Most guests at once, waiting ones included: a room full of people. Each costs some hundred bytes.
const MAX_VISITS: usize = 32;
/// Wrong codes within [`WRONG_WINDOW`] before no code is shown any more. Each costs its guesser one chance in 2^35, and a
/// person has to show the next code, so this only ends a nuisance.
const MAX_WRONG: usize = 5;
const WRONG_WINDOW: Duration = Duration::from_hours(1);
/// Exchanges started within [`STARTS_WINDOW`], by all guests together: each costs a fraction of a millisecond here.
const MAX_STARTS: usize = 30;
const STARTS_WINDOW: Duration = Duration::from_mins(1);

/// Names a guest's connection; the node counts them.
pub type Visit = u64;

/// What a host needs to know of itself.
#[derive(Debug, Clone, Copy)]
pub struct House<'a> {
    /// The grid.
    pub grid: GridId,
    /// This peer.
    pub me: PeerId,
    /// What people call this machine.
    pub name: &'a str,
    /// Version of the protocol between members.
    pub speaks: u32,
}

/// Now, by both clocks: durations are measured by the first, invites expire by the second.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// The node's clock.
    pub time: Time,
    /// The wall clock.
    pub stamp: Stamp,
}

/// How a guest proved that it was invited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// By the typed code.
    Code,
    /// By the link.
    Link,
}

/// A guest that proved that it was invited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guest {
    /// Who, as the handshake proved.
    pub peer: PeerId,
    /// What its people call it, as it says.
    pub name: String,
    /// Where it listens, as it says.
    pub addresses: Vec<String>,
    /// How it proved it.
    pub method: Method,
    /// What both screens show.
    pub words: Vec<String>,
    /// Which invite.
    pub invite: [u8; 8],
    /// What that invite lets it become.
    pub terms: Terms,
    /// When nobody is asked any more.
    pub until: Time,
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is a member now.
    Joined,
    /// A person said no.
    Rejected,
    /// No person answered.
    TimedOut,
    /// The guest went away.
    Left,
    /// It could not be let in for another reason.
    Failed,
}

/// What a host wishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostEffect {
    /// Send these bytes.
    Say {
        /// To whom.
        visit: Visit,
        /// What.
        bytes: Vec<u8>,
    },
    /// Nothing more will be said to it.
    Close {
        /// To whom.
        visit: Visit,
    },
    /// A person is to be asked about [`Host::guest`].
    Ask {
        /// About whom.
        visit: Visit,
    },
    /// Make it a member, use the invite up, keep both, then call [`Host::admitted`].
    Admit {
        /// Whose visit.
        visit: Visit,
        /// Whom.
        guest: Guest,
    },
    /// A guest that proved that it was invited waits no longer.
    Ended {
        /// Whose visit.
        visit: Visit,
        /// Who.
        guest: Guest,
        /// How.
        outcome: Outcome,
    },
    /// A wrong code was tried, and the code is gone.
    CodeBurnt {
        /// By whom, as the handshake proved.
        peer: PeerId,
        /// What it calls itself.
        name: String,
    },
}

/// Why no code is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{MAX_WRONG} wrong codes were tried within the hour")]
pub struct TooManyGuesses {
    /// When a code may be shown again.
    pub until: Time,
}

/// There is no such guest, or it does not wait for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nobody waits to be let in by that name")]
pub struct NotWaiting;

/// The member's side of pairing: who visits, what they have proved, and what is said to them.
///
/// Codes live in memory only, so that none comes back after a restart. At most one is shown at a time.
#[derive(Debug, Default)]
pub struct Host {
    code: Option<ShownCode>,
    /// What became of the last code, for guests that come with it.
    last: Option<PairRefusal>,
    visits: BTreeMap<Visit, Visiting>,
    wrong: VecDeque<Time>,
    starts: VecDeque<Time>,
    effects: VecDeque<HostEffect>,
}

#[derive(Debug)]
struct ShownCode {
    code: Code,
    /// The invite whose life the code shares.
    invite: [u8; 8],
}

/// By what a guest proved that it was invited.
struct Invited {
    invite: [u8; 8],
    terms: Terms,
    method: Method,
    approved: bool,
}

#[derive(Debug)]
struct Visiting {
    peer: PeerId,
    deadline: Time,
    state: State,
}

#[derive(Debug)]
enum State {
    /// It has said nothing.
    Silent,
    /// It knocked and heard who lives here.
    Met { knock: Knock, meeting: Meeting },
    /// The exchange has run; it has not confirmed, so no guess is made yet.
    Guessing { knock: Knock, bond: Bond, invite: [u8; 8] },
    /// It proved that it was invited; a person is asked.
    Waiting(Guest),
    /// It is being made a member.
    Admitting(Guest),
}

impl Host {
    /// Shows a code, which lives as long as the invite; the one shown before is gone.
    ///
    /// # Errors
    ///
    /// [`TooManyGuesses`] after wrong ones of late.
    pub fn show_code(&mut self, code: Code, invite: [u8; 8], now: Time) -> Result<(), TooManyGuesses> {
        forget_old(&mut self.wrong, now, WRONG_WINDOW);
        if self.wrong.len() >= MAX_WRONG
            && let Some(first) = self.wrong.front()
        {
            return Err(TooManyGuesses { until: *first + WRONG_WINDOW });
        }
        self.code = Some(ShownCode { code, invite });
        Ok(())
    }

    /// The invite of the code that is shown.
    #[must_use]
    pub fn shown(&self) -> Option<[u8; 8]> {
        self.code.as_ref().map(|shown| shown.invite)
    }

    /// Takes the code back, if one is shown.
    pub fn hide_code(&mut self) {
        self.code_ends(PairRefusal::TakenBack);
    }

    /// Somebody connected.
    pub fn arrive(&mut self, visit: Visit, peer: PeerId, now: Time) {
        self.visits.insert(visit, Visiting { peer, deadline: now + PROVE, state: State::Silent });
        if self.visits.len() > MAX_VISITS {
            self.refuse(visit, PairRefusal::Busy);
        }
    }

    /// A guest went away.
    pub fn leave(&mut self, visit: Visit) {
        match self.visits.get(&visit).map(|visiting| &visiting.state) {
            // It becomes a member all the same; when it asks again, it hears so.
            Some(State::Admitting(_)) | None => {}
            Some(_) => self.end(visit, Outcome::Left),
        }
    }

    /// A guest said something. `random` is fresh.
    pub fn hear(
        &mut self,
        visit: Visit,
        bytes: &[u8],
        random: Zeroizing<[u8; 48]>,
        house: &House<'_>,
        invites: &mut Invites,
        now: Moment,
    ) {
        let Some(visiting) = self.visits.get_mut(&visit) else { return };
        let peer = visiting.peer;
        let message = match PairMessage::decode(bytes) {
            Ok(message) => message,
            Err(MessageError::Version { .. }) => {
                return self.refuse(visit, PairRefusal::OtherVersion { speaks: house.speaks });
            }
            Err(MessageError::Unknown { .. }) => return self.refuse(visit, PairRefusal::Confused),
        };
        match (std::mem::replace(&mut visiting.state, State::Silent), message) {
            (State::Silent, PairMessage::Knock(knock)) => self.open(visit, peer, knock, &random, house),
            (State::Met { knock, meeting }, PairMessage::Proof { invite, confirmation }) => {
                self.forget_earlier(visit, peer);
                if self.is_claimed(invite) {
                    return self.refuse(visit, PairRefusal::Used);
                }
                match invites.present(invite, &meeting, confirmation, now.stamp) {
                    Ok((bond, approved)) => {
                        let invited = Invited { invite, terms: invites.terms(invite), method: Method::Link, approved };
                        self.proven(visit, knock, &bond, invited, now);
                    }
                    Err(refusal) => self.refuse(visit, refusal),
                }
            }
            (State::Met { knock, meeting }, PairMessage::Share(share)) => {
                self.forget_earlier(visit, peer);
                match self.exchange(&meeting, &share, random, invites, now) {
                    Ok((ours, bond, invite)) => {
                        self.say(visit, &PairMessage::Share(ours));
                        self.change(visit, State::Guessing { knock, bond, invite });
                    }
                    Err(refusal) => self.refuse(visit, refusal),
                }
            }
            (State::Guessing { knock, bond, invite }, PairMessage::Confirm { confirmation }) => {
                match self.judge(peer, &knock, &bond, confirmation, (invite, invites), now) {
                    Ok(()) => {
                        let terms = invites.terms(invite);
                        let invited = Invited { invite, terms, method: Method::Code, approved: false };
                        self.proven(visit, knock, &bond, invited, now);
                    }
                    Err(refusal) => self.refuse(visit, refusal),
                }
            }
            // Whoever waits has nothing to say; it may not spoil what it has.
            (state @ (State::Waiting(_) | State::Admitting(_)), _) => self.change(visit, state),
            (_, _) => self.refuse(visit, PairRefusal::Confused),
        }
    }

    /// A person decided about a guest that waits. Keep the invites afterwards.
    ///
    /// # Errors
    ///
    /// [`NotWaiting`].
    pub fn decide(&mut self, visit: Visit, approve: bool, invites: &mut Invites) -> Result<(), NotWaiting> {
        let guest = self.guest(visit).ok_or(NotWaiting)?.clone();
        if approve {
            self.admit(visit, guest);
        } else {
            invites.close(guest.invite);
            self.say(visit, &PairMessage::Refused(PairRefusal::Rejected));
            self.end(visit, Outcome::Rejected);
        }
        Ok(())
    }

    /// The guest of an [`HostEffect::Admit`] is a member, by this log, and all is kept; or it could not be.
    pub fn admitted(&mut self, visit: Visit, updates: Option<Vec<Vec<u8>>>) {
        let outcome = if updates.is_some() { Outcome::Joined } else { Outcome::Failed };
        match updates {
            Some(updates) => {
                members(updates).iter().for_each(|message| self.say(visit, message));
                self.say(visit, &PairMessage::Welcome);
            }
            None => self.say(visit, &PairMessage::Refused(PairRefusal::Closed)),
        }
        self.end(visit, outcome);
    }

    /// A guest that waits for a person.
    #[must_use]
    pub fn guest(&self, visit: Visit) -> Option<&Guest> {
        match &self.visits.get(&visit)?.state {
            State::Waiting(guest) => Some(guest),
            _ => None,
        }
    }

    /// The next wish.
    pub fn poll_effect(&mut self) -> Option<HostEffect> {
        self.effects.pop_front()
    }

    /// When to be woken.
    #[must_use]
    pub fn poll_deadline(&self) -> Option<Time> {
        self.visits.values().filter(|visiting| visiting.is_timed()).map(|visiting| visiting.deadline).min()
    }

    /// Time passed.
    pub fn handle_deadline(&mut self, now: Time) {
        let due = self.visits.iter().filter(|(_, visiting)| visiting.is_timed() && visiting.deadline <= now);
        for visit in due.map(|(visit, _)| *visit).collect::<Vec<_>>() {
            self.say(visit, &PairMessage::Refused(PairRefusal::TimedOut));
            self.end(visit, Outcome::TimedOut);
        }
    }

    fn open(&mut self, visit: Visit, guest: PeerId, knock: Knock, random: &[u8; 48], house: &House<'_>) {
        let House { grid, me: host, name, speaks } = *house;
        if knock.speaks != speaks {
            return self.refuse(visit, PairRefusal::OtherVersion { speaks });
        }
        let nonce = *random.first_chunk::<16>().expect("48 bytes have 16 first ones");
        let meeting = Meeting { grid, host, guest, guest_nonce: knock.nonce, host_nonce: nonce };
        let name = crate::texts::clean_name(name, host);
        self.say(visit, &PairMessage::Open(Open { grid, nonce, name }));
        self.change(visit, State::Met { knock, meeting });
    }

    /// Whoever comes to prove something again has lost its last conversation.
    fn forget_earlier(&mut self, visit: Visit, peer: PeerId) {
        let earlier = self.visits.iter().filter(|(other, visiting)| **other != visit && visiting.peer == peer);
        let earlier: Vec<_> = earlier.map(|(other, _)| *other).collect();
        earlier.into_iter().for_each(|other| self.leave(other));
    }

    /// Runs the host's side of the exchange. It tells the guest nothing about the code: no guess is made here.
    fn exchange(
        &mut self,
        meeting: &Meeting,
        share: &[u8],
        random: Zeroizing<[u8; 48]>,
        invites: &Invites,
        now: Moment,
    ) -> Result<(Vec<u8>, Bond, [u8; 8]), PairRefusal> {
        let invite = self.good_code(invites, now)?;
        forget_old(&mut self.starts, now.time, STARTS_WINDOW);
        if self.starts.len() >= MAX_STARTS {
            return Err(PairRefusal::Busy);
        }
        self.starts.push_back(now.time);
        let random = Zeroizing::new(*random.last_chunk::<32>().expect("48 bytes have 32 last ones"));
        let code = &self.code.as_ref().ok_or(PairRefusal::NoCode)?.code;
        let (pake, ours) = Spake::start(Side::Host, code, meeting, random);
        let key = pake.finish(share).ok_or(PairRefusal::Confused)?;
        let bond = Bond::of_exchange(&key, meeting, share, &ours);
        Ok((ours, bond, invite))
    }

    /// Makes the guess: right or wrong, the code is gone afterwards.
    fn judge(
        &mut self,
        peer: PeerId,
        knock: &Knock,
        bond: &Bond,
        confirmation: [u8; 32],
        (invite, invites): ([u8; 8], &Invites),
        now: Moment,
    ) -> Result<(), PairRefusal> {
        if self.good_code(invites, now)? != invite {
            // Another code is shown since its exchange.
            return Err(PairRefusal::TakenBack);
        }
        if bond.confirmation(Side::Guest) == blake3::Hash::from_bytes(confirmation) {
            self.code_ends(PairRefusal::Used);
            return Ok(());
        }
        self.code_ends(PairRefusal::Burnt);
        self.wrong.push_back(now.time);
        self.effects.push_back(HostEffect::CodeBurnt { peer, name: knock.name.clone() });
        Err(PairRefusal::WrongCode)
    }

    /// The invite of the code that is shown, if that is still good.
    fn good_code(&mut self, invites: &Invites, now: Moment) -> Result<[u8; 8], PairRefusal> {
        let Some(invite) = self.shown() else { return Err(self.last.unwrap_or(PairRefusal::NoCode)) };
        if self.is_claimed(invite) {
            return Err(PairRefusal::Used);
        }
        invites.check(invite, now.stamp).inspect_err(|refusal| self.code_ends(*refusal))?;
        Ok(invite)
    }

    fn code_ends(&mut self, how: PairRefusal) {
        if self.code.take().is_some() {
            self.last = Some(how);
        }
    }

    /// True while a guest waits, or is let in, by that invite.
    fn is_claimed(&self, invite: [u8; 8]) -> bool {
        self.visits.values().any(|visiting| match &visiting.state {
            State::Waiting(guest) | State::Admitting(guest) => guest.invite == invite,
            _ => false,
        })
    }

    fn proven(&mut self, visit: Visit, knock: Knock, bond: &Bond, invited: Invited, now: Moment) {
        let Invited { invite, terms, method, approved } = invited;
        let Some(visiting) = self.visits.get_mut(&visit) else { return };
        let until = now.time + APPROVAL;
        visiting.deadline = until;
        let Knock { name, addresses, .. } = knock;
        let guest = Guest { peer: visiting.peer, name, addresses, method, words: bond.words(), invite, terms, until };
        let confirmation = *bond.confirmation(Side::Host).as_bytes();
        let secs = u32::try_from(APPROVAL.as_secs()).unwrap_or(u32::MAX);
        self.say(visit, &PairMessage::Waiting { confirmation, secs });
        if approved {
            self.admit(visit, guest);
        } else {
            self.change(visit, State::Waiting(guest));
            self.effects.push_back(HostEffect::Ask { visit });
        }
    }

    fn admit(&mut self, visit: Visit, guest: Guest) {
        self.change(visit, State::Admitting(guest.clone()));
        self.effects.push_back(HostEffect::Admit { visit, guest });
    }

    fn change(&mut self, visit: Visit, state: State) {
        if let Some(visiting) = self.visits.get_mut(&visit) {
            visiting.state = state;
        }
    }

    fn say(&mut self, visit: Visit, message: &PairMessage) {
        self.effects.push_back(HostEffect::Say { visit, bytes: message.encode() });
    }

    fn refuse(&mut self, visit: Visit, why: PairRefusal) {
        self.say(visit, &PairMessage::Refused(why));
        self.end(visit, Outcome::Failed);
    }

    fn end(&mut self, visit: Visit, outcome: Outcome) {
        let Some(visiting) = self.visits.remove(&visit) else { return };
        self.effects.push_back(HostEffect::Close { visit });
        if let State::Waiting(guest) | State::Admitting(guest) = visiting.state {
            self.effects.push_back(HostEffect::Ended { visit, guest, outcome });
        }
    }
}

impl Visiting {
    /// What is being written down takes as long as the disk takes.
    const fn is_timed(&self) -> bool {
        !matches!(self.state, State::Admitting(_))
    }
}

fn forget_old(times: &mut VecDeque<Time>, now: Time, window: Duration) {
    while times.front().is_some_and(|time| *time + window <= now) {
        times.pop_front();
    }
}
