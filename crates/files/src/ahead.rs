use std::time::Duration;

use crate::{Groups, group_count};

/// What is read ahead at first, and at least, in bytes. Also how far from where the last read ended a read still goes on:
/// programs skip headers, and several threads of a kernel send neighbouring reads in any order.
const START_BYTES: u64 = 1024 * 1024;

/// Most that is read ahead, in bytes, however long and fast the path is.
const MOST_BYTES: u64 = 32 * 1024 * 1024;

/// How much more than what a path holds is read ahead: it stays full while a program thinks.
const PATH_FILLS: u32 = 4;

/// What comes in less time is not worth a request of its own, however short the path is.
const LEAST_TIME: Duration = Duration::from_millis(10);

/// Reads that go elsewhere until nothing is read ahead any more, and reads in order until it is again.
const MOST_MISSES: u8 = 2;

/// Whether more is fetched than is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AheadMode {
    /// As much as the pattern of reads and the path call for.
    Adaptive,
    /// The same, but only once two reads went on: most files that are opened are only looked into.
    Later,
    /// Only the groups that are read: for links that cost money, and where every byte that moves is to be one that was needed.
    Off,
}

/// How fast bytes come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathSpeed {
    /// Bytes each second.
    pub bytes_per_second: u64,
    /// From asking to the first byte.
    pub round_trip: Duration,
}

impl PathSpeed {
    /// The most that is worth asking for ahead of a reader, in bytes.
    fn window_bytes(self) -> u64 {
        let time = self.round_trip.saturating_mul(PATH_FILLS).max(LEAST_TIME);
        let comes = u128::from(self.bytes_per_second).saturating_mul(time.as_micros()) / 1_000_000;
        u64::try_from(comes).unwrap_or(u64::MAX).clamp(START_BYTES, MOST_BYTES)
    }
}

/// What to fetch for a read, whether it is here or not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The groups that the reader waits for.
    pub now: Groups,
    /// Groups that it will probably read next, none of which were asked for before.
    pub ahead: Groups,
}

/// Says what to fetch for the reads of one open file.
///
/// In order, it reads ahead: 1 MiB, and each time half of that was used twice as much, up to four times what the path
/// holds, or what comes in 10 ms. Gaps of up to 1 MiB are read through. After two reads that go elsewhere it fetches exactly what is read, until
/// two went on where the last one ended.
///
/// Source: the read-ahead of Linux (`mm/readahead.c`) for when to ask, of rclone for how much.
#[derive(Debug, Clone)]
pub struct ReadAhead {
    size_bytes: u64,
    mode: AheadMode,
    /// Where the furthest read in order ended; `None` before the first.
    next: Option<u64>,
    misses: u8,
    /// How far was read ahead last time, in bytes; 0 while nothing is.
    window_bytes: u64,
    /// The first group that was not asked for.
    asked: u64,
    unread: Groups,
}

impl ReadAhead {
    /// For a file of `size_bytes`.
    #[must_use]
    pub const fn new(size_bytes: u64, mode: AheadMode) -> Self {
        let misses = if matches!(mode, AheadMode::Later) { MOST_MISSES } else { 0 };
        Self { size_bytes, mode, next: None, misses, window_bytes: 0, asked: 0, unread: Groups::new() }
    }

    /// Takes a read of `length` bytes at `offset`; `path` is how fast they would come, if that is known.
    pub fn on_read(&mut self, offset: u64, length: u64, path: Option<PathSpeed>) -> Wanted {
        let end = offset.saturating_add(length).min(self.size_bytes);
        let now = Groups::of_bytes(offset..end);
        self.unread = self.unread.difference(&now);
        if self.mode == AheadMode::Off || now.is_empty() {
            return Wanted { now, ahead: Groups::new() };
        }
        let next = self.next.unwrap_or(offset);
        let goes_on = offset.abs_diff(next) <= START_BYTES;
        if goes_on && end <= next {
            return Wanted { now, ahead: Groups::new() };
        }
        self.next = Some(end);
        self.misses = if goes_on { self.misses.saturating_sub(1) } else { MOST_MISSES.min(self.misses + 1) };
        let ahead = if goes_on && self.misses == 0 { self.extend(end, path) } else { self.start_over() };
        self.unread = self.unread.union(&ahead);
        Wanted { now, ahead }
    }

    /// Bytes that were asked for ahead and not read so far.
    #[must_use]
    pub fn unread_bytes(&self) -> u64 {
        self.unread.bytes(self.size_bytes)
    }

    /// Asks for more behind `end` once half of what was asked for is used.
    fn extend(&mut self, end: u64, path: Option<PathSpeed>) -> Groups {
        let from = self.asked.max(group_count(end));
        if from > group_count(end.saturating_add(self.window_bytes / 2)) {
            return Groups::new();
        }
        let most = path.map_or(START_BYTES, PathSpeed::window_bytes);
        self.window_bytes = (self.window_bytes * 2).clamp(START_BYTES, most);
        self.asked = group_count(end.saturating_add(self.window_bytes).min(self.size_bytes)).max(from);
        Groups::from(from..self.asked)
    }

