//! A part of a large picture: only what holds it is read, where the format lets that be found.

use std::{
    error::Error,
    io::{BufRead, Cursor, Seek},
    sync::Arc,
};

use image::{ImageFormat, ImageReader, RgbaImage};
use tiff::{
    ColorType,
    decoder::{ChunkType, Decoder, DecodingResult, Limits},
    tags::{PlanarConfiguration, Tag},
};

use crate::{
    Extent,
    decode::{DecodeError, MAX_DECODED_BYTES},
    exr,
    shrink::{Light, Shrinking},
};

/// A rectangle of a picture, in pixels from its upper left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// Pixels left of it.
    pub x: u32,
    /// Pixels above it.
    pub y: u32,
    /// How large it is.
    pub extent: Extent,
}

/// Why a part of a picture is not shown; one sentence each.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RegionError {
    /// The content is in no format of which parts are read.
    #[error("parts are read of OpenEXR and TIFF pictures only; this is neither, or in colours that are not known here")]
    NoParts,
    /// The rectangle is empty, or reaches over the edge.
    #[error("the picture has {width} × {height} pixels; the part lies outside, or is empty")]
    Outside {
        /// Pixels from left to right.
        width: u32,
        /// Pixels from top to bottom.
        height: u32,
    },
    /// Reading it would take too much memory.
    #[error("at most {limit} pixels are read at once, and blocks of 64 MiB")]
    TooLarge {
        /// Pixels.
        limit: u64,
    },
    /// The content contradicts its format, is cut off, or uses what no decoder here knows.
    #[error("the picture is damaged or unusual: {0}")]
    Damaged(Arc<dyn Error + Send + Sync>),
}

impl Region {
    /// Most pixels that are read at once: a frame in 4K, four times.
    pub const MAX_PIXELS: u64 = 1 << 25;

    /// Reads it, and returns it as a PNG of eight bits a channel. Light (as float formats store it) gets the curve of screens.
    ///
    /// # Errors
    ///
    /// [`RegionError`]. What `reader` failed with is inside what the decoder says.
    pub fn read<R: BufRead + Seek>(self, reader: R) -> Result<Vec<u8>, RegionError> {
        if self.extent.pixels() > Self::MAX_PIXELS {
            return Err(RegionError::TooLarge { limit: Self::MAX_PIXELS });
        }
        let reader = ImageReader::new(reader).with_guessed_format().map_err(damaged)?;
        let image = match reader.format() {
            Some(ImageFormat::OpenExr) => exr::region(reader.into_inner(), self)?,
            Some(ImageFormat::Tiff) => tiff(reader.into_inner(), self)?,
            _ => return Err(RegionError::NoParts),
        };
        let mut png = Cursor::new(Vec::new());
        image.write_to(&mut png, ImageFormat::Png).map_err(damaged)?;
        Ok(png.into_inner())
    }

    /// Checks that it lies in a picture, and prepares for its pixels.
    pub(crate) fn begin(self, picture: Extent, light: Light) -> Result<Shrinking, RegionError> {
        let ends = |at: u32, length: u32, of: u32| length > 0 && at.checked_add(length).is_some_and(|end| end <= of);
        let inside = ends(self.x, self.extent.width, picture.width) && ends(self.y, self.extent.height, picture.height);
        let Extent { width, height } = picture;
        inside
            .then(|| Shrinking::new(self.extent, self.extent.side(), light))
            .ok_or(RegionError::Outside { width, height })
    }

    /// True if it holds a pixel of a block of the picture.
    pub(crate) fn meets(self, (x, y): (u64, u64), (width, height): (u64, u64)) -> bool {
        let meets = |at: u32, length: u32, from: u64, long: u64| {
            u64::from(at) < from.saturating_add(long) && from < u64::from(at) + u64::from(length)
        };
        meets(self.x, self.extent.width, x, width) && meets(self.y, self.extent.height, y, height)
    }
}

impl From<DecodeError> for RegionError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::NotAPicture | DecodeError::NoPicture | DecodeError::NoColours => Self::NoParts,
            DecodeError::TooLarge { .. } => Self::TooLarge { limit: Region::MAX_PIXELS },
            DecodeError::Damaged(error) | DecodeError::Unusual(error) | DecodeError::CutOff(error) => {
                Self::Damaged(error)
            }
        }
    }
}

pub(crate) fn damaged(error: impl Error + Send + Sync + 'static) -> RegionError {
    RegionError::Damaged(Arc::new(error))
}

