//! The page of results: a section for each comparison, each measured and replaced on its own.

use std::{fmt::Write as _, io::ErrorKind, path::Path};

use crate::shell::Failure;

const HEAD: &str = "\
# Benchmarks

Written by `cargo xtask bench`; with `--only NAME` one section is measured anew and the others stay as they are. Values are
medians; what is compared was measured in turn within one run on one machine, so read the ratios before the numbers.
";

/// Begins a section.
const MARK: &str = "\n## ";

/// One measured thing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    /// What was measured, on whom.
    pub(super) what: String,
    /// The median, with its unit.
    pub(super) value: String,
    /// How it compares with its yardstick or bar; empty for a yardstick.
    pub(super) compares: String,
}

impl Row {
    pub(super) fn new(what: impl Into<String>, value: impl Into<String>, compares: impl Into<String>) -> Self {
        Self { what: what.into(), value: value.into(), compares: compares.into() }
    }
}

/// The rows as a table.
pub(super) fn table(rows: &[Row]) -> String {
    let mut text = "| what | measured | compared |\n|---|---|---|\n".to_owned();
    for Row { what, value, compares } in rows {
        let _infallible = writeln!(text, "| {what} | {value} | {compares} |");
    }
    text
}

/// Puts a section in the place of the one with its title; `order` holds the titles of all sections.
pub(super) fn renew(path: &Path, order: &[&str], title: &str, text: &str) -> Result<(), Failure> {
    let old = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        read => read.map_err(|error| Failure::file(path, error))?,
    };
    std::fs::write(path, renewed(&old, order, title, text)).map_err(|error| Failure::file(path, error))
}

fn renewed(old: &str, order: &[&str], title: &str, text: &str) -> String {
    let mut page = HEAD.to_owned();
    for name in order {
        let kept = old.split(MARK).skip(1).filter_map(|section| section.split_once('\n'));
        let kept = kept.filter(|(title, _)| title == name).map(|(_, text)| text.trim()).next();
        if let Some(text) = if *name == title { Some(text.trim()) } else { kept } {
            let _infallible = write!(page, "{MARK}{name}\n\n{text}\n");
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_that_were_not_measured_stay_as_they_are() {
        let order = ["Tasks", "Window", "Engines"];
        let first = renewed("", &order, "Engines", "fast\n");
        let second = renewed(&first, &order, "Tasks", "many");
        assert_eq!(second, format!("{HEAD}\n## Tasks\n\nmany\n\n## Engines\n\nfast\n"));
        let third = renewed(&second, &order, "Engines", "faster");
        assert_eq!(third, format!("{HEAD}\n## Tasks\n\nmany\n\n## Engines\n\nfaster\n"));
    }

    #[test]
    fn rows_become_lines_of_a_table() {
        let text = table(&[Row::new("a", "1 s", "bar: 2 s")]);
        assert_eq!(text.lines().last(), Some("| a | 1 s | bar: 2 s |"));
    }
}
