use std::time::Duration;

/// Wait after the first failure: a machine that is just joining or starting is there a moment later.
const FIRST: Duration = Duration::from_millis(100);
/// Longest wait: a machine that was switched on is linked within a minute even if it cannot dial us.
const LONGEST: Duration = Duration::from_mins(1);
/// Longest wait for a pinned link: its owner wants it back at once.
const LONGEST_PINNED: Duration = Duration::from_secs(5);
/// Wait where the other side's owner forbids the link. It dials us when that has changed; this is for the case that it
/// cannot.
const REFUSED: Duration = Duration::from_mins(5);

/// How eagerly a link is wanted back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zeal {
    /// As usual.
    Usual,
    /// Its owner pinned it.
    Pinned,
    /// The other side's owner forbids it.
    Refused,
}

/// Seeded jitter: the same seed gives the same waits (SplitMix64; Steele, Lea, Flood 2014).
#[derive(Debug, Clone)]
pub(crate) struct Jitter {
    state: u64,
}

impl Jitter {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A duration in `low..high`.
    pub(crate) fn between(&mut self, low: Duration, high: Duration) -> Duration {
        let span = high.saturating_sub(low).as_micros().max(1) as u64;
        low + Duration::from_micros(self.next() % span)
    }

    /// One of them, if there are any.
    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get((self.next() % of.len().max(1) as u64) as usize)
    }

    const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// The wait before the next dial after `failures` in a row: doubling, bounded, a quarter up or down.
pub(crate) fn wait(failures: u32, zeal: Zeal, jitter: &mut Jitter) -> Duration {
    let doubled = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16));
    let wait = match zeal {
        Zeal::Usual => doubled.min(LONGEST),
        Zeal::Pinned => doubled.min(LONGEST_PINNED),
        Zeal::Refused => REFUSED,
    };
    jitter.between(wait * 3 / 4, wait * 5 / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_differ_between_seeds() {
        let mut jitter = Jitter::new(1);
        for (zeal, longest) in [(Zeal::Usual, LONGEST), (Zeal::Pinned, LONGEST_PINNED)] {
            for failures in 1..40 {
                let middle = FIRST.saturating_mul(1 << (failures - 1).min(16)).min(longest);
                let wait = wait(failures, zeal, &mut jitter);
                assert!(wait >= middle * 3 / 4 && wait < middle * 5 / 4, "{zeal:?} {failures}: {wait:?}");
            }
        }
        let waits = |seed| wait(5, Zeal::Usual, &mut Jitter::new(seed));
        assert_ne!(waits(1), waits(2));
        assert_eq!(waits(3), waits(3));
    }

    #[test]
    fn who_is_not_wanted_asks_once_in_minutes() {
        assert!(wait(1, Zeal::Refused, &mut Jitter::new(1)) >= Duration::from_mins(3));
    }
}
