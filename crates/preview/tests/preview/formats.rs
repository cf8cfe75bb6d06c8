//! Every format that people's programs write.

use exr::prelude::*;
use gridwell_preview::{Extent, PreviewError, Size, Source};
use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};

use crate::support::{Desk, LEFT, RIGHT, blend, encoded, halves, light, pixels, shows_halves, written};

/// Layers of one file, each with named channels of one value in each half.
fn exr_file(desk: &Desk, name: &str, channels: &[(&str, f32, f32)]) -> std::path::PathBuf {
    let path = desk.path(name);
    let size = (200, 100);
    let samples = |left: f32, right: f32| {
        let row = (0..size.0).map(move |x| f16::from_f32(if x < size.0 / 2 { left } else { right }));
        FlatSamples::F16((0..size.1).flat_map(|_| row.clone()).collect())
    };
    let list = channels.iter().map(|(name, left, right)| AnyChannel::new(*name, samples(*left, *right)));
    let channels = AnyChannels::sort(list.collect());
    let layer = Layer::new(size, LayerAttributes::named("layer"), Encoding::SMALL_LOSSLESS, channels);
    Image::from_layer(layer).write().to_file(&path).unwrap();
    path
}

fn screen([red, green, blue]: [u8; 3]) -> [f32; 3] {
    [light(red), light(green), light(blue)]
}

/// The halves as named colours, in light.
fn colours(prefix: &str) -> Vec<(String, f32, f32)> {
    let (left, right) = (screen(LEFT), screen(RIGHT));
    (0..3).map(|at| (format!("{prefix}{}", ["R", "G", "B"][at]), left[at], right[at])).collect()
}

fn borrowed(channels: &[(String, f32, f32)]) -> Vec<(&str, f32, f32)> {
    channels.iter().map(|(name, left, right)| (name.as_str(), *left, *right)).collect()
}

#[tokio::test]
async fn every_format_shows_the_same_picture() {
    let desk = Desk::new();
    for format in
        [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Bmp, ImageFormat::Tga]
    {
        let path = desk.write(&format!("a.{}", format.extensions_str()[0]), &encoded(format, 200, 100));
        let picture = desk.look(path).await.unwrap();
        assert!(shows_halves(&picture), "{format:?}");
        assert_eq!(picture.source, Extent { width: 200, height: 100 }, "{format:?}");
        assert_eq!(picture.extent, Extent { width: 64, height: 32 }, "{format:?}");
        assert!(picture.bytes.len() <= 40_000);
    }
}

#[tokio::test]
async fn sixteen_bits_become_eight() {
    let desk = Desk::new();
    for format in [ImageFormat::Png, ImageFormat::Tiff] {
        let deep = DynamicImage::ImageRgb16(DynamicImage::ImageRgba8(halves(200, 100)).into_rgb16());
        let path = desk.write(&format!("deep.{}", format.extensions_str()[0]), &written(&deep, format));
        assert!(shows_halves(&desk.look(path).await.unwrap()), "{format:?}");
    }
}

#[tokio::test]
async fn grey_stays_grey_and_alpha_stays() {
    let desk = Desk::new();
    let grey = DynamicImage::ImageLumaA8(image::GrayAlphaImage::from_pixel(100, 50, image::LumaA([77, 128])));
    let picture = desk.look(desk.write("grey.png", &written(&grey, ImageFormat::Png))).await.unwrap();
    assert_eq!(picture.mime(), "image/webp");
    assert_eq!(pixels(&picture).get_pixel(9, 9).0, [77, 77, 77, 128]);
}

#[tokio::test]
async fn radiance_light_is_shown_with_the_curve_of_screens() {
    let desk = Desk::new();
    let light_halves =
        image::Rgb32FImage::from_fn(200, 100, |x, _| image::Rgb(screen(if x < 100 { LEFT } else { RIGHT })));
    let path = desk.write("a.hdr", &written(&light_halves.into(), ImageFormat::Hdr));
    assert!(shows_halves(&desk.look(path).await.unwrap()));
}

