use gridwell_model::Stamp;
use proptest::prelude::*;

use super::*;
use crate::{backoff::Zeal, view::LinkState};

const ME: PeerId = PeerId([5; 32]);
/// Above us: we dial at once.
const HIGH: PeerId = PeerId([9; 32]);
/// Below us: it dials first.
const LOW: PeerId = PeerId([1; 32]);

struct TestLinks {
    links: Links,
    now: Time,
}

impl TestLinks {
    fn new() -> Self {
        Self { links: Links::new(ME, 42), now: Time::from_secs(1_000) }
    }

    fn with_link(peer: PeerId) -> Self {
        let mut test = Self::new();
        test.input(Input::MemberAdded { peer, addresses: Vec::new(), ours: LinkWish::default() });
        test.connected(peer);
        assert_eq!(test.effects(), [Effect::LinkUp { peer }, Effect::SendPing { peer, number: 1 }]);
        test
    }

    /// A link that was measured a few times, the last time now.
    fn settled(peer: PeerId) -> Self {
        let mut test = Self::with_link(peer);
        for number in 1..=4 {
            test.input(Input::PongReceived { peer, number });
            if number < 4 {
                test.next();
            }
        }
        test
    }

    fn input(&mut self, input: Input) {
        self.links.handle(input, self.now);
    }

    fn member(&mut self, peer: PeerId, address: &str) {
        self.member_wanted(peer, address, LinkWish::default());
    }

    fn member_wanted(&mut self, peer: PeerId, address: &str, ours: LinkWish) {
        self.input(Input::MemberAdded { peer, addresses: vec![address.to_owned()], ours });
    }

    fn wish(&mut self, peer: PeerId, policy: LinkPolicy) {
        self.input(Input::WishChanged { peer, ours: wish(policy) });
    }

    fn connected(&mut self, peer: PeerId) {
        self.input(Input::Connected { peer, inbound: true, address: "10.0.0.9:50000".to_owned() });
    }

    /// Goes to the next deadline and returns what came out of it.
    fn next(&mut self) -> Vec<Effect> {
        self.now = self.links.poll_deadline().expect("something is due");
        self.links.handle_deadline(self.now);
        self.effects()
    }

    fn effects(&mut self) -> Vec<Effect> {
        std::iter::from_fn(|| self.links.poll_effect()).collect()
    }

    fn view(&self, peer: PeerId) -> LinkView {
        self.links.view(peer).unwrap()
    }
}

fn wish(policy: LinkPolicy) -> LinkWish {
    LinkWish::default().changed_to(policy, Stamp(1))
}

fn dial(peer: PeerId, addresses: &[&str]) -> Effect {
    Effect::Dial { peer, addresses: addresses.iter().map(|address| (*address).to_owned()).collect() }
}

#[test]
fn a_member_is_dialled_by_the_lower_peer_first() {
    let mut test = TestLinks::new();
    let start = test.now;
    test.member(HIGH, "h:1");
    test.member(LOW, "l:1");
    assert_eq!(test.next(), [dial(HIGH, &["h:1"])]);
    assert_eq!(test.now, start);
    assert_eq!(test.next(), [dial(LOW, &["l:1"])]);
    assert_eq!(test.now, start + YIELD);
}

#[test]
fn a_failed_dial_is_tried_again_later_and_later() {
    let mut test = TestLinks::new();
    test.member(HIGH, "h:1");
    let mut waits = Vec::new();
    for _ in 0..14 {
        assert_eq!(test.next(), [dial(HIGH, &["h:1"])]);
        test.input(Input::DialFailed { peer: HIGH, why: "nobody listens there".to_owned() });
        waits.push(test.links.poll_deadline().unwrap().since(test.now));
    }
    assert!(waits[0] < Duration::from_millis(200), "a machine that is just starting is there soon: {waits:?}");
    assert!(waits[..9].is_sorted(), "{waits:?}");
    assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(75)));
    let view = test.view(HIGH);
    assert_eq!(view.failures, 14);
    assert_eq!(view.last_error, Some((test.now, "nobody listens there".to_owned())));
    assert!(!test.links.is_up(HIGH));
}

