/// How long a preview's longer side is: one of a few steps, so that few pictures are kept of each file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(u32);

impl Size {
    /// The steps in pixels: a row's picture, twice that, a frame of a filmstrip, a card, a large view.
    pub const STEPS: [u32; 5] = [64, 160, 320, 640, 1_280];

    /// Most bytes of a thumbnail, which is everything up to 320 pixels: hundreds of them are shown at once.
    pub const THUMBNAIL_BYTES: usize = 40_000;

    /// The smallest step that is not smaller than `pixels`, or the largest step.
    #[must_use]
    pub fn covering(pixels: u32) -> Self {
        let [.., largest] = Self::STEPS;
        Self(Self::STEPS.into_iter().find(|step| *step >= pixels).unwrap_or(largest))
    }

    /// Length of the longer side in pixels; smaller pictures are not enlarged.
    #[must_use]
    pub const fn side(self) -> u32 {
        self.0
    }

    /// Most bytes of a preview: a thumbnail's, and above 320 pixels as many more as the area grows.
    #[must_use]
    pub const fn max_bytes(self) -> usize {
        match self.0 {
            0..=320 => Self::THUMBNAIL_BYTES,
            321..=640 => 4 * Self::THUMBNAIL_BYTES,
            _ => 16 * Self::THUMBNAIL_BYTES,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_becomes_the_next_step() {
        let steps = [0, 64, 65, 300, 320, 1_000, u32::MAX].map(|pixels| Size::covering(pixels).side());
        assert_eq!(steps, [64, 64, 160, 320, 320, 1_280, 1_280]);
    }
}
