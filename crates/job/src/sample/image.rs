use super::Rect;

/// A picture: 3 bytes red, green, blue per pixel, rows top-down.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// `width · height · 3` bytes.
    pub rgb: Vec<u8>,
}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Image({} x {})", self.width, self.height)
    }
}

/// Why a picture could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The PNG encoder refused.
    #[error("cannot encode the picture")]
    Encode(#[from] png::EncodingError),
    /// The bytes are no PNG.
    #[error("cannot decode the picture")]
    Decode(#[from] png::DecodingError),
    /// A PNG of another kind than this renderer writes.
    #[error("the picture is {width} x {height} {kind}, not {wanted}")]
    Unexpected {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
        /// Its kind of pixels.
        kind: String,
        /// What was expected.
        wanted: String,
    },
}

impl Image {
    /// A black picture.
    #[must_use]
    pub fn black(width: u32, height: u32) -> Self {
        Self { width, height, rgb: vec![0; width as usize * height as usize * 3] }
    }

    /// Copies `tile` to `at`, which must lie inside; returns false (and copies nothing) if it does not fit.
    #[must_use]
    pub fn put(&mut self, tile: &Self, at: Rect) -> bool {
        let fits = tile.width == at.width
            && tile.height == at.height
            && at.x.checked_add(at.width).is_some_and(|right| right <= self.width)
            && at.y.checked_add(at.height).is_some_and(|bottom| bottom <= self.height);
        if !fits {
            return false;
        }
        let row_bytes = at.width as usize * 3;
        for (row, pixels) in tile.rgb.chunks_exact(row_bytes).enumerate() {
            let start = ((at.y as usize + row) * self.width as usize + at.x as usize) * 3;
            self.rgb[start..start + row_bytes].copy_from_slice(pixels);
        }
        true
    }
}

/// Encodes a picture as PNG, without dates or names: equal pixels give equal bytes.
///
/// # Errors
///
/// [`ImageError::Encode`] for a picture without pixels.
pub fn encode_png(image: &Image) -> Result<Vec<u8>, ImageError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, image.width, image.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&image.rgb)?;
    writer.finish()?;
    Ok(bytes)
}

/// Decodes a PNG that must be `width` × `height` pixels of 8-bit red, green and blue.
///
/// # Errors
///
/// [`ImageError`] otherwise; sizes are compared before anything is allocated.
pub fn decode_png(bytes: &[u8], width: u32, height: u32) -> Result<Image, ImageError> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info()?;
    let info = reader.info();
    if (info.width, info.height, info.color_type, info.bit_depth)
        != (width, height, png::ColorType::Rgb, png::BitDepth::Eight)
    {
        return Err(ImageError::Unexpected {
            width: info.width,
            height: info.height,
            kind: format!("{:?} {:?}", info.color_type, info.bit_depth),
            wanted: format!("{width} x {height} Rgb Eight"),
        });
    }
    let mut image = Image::black(width, height);
    reader.next_frame(&mut image.rgb)?;
    Ok(image)
}