#[test]
fn of_two_that_lose_their_link_the_lower_one_dials_first() {
    for (peer, yields) in [(HIGH, false), (LOW, true)] {
        let mut test = TestLinks::with_link(peer);
        test.input(Input::AddressesLearned { peer, addresses: vec!["x:1".to_owned()] });
        test.input(Input::Disconnected { peer, why: "the other side closed the link".to_owned() });
        test.effects();
        assert_eq!(test.links.poll_deadline().unwrap() >= test.now + YIELD, yields);
    }
}

#[test]
fn a_dial_without_an_answer_ends_by_itself() {
    let mut test = TestLinks::new();
    test.member(HIGH, "h:1");
    test.next();
    assert_eq!(test.next(), []);
    assert_eq!(test.view(HIGH).failures, 1);
}

#[test]
fn the_address_that_worked_and_the_newest_come_first() {
    let mut test = TestLinks::new();
    let addresses = vec!["a:1".to_owned(), "b:1".to_owned()];
    test.input(Input::MemberAdded { peer: HIGH, addresses, ours: LinkWish::default() });
    test.next();
    test.input(Input::Connected { peer: HIGH, inbound: false, address: "b:1".to_owned() });
    assert_eq!(test.view(HIGH).addresses, ["b:1", "a:1"]);
    test.input(Input::AddressesLearned { peer: HIGH, addresses: vec!["c:1".to_owned(), "a:1".to_owned()] });
    assert_eq!(test.view(HIGH).addresses, ["c:1", "a:1", "b:1"]);
}

#[test]
fn a_new_address_is_tried_at_once() {
    let mut test = TestLinks::new();
    test.input(Input::MemberAdded { peer: HIGH, addresses: Vec::new(), ours: LinkWish::default() });
    assert_eq!(test.links.poll_deadline(), None);
    test.input(Input::AddressesLearned { peer: HIGH, addresses: vec!["a:1".to_owned()] });
    assert_eq!(test.next(), [dial(HIGH, &["a:1"])]);
}

#[test]
fn pongs_measure_the_round_trip() {
    let mut test = TestLinks::with_link(HIGH);
    test.now = test.now + Duration::from_millis(4);
    test.input(Input::PongReceived { peer: HIGH, number: 1 });
    test.input(Input::PongReceived { peer: HIGH, number: 1 });
    assert_eq!(test.next(), [Effect::SendPing { peer: HIGH, number: 2 }]);
    let LinkState::Up { rtt_min, rtt_ewma, suspect: false, .. } = test.view(HIGH).state else { panic!("not up") };
    assert_eq!((rtt_min, rtt_ewma), (Some(Duration::from_millis(4)), Some(Duration::from_millis(4))));
}

#[test]
fn a_new_link_is_measured_a_few_times_soon_and_then_now_and_then() {
    let mut test = TestLinks::with_link(HIGH);
    let mut waits = Vec::new();
    for number in 1..=6 {
        test.input(Input::PongReceived { peer: HIGH, number });
        waits.push(test.links.poll_deadline().unwrap().since(test.now));
        assert_eq!(test.next(), [Effect::SendPing { peer: HIGH, number: number + 1 }]);
    }
    assert_eq!(waits[..3], [FIRST_PINGS_EVERY; 3]);
    assert!(waits[3..].iter().all(|wait| *wait >= QUIET.0 && *wait < QUIET.1), "{waits:?}");
}

#[test]
fn a_machine_that_falls_silent_is_given_up_within_ten_seconds() {
    let mut test = TestLinks::settled(HIGH);
    let silent_since = test.now;
    let mut effects = Vec::new();
    while test.links.is_up(HIGH) {
        effects.extend(test.next());
    }
    assert!(test.now.since(silent_since) < Duration::from_secs(10));
    assert!(matches!(effects[..], [Effect::SendPing { .. }, Effect::Disconnect { .. }, Effect::LinkDown { .. }]));
}

