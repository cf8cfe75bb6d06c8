use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gridwell_model::{LinkAnswer, LinkAsk, LinkPolicy, LinkWish, PeerId, Stamp};
use serde::{Deserialize, Serialize};

/// An ask that has reached its machine is over after this long, and so is a no: a person looks at a screen once a day.
pub const ASK_LASTS: Duration = Duration::from_hours(24);
/// Whoever was told no is told so again at once, unseen by people, for this long: nobody is worn down by asking.
const NO_LASTS: Duration = Duration::from_mins(10);

/// Who asks whom to pin the link between their machines, and what was answered. Kept by its machine.
///
/// A machine asks each other one at most one thing at a time, and says it again whenever a way leads there, until it is
/// answered; whoever hears it twice says the same twice. So nothing is lost when a message is, or when either restarts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asks {
    asked: BTreeMap<PeerId, Asked>,
    heard: BTreeMap<PeerId, Heard>,
    /// Machines that are always answered so, unseen by people.
    always: BTreeMap<PeerId, bool>,
    /// Machines whose pin the owner of this one allowed, with the revision that their wish has at least while it is theirs.
    allowed: BTreeMap<PeerId, u32>,
    last_number: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Asked {
    ask: LinkAsk,
    at: Stamp,
    state: AskState,
    since: Stamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Heard {
    ask: LinkAsk,
    at: Stamp,
    answer: LinkAnswer,
    since: Stamp,
}

/// How far an ask of this machine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AskState {
    /// The other machine has not heard of it.
    Sending,
    /// Its owner has not answered.
    Waiting,
    /// Its owner said yes, and the pin is on its way.
    Allowed,
    /// Its owner said no.
    Declined,
    /// It is not wanted any more, which the other machine has not heard of.
    TakenBack,
}

/// An ask, as one of its two machines knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AskView {
    /// The other machine.
    pub peer: PeerId,
    /// True if this machine asks.
    pub ours: bool,
    /// When it was asked, or heard of.
    pub at: Stamp,
    /// How far it is.
    pub state: AskState,
    /// When it is over; absent while it has not reached the other machine.
    pub until: Option<Stamp>,
}

/// Nothing waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("machine {} asks for nothing", .peer.short())]
pub struct NothingAsked {
    /// Who was to be answered.
    pub peer: PeerId,
}

impl Asks {
    /// Asks `peer` for a pin whose wish will be of `revision`; one that waits already stays as it is.
    pub fn ask(&mut self, peer: PeerId, revision: u32, now: Stamp) {
        if self.asked.get(&peer).is_some_and(|asked| asked.is_open()) {
            return;
        }
        // Grows over restarts and when the clock goes back.
        self.last_number = now.0.max(self.last_number + 1);
        let ask = LinkAsk { number: self.last_number, revision };
        self.asked.insert(peer, Asked { ask, at: now, state: AskState::Sending, since: now });
    }

    /// The owner of this machine wants nothing of `peer` any more. Returns whether something was wanted.
    pub fn take_back(&mut self, peer: PeerId, now: Stamp) -> bool {
        let Some(asked) = self.asked.get_mut(&peer).filter(|asked| asked.state != AskState::TakenBack) else {
            return false;
        };
        (asked.state, asked.since) = (AskState::TakenBack, now);
        true
    }

    /// What is to be said to `peer` until it answers: an ask, and whether it is still wanted.
    #[must_use]
    pub fn said(&self, peer: PeerId) -> Option<(LinkAsk, bool)> {
        let asked = self.asked.get(&peer)?;
        match asked.state {
            AskState::Sending | AskState::Waiting => Some((asked.ask, true)),
            AskState::TakenBack => Some((asked.ask, false)),
            AskState::Allowed | AskState::Declined => None,
        }
    }

