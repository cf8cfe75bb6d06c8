use gridwell_model::{GridId, Stamp, Time};
use proptest::prelude::*;
use zeroize::Zeroizing;

use super::{host::*, message::PairMessage, *};
use crate::{Grid, INVITE_TTL, Identity, InviteLink, Invites, Offer, Pass, Terms};

const NOW: Moment = Moment { time: Time::from_secs(100), stamp: Stamp(1_700_000_000_000) };
const SPEAKS: u32 = 2;

fn later(secs: u64) -> Moment {
    Moment { time: Time(NOW.time.0 + secs * 1_000_000), stamp: Stamp(NOW.stamp.0 + secs * 1_000) }
}

fn identity(number: u8) -> Identity {
    Identity::from_seed(&mut [number; 32])
}

/// A member that shows codes and makes links, and carries out what its host wishes.
struct Ann {
    host: Host,
    invites: Invites,
    grid: Grid,
    identity: Identity,
    /// Numbers that stand for randomness.
    drawn: u8,
    said: Vec<(Visit, Vec<u8>)>,
    asked: Vec<Visit>,
    ended: Vec<(Visit, Outcome)>,
    burnt: Vec<String>,
}

impl Ann {
    fn new() -> Self {
        let identity = identity(1);
        let grid = Grid::found(&identity, "ann", &[], [7; 16], NOW.stamp);
        Self {
            host: Host::default(),
            invites: Invites::default(),
            grid,
            identity,
            drawn: 0,
            said: Vec::new(),
            asked: Vec::new(),
            ended: Vec::new(),
            burnt: Vec::new(),
        }
    }

    fn draw(&mut self) -> u8 {
        self.drawn += 1;
        self.drawn
    }

    fn invites(&mut self, approved: bool) -> InviteLink {
        let number = self.draw();
        let (grid, inviter) = (self.grid.id(), self.identity.peer());
        let offer =
            Offer { grid, inviter, addresses: &[], now: NOW.stamp, ttl: INVITE_TTL, approved, terms: Terms::default() };
        self.invites.create(&offer, [number; 16], [number; 8]).unwrap()
    }

    fn shows(&mut self) -> (Code, InviteLink) {
        let link = self.invites(false);
        let code = Code::new([self.draw(); 7]);
        self.host.show_code(code.clone(), link.invite, NOW.time).unwrap();
        (code, link)
    }

    fn hears(&mut self, visit: Visit, bytes: &[u8], now: Moment) {
        let random = Zeroizing::new([self.draw(); 48]);
        let house = House { grid: self.grid.id(), me: self.identity.peer(), name: "ann", speaks: SPEAKS };
        self.host.hear(visit, bytes, random, &house, &mut self.invites, now);
        self.carries_out();
    }

    fn decides(&mut self, visit: Visit, approve: bool) {
        self.host.decide(visit, approve, &mut self.invites).unwrap();
        self.carries_out();
    }

    fn carries_out(&mut self) {
        while let Some(effect) = self.host.poll_effect() {
            match effect {
                HostEffect::Say { visit, bytes } => self.said.push((visit, bytes)),
                HostEffect::Close { .. } => {}
                HostEffect::Ask { visit } => self.asked.push(visit),
                HostEffect::Admit { visit, guest } => {
                    let Guest { peer, ref name, ref addresses, ref terms, .. } = guest;
                    let pass = Pass { peer, name, addresses, roles: &terms.roles, guest_until: None };
                    self.grid.admit(&self.identity, &pass, NOW.stamp).unwrap();
                    self.invites.use_up(guest.invite, guest.peer);
                    self.host.admitted(visit, Some(self.grid.encoded()));
                }
                HostEffect::Ended { visit, outcome, .. } => self.ended.push((visit, outcome)),
                HostEffect::CodeBurnt { name, .. } => self.burnt.push(name),
            }
        }
    }

