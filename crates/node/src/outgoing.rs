//! Output on its way to stewards. A link may break behind what it took, so all is kept until the steward has counted the tasks that
//! wrote it.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::RangeBounds,
};

use gridwell_model::{JobId, LeaseId, PeerId, TaskKey, TaskSpan};
use gridwell_wire::LogChunk;

use crate::logs::Missing;

/// Output kept for one steward, in bytes; older output makes room.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// Bytes counted for a piece besides its content: programs that write letter by letter are bounded, too.
const PIECE_BYTES: usize = 128;

/// Output that stewards have not counted yet.
#[derive(Debug, Default)]
pub(crate) struct Outgoing(BTreeMap<PeerId, Queue>);

#[derive(Debug, Default)]
struct Queue {
    attempts: BTreeMap<Attempt, Output>,
    bytes: usize,
    /// True while something waits for the link: newer output waits behind it.
    waits: bool,
}

type Attempt = (LeaseId, TaskKey);

/// What one attempt wrote.
#[derive(Debug, Default)]
struct Output {
    /// All of it so far, in bytes, kept or not.
    written: u64,
    pieces: VecDeque<LogChunk>,
    /// How many of the first pieces a link took.
    taken: usize,
    /// What made room before a link took it.
    missing: Missing,
    /// True once only the link waits for it.
    settled: bool,
}

impl Outgoing {
    /// What a task wrote next, with its place in all that the attempt wrote.
    pub(crate) fn number(&mut self, steward: PeerId, attempt: Attempt, bytes: Vec<u8>) -> LogChunk {
        let output = self.0.entry(steward).or_default().attempts.entry(attempt).or_default();
        let at = output.written;
        output.written += bytes.len() as u64;
        let (LeaseId { job, fence }, task) = attempt;
        LogChunk { job, task, fence, at, bytes }
    }

    /// Keeps a piece behind all that the attempt wrote before.
    pub(crate) fn keep(&mut self, steward: PeerId, piece: LogChunk) {
        let attempt = (LeaseId { job: piece.job, fence: piece.fence }, piece.task);
        let queue = self.0.entry(steward).or_default();
        queue.bytes += cost(&piece);
        queue.waits = true;
        queue.attempts.entry(attempt).or_default().pieces.push_back(piece);
        queue.make_room(attempt);
    }

    /// True if something waits for this steward's link.
    pub(crate) fn waits_for(&self, steward: PeerId) -> bool {
        self.0.get(&steward).is_some_and(|queue| queue.waits)
    }

    /// Stewards for which something waits.
    pub(crate) fn waiting(&self) -> Vec<PeerId> {
        self.0.iter().filter(|(_, queue)| queue.waits).map(|(steward, _)| *steward).collect()
    }

    /// Hands what waits for `steward` to `take`, until that takes no more.
    pub(crate) fn send(&mut self, steward: PeerId, mut take: impl FnMut(LogChunk) -> bool) {
        let Some(queue) = self.0.get_mut(&steward) else { return };
        if queue.attempts.iter_mut().all(|(attempt, output)| output.send(*attempt, &mut take)) {
            queue.waits = false;
            self.drop_where(steward, .., |_, output| output.settled);
        }
    }

    /// What a link to this steward took may be lost: all goes again. The steward drops what it has.
    pub(crate) fn again(&mut self, steward: PeerId) {
        if let Some(queue) = self.0.get_mut(&steward) {
            queue.again();
        }
    }

    /// A job has another steward: what its programs wrote is for that one.
    pub(crate) fn follow(&mut self, job: JobId, steward: PeerId) {
        for from in self.0.keys().copied().filter(|from| *from != steward).collect::<Vec<_>>() {
            for (attempt, output) in self.drop_where(from, .., |lease, _| lease.job == job) {
                let queue = self.0.entry(steward).or_default();
                queue.bytes += output.cost();
                queue.attempts.insert(attempt, output);
                queue.again();
                queue.make_room(attempt);
            }
        }
    }

