//! Checks the house: arrows between rooms point down, and the pure rooms stay pure.

mod arrows;
mod sources;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::shell::{self, Failure};

/// A breach of the house's rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Package or `file:line`.
    place: String,
    /// What is wrong there.
    what: String,
}

impl Fault {
    fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }
}

/// Prints every fault; fails if there is one.
pub(crate) fn run() -> Result<(), Failure> {
    let metadata = shell::json(shell::cargo().args(["metadata", "--format-version=1", "--locked"]))?;
    let faults = check(&metadata)?;
    for Fault { place, what } in &faults {
        eprintln!("{place}: {what}");
    }
    if faults.is_empty() {
        println!("floors: every arrow points down");
        return Ok(());
    }
    Err(Failure::Faults { count: faults.len() })
}

fn check(metadata: &Value) -> Result<Vec<Fault>, Failure> {
    let house = arrows::House::read(metadata);
    let mut faults = arrows::check(&house);
    for folder in house.pure_folders() {
        sources::check_folder(&folder.join("src"), &mut faults)?;
    }
    Ok(faults)
}
