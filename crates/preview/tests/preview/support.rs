//! Files to look at, and a place to look at them.

use std::{
    fs,
    io::Cursor,
    path::{Path, PathBuf},
};

use gridwell_preview::{Picture, PreviewConfig, PreviewError, Previews, Size, Source};
use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use tempfile::TempDir;

/// A folder with files, and previews of them.
pub(crate) struct Desk {
    pub(crate) temp: TempDir,
    pub(crate) previews: Previews,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let previews = open(temp.path());
        Self { temp, previews }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// A thumbnail of a picture file.
    pub(crate) async fn look(&self, path: PathBuf) -> Result<Picture, PreviewError> {
        self.previews.picture(Source::File(path), Size::covering(64)).await
    }
}

pub(crate) fn open(folder: &Path) -> Previews {
    let ffmpeg = find("ffmpeg");
    Previews::open(PreviewConfig { folder: folder.join("previews"), ffmpeg, cores: 2 }).unwrap()
}

/// A program on the search path.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let searched = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&searched).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Orange on the left, blue on the right.
pub(crate) const LEFT: [u8; 3] = [230, 120, 20];
pub(crate) const RIGHT: [u8; 3] = [20, 60, 200];

pub(crate) fn halves(width: u32, height: u32) -> RgbaImage {
    RgbaImage::from_fn(width, height, |x, _| {
        let [red, green, blue] = if x < width / 2 { LEFT } else { RIGHT };
        Rgba([red, green, blue, 255])
    })
}

/// The halves encoded, opaque.
pub(crate) fn encoded(format: ImageFormat, width: u32, height: u32) -> Vec<u8> {
    let image = DynamicImage::ImageRgba8(halves(width, height));
    let image = match format {
        ImageFormat::Hdr => image.into_rgb32f().into(),
        _ => DynamicImage::ImageRgb8(image.into_rgb8()),
    };
    written(&image, format)
}

pub(crate) fn written(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// The decoded pixels of a preview.
pub(crate) fn pixels(picture: &Picture) -> RgbaImage {
    image::load_from_memory(&picture.bytes).unwrap().into_rgba8()
}

/// True if the preview shows orange on the left and blue on the right; Radiance files hold dark colours coarsely.
pub(crate) fn shows_halves(picture: &Picture) -> bool {
    let shown = pixels(picture);
    let (width, height) = shown.dimensions();
    let near = |x: u32, wanted: [u8; 3]| {
        let found = shown.get_pixel(x, height / 2).0;
        found.iter().zip(wanted).all(|(found, wanted)| found.abs_diff(wanted) <= 12)
    };
    near(width / 4, LEFT) && near(width * 3 / 4, RIGHT)
}

/// The amount of light that a screen shows as `value`.
pub(crate) fn light(value: u8) -> f32 {
    let value = f32::from(value) / 255.0;
    if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

/// A .blend that holds a preview picture, which is stored bottom-up, or none.
pub(crate) fn blend(picture: Option<&RgbaImage>) -> Vec<u8> {
    let mut bytes = b"BLENDER-v304".to_vec();
    let mut block = |code: &[u8; 4], data: &[u8]| {
        bytes.extend(code);
        bytes.extend((data.len() as i32).to_le_bytes());
        bytes.extend([0; 8]);
        bytes.extend([0; 4]);
        bytes.extend(1_i32.to_le_bytes());
        bytes.extend(data);
    };
    if let Some(picture) = picture {
        let mut data = [picture.width().to_le_bytes(), picture.height().to_le_bytes()].concat();
        picture.rows().rev().for_each(|row| row.for_each(|pixel| data.extend(pixel.0)));
        block(b"TEST", &data);
    }
    block(b"ENDB", &[]);
    bytes
}
