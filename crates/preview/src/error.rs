use std::{error::Error, io, path::PathBuf, sync::Arc};

/// Why there is no preview.
///
/// Clones share their causes: one failure is told to everybody who asked for the same picture.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PreviewError {
    /// The content is in no format that is decoded here, whatever the name says.
    #[error("'{}' is not a picture in a format that is known here", path.display())]
    NotAPicture {
        /// The file.
        path: PathBuf,
    },
    /// The scene was saved without a preview, or the film has no frame.
    #[error("'{}' holds no picture", path.display())]
    NoPicture {
        /// The file.
        path: PathBuf,
    },
    /// The content contradicts its format, is cut off, or uses what no decoder here knows.
    #[error("'{}' is damaged or unusual: {source}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// Decoding would take too much memory or time.
    #[error("'{}' has {width} × {height} pixels, which is too large for a preview", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its width in pixels.
        width: u64,
        /// Its height in pixels.
        height: u64,
    },
    /// Decoding would read more than a preview may cost.
    #[error("a preview of '{}' would read more than {limit_bytes} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// What may be read.
        limit_bytes: u64,
    },
    /// A folder, a device, a pipe.
    #[error("'{}' is not a regular file", path.display())]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// The system does not let it be read.
    #[error("cannot read '{}': {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// It changed while it was read: half of it may be old.
    #[error("'{}' is being written; ask again when it is complete", path.display())]
    StillWritten {
        /// The file.
        path: PathBuf,
    },
    /// Frames of films are taken out by ffmpeg, which this machine does not have.
    #[error("a frame of '{}' needs ffmpeg, which this machine does not have", path.display())]
    FilmToolMissing {
        /// The film.
        path: PathBuf,
    },
    /// ffmpeg did not give a frame of it within its limits.
    #[error("ffmpeg takes no frame out of '{}'", path.display())]
    FilmUnreadable {
        /// The film.
        path: PathBuf,
        /// What kept it from that: its start, its time, its output.
        source: Arc<io::Error>,
    },
    /// A decoder panicked, which is a mistake in it.
    #[error("the decoder gave up on '{}'", path.display())]
    DecoderFailed {
        /// The file.
        path: PathBuf,
    },
    /// Too many previews are asked for at once.
    #[error("{limit} previews are being made already; ask again")]
    Busy {
        /// How many may be asked for at once.
        limit: usize,
    },
    /// The node is stopping.
    #[error("no previews are made any more")]
    Stopped,
}
