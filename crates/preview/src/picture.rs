use bytes::Bytes;

/// Width and height in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
}

impl Extent {
    /// The extent of so many pixels.
    #[must_use]
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// How many pixels that are.
    #[must_use]
    pub const fn pixels(self) -> u64 {
        self.width as u64 * self.height as u64
    }

    /// The longer side.
    pub(crate) fn side(self) -> u32 {
        self.width.max(self.height)
    }

    /// The extent of the same shape whose longer side is at most `side`; never larger, never empty.
    pub(crate) fn within(self, side: u32) -> Self {
        let longest = self.side();
        if longest <= side {
            return self;
        }
        let scaled = |length: u32| (u64::from(length) * u64::from(side) + u64::from(longest) / 2) / u64::from(longest);
        let scaled = |length: u32| u32::try_from(scaled(length)).unwrap_or(side).clamp(1, side);
        Self { width: scaled(self.width), height: scaled(self.height) }
    }

    /// The same picture lying on its side.
    pub(crate) const fn turned(self) -> Self {
        Self { width: self.height, height: self.width }
    }
}

/// How a preview is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    /// Without loss, alpha kept.
    WebP,
    /// With loss, alpha laid over a checker.
    Jpeg,
}

impl Coding {
    pub(crate) const ALL: [Self; 2] = [Self::WebP, Self::Jpeg];

    pub(crate) const fn mime(self) -> &'static str {
        match self {
            Self::WebP => "image/webp",
            Self::Jpeg => "image/jpeg",
        }
    }
}

/// A preview, encoded here; cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    pub(crate) coding: Coding,
    /// The encoded picture, at most [`crate::Size::max_bytes`].
    pub bytes: Bytes,
    /// Its extent.
    pub extent: Extent,
    /// The extent of what it was made of.
    pub source: Extent,
}

impl Picture {
    /// `image/webp` or `image/jpeg`.
    #[must_use]
    pub const fn mime(&self) -> &'static str {
        self.coding.mime()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_keeps_its_shape_and_is_never_enlarged() {
        let within = |width, height, side| {
            let extent = Extent::new(width, height).within(side);
            (extent.width, extent.height)
        };
        assert_eq!(within(1_920, 1_080, 320), (320, 180));
        assert_eq!(within(1_080, 1_920, 64), (36, 64));
        assert_eq!(within(100, 50, 320), (100, 50));
        assert_eq!(within(30_000, 1, 64), (64, 1));
    }
}
