use std::path::Path;

use crate::shell::Failure;

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

/// Writes the page of results.
pub(super) fn write(
    path: &Path,
    machine: &str,
    rounds: usize,
    rows: &[Row],
    engines: Option<&str>,
) -> Result<(), Failure> {
    let mut text = format!(
        "# Benchmarks\n\nWritten by `cargo xtask bench`. Medians of {rounds} rounds; what is compared was measured in turn \
         within one run on one machine, so read the ratios before the numbers.\n\n{machine}\n\n\
         | what | median | compared |\n|---|---|---|\n"
    );
    for Row { what, value, compares } in rows {
        text.push_str(&format!("| {what} | {value} | {compares} |\n"));
    }
    if let Some(engines) = engines {
        text.push_str(&format!(
            "\n## Engines and hands\n\nBy criterion: lower bound, estimate, upper bound.\n\n```\n{engines}\n```\n"
        ));
    }
    std::fs::write(path, text).map_err(|error| Failure::file(path, error))
}
