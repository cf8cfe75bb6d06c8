use std::{
    hint::black_box,
    num::NonZero,
    thread,
    time::{Duration, Instant},
};

/// Rounds of the kernel that the reference core does in a second: one core of a 2.6 GHz Intel Xeon of 2023, optimised
/// build. Changing the kernel or this number makes old scores incomparable.
pub const REFERENCE_ROUNDS_PER_SEC: f64 = 385_000.0;

/// Steps of one round, a few microseconds: the clock is read often enough and costs nothing.
const STEPS: u32 = 512;

/// Scores the processor: one thread works for `duration` (300 ms is enough), times the cores this process may use.
///
/// 1.0 is one reference core; see [`REFERENCE_ROUNDS_PER_SEC`]. The work is always the same; only its speed differs. An
/// unoptimised build scores several times lower. Blocks its thread.
#[must_use]
pub fn benchmark(duration: Duration) -> f64 {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let start = Instant::now();
    let mut rounds = 0_u64;
    let mut state = 0x9e37_79b9_7f4a_7c15;
    while start.elapsed() < duration {
        state = black_box(round(black_box(state)));
        rounds += 1;
    }
    let seconds = start.elapsed().as_secs_f64();
    if seconds > 0.0 { rounds as f64 / seconds / REFERENCE_ROUNDS_PER_SEC * cores as f64 } else { 0.0 }
}

/// What renderers do most: float vectors with square roots, and some integer mixing with branches that cannot be guessed.
fn round(seed: u64) -> u64 {
    let mut bits = seed;
    let mut sum = 0.0_f64;
    for _ in 0..STEPS {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        let unit = |shift: u32| ((bits >> shift) & 0xffff) as f64 / 65_536.0 - 0.5;
        let (x, y, z) = (unit(0), unit(16), unit(32));
        // A ray from the origin against a sphere of radius 0.4 at (0, 0, 1).
        let length = (x * x + y * y + z * z).sqrt().max(1e-6);
        let along = z / length;
        let inside = along * along - 0.84;
        sum += if inside > 0.0 { along - inside.sqrt() } else { 1.0 / (1.0 + length) };
    }
    bits ^ sum.to_bits()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_is_always_the_same() {
        assert_eq!(round(1), round(1));
        assert_ne!(round(1), round(2));
    }

    #[test]
    fn a_score_is_positive_and_no_time_scores_nothing() {
        assert!(benchmark(Duration::from_millis(5)) > 0.0);
        assert_eq!(benchmark(Duration::ZERO), 0.0);
    }
}
