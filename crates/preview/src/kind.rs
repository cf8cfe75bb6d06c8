use std::path::{Path, PathBuf};

/// What a file is, as far as its name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A picture in one of the formats that are decoded here.
    Picture,
    /// A film; a frame of it needs ffmpeg.
    Film,
    /// A Blender scene, which may hold a preview picture.
    Blend,
}

/// Extensions of pictures, in lower case.
const PICTURES: [&str; 11] = ["bmp", "exr", "hdr", "jpe", "jpeg", "jpg", "png", "tga", "tif", "tiff", "webp"];

/// Extensions of films whose containers [`crate::film`] lets ffmpeg open, in lower case.
const FILMS: [&str; 18] = [
    "3gp", "asf", "avi", "flv", "m2ts", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "mxf", "ogg", "ogv", "ts",
    "webm", "wmv",
];

/// What a file is by the extension of its name; `None` for everything that has no preview. Opens nothing.
#[must_use]
pub fn kind_of(path: &Path) -> Option<Kind> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "blend" => Some(Kind::Blend),
        picture if PICTURES.contains(&picture) => Some(Kind::Picture),
        film if FILMS.contains(&film) => Some(Kind::Film),
        _ => None,
    }
}

/// What a preview is made of. Paths are absolute; links in them are followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A picture file; its content decides which format it is, not its name.
    File(PathBuf),
    /// A frame from the beginning of a film.
    Film(PathBuf),
    /// The preview picture in a .blend.
    Blend(PathBuf),
}

impl Source {
    /// What `path` is by its name; `None` for everything that has no preview.
    #[must_use]
    pub fn of(path: PathBuf) -> Option<Self> {
        Some(match kind_of(&path)? {
            Kind::Picture => Self::File(path),
            Kind::Film => Self::Film(path),
            Kind::Blend => Self::Blend(path),
        })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::Film(path) | Self::Blend(path) => path,
        }
    }

    /// What kind it is taken for.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::File(_) => Kind::Picture,
            Self::Film(_) => Kind::Film,
            Self::Blend(_) => Kind::Blend,
        }
    }
}

/// Content that lies in no file of this machine, and is read where it lies: a picture or a .blend, as its name tells.
#[derive(Debug)]
pub struct Content<R> {
    /// Where it lies, for people; also its name.
    pub path: PathBuf,
    /// A text that no other content at that path has.
    pub tag: String,
    /// How much it is.
    pub size_bytes: u64,
    /// Reads it.
    pub reader: R,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_pictures_films_and_scenes() {
        let cases = [
            ("/a/frame_0001.PNG", Some(Kind::Picture)),
            ("shot.exr", Some(Kind::Picture)),
            ("film.Mp4", Some(Kind::Film)),
            ("kitchen.blend", Some(Kind::Blend)),
            ("kitchen.blend1", None),
            ("logo.svg", None),
            ("page.html", None),
            ("png", None),
            (".png", None),
            ("", None),
        ];
        for (name, kind) in cases {
            assert_eq!(kind_of(Path::new(name)), kind, "{name}");
            assert_eq!(Source::of(name.into()).map(|source| source.kind()), kind, "{name}");
        }
    }
}
