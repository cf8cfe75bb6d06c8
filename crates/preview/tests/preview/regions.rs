use std::{
    cell::Cell,
    io::{BufReader, Cursor, Read, Seek, SeekFrom},
};

use exr::prelude::{
    Blocks, Compression, Encoding, Image, Layer, LayerAttributes, LineOrder, SpecificChannels, Vec2, WritableImage as _,
};
use gridwell_preview::{Extent, Region, RegionError};
use image::{DynamicImage, ImageFormat, RgbImage};
use tiff::encoder::{TiffEncoder, colortype::RGB8};

use crate::support::{light, written};

const SIDE: u32 = 2_048;
const PART: Region = Region { x: 1_000, y: 700, extent: Extent { width: 200, height: 150 } };

/// Counts what is read.
struct Counted<'a> {
    content: Cursor<&'a [u8]>,
    read: &'a Cell<u64>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.content.read(buffer)?;
        self.read.set(self.read.get() + read as u64);
        Ok(read)
    }
}

impl Seek for Counted<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.content.seek(to)
    }
}

/// The part of a file, and how many bytes of it that took.
fn part(file: &[u8], region: Region) -> Result<(RgbImage, u64), RegionError> {
    let read = Cell::new(0);
    let counted = Counted { content: Cursor::new(file), read: &read };
    let png = region.read(BufReader::with_capacity(4_096, counted))?;
    let image = image::load_from_memory_with_format(&png, ImageFormat::Png).unwrap();
    Ok((image.into_rgb8(), read.get()))
}

fn colour(x: u32, y: u32) -> [u8; 3] {
    [(x / 8) as u8, (y / 8) as u8, ((x ^ y) % 251) as u8]
}

fn is_right(part: &RgbImage) -> bool {
    part.dimensions() == (PART.extent.width, PART.extent.height)
        && part.enumerate_pixels().all(|(x, y, pixel)| pixel.0 == colour(PART.x + x, PART.y + y))
}

fn tiff(rows_per_strip: u32) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file).unwrap();
    let mut image = encoder.new_image::<RGB8>(SIDE, SIDE).unwrap();
    image.rows_per_strip(rows_per_strip).unwrap();
    let pixels: Vec<u8> = (0..SIDE).flat_map(|y| (0..SIDE).flat_map(move |x| colour(x, y))).collect();
    image.write_data(&pixels).unwrap();
    file.into_inner()
}

fn exr(blocks: Blocks, compression: Compression) -> Vec<u8> {
    let encoding = Encoding { compression, blocks, line_order: LineOrder::Increasing };
    let channels = SpecificChannels::rgb(|at: Vec2<usize>| {
        let [red, green, blue] = colour(at.x() as u32, at.y() as u32).map(light);
        (red, green, blue)
    });
    let side = SIDE as usize;
    let image = Image::from_layer(Layer::new((side, side), LayerAttributes::default(), encoding, channels));
    let mut file = Cursor::new(Vec::new());
    image.write().to_buffered(&mut file).unwrap();
    file.into_inner()
}

#[test]
fn a_part_of_open_exr_is_read_without_the_rest() {
    for (blocks, compression) in [
        (Blocks::Tiles(Vec2(64, 64)), Compression::Uncompressed),
        (Blocks::Tiles(Vec2(64, 64)), Compression::ZIP16),
        (Blocks::ScanLines, Compression::ZIP16),
    ] {
        let file = exr(blocks, compression);
        let (part, read) = part(&file, PART).unwrap();
        assert!(is_right(&part), "{blocks:?} {compression:?}");
        let share = read as f64 / file.len() as f64;
        assert!(share < 0.10, "{blocks:?} {compression:?}: {share:.3} of the file");
    }
}

#[test]
fn a_part_of_tiff_is_read_without_the_rest() {
    let file = tiff(16);
    let (part, read) = part(&file, PART).unwrap();
    assert!(is_right(&part));
    let share = read as f64 / file.len() as f64;
    assert!(share < 0.10, "{share:.3} of the file");
}

#[test]
fn a_part_that_is_not_there_says_how_large_the_picture_is() {
    let file = exr(Blocks::ScanLines, Compression::RLE);
    for region in [
        Region { x: SIDE - 1, y: 0, extent: Extent::new(2, 1) },
        Region { x: 0, y: u32::MAX, extent: Extent::new(1, 1) },
        Region { x: 0, y: 0, extent: Extent::new(0, 1) },
    ] {
        let error = part(&file, region).unwrap_err().to_string();
        assert!(error.contains("2048 × 2048"), "{error}");
    }
    let much = Region { x: 0, y: 0, extent: Extent::new(u32::MAX, u32::MAX) };
    assert!(matches!(part(&file, much), Err(RegionError::TooLarge { .. })));
}

#[test]
fn what_has_no_parts_and_what_is_damaged_says_so() {
    let small = RgbImage::new(8, 8);
    let png = written(&DynamicImage::ImageRgb8(small), ImageFormat::Png);
    let one = Region { x: 0, y: 0, extent: Extent::new(1, 1) };
    assert!(matches!(part(&png, one), Err(RegionError::NoParts)));
    assert!(matches!(part(b"no picture at all", one), Err(RegionError::NoParts)));
    for file in [exr(Blocks::Tiles(Vec2(256, 256)), Compression::RLE), tiff(256)] {
        for cut in [4, 8, 100, 1_000, file.len() / 20] {
            assert!(part(&file[..cut], PART).is_err(), "cut off after {cut} bytes");
        }
        let mut wild = file.clone();
        for at in (8..wild.len().min(2_000)).step_by(37) {
            wild[at] ^= 0x5a;
            // It ends, with or without a picture.
            drop(part(&wild, PART));
        }
    }
}
