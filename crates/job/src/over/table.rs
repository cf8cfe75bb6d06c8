use std::{
    collections::BTreeSet,
    io::{self, Read},
};

use super::{MAX_ITEMS, OverError};

/// Bytes of a CSV file: its values travel with the job.
const MAX_BYTES: usize = 16 << 20;

/// Columns of a CSV file.
const MAX_COLUMNS: usize = 32;

/// A table: names of columns, and rows that all have one value for each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// Unique, non-empty.
    pub columns: Vec<String>,
    /// At least one.
    pub rows: Vec<Vec<String>>,
}

/// Reads a CSV file whose first line names its columns.
///
/// # Errors
///
/// [`OverError`] naming file and line: unequal lines, doubled or empty column names, not UTF-8, no rows, too large.
pub fn read_csv(path: &str, source: impl Read) -> Result<Table, OverError> {
    let bad = |line, reason: String| OverError::BadCsv { path: path.to_owned(), line, reason };
    let mut bytes = Vec::new();
    let read = source.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error: io::Error| bad(1, error.to_string()))?;
    if bytes.len() > MAX_BYTES {
        return Err(OverError::TooLong { text: path.to_owned(), limit: MAX_BYTES, what: "bytes" });
    }
    // Spreadsheets on Windows start files with a byte order mark.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(bytes);
    let columns: Vec<String> =
        reader.headers().map_err(|error| csv_error(path, &error))?.iter().map(str::to_owned).collect();
    if columns.len() > MAX_COLUMNS {
        return Err(OverError::TooLong { text: path.to_owned(), limit: MAX_COLUMNS, what: "columns" });
    }
    let mut names = BTreeSet::new();
    for name in &columns {
        if name.is_empty() {
            return Err(bad(1, "a column has no name".to_owned()));
        }
        if !names.insert(name) {
            return Err(bad(1, format!("two columns are called '{name}'")));
        }
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        if rows.len() == MAX_ITEMS {
            return Err(OverError::TooLong { text: path.to_owned(), limit: MAX_ITEMS, what: "lines" });
        }
        rows.push(record.map_err(|error| csv_error(path, &error))?.iter().map(str::to_owned).collect());
    }
    if rows.is_empty() {
        return Err(bad(1, "it has no lines below the column names".to_owned()));
    }
    Ok(Table { columns, rows })
}

fn csv_error(path: &str, error: &csv::Error) -> OverError {
    let line = error.position().map_or(1, csv::Position::line);
    let reason = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            let values = if *len == 1 { "value" } else { "values" };
            format!("{len} {values} where the first line has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "not valid UTF-8".to_owned(),
        _ => error.to_string(),
    };
    OverError::BadCsv { path: path.to_owned(), line, reason }
}