    /// The other machine answered. Returns true if that is news.
    pub fn answered(&mut self, peer: PeerId, number: u64, answer: LinkAnswer, now: Stamp) -> bool {
        let Some(asked) = self.asked.get_mut(&peer).filter(|asked| asked.ask.number == number) else { return false };
        let state = match (asked.state, answer) {
            (AskState::TakenBack, LinkAnswer::Forgotten) => {
                self.asked.remove(&peer);
                return true;
            }
            (AskState::Sending, LinkAnswer::Waiting) => AskState::Waiting,
            // Whoever said no may think again.
            (AskState::Sending | AskState::Waiting | AskState::Declined, LinkAnswer::Allowed) => AskState::Allowed,
            (AskState::Sending | AskState::Waiting, LinkAnswer::Declined) => AskState::Declined,
            _ => return false,
        };
        (asked.state, asked.since) = (state, now);
        true
    }

    /// True if the owner of `peer` said yes to what this machine asked.
    #[must_use]
    pub fn is_granted(&self, peer: PeerId) -> bool {
        self.asked.get(&peer).is_some_and(|asked| asked.state == AskState::Allowed)
    }

    /// Machines that said yes and whose link is not pinned yet.
    pub fn granted(&self) -> impl Iterator<Item = PeerId> {
        self.asked.keys().copied().filter(|peer| self.is_granted(*peer))
    }

    /// What was asked of `peer` is done. Returns true if something was.
    pub fn settle(&mut self, peer: PeerId) -> bool {
        self.is_granted(peer) && self.asked.remove(&peer).is_some()
    }

    /// Hears an ask. `known` is the answer where no person has to think about it. Returns the answer as it is now, and whether
    /// the ask is news.
    pub fn hear(&mut self, peer: PeerId, ask: LinkAsk, known: Option<bool>, now: Stamp) -> (LinkAnswer, bool) {
        let before = self.heard.get(&peer).copied();
        match before {
            Some(heard) if heard.ask.number == ask.number => return (heard.answer, false),
            Some(heard) if heard.ask.number > ask.number => return (LinkAnswer::Forgotten, false),
            _ => {}
        }
        let known = known.or_else(|| self.always.get(&peer).copied());
        if let (None, Some(heard)) = (known, self.heard.get_mut(&peer))
            && heard.answer == LinkAnswer::Waiting
        {
            // People see one already: whoever asks often is not seen more often.
            heard.ask = ask;
            return (LinkAnswer::Waiting, false);
        }
        let refused = before.filter(|heard| heard.answer == LinkAnswer::Declined && now < heard.since + NO_LASTS);
        let answer = match known {
            Some(true) => LinkAnswer::Allowed,
            Some(false) => LinkAnswer::Declined,
            None if refused.is_some() => LinkAnswer::Declined,
            None => LinkAnswer::Waiting,
        };
        // A no that was repeated does not begin anew.
        let since = refused.map_or(now, |heard| heard.since);
        self.heard.insert(peer, Heard { ask, at: now, answer, since });
        if answer == LinkAnswer::Allowed {
            self.allowed.insert(peer, ask.revision);
        }
        (answer, true)
    }

    /// What `peer` asked it does not want any more. Returns true if that is news.
    pub fn hear_taken_back(&mut self, peer: PeerId, number: u64) -> bool {
        let Some(heard) = self.heard.get(&peer).filter(|heard| heard.ask.number <= number) else { return false };
        if heard.answer == LinkAnswer::Allowed {
            self.allowed.remove(&peer);
        }
        self.heard.remove(&peer);
        true
    }

    /// The owner of this machine answers; `always` answers what `peer` asks later so, too, and an answer without it ends that.
    /// Returns what is to be said to `peer`, if it waits for something.
    ///
    /// # Errors
    ///
    /// [`NothingAsked`] if `peer` waits for nothing and nothing changes for later.
    pub fn answer(
        &mut self,
        peer: PeerId,
        allow: bool,
        always: bool,
        now: Stamp,
    ) -> Result<Option<(u64, LinkAnswer)>, NothingAsked> {
        let before = if always { self.always.insert(peer, allow).or(Some(allow)) } else { self.always.remove(&peer) };
        let open = |heard: &&mut Heard| heard.answer != LinkAnswer::Allowed;
        let Some(heard) = self.heard.get_mut(&peer).filter(open) else {
            return before.map(|_| None).ok_or(NothingAsked { peer });
        };
        (heard.answer, heard.since) = (if allow { LinkAnswer::Allowed } else { LinkAnswer::Declined }, now);
        if allow {
            self.allowed.insert(peer, heard.ask.revision);
        }
        Ok(Some((heard.ask.number, heard.answer)))
    }

