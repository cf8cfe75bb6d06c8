//! OpenEXR, with the library below `image`'s own decoder: pixels are made small as they are unpacked, so that a frame in
//! 8K needs no half gigabyte, and the files that Blender writes with all passes in one layer are understood.

use std::{
    io::{BufRead, Seek},
    sync::Arc,
};

use exr::{
    block::{
        BlockIndex, UncompressedBlock,
        reader::{ChunksReader as _, Reader},
    },
    error::Error,
    meta::{BlockDescription, attribute::SampleType, header::Header},
    prelude::f16,
};

use image::RgbaImage;

use crate::{
    Extent, Region, RegionError,
    decode::{DecodeError, Decoded, READ_BYTES, check_extent},
    gate::Gate,
    region::damaged,
    shrink::{Light, Shrinking},
};

/// Most bytes before the pixels, which also bounds the number of layers: names of thousands of passes are far shorter.
const HEADER_BYTES: u64 = 1 << 23;

/// Most chunks of a layer: a picture of 8192 × 8192 in tiles of 16 × 16.
const MAX_CHUNKS: usize = 1 << 18;

/// Most bytes of a chunk when unpacked: 32 lines of an 8K frame with sixty passes.
const MAX_CHUNK_BYTES: u64 = 1 << 26;

/// Most bytes of a layer when unpacked: an 8K frame with sixty passes, half a minute's work.
const MAX_LAYER_BYTES: u64 = 1 << 33;

/// Decodes the first layer that has colours and makes it at most `side` pixels long.
pub(crate) fn decode<R: BufRead + Seek>(reader: R, gate: &Gate<'_>, side: u32) -> Result<Decoded, DecodeError> {
    gate.allow(HEADER_BYTES);
    let reader = Reader::read_from_buffered(reader, false).map_err(refused)?;
    gate.allow(READ_BYTES);
    // Any chunk may claim to belong to any layer, so all of them must be within the limits.
    reader.headers().iter().try_for_each(check)?;
    let shown = reader.headers().iter().enumerate().find_map(|(layer, header)| Some((layer, Colours::of(header)?)));
    let (layer, colours) = shown.ok_or(DecodeError::NoColours)?;
    let size = reader.headers()[layer].layer_size;
    let mut shrinking = Shrinking::new(check_extent(size.width() as u64, size.height() as u64)?, side, Light::Linear);
    let chunks = reader
        .filter_chunks(false, |_, tile, block| block.layer == layer && tile.is_largest_resolution_level())
        .map_err(refused)?;
    let unpacked = chunks.decompress_sequential(false, |_, block| {
        if block.index.layer == layer {
            colours.each(&block, |x, y, pixel| shrinking.add(x, y, pixel));
        }
        Ok(())
    });
    unpacked.map_err(refused)?;
    Ok(Decoded { source: shrinking.source(), seen: shrinking.seen(), image: shrinking.finish() })
}

fn refused(error: Error) -> DecodeError {
    match error {
        Error::NotSupported(_) => DecodeError::Unusual(Arc::new(error)),
        error => DecodeError::damaged(error),
    }
}

/// Decodes a part of the first layer that has colours; only the blocks that hold it are read.
pub(crate) fn region<R: BufRead + Seek>(reader: R, region: Region) -> Result<RgbaImage, RegionError> {
    let reader = Reader::read_from_buffered(reader, false).map_err(damaged)?;
    reader.headers().iter().try_for_each(check_blocks)?;
    let shown = reader.headers().iter().enumerate().find_map(|(layer, header)| Some((layer, Colours::of(header)?)));
    let (layer, colours) = shown.ok_or(RegionError::NoParts)?;
    let size = reader.headers()[layer].layer_size;
    let length = |pixels: usize| u32::try_from(pixels).map_err(damaged);
    let mut part = region.begin(Extent::new(length(size.width())?, length(size.height())?), Light::Linear)?;
    let holds = |index: &BlockIndex| {
        let (at, size) = (index.pixel_position, index.pixel_size);
        region.meets((at.x() as u64, at.y() as u64), (size.width() as u64, size.height() as u64))
    };
    let chunks = reader
        .filter_chunks(false, |_, tile, block| {
            block.layer == layer && tile.is_largest_resolution_level() && holds(&block)
        })
        .map_err(damaged)?;
    let unpacked = chunks.decompress_sequential(false, |_, block| {
        if block.index.layer == layer {
            colours.each(&block, |x, y, pixel| {
                part.add(x.wrapping_sub(region.x), y.wrapping_sub(region.y), pixel);
            });
        }
        Ok(())
    });
    unpacked.map_err(damaged)?;
    Ok(part.finish())
}