#[test]
fn who_says_something_is_not_pinged_but_measured_now_and_then() {
    let mut test = TestLinks::settled(HIGH);
    let start = test.now;
    while test.effects().is_empty() {
        test.now = test.now + Duration::from_secs(1);
        test.input(Input::Heard { peer: HIGH });
        test.links.handle_deadline(test.now);
        assert!(test.now.since(start) < MEASURE_EVERY + QUIET.1);
    }
    assert!(test.now.since(start) >= MEASURE_EVERY);
}

#[test]
fn a_link_lives_while_bytes_move_on_it_even_if_pongs_wait_behind_them() {
    let mut test = TestLinks::with_link(HIGH);
    for bytes in 1..20 {
        test.now = test.links.poll_deadline().unwrap();
        assert_eq!(test.links.due(test.now).collect::<Vec<_>>(), [HIGH]);
        test.input(Input::BulkCounted { peer: HIGH, bytes });
        test.links.handle_deadline(test.now);
        assert!(matches!(test.effects()[..], [Effect::SendPing { .. }]));
    }
    test.input(Input::BulkCounted { peer: HIGH, bytes: 19 });
    assert!(matches!(test.next()[..], [Effect::Disconnect { .. }, Effect::LinkDown { .. }]));
}

#[test]
fn a_silent_link_is_given_up() {
    let mut test = TestLinks::with_link(HIGH);
    let why = "it gave no sign of life for 5 s".to_owned();
    assert_eq!(test.next(), [Effect::Disconnect { peer: HIGH }, Effect::LinkDown { peer: HIGH, why }]);
    test.input(Input::Disconnected { peer: HIGH, why: "this machine ended the link".to_owned() });
    assert_eq!(test.effects(), []);
    assert!(test.view(HIGH).last_error.unwrap().1.contains("no sign of life"));
}

#[test]
fn waking_up_makes_links_suspect_until_they_answer() {
    let mut test = TestLinks::with_link(HIGH);
    test.input(Input::PongReceived { peer: HIGH, number: 1 });
    test.input(Input::Woke);
    assert_eq!(test.effects(), [Effect::SendPing { peer: HIGH, number: 2 }]);
    assert!(matches!(test.view(HIGH).state, LinkState::Up { suspect: true, .. }));
    assert_eq!(test.links.poll_deadline(), Some(test.now + PONG_LIMIT));
    test.input(Input::PongReceived { peer: HIGH, number: 2 });
    assert!(matches!(test.view(HIGH).state, LinkState::Up { suspect: false, .. }));
}

#[test]
fn a_program_that_did_not_run_for_a_while_blames_nobody() {
    let mut test = TestLinks::with_link(HIGH);
    test.now = test.now + PONG_LIMIT + SLEPT + Duration::from_millis(1);
    test.links.handle_deadline(test.now);
    assert_eq!(test.effects(), [Effect::SendPing { peer: HIGH, number: 2 }]);
}

#[test]
fn a_deadline_far_in_the_past_counts_as_waking_up() {
    let mut test = TestLinks::with_link(HIGH);
    test.now = test.now + Duration::from_hours(8);
    test.links.handle_deadline(test.now);
    assert_eq!(test.effects(), [Effect::SendPing { peer: HIGH, number: 2 }]);
    assert!(test.links.is_up(HIGH));
}

#[test]
fn a_newer_connection_replaces_the_link() {
    let mut test = TestLinks::with_link(HIGH);
    test.connected(HIGH);
    let down = Effect::LinkDown { peer: HIGH, why: "a newer connection".to_owned() };
    assert_eq!(test.effects(), [down, Effect::LinkUp { peer: HIGH }, Effect::SendPing { peer: HIGH, number: 2 }]);
    assert_eq!(test.links.up().collect::<Vec<_>>(), [HIGH]);
}