    /// The steward of a lease counted these tasks.
    pub(crate) fn settled(&mut self, steward: PeerId, lease: LeaseId, tasks: &[TaskSpan]) {
        let Some(queue) = self.0.get_mut(&steward) else { return };
        let of_lease = (lease, TaskKey { step: 0, index: 0 })..=(lease, TaskKey { step: u32::MAX, index: u32::MAX });
        for ((_, task), output) in queue.attempts.range_mut(of_lease.clone()) {
            output.settled |= tasks.iter().any(|span| span.indices().contains(&task.index));
        }
        if !queue.waits {
            self.drop_where(steward, of_lease, |_, output| output.settled);
        }
    }

    /// Nobody wants a job's output any more.
    pub(crate) fn forget(&mut self, job: JobId) {
        for steward in self.0.keys().copied().collect::<Vec<_>>() {
            self.drop_where(steward, .., |lease, _| lease.job == job);
        }
    }

    fn drop_where(
        &mut self,
        steward: PeerId,
        among: impl RangeBounds<Attempt>,
        which: impl Fn(&LeaseId, &Output) -> bool,
    ) -> Vec<(Attempt, Output)> {
        let Some(queue) = self.0.get_mut(&steward) else { return Vec::new() };
        let dropped: Vec<_> = queue.attempts.extract_if(among, |(lease, _), output| which(lease, output)).collect();
        queue.bytes -= dropped.iter().map(|(_, output)| output.cost()).sum::<usize>();
        if queue.attempts.is_empty() {
            self.0.remove(&steward);
        }
        dropped
    }
}

impl Queue {
    fn again(&mut self) {
        self.attempts.values_mut().for_each(|output| output.taken = 0);
        self.waits = self.attempts.values().any(Output::waits);
    }

    /// Drops what this attempt wrote first, then what others did.
    fn make_room(&mut self, attempt: Attempt) {
        while self.bytes > MOST_BYTES {
            let own = self.attempts.get_mut(&attempt).filter(|output| output.pieces.len() > 1);
            let dropped = match own {
                Some(output) => output.drop_first(),
                None => self.attempts.values_mut().find_map(Output::drop_first),
            };
            match dropped {
                Some(bytes) => self.bytes -= bytes,
                None => return,
            }
        }
    }
}

impl Output {
    fn waits(&self) -> bool {
        self.taken < self.pieces.len() || !self.missing.is_empty()
    }

    fn send(&mut self, (lease, task): Attempt, take: &mut impl FnMut(LogChunk) -> bool) -> bool {
        if let Some((at, bytes)) = self.missing.line("the link") {
            if !take(LogChunk { job: lease.job, task, fence: lease.fence, at, bytes }) {
                return false;
            }
            self.missing = Missing::default();
        }
        while let Some(piece) = self.pieces.get(self.taken) {
            if !take(piece.clone()) {
                return false;
            }
            self.taken += 1;
        }
        true
    }

    /// Makes room; returns how much, in bytes.
    fn drop_first(&mut self) -> Option<usize> {
        let piece = self.pieces.pop_front()?;
        match self.taken.checked_sub(1) {
            Some(taken) => self.taken = taken,
            None => self.missing.add(piece.at, piece.bytes.len()),
        }
        Some(cost(&piece))
    }

    fn cost(&self) -> usize {
        self.pieces.iter().map(cost).sum()
    }
}

const fn cost(piece: &LogChunk) -> usize {
    piece.bytes.len() + PIECE_BYTES
}

#[cfg(test)]
mod tests {
    use gridwell_model::Fence;

    use super::*;

    const ONE: PeerId = PeerId([1; 32]);
    const OTHER: PeerId = PeerId([2; 32]);
    const LEASE: LeaseId = LeaseId { job: JobId([1; 10]), fence: Fence { epoch: 1, attempt: 1 } };

    fn attempt(index: u32) -> Attempt {
        (LEASE, TaskKey { step: 0, index })
    }

    fn wrote(outgoing: &mut Outgoing, index: u32, text: &str) {
        let piece = outgoing.number(ONE, attempt(index), text.as_bytes().to_vec());
        outgoing.keep(ONE, piece);
    }

