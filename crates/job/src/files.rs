use std::{ffi::OsString, io};

/// What lies at a path, symbolic links followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File {
        /// Size in bytes.
        size_bytes: u64,
        /// Last change, in milliseconds since the Unix epoch; 0 when unknown. Only compared, never shown.
        modified_millis: u64,
    },
    /// A folder.
    Folder,
    /// Nothing.
    Missing,
    /// Something that may not be looked at, with the system's reason.
    Unreadable {
        /// The system's words.
        reason: String,
    },
    /// A device, socket or pipe: never opened.
    Other,
}

/// Read access to the origin's files, handed in so that this room itself touches no disk.
///
/// Paths are absolute and `/`-separated (`\` on Windows is the implementation's business).
pub trait Files {
    /// Looks at `path`.
    fn kind(&self, path: &str) -> FileKind;

    /// Opens the regular file at `path` for reading from its start.
    ///
    /// # Errors
    ///
    /// Whatever the system says.
    fn open(&self, path: &str) -> io::Result<Box<dyn io::Read>>;

    /// Lists the names inside the folder `path`, without `.` and `..`, in any order.
    ///
    /// # Errors
    ///
    /// Whatever the system says.
    fn list(&self, path: &str) -> io::Result<Vec<OsString>>;
}
