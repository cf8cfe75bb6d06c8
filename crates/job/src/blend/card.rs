use std::io::Read;

use super::{
    BlendError, BlendLimits,
    header::{Layout, read_block, read_header},
    stream::Content,
};

/// What a .blend says about itself without Blender: as much as the drop card shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BlendCard {
    /// Blender's version as major × 100 + minor: 304 is 3.4, 500 is 5.0.
    pub version: u32,
    /// Its scenes, in the file's order; which one is active is not said.
    pub scenes: Vec<Scene>,
    /// Its preview picture.
    pub thumbnail: Option<Thumbnail>,
    /// Damage that does not keep the rest from being used.
    pub damaged: Option<&'static str>,
}

/// A scene and its frames, as written: the range may be empty or below zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scene {
    /// Untrusted text, without control characters; may be empty.
    pub name: String,
    /// First frame.
    pub start: i32,
    /// Last frame, inclusive.
    pub end: i32,
}

/// A picture: 4 bytes RGBA per pixel, rows top-down.
#[derive(Clone, PartialEq, Eq)]
pub struct Thumbnail {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// `width · height · 4` bytes.
    pub rgba: Vec<u8>,
}

impl std::fmt::Debug for Thumbnail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Thumbnail({} x {})", self.width, self.height)
    }
}

impl BlendCard {
    /// The newest line of Blender whose files were tried: newer ones get a warning, not a refusal.
    pub const NEWEST_KNOWN: u32 = 500;

    /// The version for people: `3.4`.
    #[must_use]
    pub fn version_words(&self) -> String {
        format!("{}.{}", self.version / 100, self.version % 100)
    }
}

/// Reads the card of the .blend in `source`, which is `size_bytes` long, and not a byte more than needed.
///
/// A stopped clock is the reader's business: when its `read` fails, reading ends with [`BlendError::Read`].
///
/// # Errors
///
/// A [`BlendError`] names what is wrong; the function never panics, whatever the bytes. A damaged thumbnail does not
/// hide the scenes ([`BlendCard::damaged`]).
///
/// Source: `docs/recipes.md`, "Reading a .blend".
pub fn card<R: Read>(source: R, size_bytes: u64, limits: BlendLimits) -> Result<BlendCard, BlendError> {
    let mut content = Content::open(source, size_bytes, limits)?;
    let (layout, version) = read_header(&mut content)?;
    let mut card = BlendCard { version, ..BlendCard::default() };
    for _ in 0..limits.blocks {
        let Some(block) = read_block(&mut content, layout)? else { return Ok(card) };
        match &block.code {
            b"REND" => {
                if card.scenes.len() >= limits.scenes {
                    return Err(BlendError::OverLimit { limit: "its number of scenes", allowed: limits.scenes as u64 });
                }
                card.scenes.push(read_scene(&mut content, layout, block.len)?);
            }
            b"TEST" => match read_thumbnail(&mut content, layout, block.len, limits)? {
                Ok(thumbnail) => card.thumbnail = thumbnail,
                Err(what) => card.damaged = Some(what),
            },
            // Both come first: whatever else starts here, the card is complete.
            _ => return Ok(card),
        }
    }
    Err(BlendError::OverLimit { limit: "its number of leading blocks", allowed: limits.blocks })
}

/// Bytes of a `REND` block that this reader knows: two numbers and a name.
const REND_BYTES: u64 = 72;

fn read_scene<R: Read>(content: &mut Content<R>, layout: Layout, len: u64) -> Result<Scene, BlendError> {
    let at = content.offset();
    if len < REND_BYTES {
        return Err(BlendError::Damaged { offset: at, what: "a scene's block is too short" });
    }
    let mut data = [0; REND_BYTES as usize];
    content.read_exact(&mut data)?;
    content.skip(len - REND_BYTES)?;
    let number = |at| layout.i32_at(&data, at).unwrap_or_default();
    Ok(Scene { name: plain_text(until_zero(&data[8..])), start: number(0), end: number(4) })
}

/// Reads or skips a `TEST` block; the inner error is damage that leaves the rest of the file readable.
fn read_thumbnail<R: Read>(
    content: &mut Content<R>,
    layout: Layout,
    len: u64,
    limits: BlendLimits,
) -> Result<Result<Option<Thumbnail>, &'static str>, BlendError> {
    if len < 8 {
        content.skip(len)?;
        return Ok(Err("the preview picture's block is too short"));
    }
    let mut size = [0; 8];
    content.read_exact(&mut size)?;
    let side = |at| layout.i32_at(&size, at).and_then(|side| u32::try_from(side).ok());
    let (Some(width), Some(height)) = (side(0), side(4)) else {
        content.skip(len - 8)?;
        return Ok(Err("the preview picture has a negative size"));
    };
    let pixels = u64::from(width) * u64::from(height);
    if pixels.checked_mul(4) != Some(len - 8) {
        content.skip(len - 8)?;
        return Ok(Err("the preview picture's size does not match its data"));
    }
    if width > limits.thumbnail_side || height > limits.thumbnail_side {
        content.skip(len - 8)?;
        return Ok(Err("the preview picture is too large"));
    }
    if pixels == 0 {
        return Ok(Ok(None));
    }
    let rows = content.take(len - 8)?;
    let rgba = rows.chunks_exact(width as usize * 4).rev().flatten().copied().collect();
    Ok(Ok(Some(Thumbnail { width, height, rgba })))
}

/// The bytes before the first zero, or all.
fn until_zero(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Untrusted bytes as text: lossy, without control characters and without those that reorder text around them.
fn plain_text(bytes: &[u8]) -> String {
    let reorders = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    String::from_utf8_lossy(bytes).chars().filter(|c| !c.is_control() && !reorders(*c)).collect()
}