    fn answers_to(&mut self, visit: Visit) -> Vec<Vec<u8>> {
        let (theirs, others) = std::mem::take(&mut self.said).into_iter().partition(|(to, _)| *to == visit);
        self.said = others;
        theirs.into_iter().map(|(_, bytes)| bytes).collect()
    }

    fn has(&self, number: u8) -> bool {
        self.grid.is_member(identity(number).peer())
    }
}

/// A machine that wants in, on one visit.
struct Bob {
    visitor: Visitor,
    visit: Visit,
    words: Vec<String>,
    joined: Option<Grid>,
    error: Option<VisitError>,
    /// What it said that nobody heard yet.
    to_say: Vec<Vec<u8>>,
}

impl Bob {
    fn comes(ann: &mut Ann, number: u8, key: Key) -> Self {
        let visit = Visit::from(ann.draw());
        ann.host.arrive(visit, identity(number).peer(), NOW.time);
        let caller = Caller {
            me: identity(number).peer(),
            grid: GridId([number; 16]),
            name: "bob",
            addresses: &["10.0.0.2:7766".to_owned()],
            speaks: SPEAKS,
        };
        let (visitor, knock) = Visitor::knock(key, ann.identity.peer(), &caller, [number; 16]);
        Self { visitor, visit, words: Vec::new(), joined: None, error: None, to_say: vec![knock] }
    }

    /// Says one thing and hears all answers. Returns what it said.
    fn step(&mut self, ann: &mut Ann, now: Moment) -> Option<Vec<u8>> {
        let said = self.to_say.pop()?;
        ann.hears(self.visit, &said, now);
        self.listens(ann);
        Some(said)
    }

    fn listens(&mut self, ann: &mut Ann) {
        for bytes in ann.answers_to(self.visit) {
            match self.visitor.hear(&bytes, Zeroizing::new([ann.draw(); 32])) {
                Ok(Heard::Say(bytes)) => self.to_say.push(bytes),
                Ok(Heard::Waits { machine, words, patience }) => {
                    assert_eq!((machine.as_str(), patience), ("ann", APPROVAL));
                    self.words = words;
                }
                Ok(Heard::More) => {}
                Ok(Heard::Joined(grid)) => self.joined = Some(grid),
                Err(error) => self.error = Some(error),
            }
        }
    }

    /// Talks until it has nothing more to say.
    fn talks(&mut self, ann: &mut Ann) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| self.step(ann, NOW)).collect()
    }

    fn refusal(&self) -> Option<PairRefusal> {
        match self.error {
            Some(VisitError::Refused(refusal)) => Some(refusal),
            _ => None,
        }
    }
}

fn wrong_code() -> Code {
    Code::new([31; 7])
}

fn link(link: &InviteLink) -> Key {
    Key::Link(Box::new(link.clone()))
}

#[test]
fn a_typed_code_and_a_persons_yes_let_a_machine_in() {
    let mut ann = Ann::new();
    let (code, _) = ann.shows();
    let mut bob = Bob::comes(&mut ann, 2, Key::Code(code));

    bob.talks(&mut ann);
    let guest = ann.host.guest(bob.visit).unwrap().clone();
    assert_eq!((guest.name.as_str(), guest.peer, guest.method), ("bob", identity(2).peer(), Method::Code));
    assert_eq!((guest.words.len(), &guest.words), (4, &bob.words), "both screens show the same words");
    assert!(!ann.has(2), "nobody is in before a person said yes");

    ann.decides(bob.visit, true);
    bob.listens(&mut ann);
    assert_eq!(bob.joined, Some(ann.grid.clone()));
    assert_eq!(ann.ended, [(bob.visit, Outcome::Joined)]);
}

#[test]
fn a_link_and_a_persons_yes_let_a_machine_in() {
    let mut ann = Ann::new();
    let invite = ann.invites(false);
    let mut bob = Bob::comes(&mut ann, 2, link(&invite));

    bob.talks(&mut ann);
    assert_eq!(ann.asked, [bob.visit]);
    assert_eq!(ann.host.guest(bob.visit).unwrap().words, bob.words);
    assert!(!ann.has(2));

    ann.decides(bob.visit, true);
    bob.listens(&mut ann);
    assert!(bob.joined.is_some() && ann.has(2));
}

