use std::ops::{Add, Mul, Sub};

/// A point, direction or colour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Vec3 {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) z: f64,
}

impl Vec3 {
    pub(super) const ZERO: Self = Self::new(0.0, 0.0, 0.0);

    pub(super) const fn new(x: f64, y: f64, z: f64) -> Self {
        Self { x, y, z }
    }

    pub(super) const fn from_array([x, y, z]: [f64; 3]) -> Self {
        Self::new(x, y, z)
    }

    pub(super) fn dot(self, other: Self) -> f64 {
        self.x * other.x + self.y * other.y + self.z * other.z
    }

    pub(super) fn cross(self, other: Self) -> Self {
        Self::new(
            self.y * other.z - self.z * other.y,
            self.z * other.x - self.x * other.z,
            self.x * other.y - self.y * other.x,
        )
    }

    pub(super) fn unit(self) -> Self {
        let length = self.dot(self).sqrt();
        if length > 0.0 { self * (1.0 / length) } else { self }
    }

    /// Component by component.
    pub(super) fn tint(self, other: Self) -> Self {
        Self::new(self.x * other.x, self.y * other.y, self.z * other.z)
    }

    pub(super) fn mix(self, other: Self, share: f64) -> Self {
        self * (1.0 - share) + other * share
    }
}

impl Add for Vec3 {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::new(self.x + other.x, self.y + other.y, self.z + other.z)
    }
}

impl Sub for Vec3 {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::new(self.x - other.x, self.y - other.y, self.z - other.z)
    }
}

impl Mul<f64> for Vec3 {
    type Output = Self;
    fn mul(self, factor: f64) -> Self {
        Self::new(self.x * factor, self.y * factor, self.z * factor)
    }
}

/// Sine and cosine of a whole turn times `turns`; error below 1e-9, and the same bits on every machine.
pub(super) fn sin_cos_turns(turns: f64) -> (f64, f64) {
    // Reduce to an eighth of a turn either side of a quarter, where the series converge fast.
    let part = turns - turns.floor();
    let quarter = (part * 4.0 + 0.5).floor();
    let x = (part - quarter * 0.25) * std::f64::consts::TAU;
    let xx = x * x;
    let sin = x * (1.0 - xx / 6.0 * (1.0 - xx / 20.0 * (1.0 - xx / 42.0 * (1.0 - xx / 72.0 * (1.0 - xx / 110.0)))));
    let cos = 1.0 - xx / 2.0 * (1.0 - xx / 12.0 * (1.0 - xx / 30.0 * (1.0 - xx / 56.0 * (1.0 - xx / 90.0))));
    match quarter as i64 % 4 {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

/// Two numbers in 0.0..1.0 that depend on the place, frame and sample only.
pub(super) fn jitter(x: u32, y: u32, frame: i64, sample: u32) -> (f64, f64) {
    let mut state = u64::from(x) << 32 | u64::from(y);
    state = stir(state ^ (frame as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    state = stir(state ^ u64::from(sample));
    let unit = |bits: u64| (bits >> 40) as f64 / 16_777_216.0;
    (unit(state), unit(stir(state)))
}

/// The finisher of SplitMix64 (Steele, Lea, Flood 2014).
const fn stir(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
