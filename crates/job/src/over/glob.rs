use globset::{GlobBuilder, GlobMatcher};

use super::{MAX_ITEMS, OverError};
use crate::files::{FileKind, Files};

/// Folders listed while a pattern is expanded: a pattern from the root of a large disk ends here.
const MAX_FOLDERS: usize = 20_000;

/// Folders below folders, deep.
const MAX_DEPTH: usize = 64;

/// Lists the regular files that match `pattern`, sorted, absolute.
///
/// `pattern` is absolute or below `folder`; `*` and `?` stay inside one part, `**` spans folders, names that start with
/// a dot match only if the pattern says so.
///
/// # Errors
///
/// [`OverError`] if it is no pattern, nothing matches, a folder cannot be listed, or there are more than [`MAX_ITEMS`].
pub fn expand_glob(pattern: &str, folder: &str, files: &dyn Files) -> Result<Vec<String>, OverError> {
    let absolute = if pattern.starts_with('/') { pattern.to_owned() } else { format!("{folder}/{pattern}") };
    let absolute = crate::draft::normal(&absolute);
    let refuse = |reason: String| OverError::BadGlob { text: pattern.to_owned(), reason };
    let matcher = GlobBuilder::new(&absolute)
        .literal_separator(true)
        .build()
        .map_err(|error| refuse(error.kind().to_string()))?
        .compile_matcher();
    let parts: Vec<&str> = absolute.split('/').filter(|part| !part.is_empty()).collect();
    let fixed = parts.iter().take_while(|part| !is_pattern(part)).count().min(parts.len().saturating_sub(1));
    let start = format!("/{}", parts[..fixed].join("/"));
    let deepest = if parts.contains(&"**") { MAX_DEPTH } else { parts.len() - fixed };
    let mut walk = Walk {
        pattern,
        matcher,
        hidden: parts[fixed..].iter().any(|part| part.starts_with('.')),
        files,
        found: Vec::new(),
    };
    walk.below(start, deepest)?;
    let mut found = walk.found;
    if found.is_empty() {
        return Err(OverError::NothingMatches { text: pattern.to_owned() });
    }
    found.sort_unstable();
    Ok(found)
}

/// True if a part of a path is a pattern rather than a name.
pub(crate) fn is_pattern(part: &str) -> bool {
    part.contains(['*', '?', '[', '{'])
}

struct Walk<'a> {
    pattern: &'a str,
    matcher: GlobMatcher,
    hidden: bool,
    files: &'a dyn Files,
    found: Vec<String>,
}

impl Walk<'_> {
    /// Visits folders breadth first, at most `deepest` below `start`.
    fn below(&mut self, start: String, deepest: usize) -> Result<(), OverError> {
        let mut folders = std::collections::VecDeque::from([(start, 1)]);
        let mut visited = 0;
        while let Some((folder, depth)) = folders.pop_front() {
            visited += 1;
            if visited > MAX_FOLDERS {
                return Err(self.too_long(MAX_FOLDERS, "folders to look into"));
            }
            for name in self.names(&folder, depth)? {
                let path = format!("{}/{name}", folder.trim_end_matches('/'));
                match self.files.kind(&path) {
                    FileKind::File { .. } if self.matcher.is_match(&path) => self.found.push(path),
                    FileKind::Folder if depth < deepest => folders.push_back((path, depth + 1)),
                    _ => {}
                }
                if self.found.len() > MAX_ITEMS {
                    return Err(self.too_long(MAX_ITEMS, "files"));
                }
            }
        }
        Ok(())
    }

    /// The names in a folder; those that cannot be listed count as empty below the first.
    fn names(&self, folder: &str, depth: usize) -> Result<Vec<String>, OverError> {
        let listed = match self.files.list(folder) {
            Ok(listed) => listed,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(_) if depth > 1 => Vec::new(),
            Err(error) => return Err(OverError::Unlistable { path: folder.to_owned(), reason: error.to_string() }),
        };
        let mut names = Vec::new();
        for name in listed {
            match name.into_string() {
                Ok(name) if name.starts_with('.') && !self.hidden => {}
                Ok(name) => names.push(name),
                // Only a name that would have matched is in the way.
                Err(name) => {
                    let shown = name.to_string_lossy().into_owned();
                    if self.matcher.is_match(format!("{folder}/{shown}")) {
                        return Err(OverError::NotUtf8 { shown });
                    }
                }
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn too_long(&self, limit: usize, what: &'static str) -> OverError {
        OverError::TooLong { text: self.pattern.to_owned(), limit, what }
    }
}