#[test]
fn a_link_that_was_approved_when_it_was_made_asks_nobody() {
    let mut ann = Ann::new();
    let invite = ann.invites(true);
    let mut bob = Bob::comes(&mut ann, 2, link(&invite));

    bob.talks(&mut ann);

    assert!(bob.joined.is_some() && ann.asked.is_empty());
}

#[test]
fn a_rejected_machine_is_no_member_and_its_link_is_good_for_nobody() {
    let mut ann = Ann::new();
    let invite = ann.invites(false);
    let mut bob = Bob::comes(&mut ann, 2, link(&invite));
    bob.talks(&mut ann);

    ann.decides(bob.visit, false);
    bob.listens(&mut ann);

    assert_eq!(bob.refusal(), Some(PairRefusal::Rejected));
    assert_eq!(ann.ended, [(bob.visit, Outcome::Rejected)]);
    let mut eve = Bob::comes(&mut ann, 3, link(&invite));
    eve.talks(&mut ann);
    assert_eq!(eve.refusal(), Some(PairRefusal::TakenBack));
    assert!(!ann.has(2) && !ann.has(3));
}

#[test]
fn nobody_answers_and_both_sides_hear_so() {
    let mut ann = Ann::new();
    let (code, _) = ann.shows();
    let mut bob = Bob::comes(&mut ann, 2, Key::Code(code));
    bob.talks(&mut ann);

    let deadline = ann.host.poll_deadline().unwrap();
    assert_eq!(deadline, NOW.time + APPROVAL);
    ann.host.handle_deadline(deadline);
    ann.carries_out();
    bob.listens(&mut ann);

    assert_eq!(bob.refusal(), Some(PairRefusal::TimedOut));
    assert_eq!(ann.ended, [(bob.visit, Outcome::TimedOut)]);
    assert!(!ann.has(2));
    assert_eq!(ann.host.decide(bob.visit, true, &mut ann.invites), Err(NotWaiting));
}

#[test]
fn a_guest_that_goes_away_waits_no_longer() {
    let mut ann = Ann::new();
    let invite = ann.invites(false);
    let mut bob = Bob::comes(&mut ann, 2, link(&invite));
    bob.talks(&mut ann);

    ann.host.leave(bob.visit);
    ann.carries_out();

    assert_eq!(ann.ended, [(bob.visit, Outcome::Left)]);
    let mut again = Bob::comes(&mut ann, 2, link(&invite));
    again.talks(&mut ann);
    assert!(ann.host.guest(again.visit).is_some(), "a lost connection does not use the link up");
}

#[test]
fn a_wrong_code_burns_the_code_and_pairs_nothing() {
    let mut ann = Ann::new();
    let (code, _) = ann.shows();
    let mut eve = Bob::comes(&mut ann, 3, Key::Code(wrong_code()));
    eve.talks(&mut ann);
    assert_eq!(eve.refusal(), Some(PairRefusal::WrongCode));
    assert_eq!(ann.burnt, ["bob"]);

    let mut bob = Bob::comes(&mut ann, 2, Key::Code(code));
    bob.talks(&mut ann);
    assert_eq!(bob.refusal(), Some(PairRefusal::Burnt));
    assert!(ann.asked.is_empty() && !ann.has(2) && !ann.has(3));
}

#[test]
fn a_wrong_code_leaves_the_link_good() {
    let mut ann = Ann::new();
    let (_, invite) = ann.shows();
    Bob::comes(&mut ann, 3, Key::Code(wrong_code())).talks(&mut ann);

    let mut bob = Bob::comes(&mut ann, 2, link(&invite));
    bob.talks(&mut ann);

    assert!(ann.host.guest(bob.visit).is_some());
}