#[test]
fn a_removed_member_is_cut_and_forgotten() {
    let mut test = TestLinks::with_link(HIGH);
    test.input(Input::MemberRemoved { peer: HIGH });
    let why = "it is not a member any more".to_owned();
    assert_eq!(test.effects(), [Effect::Disconnect { peer: HIGH }, Effect::LinkDown { peer: HIGH, why }]);
    assert_eq!(test.links.poll_deadline(), None);
    test.connected(HIGH);
    assert_eq!(test.effects(), [Effect::Disconnect { peer: HIGH }]);
}

#[test]
fn a_forbidden_link_is_cut_at_once_and_never_made() {
    let mut test = TestLinks::with_link(HIGH);
    test.input(Input::AddressesLearned { peer: HIGH, addresses: vec!["h:1".to_owned()] });
    test.wish(HIGH, LinkPolicy::Forbidden);
    let down = Effect::LinkDown { peer: HIGH, why: FORBIDDEN_HERE.to_owned() };
    assert_eq!(test.effects(), [Effect::Disconnect { peer: HIGH }, down]);
    test.input(Input::Disconnected { peer: HIGH, why: "this machine ended the link".to_owned() });
    test.input(Input::AddressesLearned { peer: HIGH, addresses: vec!["h:2".to_owned()] });
    test.input(Input::Woke);
    assert_eq!((test.links.poll_deadline(), test.effects()), (None, vec![]));
    test.connected(HIGH);
    assert_eq!(test.effects(), [Effect::Disconnect { peer: HIGH }]);
    assert_eq!(test.view(HIGH).last_error, Some((test.now, FORBIDDEN_HERE.to_owned())));
}

#[test]
fn a_link_that_is_forbidden_while_it_is_dialled_is_not_made() {
    let mut test = TestLinks::new();
    test.member(HIGH, "h:1");
    test.next();
    test.wish(HIGH, LinkPolicy::Forbidden);
    test.input(Input::DialFailed { peer: HIGH, why: "this machine does not dial it".to_owned() });
    assert_eq!((test.links.poll_deadline(), test.links.dialling), (None, 0));
}

#[test]
fn a_link_that_was_forbidden_at_the_last_run_is_not_made() {
    let mut test = TestLinks::new();
    test.member_wanted(HIGH, "h:1", wish(LinkPolicy::Forbidden));
    assert_eq!(test.links.poll_deadline(), None);
}

#[test]
fn a_link_that_is_allowed_again_is_dialled_at_once_by_whoever_allowed_it() {
    let mut test = TestLinks::new();
    test.member_wanted(LOW, "l:1", wish(LinkPolicy::Forbidden));
    test.wish(LOW, LinkPolicy::Automatic);
    let before = test.now;
    assert_eq!((test.next(), test.now), (vec![dial(LOW, &["l:1"])], before));
}

#[test]
fn a_pinned_link_is_dialled_at_once_and_never_given_up() {
    let mut test = TestLinks::new();
    test.member(HIGH, "h:1");
    for _ in 0..20 {
        test.next();
        test.input(Input::DialFailed { peer: HIGH, why: "no answer".to_owned() });
    }
    test.wish(HIGH, LinkPolicy::Pinned);
    let mut last = test.now;
    for number in 0..100 {
        assert_eq!(test.next(), [dial(HIGH, &["h:1"])]);
        let waited = test.now.since(last);
        assert!(waited < Duration::from_secs(7) && (number > 0 || waited.is_zero()), "{waited:?}");
        last = test.now;
        test.input(Input::DialFailed { peer: HIGH, why: "no answer".to_owned() });
    }
}

#[test]
fn who_is_refused_asks_seldom_until_the_other_side_dials() {
    let mut test = TestLinks::new();
    test.member_wanted(HIGH, "h:1", wish(LinkPolicy::Pinned));
    for _ in 0..5 {
        test.next();
        test.input(Input::DialRefused { peer: HIGH, theirs: wish(LinkPolicy::Forbidden) });
        test.input(Input::AddressesLearned { peer: HIGH, addresses: vec!["h:2".to_owned()] });
        test.input(Input::Woke);
        assert!(test.links.poll_deadline().unwrap().since(test.now) > Duration::from_mins(3));
    }
    let view = test.view(HIGH);
    assert!(view.theirs.unwrap().forbids() && view.last_error.unwrap().1.contains("forbidden by the owner"));
    test.connected(HIGH);
    assert_eq!(test.view(HIGH).theirs.unwrap().policy, LinkPolicy::Automatic);
}

