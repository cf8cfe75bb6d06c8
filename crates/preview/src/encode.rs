use image::{
    ExtendedColorType, ImageEncoder as _, ImageResult, RgbImage, RgbaImage,
    codecs::{jpeg::JpegEncoder, webp::WebPEncoder},
    imageops,
};

use crate::{Size, picture::Coding};

/// Qualities that are tried, best first; what is above 85 costs bytes that nobody sees.
const QUALITIES: [u8; 7] = [85, 75, 65, 50, 35, 20, 10];

/// Side of a square of the checker that shows what is transparent, and its two greys.
const CHECKER_SIDE: u32 = 8;
const CHECKER: [u8; 2] = [0x66, 0x99];

/// An encoded picture.
pub(crate) struct Encoded {
    pub(crate) coding: Coding,
    pub(crate) bytes: Vec<u8>,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// Encodes a picture within the bytes of `size`: without loss if that is small enough, else with as little loss as fits.
///
/// Noise that fits in no quality becomes smaller until it does.
///
/// # Errors
///
/// Whatever the encoders refuse, which is nothing of this size.
pub(crate) fn encode(mut image: RgbaImage, size: Size) -> ImageResult<Encoded> {
    let limit_bytes = size.max_bytes();
    let lossless = webp(&image)?;
    if lossless.len() <= limit_bytes {
        let (width, height) = image.dimensions();
        return Ok(Encoded { coding: Coding::WebP, bytes: lossless, width, height });
    }
    loop {
        let opaque = over_checker(&image);
        for quality in QUALITIES {
            let bytes = jpeg(&opaque, quality)?;
            if bytes.len() <= limit_bytes {
                return Ok(Encoded { coding: Coding::Jpeg, bytes, width: image.width(), height: image.height() });
            }
        }
        let (width, height) = ((image.width() / 2).max(1), (image.height() / 2).max(1));
        image = imageops::resize(&image, width, height, imageops::FilterType::Triangle);
    }
}

fn webp(image: &RgbaImage) -> ImageResult<Vec<u8>> {
    let mut bytes = Vec::new();
    let encoder = WebPEncoder::new_lossless(&mut bytes);
    let (width, height) = image.dimensions();
    if image.pixels().all(|pixel| pixel.0[3] == u8::MAX) {
        encoder.write_image(&over_checker(image), width, height, ExtendedColorType::Rgb8)?;
    } else {
        encoder.write_image(image, width, height, ExtendedColorType::Rgba8)?;
    }
    Ok(bytes)
}

fn jpeg(image: &RgbImage, quality: u8) -> ImageResult<Vec<u8>> {
    let mut bytes = Vec::new();
    let (width, height) = image.dimensions();
    JpegEncoder::new_with_quality(&mut bytes, quality).write_image(image, width, height, ExtendedColorType::Rgb8)?;
    Ok(bytes)
}

/// The picture on a grey checker.
fn over_checker(image: &RgbaImage) -> RgbImage {
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        let [red, green, blue, alpha] = image.get_pixel(x, y).0;
        let square = CHECKER[((x / CHECKER_SIDE + y / CHECKER_SIDE) % 2) as usize];
        let over = |value: u8| {
            let sum = u32::from(value) * u32::from(alpha) + u32::from(square) * u32::from(u8::MAX - alpha);
            ((sum + 127) / 255) as u8
        };
        image::Rgb([over(red), over(green), over(blue)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise that no encoder makes small; the same for the same seed.
    fn noise(width: u32, height: u32, alpha: u8) -> RgbaImage {
        let mut state = 0x9e37_79b9_u32;
        RgbaImage::from_fn(width, height, |_, _| {
            let mut next = || {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                state as u8
            };
            image::Rgba([next(), next(), next(), alpha])
        })
    }

    #[test]
    fn the_worst_picture_of_every_size_keeps_within_its_bytes() {
        for step in Size::STEPS {
            let size = Size::covering(step);
            let encoded = encode(noise(step, step, 255), size).unwrap();
            assert!(encoded.bytes.len() <= size.max_bytes(), "{step}: {}", encoded.bytes.len());
        }
        assert!(Size::covering(320).max_bytes() <= 40_000);
    }

    #[test]
    fn a_simple_picture_keeps_every_pixel_and_its_alpha() {
        let half = RgbaImage::from_fn(320, 180, |x, _| image::Rgba([200, 10, 30, if x < 100 { 0 } else { 128 }]));
        let encoded = encode(half.clone(), Size::covering(320)).unwrap();
        assert_eq!(encoded.coding, Coding::WebP);
        let back = image::load_from_memory(&encoded.bytes).unwrap().into_rgba8();
        assert_eq!(back, half);
    }

    #[test]
    fn what_is_transparent_shows_a_checker_where_alpha_is_lost() {
        let encoded = encode(noise(1_280, 720, 0), Size::covering(320)).unwrap();
        assert_eq!(encoded.coding, Coding::Jpeg);
        let back = image::load_from_memory(&encoded.bytes).unwrap().into_rgb8();
        let [dark, light] = CHECKER;
        assert!(back.get_pixel(3, 3).0[0].abs_diff(dark) < 8 && back.get_pixel(11, 3).0[0].abs_diff(light) < 8);
    }
}
