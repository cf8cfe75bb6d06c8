//! Files that were made to harm.

use std::{fs, os::unix::fs::symlink, path::PathBuf};

use exr::prelude::*;
use gridwell_preview::{PreviewError, Size, Source};
use image::ImageFormat;
use proptest::{prelude::*, sample::Index, test_runner::TestRunner};
use rustix::{
    fs::{CWD, FileType, Mode, mknodat},
    process::{Resource, Rlimit, setrlimit},
};

use crate::support::{Desk, blend, encoded, halves, shows_halves};

/// Address space for a test in bytes: what two decoders may use, and the program itself. More ends the process.
const MEMORY_BYTES: u64 = 3 << 29;

fn bound_memory() {
    setrlimit(Resource::As, Rlimit { current: Some(MEMORY_BYTES), maximum: None }).unwrap();
}

fn exr_bytes(desk: &Desk) -> Vec<u8> {
    let path = desk.path("good.exr");
    let shown = halves(60, 40);
    write_rgba_file(&path, 60, 40, |x, y| {
        let [red, green, blue, _] = shown.get_pixel(x as u32, y as u32).0.map(|value| f32::from(value) / 255.0);
        (red, green, blue, 1.0_f32)
    })
    .unwrap();
    fs::read(path).unwrap()
}

/// One small file of each format.
fn samples(desk: &Desk) -> Vec<(&'static str, Vec<u8>)> {
    let formats = [
        ("a.png", ImageFormat::Png),
        ("a.jpg", ImageFormat::Jpeg),
        ("a.webp", ImageFormat::WebP),
        ("a.tif", ImageFormat::Tiff),
        ("a.bmp", ImageFormat::Bmp),
        ("a.tga", ImageFormat::Tga),
        ("a.hdr", ImageFormat::Hdr),
    ];
    let mut samples: Vec<_> = formats.into_iter().map(|(name, format)| (name, encoded(format, 60, 40))).collect();
    samples.push(("a.exr", exr_bytes(desk)));
    samples.push(("a.blend", blend(Some(&halves(60, 40)))));
    samples
}

async fn look(desk: &Desk, path: PathBuf) -> std::result::Result<gridwell_preview::Picture, PreviewError> {
    desk.previews.picture(Source::of(path).unwrap(), Size::covering(64)).await
}

#[tokio::test]
async fn cut_files_are_errors_or_pictures_and_never_more() {
    bound_memory();
    let desk = Desk::new();
    for (name, bytes) in samples(&desk) {
        assert!(look(&desk, desk.write(name, &bytes)).await.is_ok(), "{name}");
        for part in 0..16 {
            let end = bytes.len() * part / 16;
            match look(&desk, desk.write(name, &bytes[..end])).await {
                Ok(picture) => assert!(picture.bytes.len() <= 40_000),
                Err(
                    PreviewError::NotAPicture { .. } | PreviewError::Damaged { .. } | PreviewError::NoPicture { .. },
                ) => {}
                Err(PreviewError::TooLarge { .. }) => {}
                Err(error) => panic!("{name} cut at {end}: {error:?}"),
            }
        }
    }
}

#[test]
fn changed_bytes_are_errors_or_pictures_and_never_more() {
    bound_memory();
    let desk = Desk::new();
    let samples = samples(&desk);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let changes = prop::collection::vec((any::<Index>(), any::<u8>()), 1..12);
    let heads = prop::collection::vec((0_usize..64, any::<u8>()), 0..6);
    let mut runner = TestRunner::new(ProptestConfig { cases: 1_024, ..ProptestConfig::default() });
    let strategy = (0..samples.len(), changes, heads);
    let tried = runner.run(&strategy, |(sample, changes, heads)| {
        let (name, mut bytes) = samples[sample].clone();
        changes.iter().for_each(|(at, value)| *at.get_mut(&mut bytes) = *value);
        // Most of what can be lied about stands at the beginning.
        heads.iter().for_each(|(at, value)| bytes[*at] = *value);
        match runtime.block_on(look(&desk, desk.write(name, &bytes))) {
            Ok(picture) => prop_assert!(picture.bytes.len() <= 40_000),
            Err(error) => {
                prop_assert!(!matches!(error, PreviewError::Busy { .. } | PreviewError::Stopped), "{}", error);
            }
        }
        Ok(())
    });
    tried.unwrap();
    // After all that, an honest file is still shown.
    let honest = desk.write("honest.png", &samples[0].1);
    assert!(shows_halves(&runtime.block_on(look(&desk, honest)).unwrap()));
}

