/// A part of an image, in pixels from its top left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rect {
    /// Left edge.
    pub x: u32,
    /// Top edge.
    pub y: u32,
    /// Width, at least 1.
    pub width: u32,
    /// Height, at least 1.
    pub height: u32,
}

/// How many square tiles of `side` pixels cover `width` × `height`: `ceil(w / side) · ceil(h / side)`; 0 if any is 0.
#[must_use]
pub const fn tile_count(width: u32, height: u32, side: u32) -> u64 {
    if side == 0 {
        return 0;
    }
    width.div_ceil(side) as u64 * height.div_ceil(side) as u64
}

/// The tiles in rows from the top left: every pixel is in exactly one; those at the right and bottom edge are cut.
pub fn tiles(width: u32, height: u32, side: u32) -> impl Iterator<Item = Rect> {
    (0..tile_count(width, height, side)).filter_map(move |index| tile(width, height, side, index))
}

/// The tile at position `index` of [`tiles`].
pub(crate) fn tile(width: u32, height: u32, side: u32, index: u64) -> Option<Rect> {
    if index >= tile_count(width, height, side) {
        return None;
    }
    let columns = u64::from(width.div_ceil(side));
    let x = u32::try_from(index % columns * u64::from(side)).ok()?;
    let y = u32::try_from(index / columns * u64::from(side)).ok()?;
    Some(Rect { x, y, width: side.min(width - x), height: side.min(height - y) })
}
