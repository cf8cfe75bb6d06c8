use std::{
    fs::File,
    io::{BufRead, BufReader, Read as Reads, Seek},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
};

use gridwell_job::blend::{self, BlendError, BlendLimits, Thumbnail};
use image::RgbaImage;

use crate::{
    Content, Extent, Kind, Picture, PreviewError, Size, Source,
    decode::{DecodeError, Decoded, READ_BYTES, check_extent, decode},
    encode::encode,
    file::{self, Identity},
    film,
    gate::{Gate, Gated, Stop},
    kind_of,
    shrink::{Light, Shrinking},
};

/// Read ahead from the file: enough that whether somebody waits is not asked too often.
const BUFFER_BYTES: usize = 64 * 1024;

/// Why a preview was not made.
#[derive(Debug)]
pub(crate) enum MakeError {
    /// Nobody waits for it any more.
    Unwanted,
    /// What people are told.
    Failed(PreviewError),
}

impl From<PreviewError> for MakeError {
    fn from(error: PreviewError) -> Self {
        Self::Failed(error)
    }
}

/// A preview, and the state of the file that it shows.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) picture: Picture,
    pub(crate) identity: Identity,
}

/// Makes a preview; blocks, and ends early once `wanted` says no. A decoder's panic is an error.
pub(crate) fn make(
    source: &Source,
    size: Size,
    ffmpeg: Option<&Path>,
    wanted: &dyn Fn() -> bool,
) -> Result<Made, MakeError> {
    // Whatever a decoder left half done is dropped with its stack.
    let made = catch_unwind(AssertUnwindSafe(|| try_make(source, size, ffmpeg, wanted)));
    made.unwrap_or_else(|_| Err(PreviewError::DecoderFailed { path: source.path().to_owned() }.into()))
}

fn try_make(source: &Source, size: Size, ffmpeg: Option<&Path>, wanted: &dyn Fn() -> bool) -> Result<Made, MakeError> {
    let (decoded, identity) = match source {
        Source::File(path) => picture_of(path, size.side(), wanted)?,
        Source::Blend(path) => {
            let size_bytes = file::identify(path)?.size_bytes;
            read_file(path, wanted, |reader, _| scene_picture(reader, size_bytes, size))?
        }
        Source::Film(path) => film_picture(path, ffmpeg, size, wanted).map(|(decoded, at)| (Ok(decoded), at))?,
    };
    Ok(Made { picture: picture(decoded, source.path(), size)?, identity })
}

/// Makes a preview of content that is read where it lies, as [`make`] does of a file. Whoever reads it sees to it that it stays the same.
pub(crate) fn make_of<R: Reads + Seek>(
    content: Content<R>,
    size: Size,
    wanted: &dyn Fn() -> bool,
) -> Result<Picture, MakeError> {
    let Content { path, size_bytes, reader, .. } = content;
    let made = catch_unwind(AssertUnwindSafe(|| {
        let decoded = match kind_of(&path) {
            Some(Kind::Picture) => {
                read(&path, reader, wanted, |reader, gate| decode(reader, gate, is_tga(&path), size.side()))?
            }
            Some(Kind::Blend) => read(&path, reader, wanted, |reader, _| scene_picture(reader, size_bytes, size))?,
            // Only a program reads films, and programs want files.
            Some(Kind::Film) | None => Err(DecodeError::NotAPicture),
        };
        picture(decoded, &path, size)
    }));
    made.unwrap_or_else(|_| Err(PreviewError::DecoderFailed { path: path.clone() }.into()))
}

fn picture(decoded: Result<Decoded, DecodeError>, path: &Path, size: Size) -> Result<Picture, MakeError> {
    let Decoded { image, source, .. } = decoded.map_err(|error| told(error, path))?;
    let encoded = encode(image, size).map_err(|error| told(DecodeError::damaged(error), path))?;
    let extent = Extent::new(encoded.width, encoded.height);
    Ok(Picture { coding: encoded.coding, bytes: encoded.bytes.into(), extent, source })
}

