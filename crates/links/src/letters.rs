use std::collections::{BTreeMap, BTreeSet, VecDeque};

use gridwell_model::{GridId, Incarnation, Letter, MOST_HOPS, PeerId};

/// Numbers of letters that are remembered for each source: so far may letters overtake each other on different ways.
const WINDOW: usize = 1_024;
/// Letters that are kept to be sent again over another way, and their bytes: what a second of a busy link carries.
const KEPT: usize = 256;
const KEPT_BYTES: usize = 4 << 20;

/// Why a letter is not taken, or not passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Fault {
    /// More links than anything travels over, or none.
    #[error("its way has {hops} links, and 2 to {MOST_HOPS} are travelled")]
    Length {
        /// How many.
        hops: usize,
    },
    /// A machine twice on one way.
    #[error("its way meets a machine twice")]
    Loop,
    /// It came from, or to, another place than its way says.
    #[error("its way does not lead over the link that it came over")]
    Spliced,
    /// Its source did not sign it.
    #[error("it is not signed by the machine that it names as its source")]
    Forged,
    /// It belongs to another grid.
    #[error("it belongs to another grid")]
    OtherGrid,
    /// It was taken before.
    #[error("it came before")]
    Repeated,
    /// It was meant for, or comes from, a run of a node that has ended.
    #[error("it is from or for a run of a node that has ended")]
    OldRun,
    /// It carries nothing that may travel so.
    #[error("it carries nothing that may be passed on")]
    Content,
    /// It shows a ticket that is none, or that of another reader, owner or file.
    #[error("it shows a ticket that gives its source no right")]
    Ticket,
}

/// What a peer does with a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It is for this peer.
    Here,
    /// The next one on its way is this.
    Next(PeerId),
}

/// What a letter is for. Each kind is counted alone: bytes are asked for on streams of their own, which may be slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A message.
    Message,
    /// A request for bytes.
    Bytes,
}

/// Says what `me` does with a letter that came over its link with `from` to the place `at` of its path.
///
/// # Errors
///
/// See [`Fault`].
pub fn place(path: &[PeerId], at: usize, me: PeerId, from: PeerId) -> Result<Place, Fault> {
    let hops = path.len().saturating_sub(1);
    if !(2..=MOST_HOPS).contains(&hops) {
        return Err(Fault::Length { hops });
    }
    if path.iter().collect::<BTreeSet<_>>().len() != path.len() {
        return Err(Fault::Loop);
    }
    let before = at.checked_sub(1).and_then(|before| path.get(before));
    if path.get(at) != Some(&me) || before != Some(&from) {
        return Err(Fault::Spliced);
    }
    Ok(path.get(at + 1).map_or(Place::Here, |next| Place::Next(*next)))
}

/// Letters of one run of a peer's node: numbers those it writes, and takes each that comes once.
#[derive(Debug)]
pub struct Letters {
    run: Incarnation,
    last: u64,
    taken: BTreeMap<(PeerId, Kind), (Incarnation, Window)>,
    kept: VecDeque<Letter>,
    kept_bytes: usize,
}

impl Letters {
    /// None yet, in the run `run` of this peer's node.
    #[must_use]
    pub const fn new(run: Incarnation) -> Self {
        Self { run, last: 0, taken: BTreeMap::new(), kept: VecDeque::new(), kept_bytes: 0 }
    }

    /// A new letter; `record` is the number of this peer's newest record of links.
    pub fn write(
        &mut self,
        (grid, record): (GridId, u64),
        path: Vec<PeerId>,
        to_run: Incarnation,
        payload: Vec<u8>,
    ) -> Letter {
        self.last += 1;
        Letter { grid, path, from_run: self.run, from_record: record, to_run, number: self.last, payload }
    }

    /// Keeps a letter that was sent, as long as there is room, to be sent again if its way breaks.
    pub fn keep(&mut self, letter: Letter) {
        self.kept_bytes += letter.payload.len();
        self.kept.push_back(letter);
        while self.kept.len() > KEPT || self.kept_bytes > KEPT_BYTES {
            let Some(old) = self.kept.pop_front() else { return };
            self.kept_bytes -= old.payload.len();
        }
    }

    /// Takes a letter that was kept out again: what travelled over `path` under that number.
    pub fn take_back(&mut self, number: u64, path: &[PeerId]) -> Option<Letter> {
        let at = self.kept.iter().position(|letter| letter.number == number && letter.path == path)?;
        let letter = self.kept.remove(at)?;
        self.kept_bytes -= letter.payload.len();
        Some(letter)
    }

    /// Takes a letter for this peer, whose signature is good; `known` is the newest record of its source that is known here,
    /// and the run that wrote it.
    ///
    /// # Errors
    ///
    /// [`Fault::OldRun`] and [`Fault::Repeated`].
    pub fn take(&mut self, letter: &Letter, kind: Kind, known: Option<(u64, Incarnation)>) -> Result<PeerId, Fault> {
        let source = letter.source().ok_or(Fault::Length { hops: 0 })?;
        let ended = known.is_some_and(|(record, run)| run != letter.from_run && letter.from_record <= record);
        if letter.to_run != self.run || ended {
            return Err(Fault::OldRun);
        }
        let (run, window) = self.taken.entry((source, kind)).or_insert_with(|| (letter.from_run, Window::default()));
        if *run != letter.from_run {
            (*run, *window) = (letter.from_run, Window::default());
        }
        if window.take(letter.number) { Ok(source) } else { Err(Fault::Repeated) }
    }
}