#[test]
fn a_used_code_pairs_nothing() {
    let mut ann = Ann::new();
    let (code, invite) = ann.shows();
    let mut bob = Bob::comes(&mut ann, 2, Key::Code(code.clone()));
    bob.talks(&mut ann);

    for key in [Key::Code(code.clone()), link(&invite)] {
        let mut eve = Bob::comes(&mut ann, 3, key);
        eve.talks(&mut ann);
        assert_eq!(eve.refusal(), Some(PairRefusal::Used), "while the first one waits");
    }
    ann.decides(bob.visit, true);
    for key in [Key::Code(code), link(&invite)] {
        let mut eve = Bob::comes(&mut ann, 3, key);
        eve.talks(&mut ann);
        assert_eq!(eve.refusal(), Some(PairRefusal::Used), "and afterwards");
    }
    assert!(ann.has(2) && !ann.has(3));
}

#[test]
fn an_expired_code_pairs_nothing_however_far_the_exchange_was() {
    let end = later(INVITE_TTL.as_secs());
    for steps in 0..3 {
        let mut ann = Ann::new();
        let (code, _) = ann.shows();
        let mut bob = Bob::comes(&mut ann, 2, Key::Code(code));
        for _ in 0..steps {
            bob.step(&mut ann, NOW);
        }
        while bob.step(&mut ann, end).is_some() {}
        assert_eq!(bob.refusal(), Some(PairRefusal::Expired), "after {steps} steps");
        assert!(ann.asked.is_empty() && ann.host.shown().is_none());
    }
}

#[test]
fn a_code_that_was_taken_back_or_replaced_pairs_nothing() {
    let mut ann = Ann::new();
    let (code, _) = ann.shows();
    let mut bob = Bob::comes(&mut ann, 2, Key::Code(code));
    bob.step(&mut ann, NOW);
    bob.step(&mut ann, NOW);
    let (newer, _) = ann.shows();
    bob.talks(&mut ann);
    assert_eq!(bob.refusal(), Some(PairRefusal::TakenBack), "it had begun with the old one");

    ann.host.hide_code();
    let mut bob = Bob::comes(&mut ann, 2, Key::Code(newer));
    bob.talks(&mut ann);
    assert_eq!(bob.refusal(), Some(PairRefusal::TakenBack));
    assert!(ann.burnt.is_empty() && ann.asked.is_empty());
}

#[test]
fn without_a_code_there_is_nothing_to_guess() {
    let mut ann = Ann::new();
    let mut bob = Bob::comes(&mut ann, 2, Key::Code(wrong_code()));
    bob.talks(&mut ann);
    assert_eq!(bob.refusal(), Some(PairRefusal::NoCode));
}

#[test]
fn of_machines_that_race_with_one_code_the_first_alone_waits() {
    let mut ann = Ann::new();
    let (code, _) = ann.shows();
    let mut racers: Vec<_> = (2..6).map(|number| Bob::comes(&mut ann, number, Key::Code(code.clone()))).collect();
    for _ in 0..3 {
        racers.iter_mut().for_each(|racer| {
            racer.step(&mut ann, NOW);
        });
    }
    assert_eq!(ann.asked, [racers[0].visit]);
    assert!(racers[1..].iter().all(|racer| racer.refusal() == Some(PairRefusal::Used)));
}

#[test]
fn guesses_made_at_once_are_one_guess_altogether() {
    let mut ann = Ann::new();
    let (code, _) = ann.shows();
    let mut wrong = Bob::comes(&mut ann, 3, Key::Code(wrong_code()));
    let mut right = Bob::comes(&mut ann, 4, Key::Code(code));
    for _ in 0..2 {
        wrong.step(&mut ann, NOW);
        right.step(&mut ann, NOW);
    }
    wrong.step(&mut ann, NOW);
    right.step(&mut ann, NOW);
    assert_eq!(wrong.refusal(), Some(PairRefusal::WrongCode));
    assert_eq!(right.refusal(), Some(PairRefusal::Burnt), "even a right guess comes too late");
    assert!(ann.asked.is_empty());
}

