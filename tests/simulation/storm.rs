//! A few seeds of `cargo xtask storm`, which runs a thousand: no acknowledged job is lost, no task counts twice, every journal
//! gives the ledger it was written by.

use gridwell_tests::sim::storm;

const SEEDS: u64 = 2;

#[test]
fn twenty_machines_lose_nothing_whatever_breaks() {
    for seed in 0..SEEDS {
        if let Err(failure) = storm(seed) {
            panic!("{failure}");
        }
    }
}