    const fn start_over(&mut self) -> Groups {
        self.window_bytes = 0;
        self.asked = 0;
        Groups::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::GROUP_BYTES;

    const MIB: u64 = START_BYTES;
    const SIZE_BYTES: u64 = 200 * MIB;
    const FAR: Option<PathSpeed> =
        Some(PathSpeed { bytes_per_second: 100 * MIB, round_trip: Duration::from_millis(200) });

    fn adaptive() -> ReadAhead {
        ReadAhead::new(SIZE_BYTES, AheadMode::Adaptive)
    }

    fn mib(range: std::ops::Range<u64>) -> Groups {
        Groups::of_bytes(range.start * MIB..range.end * MIB)
    }

    #[test]
    fn a_steady_reader_waits_for_its_first_bytes_only() {
        let (mut reader, mut asked) = (adaptive(), Groups::new());
        for read in 0..SIZE_BYTES / (MIB / 8) {
            let Wanted { now, ahead } = reader.on_read(read * MIB / 8, MIB / 8, FAR);
            assert!(read == 0 || now.difference(&asked).is_empty(), "read {read}");
            assert!(ahead.intersection(&asked).is_empty(), "nothing is asked for twice");
            assert!(reader.unread_bytes() <= 4 * (read + 1) * MIB / 8 + 2 * MIB, "not far more than was read so far");
            assert!(reader.unread_bytes() <= MOST_BYTES);
            asked = asked.union(&ahead).union(&now);
        }
        assert_eq!((asked, reader.unread_bytes()), (Groups::all(SIZE_BYTES), 0));
    }

    #[test]
    fn a_look_into_a_file_brings_nothing_else_where_that_is_wished() {
        let mut reader = ReadAhead::new(SIZE_BYTES, AheadMode::Later);
        assert_eq!(reader.on_read(0, 4_096, FAR).ahead, Groups::new());
        assert!(!reader.on_read(4_096, 4_096, FAR).ahead.is_empty(), "it goes on");
    }

    #[test]
    fn it_reads_ahead_what_the_path_holds() {
        let unread_on = |path| {
            let mut reader = adaptive();
            (0..80).for_each(|read| _ = reader.on_read(read * MIB, MIB, path));
            reader.unread_bytes()
        };
        let near = PathSpeed { bytes_per_second: 100 * MIB, round_trip: Duration::from_micros(300) };
        let slow = PathSpeed { bytes_per_second: MIB, round_trip: Duration::from_secs(2) };
        let endless = PathSpeed { bytes_per_second: u64::MAX, round_trip: Duration::MAX };

        assert_eq!((unread_on(None), unread_on(Some(near))), (MIB, MIB));
        assert!((4 * MIB..=8 * MIB).contains(&unread_on(Some(slow))));
        assert!((MOST_BYTES / 2..=MOST_BYTES).contains(&unread_on(Some(endless))));
    }

    #[test]
    fn after_two_reads_elsewhere_it_fetches_what_is_read_until_two_went_on() {
        let mut reader = adaptive();
        let ahead = |reader: &mut ReadAhead, at: u64| reader.on_read(at, 1, FAR).ahead;

        assert_eq!(ahead(&mut reader, 0), Groups::from(1..17));
        assert_eq!(ahead(&mut reader, 50 * MIB), Groups::new());
        assert_eq!(ahead(&mut reader, 90 * MIB), Groups::new());
        assert_eq!(ahead(&mut reader, 90 * MIB + 1), Groups::new());
        assert_eq!(ahead(&mut reader, 90 * MIB + 2), Groups::from(90 * 16 + 1..91 * 16 + 1));

        assert_eq!(ahead(&mut reader, 20 * MIB), Groups::new(), "one read elsewhere");
        assert_eq!(ahead(&mut reader, 20 * MIB + 1), Groups::from(20 * 16 + 1..21 * 16 + 1), "and on from there");
    }

    #[test]
    fn small_gaps_and_reads_in_another_order_go_on() {
        let mut reader = adaptive();
        reader.on_read(0, MIB / 2, FAR);
        let through = reader.on_read(MIB, MIB / 2, FAR);
        assert_eq!(through.ahead, mib(1..3).union(&Groups::from(48..56)).difference(&Groups::from(0..24)));
        let before = reader.clone();
        assert!(reader.on_read(MIB / 2, MIB / 2, FAR).ahead.is_empty(), "behind the furthest one");
        assert_eq!((reader.next, reader.misses, reader.asked), (before.next, 0, before.asked));
    }

    #[test]
    fn what_nobody_reads_is_counted() {
        let mut reader = adaptive();
        reader.on_read(0, GROUP_BYTES, FAR);
        assert_eq!(reader.unread_bytes(), MIB);
        reader.on_read(100 * MIB, 1, FAR);
        reader.on_read(GROUP_BYTES, 2 * GROUP_BYTES, FAR);
        assert_eq!(reader.unread_bytes(), MIB - 2 * GROUP_BYTES);
    }

    proptest! {
        #[test]
        fn it_never_leaves_the_file_and_off_means_off(reads in vec((0..SIZE_BYTES + MIB, 0..4 * MIB), 0..40)) {
            let (mut reader, mut strict) = (adaptive(), ReadAhead::new(SIZE_BYTES, AheadMode::Off));
            for (offset, length) in reads {
                let Wanted { now, ahead } = reader.on_read(offset, length, FAR);
                let exact = Groups::of_bytes(offset.min(SIZE_BYTES)..(offset + length).min(SIZE_BYTES));
                prop_assert_eq!(&now, &exact);
                prop_assert!(now.union(&ahead).difference(&Groups::all(SIZE_BYTES)).is_empty());
                prop_assert_eq!(strict.on_read(offset, length, FAR), Wanted { now, ahead: Groups::new() });
            }
            prop_assert_eq!(strict.unread_bytes(), 0);
        }
    }
}