#[test]
fn a_replayed_pairing_is_a_wrong_guess() {
    let mut ann = Ann::new();
    let (code, _) = ann.shows();
    let mut bob = Bob::comes(&mut ann, 2, Key::Code(code.clone()));
    let recorded = bob.talks(&mut ann);
    assert_eq!(recorded.len(), 3);
    let words = bob.words;

    // The same code once more, and somebody who says again what bob said.
    let link = ann.invites(false);
    ann.host.show_code(code, link.invite, NOW.time).unwrap();
    let visit = 200;
    ann.host.arrive(visit, identity(2).peer(), NOW.time);
    for said in &recorded {
        ann.hears(visit, said, NOW);
    }

    let answers = ann.answers_to(visit);
    let last = PairMessage::decode(answers.last().unwrap()).unwrap();
    assert_eq!(last, PairMessage::Refused(PairRefusal::WrongCode));
    assert!(ann.host.guest(visit).is_none() && !words.is_empty());
}

#[test]
fn a_proof_of_a_link_cannot_be_replayed() {
    let mut ann = Ann::new();
    let invite = ann.invites(false);
    let mut bob = Bob::comes(&mut ann, 2, link(&invite));
    let recorded = bob.talks(&mut ann);
    ann.host.leave(bob.visit);

    for number in [2, 3] {
        let visit = Visit::from(200 + number);
        ann.host.arrive(visit, identity(number).peer(), NOW.time);
        recorded.iter().for_each(|said| ann.hears(visit, said, NOW));
        let answers = ann.answers_to(visit);
        let last = PairMessage::decode(answers.last().unwrap()).unwrap();
        assert_eq!(last, PairMessage::Refused(PairRefusal::Unknown));
    }
}

#[test]
fn an_exchange_that_is_broken_off_is_no_guess() {
    let mut ann = Ann::new();
    let (code, _) = ann.shows();
    let mut eve = Bob::comes(&mut ann, 3, Key::Code(wrong_code()));
    eve.step(&mut ann, NOW);
    eve.step(&mut ann, NOW);
    ann.host.leave(eve.visit);

    let mut bob = Bob::comes(&mut ann, 2, Key::Code(code));
    bob.talks(&mut ann);

    assert!(ann.host.guest(bob.visit).is_some() && ann.burnt.is_empty());
}

#[test]
fn a_machine_that_passes_everything_on_gets_in_between_nobody() {
    // Eve answers bob's call under her own key and passes on what both say; bob types the right code.
    let mut ann = Ann::new();
    let (code, _) = ann.shows();
    let visit = 9;
    ann.host.arrive(visit, identity(3).peer(), NOW.time);
    let caller = Caller { me: identity(2).peer(), grid: GridId([2; 16]), name: "bob", addresses: &[], speaks: SPEAKS };
    let (mut bob, mut said) = Visitor::knock(Key::Code(code), identity(3).peer(), &caller, [2; 16]);
    let last = loop {
        ann.hears(visit, &said, NOW);
        let answer = ann.answers_to(visit).pop().unwrap();
        match bob.hear(&answer, Zeroizing::new([9; 32])) {
            Ok(Heard::Say(bytes)) => said = bytes,
            other => break other,
        }
    };
    assert!(matches!(last, Err(VisitError::Refused(PairRefusal::WrongCode))), "{last:?}");
    assert!(ann.asked.is_empty() && !ann.has(3) && !ann.has(2));
}

#[test]
fn a_host_that_does_not_know_the_code_is_found_out() {
    let mut ann = Ann::new();
    ann.shows();
    let mut bob = Bob::comes(&mut ann, 2, Key::Code(wrong_code()));
    bob.step(&mut ann, NOW);
    bob.step(&mut ann, NOW);
    // Whatever the guess was, a false host says yes.
    let yes = PairMessage::Waiting { confirmation: [0; 32], secs: 300 };
    let heard = bob.visitor.hear(&yes.encode(), Zeroizing::new([9; 32]));
    assert!(matches!(heard, Err(VisitError::FalseHost)), "{heard:?}");
}

