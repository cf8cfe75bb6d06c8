//! Whether a picture is what somebody waited for. It is decoded as for a preview, within the same limits, and looked at.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use crate::{
    PreviewError,
    decode::{DecodeError, Decoded},
    file,
    make::{MakeError, picture_of, told},
};

/// What was found in a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Nothing is wrong with it.
    Sound,
    /// It is complete, and nothing in it is brighter than black.
    Black,
    /// Some of its values are not numbers.
    Nan,
    /// It ends before its picture does.
    Truncated,
    /// It is not the picture that its name promises.
    Undecodable,
}

/// Side to which it is made small on the way, in pixels: every value is looked at whatever this is.
const SIDE: u32 = 64;

/// Bytes at the end of a file in which the end of its picture is looked for: cameras and editors put notes behind it.
const TAIL_BYTES: u64 = 64 * 1024;

/// Looks into a picture; blocks. What no decoder here knows, or what is over the limits, is an error and no finding.
pub(crate) fn prove(path: &Path) -> Result<Finding, PreviewError> {
    let proved = catch_unwind(AssertUnwindSafe(|| try_prove(path)));
    proved.unwrap_or_else(|_| Err(PreviewError::DecoderFailed { path: path.to_owned() }))
}

fn try_prove(path: &Path) -> Result<Finding, PreviewError> {
    let (decoded, identity) = match picture_of(path, SIDE, &|| true) {
        Ok(read) => read,
        Err(MakeError::Failed(error)) => return Err(error),
        Err(MakeError::Unwanted) => return Err(PreviewError::Stopped),
    };
    if identity.size_bytes == 0 {
        return Ok(Finding::Truncated);
    }
    let has_end = has_end(path).map_err(|source| file::unreadable(path, source))?;
    match decoded {
        _ if has_end == Some(false) => Ok(Finding::Truncated),
        Ok(Decoded { seen, .. }) if seen.has_nan => Ok(Finding::Nan),
        Ok(Decoded { seen, .. }) if seen.is_bright => Ok(Finding::Sound),
        Ok(_) => Ok(Finding::Black),
        Err(DecodeError::CutOff(_)) if has_end.is_none() => Ok(Finding::Truncated),
        Err(DecodeError::NotAPicture | DecodeError::CutOff(_) | DecodeError::Damaged(_)) => Ok(Finding::Undecodable),
        Err(error) => Err(told(error, path)),
    }
}

