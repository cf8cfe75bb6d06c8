//! What a command or a scene runs over: whole numbers in ranges, files that match a glob, lines of a CSV file.

mod glob;
mod ints;
mod table;

pub use glob::expand_glob;
pub(crate) use glob::is_pattern;
pub use ints::{IntRange, IntRanges};
pub use table::{Table, read_csv};

/// Most items of a glob or a CSV file: each becomes part of the job's parameters. Ranges may be far larger.
pub const MAX_ITEMS: usize = 100_000;

/// Why a list of values is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OverError {
    /// Not whole numbers in ranges.
    #[error("'{text}' is not a range")]
    Malformed {
        /// The text as given.
        text: String,
    },
    /// A range that ends before it starts.
    #[error("the range '{text}' is empty: {start} comes after {end}")]
    Empty {
        /// The text as given.
        text: String,
        /// Its start.
        start: i64,
        /// Its end.
        end: i64,
    },
    /// An array of nothing.
    #[error("--array 0 makes no task")]
    NoneAsked,
    /// Two ranges that share a part.
    #[error("the ranges '{first}' and '{second}' of '{text}' overlap")]
    Overlap {
        /// The text as given.
        text: String,
        /// One range.
        first: String,
        /// The other.
        second: String,
    },
    /// More values than a job may have tasks.
    #[error("'{text}' has {count} values; a job may have at most {limit} tasks")]
    TooMany {
        /// The text as given.
        text: String,
        /// How many it has.
        count: u64,
        /// The limit.
        limit: u64,
    },
    /// Not a glob.
    #[error("'{text}' is not a usable pattern: {reason}")]
    BadGlob {
        /// The text as given.
        text: String,
        /// What is wrong.
        reason: String,
    },
    /// Nothing matches.
    #[error("no file matches '{text}'")]
    NothingMatches {
        /// The text as given.
        text: String,
    },
    /// A folder below the pattern may not be listed.
    #[error("cannot list '{path}': {reason}")]
    Unlistable {
        /// The folder.
        path: String,
        /// The system's reason.
        reason: String,
    },
    /// A matching name that templates cannot carry.
    #[error("the file name '{shown}' is not valid UTF-8")]
    NotUtf8 {
        /// The name, shown lossily.
        shown: String,
    },
    /// A CSV file that is not one.
    #[error("'{path}', line {line}: {reason}")]
    BadCsv {
        /// The file.
        path: String,
        /// Line, counted from 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// More items or bytes than a list may have.
    #[error("'{text}' has more than {limit} {what}")]
    TooLong {
        /// The pattern or file.
        text: String,
        /// The limit.
        limit: usize,
        /// Items or bytes.
        what: &'static str,
    },
}

#[cfg(test)]
mod tests;