    /// True if the owner of this machine agreed to that wish of `peer`.
    #[must_use]
    pub fn allows(&self, peer: PeerId, theirs: LinkWish) -> bool {
        self.allowed.get(&peer).is_some_and(|revision| theirs.revision >= *revision)
    }

    /// `peer` says what it wants of the link: a yes ends with the pin that it was for. Returns true if it did.
    pub fn follow(&mut self, peer: PeerId, theirs: LinkWish) -> bool {
        let ends = theirs.policy != LinkPolicy::Pinned && self.allows(peer, theirs);
        if ends {
            self.allowed.remove(&peer);
            self.heard.remove(&peer);
        }
        ends
    }

    /// Forgets a machine that is no member any more. Returns whether there was something.
    pub fn forget(&mut self, peer: PeerId) -> bool {
        let known = [
            self.asked.remove(&peer).is_some(),
            self.heard.remove(&peer).is_some(),
            self.always.remove(&peer).is_some(),
            self.allowed.remove(&peer).is_some(),
        ];
        known.contains(&true)
    }

    /// When the next ask is over.
    #[must_use]
    pub fn due(&self) -> Option<Stamp> {
        let asked = self.asked.values().filter_map(|asked| asked.until());
        asked.chain(self.heard.values().map(Heard::until)).min()
    }

    /// Ends what is over; returns the other machines.
    pub fn end_old(&mut self, now: Stamp) -> BTreeSet<PeerId> {
        let asked = self.asked.iter().filter(|(_, asked)| asked.until().is_some_and(|until| until <= now));
        let heard = self.heard.iter().filter(|(_, heard)| heard.until() <= now);
        let over: BTreeSet<_> = asked.map(|(peer, _)| *peer).chain(heard.map(|(peer, _)| *peer)).collect();
        self.asked.retain(|_, asked| asked.until().is_none_or(|until| until > now));
        self.heard.retain(|_, heard| heard.until() > now);
        over
    }

    /// What this machine asks `peer`, as far as people care.
    #[must_use]
    pub fn ours(&self, peer: PeerId) -> Option<AskView> {
        let asked = self.asked.get(&peer).filter(|asked| asked.state != AskState::TakenBack)?;
        Some(AskView { peer, ours: true, at: asked.at, state: asked.state, until: asked.until() })
    }

    /// What `peer` asks this machine, as far as people care: what was allowed shows in the link.
    #[must_use]
    pub fn theirs(&self, peer: PeerId) -> Option<AskView> {
        let heard = self.heard.get(&peer)?;
        let state = match heard.answer {
            LinkAnswer::Waiting => AskState::Waiting,
            LinkAnswer::Declined => AskState::Declined,
            LinkAnswer::Allowed | LinkAnswer::Forgotten => return None,
        };
        Some(AskView { peer, ours: false, at: heard.at, state, until: Some(heard.until()) })
    }

    /// Everything that is asked: what this machine asks, then what it is asked.
    pub fn views(&self) -> impl Iterator<Item = AskView> {
        let ours = self.asked.keys().filter_map(|peer| self.ours(*peer));
        ours.chain(self.heard.keys().filter_map(|peer| self.theirs(*peer)))
    }

    /// Machines that are always answered so.
    pub fn always(&self) -> impl Iterator<Item = (PeerId, bool)> {
        self.always.iter().map(|(peer, allow)| (*peer, *allow))
    }
}

impl Asked {
    const fn is_open(&self) -> bool {
        matches!(self.state, AskState::Sending | AskState::Waiting | AskState::Allowed)
    }

    fn until(&self) -> Option<Stamp> {
        match self.state {
            // It waits for a machine that is away; and a yes is carried out, however late.
            AskState::Sending | AskState::Allowed => None,
            AskState::Waiting | AskState::Declined | AskState::TakenBack => Some(self.since + ASK_LASTS),
        }
    }
}