#[test]
fn who_hears_that_its_link_is_forbidden_does_not_dial_when_it_breaks() {
    let mut test = TestLinks::with_link(HIGH);
    test.input(Input::AddressesLearned { peer: HIGH, addresses: vec!["h:1".to_owned()] });
    test.input(Input::WishHeard { peer: HIGH, theirs: wish(LinkPolicy::Forbidden) });
    test.input(Input::Disconnected { peer: HIGH, why: "the other side closed the link".to_owned() });
    assert_eq!(test.effects(), [Effect::LinkDown { peer: HIGH, why: FORBIDDEN_THERE.to_owned() }]);
    assert!(test.links.poll_deadline().unwrap().since(test.now) > Duration::from_mins(3));
}

#[test]
fn only_so_many_are_dialled_at_once() {
    let mut test = TestLinks::new();
    for number in 0..40_u8 {
        test.member(PeerId([100 + number; 32]), "x:1");
    }
    assert_eq!(test.next().len(), MAX_DIALLING);
    test.input(Input::DialFailed { peer: PeerId([100; 32]), why: "no".to_owned() });
    assert_eq!(test.next().len(), 1);
}

fn an_input() -> impl Strategy<Value = Input> {
    let peer = prop::sample::select(vec![LOW, HIGH, ME, PeerId([7; 32])]);
    let policy = prop::sample::select(vec![LinkPolicy::Automatic, LinkPolicy::Pinned, LinkPolicy::Forbidden]);
    (peer, 0..16_u8, 0..5_u64, policy.prop_map(wish)).prop_map(|(peer, kind, number, wish)| {
        let addresses = vec![format!("h:{number}")];
        let why = "x".to_owned();
        match kind {
            0 => Input::MemberAdded { peer, addresses, ours: wish },
            1 => Input::MemberRemoved { peer },
            2 => Input::AddressesLearned { peer, addresses },
            3 => Input::Connected { peer, inbound: number == 0, address: why },
            4 => Input::Disconnected { peer, why },
            5 => Input::DialFailed { peer, why },
            6 => Input::PongReceived { peer, number },
            7 => Input::Heard { peer },
            8 => Input::BulkCounted { peer, bytes: number },
            9 => Input::WishChanged { peer, ours: wish },
            10 => Input::WishHeard { peer, theirs: wish },
            11 => Input::DialRefused { peer, theirs: wish },
            12 => Input::RestChanged { peer, rests: number < 3 },
            13 => Input::RestHeard { peer, rests: number < 3 },
            14 => Input::LetGo { peer },
            _ => Input::Woke,
        }
    })
}

#[test]
fn a_link_that_rests_is_not_dialled_until_it_is_needed() {
    let mut test = TestLinks::new();
    test.member(HIGH, "10.0.0.9:1");
    test.input(Input::RestChanged { peer: HIGH, rests: true });
    assert_eq!(test.links.poll_deadline(), None);
    test.input(Input::AddressesLearned { peer: HIGH, addresses: vec!["10.0.0.9:2".to_owned()] });
    test.input(Input::Woke);
    assert_eq!(test.links.poll_deadline(), None);
    test.input(Input::RestChanged { peer: HIGH, rests: false });
    assert!(matches!(test.next().as_slice(), [Effect::Dial { peer: HIGH, .. }]));
}