#[tokio::test]
async fn bombs_are_refused_by_what_they_claim() {
    bound_memory();
    let desk = Desk::new();
    for (width, height) in [(65_535_u32, 65_535_u32), (30_000, 30_000), (u32::MAX >> 1, 1), (1, 1 << 20)] {
        let mut png = encoded(ImageFormat::Png, 8, 8);
        png[16..20].copy_from_slice(&width.to_be_bytes());
        png[20..24].copy_from_slice(&height.to_be_bytes());
        let sum = crc32(&png[12..29]);
        png[29..33].copy_from_slice(&sum.to_be_bytes());
        let refused = look(&desk, desk.write("bomb.png", &png)).await.unwrap_err();
        assert!(matches!(refused, PreviewError::TooLarge { .. } | PreviewError::Damaged { .. }), "{refused:?}");
    }
}

#[tokio::test]
async fn open_exr_with_a_huge_window_is_refused() {
    bound_memory();
    let desk = Desk::new();
    let good = exr_bytes(&desk);
    let name = b"dataWindow\0box2i\0\x10\0\0\0";
    let at = good.windows(name.len()).position(|window| window == name).unwrap() + name.len();
    for (right, bottom) in [(1 << 30, 1 << 30), (i32::MAX - 1, 0), (40_000, 40_000), (-5, -5), (1 << 26, 39)] {
        let mut bytes = good.clone();
        bytes[at + 8..at + 12].copy_from_slice(&i32::to_le_bytes(right));
        bytes[at + 12..at + 16].copy_from_slice(&i32::to_le_bytes(bottom));
        let refused = look(&desk, desk.write("huge.exr", &bytes)).await.unwrap_err();
        let expected = matches!(
            refused,
            PreviewError::TooLarge { .. } | PreviewError::Damaged { .. } | PreviewError::DecoderFailed { .. }
        );
        assert!(expected, "{refused:?}");
    }
}

#[tokio::test]
async fn content_decides_and_not_the_name() {
    let desk = Desk::new();
    let jpeg = desk.write("a.png", &encoded(ImageFormat::Jpeg, 60, 40));
    assert!(shows_halves(&look(&desk, jpeg).await.unwrap()));
    let markup = [
        "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        "<!doctype html><script>alert(1)</script>",
        "GIF89a",
        "%PDF-1.7",
        "BLENDER-v304",
        "",
    ];
    for text in markup {
        for name in ["b.png", "b.jpg", "b.exr", "b.hdr", "b.webp"] {
            let refused = look(&desk, desk.write(name, text.as_bytes())).await.unwrap_err();
            assert!(matches!(refused, PreviewError::NotAPicture { .. }), "{name} {text}: {refused:?}");
        }
    }
    let refused = look(&desk, desk.write("b.tga", b"a text that is not a picture at all")).await.unwrap_err();
    assert!(matches!(refused, PreviewError::Damaged { .. } | PreviewError::NotAPicture { .. }), "{refused:?}");
}

#[tokio::test]
async fn what_is_no_file_is_refused_at_once() {
    let desk = Desk::new();
    for name in ["pipe.png", "pipe.mp4", "pipe.blend"] {
        mknodat(CWD, desk.path(name), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let refused = look(&desk, desk.path(name)).await.unwrap_err();
        assert!(matches!(refused, PreviewError::NotAFile { .. }), "{name}: {refused:?}");
    }
    fs::create_dir(desk.path("folder.png")).unwrap();
    symlink("/dev/zero", desk.path("device.png")).unwrap();
    for name in ["folder.png", "device.png"] {
        assert!(matches!(look(&desk, desk.path(name)).await, Err(PreviewError::NotAFile { .. })), "{name}");
    }
    symlink(desk.path("there.png"), desk.path("here.png")).unwrap();
    symlink(desk.path("here.png"), desk.path("there.png")).unwrap();
    for name in ["here.png", "missing.png"] {
        assert!(matches!(look(&desk, desk.path(name)).await, Err(PreviewError::Unreadable { .. })), "{name}");
    }
}

/// The sum at the end of a PNG's chunk. Source: the PNG specification, annex D.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 })
    })
}
