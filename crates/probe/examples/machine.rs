//! Prints what the probe sees of this machine, and what one load sample costs.
//!
//! `cargo run --release -p gridwell-probe --example machine`

use std::{
    env,
    io::Write as _,
    time::{Duration, Instant},
};

use gridwell_probe::{Sampler, ToolCache, benchmark, probe};

const SAMPLES: u32 = 200;

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let mut cache = ToolCache::default();
    for temperature in ["cold", "warm"] {
        let start = Instant::now();
        let hardware = probe(&env::temp_dir(), &mut cache);
        writeln!(out, "{hardware:#?}\nprobed {temperature} in {:?}", start.elapsed())?;
    }
    writeln!(out, "score {:.2}", benchmark(Duration::from_millis(300)))?;
    let mut sampler = Sampler::new(&env::temp_dir());
    let start = Instant::now();
    for _ in 0..SAMPLES {
        sampler.sample(&[std::process::id()]);
    }
    writeln!(out, "a sample takes {:?}", start.elapsed() / SAMPLES)
}
