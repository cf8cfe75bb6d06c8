use std::{
    error::Error,
    io::{BufRead, Seek},
    sync::Arc,
};

use image::{
    DynamicImage, GenericImageView as _, ImageDecoder as _, ImageError, ImageFormat, ImageReader, Limits, RgbaImage,
    metadata::Orientation,
};

use crate::{
    Extent, exr,
    gate::Gate,
    shrink::{Light, Seen, Shrinking},
};

/// Longest side that is decoded, in pixels: panoramas and sprite sheets are shorter.
pub(crate) const MAX_SIDE: u32 = 32_768;

/// Most pixels that are decoded: a texture of 8192 × 8192, twice a frame in 8K.
pub(crate) const MAX_PIXELS: u64 = 1 << 26;

/// Most bytes of a decoded picture: [`MAX_PIXELS`] with four bytes each. Eight bytes a pixel are enough for 8K frames.
pub(crate) const MAX_DECODED_BYTES: u64 = 1 << 28;

/// Most bytes that are read of a file: a frame in 8K with all its passes.
pub(crate) const READ_BYTES: u64 = 1 << 29;

/// Most bytes of a JPEG, which its decoder keeps in memory beside the picture.
const JPEG_BYTES: u64 = 1 << 26;

/// What a decoder may use beside the decoded picture: rows, strips, tables.
const WORKING_BYTES: u64 = 1 << 26;

/// Why content did not become a picture.
#[derive(Debug)]
pub(crate) enum DecodeError {
    /// Its format is not known here.
    NotAPicture,
    /// It could hold a picture and does not.
    NoPicture,
    /// Its width and height, or what they would take, are over the limits.
    TooLarge { width: u64, height: u64 },
    /// It is a picture without colours: depth, masks.
    NoColours,
    /// It uses what no decoder here knows.
    Unusual(Arc<dyn Error + Send + Sync>),
    /// What the decoder said after it had read to the end.
    CutOff(Arc<dyn Error + Send + Sync>),
    /// What it said before.
    Damaged(Arc<dyn Error + Send + Sync>),
}

impl DecodeError {
    pub(crate) fn damaged(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Damaged(Arc::new(error))
    }
}

/// A picture made small, and the extent of what it was.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) image: RgbaImage,
    pub(crate) source: Extent,
    pub(crate) seen: Seen,
}

/// Decodes a picture in any known format and makes it at most `side` pixels long.
///
/// The content tells its format. Only TGA has nothing to tell it by: `tga` says that the name ends so.
pub(crate) fn decode<R: BufRead + Seek>(
    reader: R,
    gate: &Gate<'_>,
    tga: bool,
    side: u32,
) -> Result<Decoded, DecodeError> {
    let mut reader = ImageReader::new(reader);
    if tga {
        reader.set_format(ImageFormat::Tga);
    }
    let mut reader = reader.with_guessed_format().map_err(DecodeError::damaged)?;
    match reader.format() {
        None => return Err(DecodeError::NotAPicture),
        Some(ImageFormat::OpenExr) => return exr::decode(reader.into_inner(), gate, side),
        Some(ImageFormat::Jpeg) => gate.allow(JPEG_BYTES),
        Some(_) => {}
    }
    reader.limits(limits());
    decode_whole(reader, side)
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODED_BYTES + WORKING_BYTES);
    limits
}

/// Checks an extent that a file claims.
pub(crate) fn check_extent(width: u64, height: u64) -> Result<Extent, DecodeError> {
    let too_large = DecodeError::TooLarge { width, height };
    match (u32::try_from(width), u32::try_from(height)) {
        (Ok(0), _) | (_, Ok(0)) => Err(DecodeError::NotAPicture),
        (Ok(across), Ok(down)) if across.max(down) <= MAX_SIDE && width * height <= MAX_PIXELS => {
            Ok(Extent::new(across, down))
        }
        _ => Err(too_large),
    }
}

fn decode_whole<R: BufRead + Seek>(reader: ImageReader<R>, side: u32) -> Result<Decoded, DecodeError> {
    let mut decoder = reader.into_decoder().map_err(refused)?;
    let (width, height) = decoder.dimensions();
    let extent = check_extent(width.into(), height.into())?;
    if decoder.total_bytes() > MAX_DECODED_BYTES {
        return Err(DecodeError::TooLarge { width: width.into(), height: height.into() });
    }
    // A picture whose notes are damaged is shown as it lies in the file.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let image = DynamicImage::from_decoder(decoder).map_err(refused)?;
    let shrinking = shrink(&image, extent, side);
    let seen = shrinking.seen();
    let mut small = DynamicImage::ImageRgba8(shrinking.finish());
    small.apply_orientation(orientation);
    let source = if is_turned(orientation) { extent.turned() } else { extent };
    Ok(Decoded { image: small.into_rgba8(), source, seen })
}

fn shrink(image: &DynamicImage, extent: Extent, side: u32) -> Shrinking {
    match image {
        DynamicImage::ImageRgb32F(image) => {
            let mut shrinking = Shrinking::new(extent, side, Light::Linear);
            for (x, y, pixel) in image.enumerate_pixels() {
                let [red, green, blue] = pixel.0;
                shrinking.add(x, y, [red, green, blue, 1.0]);
            }
            shrinking
        }
        DynamicImage::ImageRgba32F(image) => {
            let mut shrinking = Shrinking::new(extent, side, Light::Linear);
            for (x, y, pixel) in image.enumerate_pixels() {
                shrinking.add_straight(x, y, pixel.0);
            }
            shrinking
        }
        image => {
            let mut shrinking = Shrinking::new(extent, side, Light::Screen);
            // Sixteen bits become eight here, one pixel at a time.
            for (x, y, pixel) in image.pixels() {
                shrinking.add_straight(x, y, pixel.0.map(|value| f32::from(value) / 255.0));
            }
            shrinking
        }
    }
}

const fn is_turned(orientation: Orientation) -> bool {
    matches!(
        orientation,
        Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH
    )
}

fn refused(error: ImageError) -> DecodeError {
    match error {
        ImageError::Unsupported(unsupported)
            if matches!(unsupported.kind(), image::error::UnsupportedErrorKind::Format(_)) =>
        {
            DecodeError::NotAPicture
        }
        error @ ImageError::Unsupported(_) => DecodeError::Unusual(Arc::new(error)),
        error => DecodeError::damaged(error),
    }
}
