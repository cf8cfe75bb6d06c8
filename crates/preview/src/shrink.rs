use image::{Rgba, Rgba32FImage, RgbaImage, imageops};

use crate::Extent;

/// What a source's numbers mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Light {
    /// Amounts of light, as float formats store them; screens want them with the sRGB curve.
    Linear,
    /// As screens want them.
    Screen,
}

/// Makes a picture smaller while it is read: pixels are added up in square blocks, so that only the small picture is in
/// memory. Blocks are at most twice as fine as the wanted picture; the rest is resampled at the end.
pub(crate) struct Shrinking {
    source: Extent,
    wanted: Extent,
    /// Side of a block in pixels.
    block: u32,
    light: Light,
    blocks: Extent,
    /// Sums over each block: red, green and blue times alpha, then alpha.
    sums: Vec<[f32; 4]>,
    seen: Seen,
}

/// What was seen of all pixels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// One of them is brighter than black on a screen with 256 steps.
    pub(crate) is_bright: bool,
    /// A value of one of them is not a number.
    pub(crate) has_nan: bool,
}

impl Shrinking {
    /// Prepares for a source that becomes at most `side` pixels long.
    pub(crate) fn new(source: Extent, side: u32, light: Light) -> Self {
        let block = (source.side() / side).max(1);
        let blocks = Extent::new(source.width.div_ceil(block), source.height.div_ceil(block));
        let sums = vec![[0.0; 4]; (blocks.width * blocks.height) as usize];
        Self { source, wanted: source.within(side), block, light, blocks, sums, seen: Seen::default() }
    }

    /// The extent of the source.
    pub(crate) const fn source(&self) -> Extent {
        self.source
    }

    /// What was seen of the pixels so far.
    pub(crate) const fn seen(&self) -> Seen {
        self.seen
    }

    /// Adds the pixel at `x`, `y`: red, green, blue and alpha, each clamped to `0.0..=1.0`; no number counts as 0.
    ///
    /// Colours are multiplied with alpha already. Pixels outside the picture are left out.
    pub(crate) fn add(&mut self, x: u32, y: u32, pixel: [f32; 4]) {
        if x < self.source.width && y < self.source.height {
            self.look(pixel);
            let at = (y / self.block) * self.blocks.width + x / self.block;
            for (sum, value) in self.sums[at as usize].iter_mut().zip(pixel) {
                *sum += unit(value);
            }
        }
    }

    fn look(&mut self, [red, green, blue, alpha]: [f32; 4]) {
        // One step of 255; where light is linear, what becomes that step.
        let black = if self.light == Light::Linear { 1.0 / 255.0 / 12.92 } else { 1.0 / 255.0 };
        self.seen.is_bright |= red > black || green > black || blue > black;
        self.seen.has_nan |= red.is_nan() || green.is_nan() || blue.is_nan() || alpha.is_nan();
    }

    /// As [`Shrinking::add`], with colours that are not multiplied with alpha.
    pub(crate) fn add_straight(&mut self, x: u32, y: u32, [red, green, blue, alpha]: [f32; 4]) {
        let covered = unit(alpha);
        self.seen.has_nan |= [red, green, blue, alpha].iter().any(|value| value.is_nan());
        self.add(x, y, [unit(red) * covered, unit(green) * covered, unit(blue) * covered, covered]);
    }

    /// The small picture, with straight alpha, for screens.
    pub(crate) fn finish(self) -> RgbaImage {
        let (blocks, wanted, light) = (self.blocks, self.wanted, self.light);
        let means = Rgba32FImage::from_fn(blocks.width, blocks.height, |x, y| {
            let covered = |at: u32, length: u32| (length - at * self.block).min(self.block);
            let count = covered(x, self.source.width) * covered(y, self.source.height);
            Rgba(self.sums[(y * blocks.width + x) as usize].map(|sum| unit(sum / count as f32)))
        });
        let exact = if blocks == wanted {
            means
        } else {
            imageops::resize(&means, wanted.width, wanted.height, imageops::FilterType::Triangle)
        };
        RgbaImage::from_fn(wanted.width, wanted.height, |x, y| Rgba(on_screen(exact.get_pixel(x, y).0, light)))
    }
}

/// A value between none and all: infinity is all, what is no number is none.
fn unit(value: f32) -> f32 {
    // Unlike `clamp`, the comparison is false for what is no number.
    if value > 0.0 { value.min(1.0) } else { 0.0 }
}

fn on_screen([red, green, blue, alpha]: [f32; 4], light: Light) -> [u8; 4] {
    let colour = |value: f32| {
        let straight = if alpha > 0.0 { unit(value / alpha) } else { 0.0 };
        byte(if light == Light::Linear { srgb(straight) } else { straight })
    };
    [colour(red), colour(green), colour(blue), byte(alpha)]
}

fn byte(value: f32) -> u8 {
    (unit(value) * 255.0).round() as u8
}

/// Source: IEC 61966-2-1, the sRGB transfer function.
fn srgb(linear: f32) -> f32 {
    if linear <= 0.003_130_8 { 12.92 * linear } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shrunk(width: u32, height: u32, side: u32, light: Light, pixel: impl Fn(u32, u32) -> [f32; 4]) -> RgbaImage {
        let mut shrinking = Shrinking::new(Extent::new(width, height), side, light);
        for y in 0..height {
            for x in 0..width {
                shrinking.add_straight(x, y, pixel(x, y));
            }
        }
        shrinking.finish()
    }

    #[test]
    fn a_small_picture_stays_as_it_is() {
        let pixel = |x: u32, y: u32| [x as f32 / 255.0, y as f32 / 255.0, 1.0, if x == 3 { 0.5 } else { 1.0 }];
        let same = shrunk(9, 5, 64, Light::Screen, pixel);
        assert_eq!(same.dimensions(), (9, 5));
        for (x, y, Rgba(found)) in same.enumerate_pixels() {
            assert_eq!(*found, [x as u8, y as u8, 255, if x == 3 { 128 } else { 255 }]);
        }
    }

    #[test]
    fn a_plain_picture_stays_plain_in_every_size() {
        for (width, height, side) in [(640, 480, 64), (641, 7, 64), (65, 1_000, 64), (999, 999, 160), (3_000, 1, 64)] {
            let plain = shrunk(width, height, side, Light::Screen, |_, _| [1.0, 0.5, 0.0, 1.0]);
            assert_eq!(plain.width().max(plain.height()), side);
            assert!(plain.pixels().all(|pixel| pixel.0 == [255, 128, 0, 255]), "{width} × {height}");
        }
    }

    #[test]
    fn what_is_transparent_does_not_darken_its_neighbours() {
        let half = |x: u32, _| if x.is_multiple_of(2) { [1.0, 1.0, 1.0, 1.0] } else { [0.0, 0.0, 0.0, 0.0] };
        let small = shrunk(128, 128, 64, Light::Screen, half);
        assert!(small.pixels().all(|pixel| pixel.0 == [255, 255, 255, 128]));
    }

    #[test]
    fn light_gets_the_curve_of_screens_and_wild_numbers_are_tamed() {
        let row = [0.0, 0.214_041_14, 1.0, 50.0, f32::INFINITY, f32::NAN, -3.0, f32::NEG_INFINITY];
        let light = shrunk(8, 1, 64, Light::Linear, |x, _| [row[x as usize], 0.0, 0.0, 1.0]);
        let reds: Vec<u8> = light.pixels().map(|pixel| pixel.0[0]).collect();
        assert_eq!(reds, [0, 128, 255, 255, 255, 0, 0, 0]);
    }
}