/// Reads the strips or tiles that hold a part of the first picture of a TIFF.
fn tiff<R: BufRead + Seek>(reader: R, region: Region) -> Result<RgbaImage, RegionError> {
    let mut limits = Limits::default();
    limits.decoding_buffer_size = MAX_DECODED_BYTES as usize;
    let mut decoder = Decoder::new(reader).map_err(damaged)?.with_limits(limits);
    let (width, height) = decoder.dimensions().map_err(damaged)?;
    let colours = Colours::of(decoder.colortype().map_err(damaged)?).ok_or(RegionError::NoParts)?;
    let planar: Option<u16> = decoder.find_tag_unsigned(Tag::PlanarConfiguration).map_err(damaged)?;
    if planar.is_some_and(|planar| planar != PlanarConfiguration::Chunky.to_u16()) {
        return Err(RegionError::NoParts);
    }
    let (across, down) = decoder.chunk_dimensions();
    let chunks = match decoder.get_chunk_type() {
        ChunkType::Strip => decoder.strip_count(),
        ChunkType::Tile => decoder.tile_count(),
    };
    let (chunks, in_row) = (chunks.map_err(damaged)?, width.div_ceil(across.max(1)));
    let mut part = None;
    for chunk in 0..chunks {
        let (left, top) = (chunk % in_row.max(1) * across, chunk / in_row.max(1) * down);
        if !region.meets((left.into(), top.into()), (across.into(), down.into())) {
            continue;
        }
        let (row_pixels, _) = decoder.chunk_data_dimensions(chunk);
        let (light, values) = values(decoder.read_chunk(chunk).map_err(damaged)?).ok_or(RegionError::NoParts)?;
        let part = match &mut part {
            Some(part) => part,
            None => part.insert(region.begin(Extent::new(width, height), light)?),
        };
        for (row, line) in values.chunks_exact(row_pixels as usize * colours.samples).enumerate() {
            for (column, pixel) in line.chunks_exact(colours.samples).enumerate() {
                let (x, y) = (left + column as u32, top + row as u32);
                part.add_straight(x.wrapping_sub(region.x), y.wrapping_sub(region.y), colours.pixel(pixel));
            }
        }
    }
    match part {
        Some(part) => Ok(part.finish()),
        None => Err(RegionError::Outside { width, height }),
    }
}

/// How the samples of a pixel make a colour.
struct Colours {
    samples: usize,
    grey: bool,
    alpha: bool,
}

impl Colours {
    const fn of(kind: ColorType) -> Option<Self> {
        let (samples, grey, alpha) = match kind {
            ColorType::Gray(8..) => (1, true, false),
            ColorType::GrayA(8..) => (2, true, true),
            ColorType::RGB(8..) => (3, false, false),
            ColorType::RGBA(8..) => (4, false, true),
            _ => return None,
        };
        Some(Self { samples, grey, alpha })
    }

    fn pixel(&self, samples: &[f32]) -> [f32; 4] {
        let at = |sample: usize| samples[if self.grey { 0 } else { sample }];
        let alpha = if self.alpha { samples[self.samples - 1] } else { 1.0 };
        [at(0), at(1), at(2), alpha]
    }
}

/// Samples between none and all, and what they mean.
fn values(read: DecodingResult) -> Option<(Light, Vec<f32>)> {
    Some(match read {
        DecodingResult::U8(values) => {
            (Light::Screen, values.into_iter().map(|value| f32::from(value) / 255.0).collect())
        }
        DecodingResult::U16(values) => {
            (Light::Screen, values.into_iter().map(|value| f32::from(value) / 65_535.0).collect())
        }
        DecodingResult::F16(values) => (Light::Linear, values.into_iter().map(f32::from).collect()),
        DecodingResult::F32(values) => (Light::Linear, values),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGION: Region = Region { x: 10, y: 20, extent: Extent { width: 30, height: 40 } };

    #[test]
    fn a_block_is_read_if_it_holds_a_pixel_of_the_part() {
        for (at, size, meets) in [
            ((0, 0), (10, 100), false),
            ((0, 0), (11, 21), true),
            ((39, 59), (1, 1), true),
            ((40, 0), (100, 100), false),
            ((0, 60), (100, 1), false),
            ((0, 0), (u64::MAX, u64::MAX), true),
        ] {
            assert_eq!(REGION.meets(at, size), meets, "{at:?} {size:?}");
        }
    }

    #[test]
    fn a_part_lies_in_its_picture() {
        let begin = |width, height| REGION.begin(Extent::new(width, height), Light::Screen).is_ok();
        assert!(begin(40, 60) && !begin(39, 60) && !begin(40, 59));
        let far = Region { x: u32::MAX, ..REGION };
        assert!(matches!(far.begin(Extent::new(40, 60), Light::Screen), Err(RegionError::Outside { .. })));
    }
}
