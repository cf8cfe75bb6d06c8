//! Bytes of strangers, for every decoder of what comes from a link, from a machine that wants in, or from the membership log.
//!
//! A target takes any bytes and must neither panic nor grow without bound; most also check what holds for every input. `cargo
//! xtask fuzz` runs them under libFuzzer; the ordinary tests try their seeds and what lies close to them.

mod pieces;
mod targets;

use std::fmt;

/// Something that takes bytes from outside.
#[derive(Clone, Copy)]
pub struct Target {
    /// How `cargo xtask fuzz` calls it.
    pub name: &'static str,
    /// Takes the bytes in.
    pub run: fn(&[u8]),
    /// Good inputs to begin with: small, and of every kind.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// All targets.
pub const TARGETS: &[Target] = targets::ALL;

/// The target of that name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Inputs close to each seed: enough that a decoder which trusts a length or an index is caught without a fuzzer.
    const CHANGED: u64 = 12;

    #[test]
    fn every_target_takes_its_seeds_and_what_is_close_to_them() {
        for target in TARGETS {
            let seeds = (target.seeds)();
            assert!(!seeds.is_empty(), "{target:?} has no seeds");
            (target.run)(&[]);
            for (number, seed) in seeds.iter().enumerate() {
                (target.run)(seed);
                for change in 0..CHANGED {
                    (target.run)(&changed(seed, change + number as u64 * CHANGED));
                }
            }
        }
    }

    /// `seed` with a byte set, cut out or put in, or cut short, as `number` says.
    fn changed(seed: &[u8], number: u64) -> Vec<u8> {
        let mut bytes = seed.to_vec();
        let mut drawn = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut draw = move |below: usize| {
            drawn ^= drawn << 13;
            drawn ^= drawn >> 7;
            drawn ^= drawn << 17;
            (drawn % below.max(1) as u64) as usize
        };
        for _ in 0..=draw(3) {
            let at = draw(bytes.len());
            match draw(4) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at.min(bytes.len()), draw(256) as u8),
                2 if !bytes.is_empty() => _ = bytes.remove(at),
                _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = [0, 1, 0x7f, 0x80, 0xff][draw(5)]),
            }
        }
        bytes
    }
}
