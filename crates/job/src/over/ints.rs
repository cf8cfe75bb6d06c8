use std::fmt;

use gridwell_model::JobSpec;

use super::OverError;

/// Most ranges in one list: what the template's own format accepts.
const MAX_RANGES: usize = 10_000;

/// Largest number, either side of zero: far from overflow in any sum made with it.
const MAX_NUMBER: i64 = 1 << 52;

/// Rising whole numbers: `start`, `start + step`, … up to `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct IntRange {
    /// First number.
    pub start: i64,
    /// Last number that may be reached.
    pub end: i64,
    /// Distance, at least 1.
    pub step: i64,
}

impl IntRange {
    /// How many numbers there are.
    #[must_use]
    pub const fn count(self) -> u64 {
        ((self.end - self.start) / self.step) as u64 + 1
    }

    /// The last number that is reached.
    #[must_use]
    pub const fn last(self) -> i64 {
        self.start + (self.end - self.start) / self.step * self.step
    }
}

impl fmt::Display for IntRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.start == self.end, self.step) {
            (true, _) => write!(f, "{}", self.start),
            (false, 1) => write!(f, "{}-{}", self.start, self.end),
            (false, step) => write!(f, "{}-{}:{step}", self.start, self.end),
        }
    }
}

/// A list of ranges, rising and apart; kept as ranges however many numbers they have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntRanges(Vec<IntRange>);

impl IntRanges {
    /// True if `text` looks like ranges at all: digits, `-`, `:`, `,` and blanks only.
    #[must_use]
    pub fn looks_like(text: &str) -> bool {
        text.bytes().any(|byte| byte.is_ascii_digit())
            && text.bytes().all(|byte| byte.is_ascii_digit() || b"-:, \t".contains(&byte))
    }

    /// Reads `1-10:2,20`; the same language as an Open Job Description range expression.
    ///
    /// # Errors
    ///
    /// [`OverError`] with the text: malformed, empty, overlapping, or more numbers than a job may have tasks.
    pub fn parse(text: &str) -> Result<Self, OverError> {
        let malformed = || OverError::Malformed { text: text.to_owned() };
        let mut ranges = Vec::new();
        for part in text.split(',') {
            if ranges.len() >= MAX_RANGES {
                return Err(OverError::TooLong { text: shorten(text), limit: MAX_RANGES, what: "ranges" });
            }
            let range = parse_range(part).ok_or_else(malformed)?;
            if range.start > range.end {
                return Err(OverError::Empty { text: text.to_owned(), start: range.start, end: range.end });
            }
            ranges.push(range);
        }
        ranges.sort_unstable();
        if let Some(pair) = ranges.windows(2).find(|pair| pair[0].end >= pair[1].start) {
            let (first, second) = (pair[0].to_string(), pair[1].to_string());
            return Err(OverError::Overlap { text: text.to_owned(), first, second });
        }
        let all = Self(ranges);
        match all.count() {
            count if count > JobSpec::MAX_TASKS => {
                Err(OverError::TooMany { text: text.to_owned(), count, limit: JobSpec::MAX_TASKS })
            }
            _ => Ok(all),
        }
    }

    /// The ranges, rising.
    #[must_use]
    pub fn ranges(&self) -> &[IntRange] {
        &self.0
    }

    /// How many numbers there are; at least 1.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().fold(0, |sum, range| sum.saturating_add(range.count()))
    }

    /// The lowest number.
    #[must_use]
    pub fn first(&self) -> i64 {
        self.0.first().map_or(0, |range| range.start)
    }

    /// The highest number.
    #[must_use]
    pub fn last(&self) -> i64 {
        self.0.last().map_or(0, |range| range.last())
    }
}

impl fmt::Display for IntRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
            write!(f, "{}{range}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

/// Reads `5`, `-3 - 4` or `1-10:2`.
fn parse_range(text: &str) -> Option<IntRange> {
    let (bounds, step) = match text.split_once(':') {
        Some((bounds, step)) => (bounds.trim(), number(step)?),
        None => (text.trim(), 1),
    };
    // The first dash after a digit separates; one before it is a sign.
    let dash = bounds.bytes().enumerate().skip(1).find(|(_, byte)| *byte == b'-').map(|(at, _)| at);
    let (start, end) = match dash {
        Some(at) => (number(&bounds[..at])?, number(&bounds[at + 1..])?),
        None if text.contains(':') => return None,
        None => (number(bounds)?, number(bounds)?),
    };
    (step >= 1).then_some(IntRange { start, end, step })
}

fn number(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = plain.then(|| text.parse::<i64>().ok()).flatten()?;
    (number.abs() <= MAX_NUMBER).then_some(number)
}

fn shorten(text: &str) -> String {
    if text.chars().count() > 60 {
        format!("{}…", text.chars().take(60).collect::<String>())
    } else {
        text.to_owned()
    }
}