impl Heard {
    fn until(&self) -> Stamp {
        self.since + ASK_LASTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: PeerId = PeerId([1; 32]);
    const BOB: PeerId = PeerId([2; 32]);

    fn at(hours: u64) -> Stamp {
        Stamp(hours * 3_600_000)
    }

    fn pinned(revision: u32) -> LinkWish {
        LinkWish { policy: LinkPolicy::Pinned, revision, changed: at(0) }
    }

    /// What Ann's machine asks now reaches Bob's, and his answer comes back.
    fn carry(ann: &mut Asks, bob: &mut Asks, known: Option<bool>, now: Stamp) -> Option<LinkAnswer> {
        let (ask, wanted) = ann.said(BOB)?;
        let answer = if wanted {
            bob.hear(ANN, ask, known, now).0
        } else {
            bob.hear_taken_back(ANN, ask.number);
            LinkAnswer::Forgotten
        };
        ann.answered(BOB, ask.number, answer, now);
        Some(answer)
    }

    fn asked(ann: &mut Asks, bob: &mut Asks, now: Stamp) -> Option<LinkAnswer> {
        ann.ask(BOB, 1, now);
        carry(ann, bob, None, now)
    }

    fn state(asks: &Asks) -> Option<AskState> {
        asks.ours(BOB).map(|view| view.state)
    }

    #[test]
    fn a_yes_lets_the_pin_count_until_it_ends() {
        let (mut ann, mut bob) = (Asks::default(), Asks::default());
        assert_eq!(asked(&mut ann, &mut bob, at(0)), Some(LinkAnswer::Waiting));
        assert_eq!(
            (state(&ann), bob.theirs(ANN).map(|view| view.state)),
            (Some(AskState::Waiting), Some(AskState::Waiting))
        );
        assert!(!bob.allows(ANN, pinned(1)), "nobody has said yes");

        let (number, answer) = bob.answer(ANN, true, false, at(1)).unwrap().unwrap();
        assert!(ann.answered(BOB, number, answer, at(1)));

        assert!(ann.is_granted(BOB) && ann.settle(BOB) && state(&ann).is_none());
        let old = LinkWish::default();
        assert!(!bob.follow(ANN, old) && bob.allows(ANN, pinned(1)), "what Ann wanted before the pin does not end it");
        assert!(bob.follow(ANN, LinkWish { policy: LinkPolicy::Automatic, ..pinned(2) }));
        assert!(!bob.allows(ANN, pinned(3)), "the next pin is asked for anew");
    }

    #[test]
    fn lost_words_are_said_again_and_change_nothing() {
        let (mut ann, mut bob) = (Asks::default(), Asks::default());
        ann.ask(BOB, 1, at(0));
        let (ask, _) = ann.said(BOB).unwrap();
        assert_eq!(bob.hear(ANN, ask, None, at(0)), (LinkAnswer::Waiting, true));
        bob.answer(ANN, true, false, at(1)).unwrap();

        // The answer was lost; Ann's machine says it again.
        assert_eq!(carry(&mut ann, &mut bob, None, at(2)), Some(LinkAnswer::Allowed));
        assert!(ann.is_granted(BOB) && ann.said(BOB).is_none());
        assert!(!ann.answered(BOB, ask.number, LinkAnswer::Waiting, at(3)), "an old word");
    }

    #[test]
    fn a_no_holds_for_a_while_and_may_be_thought_over() {
        let (mut ann, mut bob) = (Asks::default(), Asks::default());
        asked(&mut ann, &mut bob, at(0));
        let (number, answer) = bob.answer(ANN, false, false, at(0)).unwrap().unwrap();
        ann.answered(BOB, number, answer, at(0));
        assert_eq!(state(&ann), Some(AskState::Declined));

        assert_eq!(asked(&mut ann, &mut bob, Stamp(1_000)), Some(LinkAnswer::Declined), "unseen by people");
        assert_eq!(asked(&mut ann, &mut bob, at(1)), Some(LinkAnswer::Waiting), "much later it is seen again");
        let (number, answer) = bob.answer(ANN, false, false, at(1)).unwrap().unwrap();
        ann.answered(BOB, number, answer, at(1));
        let (number, answer) = bob.answer(ANN, true, false, at(2)).unwrap().unwrap();
        assert!(ann.answered(BOB, number, answer, at(2)) && ann.is_granted(BOB));
    }

    #[test]
    fn who_is_always_answered_does_not_wait() {
        let (mut ann, mut bob) = (Asks::default(), Asks::default());
        assert_eq!(bob.answer(ANN, true, false, at(0)), Err(NothingAsked { peer: ANN }));
        assert_eq!(bob.answer(ANN, true, true, at(0)), Ok(None));
        assert_eq!(asked(&mut ann, &mut bob, at(0)), Some(LinkAnswer::Allowed));
        ann.settle(BOB);
        assert_eq!(bob.answer(ANN, false, false, at(0)), Ok(None), "from now on people are asked");
        assert_eq!(asked(&mut ann, &mut bob, at(1)), Some(LinkAnswer::Waiting));
    }

    #[test]
    fn what_is_known_needs_no_person() {
        for (known, answer) in [(true, LinkAnswer::Allowed), (false, LinkAnswer::Declined)] {
            let (mut ann, mut bob) = (Asks::default(), Asks::default());
            ann.ask(BOB, 1, at(0));
            assert_eq!(carry(&mut ann, &mut bob, Some(known), at(0)), Some(answer));
        }
    }

    #[test]
    fn what_is_taken_back_is_forgotten_at_both_ends() {
        let (mut ann, mut bob) = (Asks::default(), Asks::default());
        asked(&mut ann, &mut bob, at(0));
        assert!(ann.take_back(BOB, at(1)) && !ann.take_back(BOB, at(1)));
        assert_eq!(state(&ann), None, "people see it gone at once");
        assert_eq!(bob.views().count(), 1);
        assert_eq!(carry(&mut ann, &mut bob, None, at(2)), Some(LinkAnswer::Forgotten));
        assert_eq!((ann.said(BOB), bob.views().count()), (None, 0));
        assert!(bob.answer(ANN, true, false, at(3)).is_err());
    }

    #[test]
    fn an_ask_waits_for_a_machine_that_is_away_and_then_for_a_day() {
        let (mut ann, mut bob) = (Asks::default(), Asks::default());
        ann.ask(BOB, 1, at(0));
        assert_eq!((ann.due(), ann.end_old(at(100)).len()), (None, 0), "it has not arrived");
        carry(&mut ann, &mut bob, None, at(100));
        assert_eq!((ann.due(), bob.due()), (Some(at(124)), Some(at(124))));
        assert!(ann.end_old(at(123)).is_empty());
        assert_eq!((ann.end_old(at(124)), bob.end_old(at(124))), ([BOB].into(), [ANN].into()));
        assert_eq!((ann.views().count(), bob.views().count()), (0, 0));
    }

    #[test]
    fn who_asks_again_before_an_answer_asks_the_same() {
        let mut ann = Asks::default();
        ann.ask(BOB, 1, at(1));
        let first = ann.said(BOB);
        ann.ask(BOB, 1, at(2));
        assert_eq!(ann.said(BOB), first);
        ann.take_back(BOB, at(3));
        ann.ask(BOB, 1, at(0));
        let second = ann.said(BOB).unwrap().0;
        assert!(second.number > first.unwrap().0.number, "also when the clock went back");
        let mut bob = Asks::default();
        assert_eq!(bob.hear(ANN, first.unwrap().0, None, at(4)), (LinkAnswer::Waiting, true));
        assert_eq!(bob.hear(ANN, second, None, at(5)), (LinkAnswer::Waiting, false), "people see one");
        assert_eq!(bob.answer(ANN, true, false, at(6)), Ok(Some((second.number, LinkAnswer::Allowed))));
        assert!(ann.forget(BOB) && !ann.forget(BOB));
    }
}
