//! Small pictures of results and of files here. They are found and made beside the loop, which is only asked what a target
//! names.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use gridwell_api::{ApiError, ErrorCode, Picture, PictureRequest};
use gridwell_model::{Hardware, JobSpec, TaskKey};
use gridwell_mount::TreePath;
use gridwell_preview::{Kind, PreviewConfig, PreviewError, Previews, Size, Source, kind_of};

use crate::tree::{Tree, shown};

/// What a target names: a job, and maybe one of its tasks.
pub(crate) type Named = (Arc<JobSpec>, Option<TaskKey>);

/// Starts the threads that make pictures, which keep them in the data folder.
pub(crate) fn open(folder: PathBuf, hardware: &Hardware) -> io::Result<Previews> {
    let ffmpeg = hardware.tools.iter().find(|tool| tool.name == "ffmpeg").map(|tool| PathBuf::from(&tool.path));
    Previews::open(PreviewConfig { folder, ffmpeg, cores: hardware.cpu_count as usize })
}

/// What is asked for.
pub(crate) enum Wanted {
    /// A result of this job or task.
    Target(String),
    /// This file.
    Path(PathBuf),
    /// This one of the tree.
    File(String),
}

impl Wanted {
    pub(crate) fn of(request: &PictureRequest) -> Result<Self, ApiError> {
        match (&request.target, &request.path, &request.file) {
            (Some(target), None, None) => Ok(Self::Target(target.clone())),
            (None, Some(path), None) if Path::new(path).is_absolute() => Ok(Self::Path(path.into())),
            (None, Some(path), None) => {
                Err(ApiError::new(ErrorCode::BadRequest, format!("'{path}' is not an absolute path")))
            }
            (None, None, Some(file)) => Ok(Self::File(file.clone())),
            _ => Err(ApiError::new(ErrorCode::BadRequest, "a picture has one of a target, a path and a file")),
        }
    }
}

/// Makes a picture of the file at `path`.
pub(crate) async fn picture(previews: &Previews, path: PathBuf, size: u32) -> Result<Picture, ApiError> {
    let Some(source) = Source::of(path.clone()) else {
        return Err(not_a_picture(format!("'{}' has no name of a picture, film or scene", path.display())));
    };
    let made = previews.picture(source, Size::covering(size)).await.map_err(|error| refused(&error))?;
    Ok(Picture { mime: made.mime(), bytes: made.bytes.into() })
}

/// Makes a picture of what lies at `path` of the tree, wherever that is.
pub(crate) async fn picture_in(
    tree: &Tree,
    previews: &Previews,
    path: &TreePath,
    size: u32,
) -> Result<Picture, ApiError> {
    let shown = shown(path);
    if !matches!(kind_of(Path::new(&shown)), Some(Kind::Picture | Kind::Blend)) {
        let message = format!("'{shown}' has no name of a picture or scene; a film is shown once it is a file here");
        return Err(not_a_picture(message));
    }
    let (content, failed) = tree.shown(path).await?;
    let made = previews.picture_of(content, Size::covering(size)).await;
    let made = made.map_err(|error| failed.take().map_or_else(|| refused(&error), ApiError::from))?;
    Ok(Picture { mime: made.mime(), bytes: made.bytes.into() })
}

pub(crate) fn not_a_picture(message: String) -> ApiError {
    ApiError::new(ErrorCode::NotAPicture, message)
}

fn refused(error: &PreviewError) -> ApiError {
    let message = error.to_string();
    match error {
        PreviewError::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            ApiError::new(ErrorCode::MissingFile, message)
        }
        PreviewError::Unreadable { .. } => ApiError::new(ErrorCode::Unreadable, message),
        PreviewError::StillWritten { .. } => ApiError::new(ErrorCode::WrongState, message),
        PreviewError::FilmToolMissing { .. } => {
            not_a_picture(message).help("install ffmpeg on this machine and start the node again")
        }
        PreviewError::Busy { .. } => ApiError::new(ErrorCode::Busy, message),
        PreviewError::Stopped => ApiError::new(ErrorCode::Stopping, message),
        PreviewError::NotAPicture { .. }
        | PreviewError::NoPicture { .. }
        | PreviewError::Damaged { .. }
        | PreviewError::TooLarge { .. }
        | PreviewError::TooLong { .. }
        | PreviewError::NotAFile { .. }
        | PreviewError::FilmUnreadable { .. }
        | PreviewError::DecoderFailed { .. } => not_a_picture(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(target: Option<&str>, path: Option<&str>) -> Result<Wanted, ErrorCode> {
        let [target, path] = [target, path].map(|word| word.map(str::to_owned));
        let request = PictureRequest { target, path, size: 64, ..PictureRequest::default() };
        Wanted::of(&request).map_err(|error| error.code)
    }

    #[test]
    fn a_picture_is_of_a_target_or_of_an_absolute_path() {
        assert!(matches!(asked(Some("ab.0.1"), None), Ok(Wanted::Target(target)) if target == "ab.0.1"));
        assert!(matches!(asked(None, Some("/a.png")), Ok(Wanted::Path(path)) if path == Path::new("/a.png")));
        for (target, path) in [(None, None), (Some("ab"), Some("/a.png")), (None, Some("a.png")), (None, Some(""))] {
            assert!(matches!(asked(target, path), Err(ErrorCode::BadRequest)), "{target:?} {path:?}");
        }
    }

    #[tokio::test]
    async fn what_has_no_picture_says_whose_fault_it_is() {
        let temp = tempfile::tempdir().unwrap();
        let previews = open(temp.path().join("previews"), &Hardware::default()).unwrap();
        for name in ["text.png", "film.mp4", "notes.txt", "logo.svg"] {
            std::fs::write(temp.path().join(name), "<svg/>").unwrap();
        }
        for (name, code) in [
            ("text.png", ErrorCode::NotAPicture),
            ("film.mp4", ErrorCode::NotAPicture),
            ("notes.txt", ErrorCode::NotAPicture),
            ("logo.svg", ErrorCode::NotAPicture),
            ("missing.png", ErrorCode::MissingFile),
        ] {
            let refused = picture(&previews, temp.path().join(name), 64).await.unwrap_err();
            assert_eq!(refused.code, code, "{name}: {refused}");
            assert!(refused.message.contains(name), "{refused}");
        }
    }
}