/// A picture file made small, or why it is none; and the state of the file that this is about.
type Read = (Result<Decoded, DecodeError>, Identity);

/// Reads a picture file and makes it at most `side` pixels long.
pub(crate) fn picture_of(path: &Path, side: u32, wanted: &dyn Fn() -> bool) -> Result<Read, MakeError> {
    read_file(path, wanted, |reader, gate| decode(reader, gate, is_tga(path), side))
}

fn is_tga(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tga"))
}

type Reader<'a, R> = BufReader<Gated<'a, R>>;

/// Reads a picture out of a file that stays as it is meanwhile.
fn read_file(
    path: &Path,
    wanted: &dyn Fn() -> bool,
    how: impl FnOnce(Reader<'_, &File>, &Gate<'_>) -> Result<Decoded, DecodeError>,
) -> Result<Read, MakeError> {
    let (file, identity) = file::open(path)?;
    let decoded = read(path, &file, wanted, how)?;
    check_unchanged(path, &file, &identity)?;
    Ok((decoded, identity))
}

/// Reads a picture out of content, within the limits; the outer error is about reading, the inner one about the picture.
fn read<R: Reads + Seek>(
    path: &Path,
    reader: R,
    wanted: &dyn Fn() -> bool,
    how: impl FnOnce(Reader<'_, R>, &Gate<'_>) -> Result<Decoded, DecodeError>,
) -> Result<Result<Decoded, DecodeError>, MakeError> {
    let gate = Gate::new(READ_BYTES, wanted);
    let decoded = how(BufReader::with_capacity(BUFFER_BYTES, Gated { reader, gate: &gate }), &gate);
    // Decoders wrap and lose why their reader failed; some go on with what they have.
    match gate.stop() {
        Some(Stop::Unwanted) => return Err(MakeError::Unwanted),
        Some(Stop::TooLong) => {
            let limit_bytes = gate.limit_bytes();
            return Err(PreviewError::TooLong { path: path.to_owned(), limit_bytes }.into());
        }
        Some(Stop::Failed(source)) => return Err(file::unreadable(path, source).into()),
        None => {}
    }
    Ok(decoded.map_err(|error| match error {
        DecodeError::Damaged(source) if gate.was_at_end() => DecodeError::CutOff(source),
        error => error,
    }))
}

/// A file that is written while it is read gives half a picture, or an error that will be none soon.
fn check_unchanged(path: &Path, file: &File, before: &Identity) -> Result<(), PreviewError> {
    if file::identify_open(path, file)?.has_content_of(before) {
        Ok(())
    } else {
        Err(PreviewError::StillWritten { path: path.to_owned() })
    }
}

pub(crate) fn told(error: DecodeError, path: &Path) -> PreviewError {
    let path = path.to_owned();
    match error {
        DecodeError::NotAPicture | DecodeError::NoColours => PreviewError::NotAPicture { path },
        DecodeError::NoPicture => PreviewError::NoPicture { path },
        DecodeError::TooLarge { width, height } => PreviewError::TooLarge { path, width, height },
        DecodeError::Unusual(source) | DecodeError::CutOff(source) | DecodeError::Damaged(source) => {
            PreviewError::Damaged { path, source }
        }
    }
}

/// The preview picture that a .blend holds.
fn scene_picture(reader: impl BufRead + Seek, size_bytes: u64, size: Size) -> Result<Decoded, DecodeError> {
    let card = blend::card(reader, size_bytes, BlendLimits::CARD).map_err(|error| match error {
        BlendError::NotABlend { .. } => DecodeError::NotAPicture,
        error => DecodeError::damaged(error),
    })?;
    let Thumbnail { width, height, rgba } = card.thumbnail.ok_or(DecodeError::NoPicture)?;
    let image = RgbaImage::from_raw(width, height, rgba).ok_or(DecodeError::NoPicture)?;
    let mut shrinking = Shrinking::new(check_extent(width.into(), height.into())?, size.side(), Light::Screen);
    for (x, y, pixel) in image.enumerate_pixels() {
        shrinking.add_straight(x, y, pixel.0.map(|value| f32::from(value) / 255.0));
    }
    Ok(Decoded { source: shrinking.source(), seen: shrinking.seen(), image: shrinking.finish() })
}