/// Whether a JPEG or PNG has the mark that ends it; `None` for other formats. Without it decoders fill up what is missing, or
/// blame something else.
fn has_end(path: &Path) -> io::Result<Option<bool>> {
    let mut file = File::open(path)?;
    let mut start = [0; 2];
    let mark: &[u8] = match file.read_exact(&mut start) {
        Ok(()) if start == [0xff, 0xd8] => &[0xff, 0xd9],
        Ok(()) if start == [0x89, b'P'] => b"IEND",
        _ => return Ok(None),
    };
    let size_bytes = file.metadata()?.len();
    file.seek(SeekFrom::Start(size_bytes.saturating_sub(TAIL_BYTES)))?;
    let mut tail = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut tail)?;
    Ok(Some(tail.windows(mark.len()).any(|bytes| bytes == mark)))
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use image::{DynamicImage, Rgb, Rgb32FImage, RgbImage, Rgba, RgbaImage};

    use super::*;

    struct Desk(tempfile::TempDir);

    impl Desk {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn save(&self, name: &str, picture: impl Into<DynamicImage>) -> PathBuf {
            let (path, picture) = (self.0.path().join(name), picture.into());
            if name.ends_with(".exr") {
                let (light, side) = (picture.into_rgb32f(), |side: u32| side as usize);
                let pixel = |x: usize, y: usize| light.get_pixel(x as u32, y as u32).0.into();
                exr::prelude::write_rgb_file(&path, side(light.width()), side(light.height()), pixel).unwrap();
            } else {
                picture.save(&path).unwrap();
            }
            path
        }

        fn found(&self, name: &str, picture: impl Into<DynamicImage>) -> Finding {
            prove(&self.save(name, picture)).unwrap()
        }

        /// What is found when only so much of the file is there.
        fn found_in_part(&self, name: &str, picture: impl Into<DynamicImage>, part: f64) -> Finding {
            let path = self.save(name, picture);
            let bytes = fs::read(&path).unwrap();
            fs::write(&path, &bytes[..(bytes.len() as f64 * part) as usize]).unwrap();
            prove(&path).unwrap()
        }
    }

    /// So little alike that it cannot be packed into nothing.
    fn noise() -> RgbImage {
        RgbImage::from_fn(200, 150, |x, y| {
            let value = x.wrapping_mul(2_654_435_761).wrapping_add(y.wrapping_mul(40_503)).wrapping_mul(0x9e37_79b9);
            Rgb([(value >> 8) as u8, (value >> 16) as u8, (value >> 24) as u8])
        })
    }

    fn light(at: impl Fn(u32, u32) -> f32) -> Rgb32FImage {
        Rgb32FImage::from_fn(100, 80, |x, y| Rgb([at(x, y), 0.0, 0.0]))
    }

    #[test]
    fn a_picture_of_something_is_sound_in_every_format() {
        let desk = Desk::new();
        for name in ["a.png", "a.jpg", "a.tif", "a.webp", "a.bmp", "a.tga"] {
            assert_eq!(desk.found(name, noise()), Finding::Sound, "{name}");
        }
        for name in ["a.exr", "a.hdr"] {
            assert_eq!(desk.found(name, light(|x, _| x as f32 / 50.0)), Finding::Sound, "{name}");
        }
    }

    #[test]
    fn one_bright_pixel_is_enough_and_none_is_black() {
        let desk = Desk::new();
        let mut picture = RgbImage::new(1_000, 700);
        for name in ["b.png", "b.jpg", "b.tif", "b.webp"] {
            assert_eq!(desk.found(name, picture.clone()), Finding::Black, "{name}");
        }
        picture.put_pixel(999, 699, Rgb([0, 40, 0]));
        assert_eq!(desk.found("dot.png", picture), Finding::Sound);
        assert_eq!(desk.found("clear.png", RgbaImage::from_pixel(9, 9, Rgba([200, 0, 0, 0]))), Finding::Black);
        assert_eq!(desk.found("b.exr", light(|_, _| 0.0)), Finding::Black);
        let dot = light(|x, y| if (x, y) == (50, 40) { 0.02 } else { 0.0 });
        assert_eq!(desk.found("dot.exr", dot), Finding::Sound);
    }

    #[test]
    fn what_is_no_number_is_found_wherever_it_is() {
        let desk = Desk::new();
        let broken = light(|x, y| if (x, y) == (99, 79) { f32::NAN } else { 0.5 });
        assert_eq!(desk.found("nan.exr", broken), Finding::Nan);
        assert_eq!(desk.found("inf.exr", light(|_, _| f32::INFINITY)), Finding::Sound);
    }

    #[test]
    fn what_ends_early_is_truncated() {
        let desk = Desk::new();
        for part in [0.0, 0.4, 0.9] {
            for name in ["t.png", "t.jpg", "t.tif", "t.webp", "t.bmp", "t.exr"] {
                assert_eq!(desk.found_in_part(name, noise(), part), Finding::Truncated, "{part} of {name}");
            }
        }
    }

    #[test]
    fn what_is_no_picture_is_undecodable_and_what_is_unusual_is_no_finding() {
        let desk = Desk::new();
        let path = desk.0.path().join("text.png");
        fs::write(&path, "Error: out of memory").unwrap();
        assert_eq!(prove(&path).unwrap(), Finding::Undecodable);
        let path = desk.save("spoilt.jpg", noise());
        let mut bytes = fs::read(&path).unwrap();
        bytes[2..400].fill(0);
        fs::write(&path, bytes).unwrap();
        assert_eq!(prove(&path).unwrap(), Finding::Undecodable, "it has its end");
        assert!(prove(&desk.0.path().join("missing.png")).is_err());
    }
}