#[tokio::test]
async fn open_exr_is_shown_whether_its_passes_stand_alone_or_together() {
    let desk = Desk::new();
    let mut blender = colours("ViewLayer.Combined.");
    blender.extend(colours("ViewLayer.Normal.").into_iter().map(|(name, left, right)| (name, right, left)));
    blender.push(("ViewLayer.Depth.Z".into(), 1e10, 3.0));
    blender.push(("ViewLayer.Combined.A".into(), 1.0, 1.0));
    for (name, channels) in [("plain", colours("")), ("passes", blender), ("named", colours("beauty."))] {
        let picture = desk.look(exr_file(&desk, &format!("{name}.exr"), &borrowed(&channels))).await.unwrap();
        assert!(shows_halves(&picture), "{name}");
        assert_eq!(picture.source, Extent { width: 200, height: 100 });
    }
    let grey = desk.look(exr_file(&desk, "grey.exr", &[("Y", light(40), light(220))])).await.unwrap();
    assert_eq!(pixels(&grey).get_pixel(10, 10).0, [40, 40, 40, 255]);
    let depth = desk.look(exr_file(&desk, "depth.exr", &[("Z", 1.0, 2.0)])).await.unwrap_err();
    assert!(matches!(depth, PreviewError::NotAPicture { .. }), "{depth}");
}

#[tokio::test]
async fn wild_numbers_in_open_exr_are_black_or_white() {
    let desk = Desk::new();
    let wild = [("R", f32::NAN, f32::INFINITY), ("G", -1.0, 65_000.0), ("B", f32::NEG_INFINITY, 2.0)];
    let shown = pixels(&desk.look(exr_file(&desk, "wild.exr", &wild)).await.unwrap());
    assert_eq!(shown.get_pixel(10, 10).0, [0, 0, 0, 255]);
    assert_eq!(shown.get_pixel(50, 10).0, [255, 255, 255, 255]);

    let alpha = [("R", 1.0, 1.0), ("G", 1.0, 1.0), ("B", 1.0, 1.0), ("A", f32::NAN, f32::INFINITY)];
    let shown = pixels(&desk.look(exr_file(&desk, "alpha.exr", &alpha)).await.unwrap());
    assert_eq!((shown.get_pixel(10, 10).0[3], shown.get_pixel(50, 10).0), (0, [255, 255, 255, 255]));
}

#[tokio::test]
async fn the_colours_of_open_exr_are_multiplied_with_alpha_already() {
    let desk = Desk::new();
    let half = [("R", 0.6, 0.0), ("G", 0.0, 0.0), ("B", 0.0, 0.0), ("A", 0.6, 0.0)];
    let shown = pixels(&desk.look(exr_file(&desk, "half.exr", &half)).await.unwrap());
    assert_eq!(shown.get_pixel(10, 10).0, [255, 0, 0, 153]);
}

#[tokio::test]
async fn a_picture_that_lies_on_its_side_is_set_upright() {
    use image::ImageEncoder as _;
    let desk = Desk::new();
    let lying = DynamicImage::ImageRgba8(halves(200, 100)).rotate270().into_rgb8();
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new(&mut bytes);
    // One note: "turn it clockwise".
    let mut note = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
    encoder.set_exif_metadata(std::mem::take(&mut note)).unwrap();
    encoder.encode(&lying, lying.width(), lying.height(), image::ExtendedColorType::Rgb8).unwrap();
    let picture = desk.look(desk.write("phone.jpg", &bytes)).await.unwrap();
    assert_eq!(picture.source, Extent { width: 200, height: 100 });
    assert!(shows_halves(&picture));
}

#[tokio::test]
async fn a_large_view_is_larger_and_keeps_within_its_own_bytes() {
    let desk = Desk::new();
    let path = desk.write("a.png", &encoded(ImageFormat::Png, 1_400, 700));
    for side in Size::STEPS {
        let picture = desk.previews.picture(Source::File(path.clone()), Size::covering(side)).await.unwrap();
        assert_eq!(picture.extent, Extent { width: side, height: side / 2 });
        assert!(shows_halves(&picture) && picture.bytes.len() <= Size::covering(side).max_bytes());
    }
}

#[tokio::test]
async fn a_scene_shows_the_preview_it_holds() {
    let desk = Desk::new();
    let look = async |name: &str, bytes: &[u8]| {
        desk.previews.picture(Source::Blend(desk.write(name, bytes)), Size::covering(64)).await
    };
    let picture = look("a.blend", &blend(Some(&halves(128, 64)))).await.unwrap();
    assert_eq!((picture.source.width, picture.extent.width), (128, 64));
    assert!(shows_halves(&picture));

    let clear = RgbaImage::from_pixel(16, 16, Rgba([0; 4]));
    assert_eq!(pixels(&look("clear.blend", &blend(Some(&clear))).await.unwrap()).get_pixel(0, 0).0, [0; 4]);
    assert!(matches!(look("none.blend", &blend(None)).await, Err(PreviewError::NoPicture { .. })));
    assert!(matches!(look("no.blend", b"a text").await, Err(PreviewError::NotAPicture { .. })));
    let whole = blend(Some(&halves(128, 64)));
    assert!(matches!(look("cut.blend", &whole[..1_000]).await, Err(PreviewError::Damaged { .. })));
}