#[test]
fn a_link_is_let_go_once_both_ends_do_without_it() {
    let mut test = TestLinks::settled(HIGH);
    test.input(Input::RestChanged { peer: HIGH, rests: true });
    test.input(Input::LetGo { peer: HIGH });
    assert!(test.links.is_up(HIGH), "the other side needs it");
    test.input(Input::RestHeard { peer: HIGH, rests: true });
    test.input(Input::LetGo { peer: HIGH });
    assert!(matches!(test.effects().as_slice(), [Effect::Disconnect { .. }, Effect::LinkDown { .. }]));
    assert_eq!(test.links.poll_deadline(), None);
    test.connected(HIGH);
    assert!(test.links.is_up(HIGH), "the other side may need it again first");
    test.input(Input::Disconnected { peer: HIGH, why: "it closed".to_owned() });
    let said = test.view(HIGH).last_error.map(|(_, why)| why);
    assert_eq!(said.as_deref(), Some("neither machine needs it now"), "whoever let it go");
}

#[test]
fn a_pinned_link_does_not_rest() {
    let mut test = TestLinks::settled(HIGH);
    test.input(Input::RestChanged { peer: HIGH, rests: true });
    test.input(Input::RestHeard { peer: HIGH, rests: true });
    test.wish(HIGH, LinkPolicy::Pinned);
    test.input(Input::LetGo { peer: HIGH });
    assert!(test.links.is_up(HIGH) && !test.view(HIGH).rests);
    test.wish(HIGH, LinkPolicy::Automatic);
    test.input(Input::LetGo { peer: HIGH });
    assert!(!test.links.is_up(HIGH));
}

proptest! {
    /// Whatever happens in whatever order: timers match entries, the count of dials is right, up and down alternate, a
    /// forbidden link is neither made nor wanted, one that rests is not dialled, and a pinned one is soon tried again.
    #[test]
    fn the_table_stays_consistent(steps in prop::collection::vec((an_input(), 0..40_u64), 0..60)) {
        let mut test = TestLinks::new();
        let mut up = BTreeSet::new();
        for (input, seconds) in steps {
            test.now = test.now + Duration::from_secs(seconds);
            test.links.handle_deadline(test.now);
            let mut effects = test.effects();
            let forbidden = |peer| test.links.entries.get(peer).is_none_or(|entry| entry.ours.forbids());
            let bad = effects.iter().any(|effect| matches!(effect, Effect::Dial { peer, .. } if forbidden(peer)));
            prop_assert!(!bad, "a forbidden link is dialled");
            test.input(input);
            effects.extend(test.effects());
            for effect in effects {
                match effect {
                    Effect::LinkUp { peer } => prop_assert!(up.insert(peer)),
                    Effect::LinkDown { peer, .. } => prop_assert!(up.remove(&peer)),
                    Effect::Dial { addresses, .. } => prop_assert!(!addresses.is_empty()),
                    Effect::SendPing { .. } | Effect::Disconnect { .. } => {}
                }
            }
            let links = &test.links;
            prop_assert_eq!(&links.up().collect::<BTreeSet<_>>(), &up);
            let dialling = links.entries.values().filter(|entry| matches!(entry.state, State::Dialling)).count();
            prop_assert_eq!(links.dialling, dialling);
            let due: BTreeSet<_> =
                links.entries.iter().filter_map(|(peer, entry)| entry.due.map(|due| (due, *peer))).collect();
            prop_assert_eq!(&links.timers, &due);
            prop_assert!(links.poll_deadline().is_none_or(|due| due >= test.now));
            for entry in links.entries.values() {
                if entry.ours.forbids() {
                    prop_assert!(matches!(entry.state, State::Down) && entry.due.is_none());
                } else if entry.is_resting() {
                    prop_assert!(matches!(entry.state, State::Up(_)) || entry.due.is_none(), "{entry:?}");
                } else if matches!(entry.state, State::Down) && !entry.addresses.is_empty() {
                    let wait = entry.due.map(|due| due.since(test.now));
                    let longest = match entry.zeal() {
                        Zeal::Pinned => Duration::from_secs(8),
                        Zeal::Usual => Duration::from_secs(76),
                        Zeal::Refused => Duration::from_secs(376),
                    };
                    prop_assert!(wait.is_some_and(|wait| wait < longest), "{wait:?} {entry:?}");
                }
            }
        }
    }
}