    /// What goes to `steward` while its link takes `room` pieces.
    fn sent(outgoing: &mut Outgoing, steward: PeerId, mut room: usize) -> Vec<(u32, u64, String)> {
        let mut taken = Vec::new();
        outgoing.send(steward, |piece| {
            let takes = room > 0;
            if takes {
                room -= 1;
                taken.push((piece.task.index, piece.at, String::from_utf8(piece.bytes).unwrap()));
            }
            takes
        });
        taken
    }

    #[test]
    fn what_a_broken_link_took_goes_again_until_its_tasks_are_counted() {
        let mut outgoing = Outgoing::default();
        wrote(&mut outgoing, 0, "one ");
        wrote(&mut outgoing, 0, "two");
        wrote(&mut outgoing, 1, "three");
        assert_eq!(sent(&mut outgoing, ONE, 2).len(), 2);
        assert!(outgoing.waits_for(ONE), "the link took no more");
        assert_eq!(sent(&mut outgoing, ONE, 9), [(1, 0, "three".to_owned())]);
        assert!(outgoing.waiting().is_empty());

        outgoing.again(ONE);

        let all = [(0, 0, "one ".to_owned()), (0, 4, "two".to_owned()), (1, 0, "three".to_owned())];
        assert_eq!(sent(&mut outgoing, ONE, 9), all);
        outgoing.settled(ONE, LEASE, &[TaskSpan::new(0, 1)]);
        outgoing.again(ONE);
        assert_eq!(sent(&mut outgoing, ONE, 9), all[2..]);
        outgoing.settled(ONE, LEASE, &[TaskSpan::new(1, 9)]);
        assert!(outgoing.0.is_empty());
    }

    #[test]
    fn a_new_steward_is_told_all_and_what_comes_later_goes_on_behind_it() {
        let mut outgoing = Outgoing::default();
        wrote(&mut outgoing, 0, "one ");
        sent(&mut outgoing, ONE, 9);

        outgoing.follow(LEASE.job, OTHER);
        let piece = outgoing.number(OTHER, attempt(0), b"two".to_vec());
        outgoing.keep(OTHER, piece);

        assert!(outgoing.waiting() == [OTHER], "the former one is told nothing");
        assert_eq!(sent(&mut outgoing, OTHER, 9), [(0, 0, "one ".to_owned()), (0, 4, "two".to_owned())]);
        outgoing.forget(LEASE.job);
        assert!(outgoing.0.is_empty());
    }

    #[test]
    fn tasks_that_are_counted_before_their_output_went_keep_it_until_then() {
        let mut outgoing = Outgoing::default();
        wrote(&mut outgoing, 0, "late");
        outgoing.settled(ONE, LEASE, &[TaskSpan::new(0, 1)]);
        assert_eq!(sent(&mut outgoing, ONE, 0), []);
        assert_eq!(sent(&mut outgoing, ONE, 9), [(0, 0, "late".to_owned())]);
        assert!(outgoing.0.is_empty());
    }

    #[test]
    fn output_that_outruns_its_link_makes_room_with_a_word() {
        let mut outgoing = Outgoing::default();
        let much = "x".repeat(1_000_000);
        wrote(&mut outgoing, 1, "short");
        for _ in 0..6 {
            wrote(&mut outgoing, 0, &much);
        }

        let taken = sent(&mut outgoing, ONE, 99);

        let (first, second) = (&taken[0], &taken[1]);
        assert!(first.1 == 0 && first.2.contains("2.0 MB of output are missing here"), "{}", first.2);
        assert_eq!((second.1, taken.len()), (2_000_000, 6));
        assert_eq!(taken[5], (1, 0, "short".to_owned()), "others lose nothing");
        assert!(outgoing.0[&ONE].bytes <= MOST_BYTES);

        // What the link took makes room without a word.
        wrote(&mut outgoing, 0, &much);
        assert_eq!(sent(&mut outgoing, ONE, 99), [(0, 6_000_000, much.clone())]);
    }
}
