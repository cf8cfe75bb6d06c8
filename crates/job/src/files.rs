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

    /// What Blender itself says that the .blend at `path` and its libraries refer to: absolute paths, packed files left out.
    ///
    /// `None` where there is no Blender, or none that answers.
    fn refers(&self, _path: &str) -> Option<Vec<String>> {
        None
    }
}

/// A file system in memory for tests.
#[cfg(test)]
#[derive(Debug, Default)]
pub(crate) struct MemoryFiles {
    files: std::collections::BTreeMap<String, Vec<u8>>,
    locked: std::collections::BTreeSet<String>,
    told: Option<Vec<String>>,
}

#[cfg(test)]
impl MemoryFiles {
    pub(crate) fn with(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.to_owned(), content.into());
        self
    }

    /// What Blender says that every .blend refers to.
    pub(crate) fn told(mut self, paths: &[&str]) -> Self {
        self.told = Some(paths.iter().map(|path| (*path).to_owned()).collect());
        self
    }

    pub(crate) fn locked(mut self, path: &str) -> Self {
        self.locked.insert(path.to_owned());
        self
    }
}

#[cfg(test)]
impl Files for MemoryFiles {
    fn kind(&self, path: &str) -> FileKind {
        if let Some(content) = self.files.get(path) {
            return FileKind::File { size_bytes: content.len() as u64, modified_millis: 1 };
        }
        let below = format!("{}/", path.trim_end_matches('/'));
        let is_folder = self.locked.contains(path) || self.files.keys().any(|name| name.starts_with(&below));
        if is_folder { FileKind::Folder } else { FileKind::Missing }
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn io::Read>> {
        let content = self.files.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(io::Cursor::new(content.clone())))
    }

    fn list(&self, path: &str) -> io::Result<Vec<OsString>> {
        if self.locked.contains(path) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let below = format!("{}/", path.trim_end_matches('/'));
        let names =
            self.files.keys().filter_map(|name| name.strip_prefix(&below)?.split('/').next().map(str::to_owned));
        let names: std::collections::BTreeSet<String> = names.collect();
        if names.is_empty() {
            Err(io::ErrorKind::NotFound.into())
        } else {
            Ok(names.into_iter().map(Into::into).collect())
        }
    }

    fn refers(&self, _path: &str) -> Option<Vec<String>> {
        self.told.clone()
    }
}