/// A frame of a film that stays as it is meanwhile.
fn film_picture(
    path: &Path,
    ffmpeg: Option<&Path>,
    size: Size,
    wanted: &dyn Fn() -> bool,
) -> Result<(Decoded, Identity), MakeError> {
    let ffmpeg = ffmpeg.ok_or_else(|| PreviewError::FilmToolMissing { path: path.to_owned() })?;
    let identity = file::identify(path)?;
    let frame = film::frame(ffmpeg, path, wanted);
    if !wanted() {
        return Err(MakeError::Unwanted);
    }
    if file::identify(path)? != identity {
        return Err(PreviewError::StillWritten { path: path.to_owned() }.into());
    }
    let frame = match frame {
        Ok(frame) => frame.ok_or_else(|| PreviewError::NoPicture { path: path.to_owned() })?,
        Err(source) => {
            let source = Arc::new(source);
            return Err(PreviewError::FilmUnreadable { path: path.to_owned(), source }.into());
        }
    };
    let gate = Gate::new(READ_BYTES, wanted);
    let decoded = decode(frame, &gate, false, size.side()).map_err(|error| told(error, path))?;
    Ok((decoded, identity))
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, fs, path::PathBuf};

    use super::*;

    fn plain(folder: &Path, name: &str, grey: u8) -> PathBuf {
        let path = folder.join(name);
        RgbaImage::from_pixel(300, 200, image::Rgba([grey, grey, grey, 255])).save(&path).unwrap();
        path
    }

    fn make_file(path: &Path, wanted: &dyn Fn() -> bool) -> Result<Made, MakeError> {
        make(&Source::File(path.to_owned()), Size::covering(64), None, wanted)
    }

    /// Calls `act` when the file is first read.
    fn once(act: impl Fn()) -> impl Fn() -> bool {
        let first = Cell::new(true);
        move || {
            if first.replace(false) {
                act();
            }
            true
        }
    }

    #[test]
    fn a_file_that_is_written_meanwhile_gives_no_half_picture() {
        let temp = tempfile::tempdir().unwrap();
        let path = plain(temp.path(), "a.png", 10);
        let write = once(|| fs::write(&path, "a program begins to write it anew").unwrap());
        let refused = make_file(&path, &write).unwrap_err();
        assert!(matches!(refused, MakeError::Failed(PreviewError::StillWritten { .. })), "{refused:?}");
    }

    #[test]
    fn a_file_that_is_replaced_meanwhile_is_kept_as_what_it_was() {
        let temp = tempfile::tempdir().unwrap();
        let path = plain(temp.path(), "a.png", 10);
        let other = plain(temp.path(), "b.png", 200);
        let before = file::identify(&path).unwrap();
        let made = make_file(&path, &once(|| fs::rename(&other, &path).unwrap())).unwrap();
        assert_eq!(made.identity, before);
        assert_ne!(file::identify(&path).unwrap(), before);
        let shown = image::load_from_memory(&made.picture.bytes).unwrap().into_rgb8();
        assert_eq!(shown.get_pixel(5, 5).0, [10; 3]);
    }

    #[test]
    fn what_nobody_waits_for_is_given_up() {
        let temp = tempfile::tempdir().unwrap();
        let path = plain(temp.path(), "a.png", 10);
        assert!(matches!(make_file(&path, &|| false), Err(MakeError::Unwanted)));
    }

    #[test]
    fn no_more_is_read_than_a_preview_may_cost() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("endless.jpg");
        fs::write(&path, [0xff, 0xd8, 0xff, 0xe0]).unwrap();
        // Holes are read as zeros and take no room.
        fs::File::options().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
        let refused = make_file(&path, &|| true).unwrap_err();
        assert!(
            matches!(refused, MakeError::Failed(PreviewError::TooLong { limit_bytes: 67_108_864, .. })),
            "{refused:?}"
        );
    }
}