/// Numbers that came.
#[derive(Debug, Default)]
struct Window {
    /// Everything up to here counts as taken.
    floor: u64,
    above: BTreeSet<u64>,
}

impl Window {
    fn take(&mut self, number: u64) -> bool {
        if number <= self.floor || !self.above.insert(number) {
            return false;
        }
        while self.above.len() > WINDOW
            && let Some(lowest) = self.above.pop_first()
        {
            self.floor = lowest;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::map::tests::peer;

    const HERE: Incarnation = Incarnation([1; 8]);
    const THERE: Incarnation = Incarnation([2; 8]);

    fn way(numbers: &[u8]) -> Vec<PeerId> {
        numbers.iter().map(|number| peer(*number)).collect()
    }

    fn a_letter(number: u64) -> Letter {
        let path = way(&[1, 2, 3]);
        let grid = GridId([1; 16]);
        Letter { grid, path, from_run: THERE, from_record: 7, to_run: HERE, number, payload: vec![0; 10] }
    }

    #[test]
    fn a_letter_has_one_place_on_its_way() {
        let path = way(&[1, 2, 3, 4]);
        assert_eq!(place(&path, 1, peer(2), peer(1)), Ok(Place::Next(peer(3))));
        assert_eq!(place(&path, 3, peer(4), peer(3)), Ok(Place::Here));
        for (at, me, from) in [(1, 2, 3), (2, 2, 1), (1, 3, 1), (0, 1, 4), (4, 4, 3), (9, 2, 1)] {
            assert_eq!(place(&path, at, peer(me), peer(from)), Err(Fault::Spliced), "{at} {me} {from}");
        }
    }

    #[test]
    fn ways_that_are_too_long_or_go_in_circles_are_refused() {
        assert_eq!(place(&way(&[1, 2]), 1, peer(2), peer(1)), Err(Fault::Length { hops: 1 }));
        assert_eq!(place(&[], 0, peer(2), peer(1)), Err(Fault::Length { hops: 0 }));
        assert_eq!(place(&way(&[1, 2, 3, 4, 5, 6, 7, 8]), 1, peer(2), peer(1)), Err(Fault::Length { hops: 7 }));
        assert_eq!(place(&way(&[1, 2, 3, 2]), 1, peer(2), peer(1)), Err(Fault::Loop));
        assert_eq!(place(&way(&[1, 2, 1]), 1, peer(2), peer(1)), Err(Fault::Loop));
    }

    #[test]
    fn a_letter_is_taken_once_and_only_between_the_runs_that_it_names() {
        let mut letters = Letters::new(HERE);
        let mut take = |letter: &Letter, kind, known| letters.take(letter, kind, known);
        let known = Some((7, THERE));
        assert_eq!(take(&a_letter(5), Kind::Message, known), Ok(peer(1)));
        assert_eq!(take(&a_letter(5), Kind::Message, known), Err(Fault::Repeated));
        assert_eq!(take(&a_letter(5), Kind::Bytes, known), Ok(peer(1)), "counted alone");
        assert_eq!(take(&a_letter(4), Kind::Message, known), Ok(peer(1)), "one that was overtaken");
        assert_eq!(
            take(&a_letter(6), Kind::Message, Some((9, HERE))),
            Err(Fault::OldRun),
            "it has started again since"
        );
        assert_eq!(take(&a_letter(6), Kind::Message, None), Ok(peer(1)), "its record is on the way");
        let late = Letter { to_run: THERE, ..a_letter(7) };
        assert_eq!(take(&late, Kind::Message, known), Err(Fault::OldRun), "meant for the run before this one");
        let newer = Letter { from_run: HERE, from_record: 8, ..a_letter(1) };
        assert_eq!(take(&newer, Kind::Message, known), Ok(peer(1)), "a new run counts from anew");
    }

    #[test]
    fn what_is_kept_for_another_try_is_bounded_and_taken_back_once() {
        let mut letters = Letters::new(HERE);
        for number in 1..=(KEPT as u64 + 10) {
            letters.keep(a_letter(number));
        }
        let path = way(&[1, 2, 3]);
        assert_eq!(letters.take_back(10, &path), None);
        assert_eq!(letters.take_back(11, &way(&[1, 3])), None, "another way");
        assert_eq!(letters.take_back(11, &path), Some(a_letter(11)));
        assert_eq!(letters.take_back(11, &path), None);
        letters.keep(Letter { payload: vec![0; KEPT_BYTES + 1], ..a_letter(999) });
        assert_eq!((letters.kept.len(), letters.kept_bytes), (0, 0));
    }

    proptest! {
        #[test]
        fn no_number_is_taken_twice(numbers in prop::collection::vec(0..5_000_u64, 0..4_000)) {
            let (mut window, mut taken) = (Window::default(), BTreeSet::new());
            for number in numbers {
                if window.take(number) {
                    prop_assert!(taken.insert(number));
                }
            }
            prop_assert!(window.above.len() <= WINDOW);
        }
    }
}