#[test]
fn a_welcome_without_a_proof_is_not_believed() {
    let ann = Ann::new();
    let mut host = ann;
    host.shows();
    let mut bob = Bob::comes(&mut host, 2, Key::Code(wrong_code()));
    bob.step(&mut host, NOW);
    for message in [PairMessage::Members(host.grid.encoded()), PairMessage::Welcome] {
        let heard = bob.visitor.hear(&message.encode(), Zeroizing::new([9; 32]));
        assert!(matches!(heard, Err(VisitError::Confused)), "{heard:?}");
    }
}

#[test]
fn a_log_that_does_not_name_the_guest_is_not_believed() {
    let mut ann = Ann::new();
    let invite = ann.invites(false);
    let mut bob = Bob::comes(&mut ann, 2, link(&invite));
    bob.talks(&mut ann);
    let heard = bob.visitor.hear(&PairMessage::Members(ann.grid.encoded()).encode(), Zeroizing::new([9; 32]));
    assert!(matches!(heard, Ok(Heard::More)));
    let heard = bob.visitor.hear(&PairMessage::Welcome.encode(), Zeroizing::new([9; 32]));
    assert!(matches!(heard, Err(VisitError::NotAMember)), "{heard:?}");
}

#[test]
fn after_wrong_codes_none_is_shown_for_a_while() {
    let mut ann = Ann::new();
    for number in 0..5 {
        ann.shows();
        Bob::comes(&mut ann, 10 + number, Key::Code(wrong_code())).talks(&mut ann);
    }
    let link = ann.invites(false);
    let refused = ann.host.show_code(Code::new([1; 7]), link.invite, NOW.time).unwrap_err();
    assert_eq!(refused.until, later(3_600).time);
    assert!(ann.host.shown().is_none());
    ann.host.show_code(Code::new([1; 7]), link.invite, refused.until).unwrap();
}

#[test]
fn exchanges_are_limited_for_all_guests_together() {
    let mut ann = Ann::new();
    let (code, _) = ann.shows();
    for number in 0..30 {
        let mut eve = Bob::comes(&mut ann, 50 + number, Key::Code(wrong_code()));
        eve.step(&mut ann, NOW);
        eve.step(&mut ann, NOW);
        assert_eq!(eve.refusal(), None);
        ann.host.leave(eve.visit);
    }
    let mut bob = Bob::comes(&mut ann, 2, Key::Code(code.clone()));
    bob.talks(&mut ann);
    assert_eq!(bob.refusal(), Some(PairRefusal::Busy));

    let mut bob = Bob::comes(&mut ann, 2, Key::Code(code));
    while bob.step(&mut ann, later(60)).is_some() {}
    assert!(ann.host.guest(bob.visit).is_some());
}

#[test]
fn guests_that_prove_nothing_are_sent_away() {
    let mut ann = Ann::new();
    let (_, _) = ann.shows();
    let mut bob = Bob::comes(&mut ann, 2, Key::Code(wrong_code()));
    bob.step(&mut ann, NOW);
    let deadline = ann.host.poll_deadline().unwrap();
    assert!(deadline < NOW.time + APPROVAL);
    ann.host.handle_deadline(deadline);
    ann.carries_out();
    bob.listens(&mut ann);
    assert_eq!(bob.refusal(), Some(PairRefusal::TimedOut));
    assert!(ann.ended.is_empty(), "people hear of nobody who was not invited");
    assert_eq!(ann.host.poll_deadline(), None);
}