/// Checks what a layer claims before anything is made for it.
fn check(header: &Header) -> Result<(), DecodeError> {
    let (width, height) = (header.layer_size.width() as u64, header.layer_size.height() as u64);
    check_extent(width, height)?;
    let layer_bytes = (width * height).saturating_mul(header.channels.bytes_per_pixel as u64);
    if layer_bytes > MAX_LAYER_BYTES {
        return Err(DecodeError::TooLarge { width, height });
    }
    check_blocks(header)
}

/// Checks the blocks that a layer claims to consist of.
fn check_blocks(header: &Header) -> Result<(), DecodeError> {
    let (width, height) = (header.layer_size.width() as u64, header.layer_size.height() as u64);
    let pixel_bytes = header.channels.bytes_per_pixel as u64;
    let chunk_pixels = match header.blocks {
        BlockDescription::ScanLines => width.saturating_mul(header.compression.scan_lines_per_block() as u64),
        BlockDescription::Tiles(tiles) => {
            (tiles.tile_size.width() as u64).saturating_mul(tiles.tile_size.height() as u64)
        }
    };
    if header.chunk_count <= MAX_CHUNKS && chunk_pixels.saturating_mul(pixel_bytes) <= MAX_CHUNK_BYTES {
        Ok(())
    } else {
        Err(DecodeError::TooLarge { width, height })
    }
}

/// Where the shown values of a pixel stand among its channels; a grey layer has one place for three of them.
struct Colours {
    red: Place,
    green: Place,
    blue: Place,
    alpha: Option<Place>,
    pixel_bytes: usize,
}

/// A channel's place in a line, which holds all values of the first channel, then all of the second, and so on.
#[derive(Clone, Copy)]
struct Place {
    /// Bytes that the channels before it take for each pixel.
    before: usize,
    kind: SampleType,
}

impl Colours {
    /// The colours of a layer: its own, those of Blender's combined pass, those of its first pass, or its brightness.
    fn of(header: &Header) -> Option<Self> {
        let subsampled = |channel: &exr::meta::attribute::ChannelDescription| channel.sampling.area() != 1;
        if header.deep || header.channels.list.iter().any(subsampled) {
            return None;
        }
        let names = || header.channels.list.iter().map(|channel| channel.name.to_string());
        let passes = || names().filter_map(|name| Some(name.strip_suffix(".R")?.to_owned() + "."));
        let combined = passes().find(|pass| pass.ends_with("Combined."));
        let prefixes = [Some(String::new()), combined, passes().next()];
        let colours = prefixes.into_iter().flatten().find_map(|prefix| Self::named(header, &prefix, ["R", "G", "B"]));
        colours.or_else(|| Self::named(header, "", ["Y"; 3]))
    }

    fn named(header: &Header, prefix: &str, names: [&str; 3]) -> Option<Self> {
        let [red, green, blue] = names.map(|name| Place::of(header, &format!("{prefix}{name}")));
        Some(Self {
            red: red?,
            green: green?,
            blue: blue?,
            alpha: Place::of(header, &format!("{prefix}A")),
            pixel_bytes: header.channels.bytes_per_pixel,
        })
    }

    /// Hands out the pixels of a block of the layer, whose colours are multiplied with alpha already.
    fn each(&self, block: &UncompressedBlock, mut take: impl FnMut(u32, u32, [f32; 4])) {
        let (left, top) = (block.index.pixel_position.x(), block.index.pixel_position.y());
        let width = block.index.pixel_size.width();
        for (row, line) in block.data.chunks_exact((width * self.pixel_bytes).max(1)).enumerate() {
            for column in 0..width {
                let value = |place: &Place| place.value(line, width, column);
                let alpha = self.alpha.as_ref().map_or(1.0, value);
                let pixel = [value(&self.red), value(&self.green), value(&self.blue), alpha];
                // No side is longer than the limit; what lies outside is left out.
                take((left + column) as u32, (top + row) as u32, pixel);
            }
        }
    }
}

impl Place {
    fn of(header: &Header, name: &str) -> Option<Self> {
        let at = header.channels.list.iter().position(|channel| channel.name == *name)?;
        let before = header.channels.list[..at].iter().map(|channel| channel.sample_type.bytes_per_sample()).sum();
        Some(Self { before, kind: header.channels.list[at].sample_type })
    }

    fn value(&self, line: &[u8], width: usize, column: usize) -> f32 {
        let at = width * self.before + column * self.kind.bytes_per_sample();
        let Some(bytes) = line.get(at..at + self.kind.bytes_per_sample()) else { return 0.0 };
        match (self.kind, bytes) {
            (SampleType::F16, &[a, b]) => f16::from_ne_bytes([a, b]).to_f32(),
            (SampleType::F32, &[a, b, c, d]) => f32::from_ne_bytes([a, b, c, d]),
            (SampleType::U32, &[a, b, c, d]) => u32::from_ne_bytes([a, b, c, d]) as f32,
            _ => 0.0,
        }
    }
}