#[test]
fn other_versions_are_named() {
    let mut ann = Ann::new();
    let link = ann.invites(false);
    ann.host.arrive(1, identity(2).peer(), NOW.time);
    ann.hears(1, &[9, 9, 9], NOW);
    let said = PairMessage::decode(&ann.answers_to(1)[0]).unwrap();
    assert_eq!(said, PairMessage::Refused(PairRefusal::OtherVersion { speaks: SPEAKS }));

    let caller = Caller { me: identity(2).peer(), grid: GridId([2; 16]), name: "bob", addresses: &[], speaks: 99 };
    let (mut bob, knock) = Visitor::knock(super::Key::Link(Box::new(link)), identity(1).peer(), &caller, [2; 16]);
    ann.host.arrive(2, identity(2).peer(), NOW.time);
    ann.hears(2, &knock, NOW);
    let heard = bob.hear(&ann.answers_to(2)[0], Zeroizing::new([9; 32]));
    let named = VisitError::Refused(PairRefusal::OtherVersion { speaks: SPEAKS });
    assert_eq!(heard.unwrap_err(), named);
    assert!(matches!(bob.hear(&[9], Zeroizing::new([9; 32])), Err(VisitError::Version { version: 9 })));
}

#[test]
fn a_machine_of_the_same_or_another_grid_is_told_apart() {
    let mut ann = Ann::new();
    let invite = ann.invites(false);
    let mut foreign = Bob::comes(&mut ann, 2, link(&InviteLink { grid: GridId([0; 16]), ..invite.clone() }));
    foreign.talks(&mut ann);
    assert_eq!(foreign.error, Some(VisitError::OtherGrid));

    let caller = Caller { me: identity(2).peer(), grid: ann.grid.id(), name: "bob", addresses: &[], speaks: SPEAKS };
    let (mut bob, knock) = Visitor::knock(link(&invite), identity(1).peer(), &caller, [2; 16]);
    ann.host.arrive(99, identity(2).peer(), NOW.time);
    ann.hears(99, &knock, NOW);
    let heard = bob.hear(&ann.answers_to(99)[0], Zeroizing::new([9; 32]));
    assert_eq!(heard.unwrap_err(), VisitError::SameGrid);
}

#[test]
fn secrets_are_not_printed() {
    let mut ann = Ann::new();
    let (code, invite) = ann.shows();
    let mut bob = Bob::comes(&mut ann, 2, Key::Code(code.clone()));
    bob.step(&mut ann, NOW);
    bob.step(&mut ann, NOW);
    let printed = format!("{:?} {:?} {:?}", ann.host, bob.visitor, link(&invite));
    let plain = code.to_text().replace('-', "");
    let secret = format!("{:?}", [1_u8; 16]);
    assert!(!printed.contains(&plain) && !printed.contains(&secret), "{printed}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn hostile_guests_get_nowhere_and_break_nothing(
        steps in 0..3_usize,
        said in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..120), 1..6),
    ) {
        let mut ann = Ann::new();
        let (code, _) = ann.shows();
        let mut eve = Bob::comes(&mut ann, 3, Key::Code(wrong_code()));
        for _ in 0..steps {
            eve.step(&mut ann, NOW);
        }
        for bytes in &said {
            ann.hears(eve.visit, bytes, NOW);
            ann.hears(eve.visit, &[&[1], bytes.as_slice()].concat(), NOW);
        }
        prop_assert!(ann.asked.is_empty() && !ann.has(3));
        if ann.burnt.is_empty() {
            let mut bob = Bob::comes(&mut ann, 2, Key::Code(code));
            bob.talks(&mut ann);
            prop_assert!(ann.host.guest(bob.visit).is_some());
        }
    }

    #[test]
    fn hostile_hosts_are_not_believed(
        steps in 0..3_usize,
        said in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..120), 1..6),
    ) {
        let mut ann = Ann::new();
        let (code, _) = ann.shows();
        let mut bob = Bob::comes(&mut ann, 2, Key::Code(code));
        for _ in 0..steps {
            bob.step(&mut ann, NOW);
        }
        if bob.words.is_empty() {
            for bytes in &said {
                let heard = bob.visitor.hear(&[&[1], bytes.as_slice()].concat(), Zeroizing::new([9; 32]));
                let believed = matches!(heard, Ok(Heard::Joined(_) | Heard::Waits { .. }));
                prop_assert!(!believed);
            }
        }
    }
}
