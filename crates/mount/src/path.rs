use std::{fmt, sync::Arc};

use gridwell_model::RelPath;

/// A place in the tree: checked names from the root down; the root has none.
///
/// Names are bytes, because file systems do not promise UTF-8. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreePath(Arc<[u8]>);

/// Why bytes are not the name of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Empty, `.`, `..`, or with `/` or a zero byte.
    #[error("these {length} bytes are not a name")]
    NotAName {
        /// How many bytes were given.
        length: usize,
    },
    /// Over [`RelPath::MAX_PART_BYTES`], or the path over [`RelPath::MAX_BYTES`].
    #[error("a name of {length} bytes is too long here")]
    TooLong {
        /// Length of the name, in bytes.
        length: usize,
    },
}

impl TreePath {
    /// The folder that holds everything.
    #[must_use]
    pub fn root() -> Self {
        Self(Arc::default())
    }

    /// True for the folder that holds everything.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The path of the entry `name` in this folder.
    ///
    /// # Errors
    ///
    /// [`NameError`] if `name` cannot be one.
    pub fn child(&self, name: &[u8]) -> Result<Self, NameError> {
        check_name(name)?;
        let path = if self.is_root() { name.to_vec() } else { [&self.0, b"/".as_slice(), name].concat() };
        if path.len() > RelPath::MAX_BYTES {
            return Err(NameError::TooLong { length: name.len() });
        }
        Ok(Self(path.into()))
    }

    /// The folder that holds this entry; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let end = self.0.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        Some(Self(self.0[..end].into()))
    }

    /// The last name; empty for the root.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.parts().next_back().unwrap_or_default()
    }

    /// Every name, from the root down.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.split(|byte| *byte == b'/').filter(|part| !part.is_empty())
    }

    /// All names, `/`-separated; empty for the root.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Checks that `name` can be the name of an entry.
pub(crate) fn check_name(name: &[u8]) -> Result<(), NameError> {
    let length = name.len();
    if length > RelPath::MAX_PART_BYTES {
        return Err(NameError::TooLong { length });
    }
    let plain = !matches!(name, b"" | b"." | b"..") && !name.contains(&b'/') && !name.contains(&0);
    if plain { Ok(()) } else { Err(NameError::NotAName { length }) }
}

impl From<RelPath> for TreePath {
    fn from(path: RelPath) -> Self {
        Self(path.as_bytes().into())
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TreePath({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_made_of_plain_names_only() {
        let folder = TreePath::root().child(b"folder").unwrap();
        for bad in ["", ".", "..", "a/b", "/", "a\0"] {
            assert_eq!(folder.child(bad.as_bytes()), Err(NameError::NotAName { length: bad.len() }), "{bad:?}");
        }
        assert_eq!(folder.child(&[b'x'; 256]), Err(NameError::TooLong { length: 256 }));
        assert!(folder.child(&[0xff; 255]).is_ok(), "names need not be UTF-8");
    }

    #[test]
    fn a_path_is_never_longer_than_a_path_may_be() {
        let mut path = TreePath::root();
        while let Ok(longer) = path.child(&[b'x'; 200]) {
            path = longer;
        }
        assert!(RelPath::new(path.as_bytes()).is_ok());
    }

    #[test]
    fn a_child_knows_its_folder_and_its_name() {
        let root = TreePath::root();
        let file = root.child(b"a").unwrap().child(b"b").unwrap();
        assert_eq!(file.as_bytes(), b"a/b");
        assert_eq!(file.name(), b"b");
        assert_eq!(file.parent(), root.child(b"a").ok());
        assert_eq!(file.parent().unwrap().parent(), Some(root.clone()));
        assert_eq!((root.parent(), root.name()), (None, b"".as_slice()));
        assert_eq!(file.parts().collect::<Vec<_>>(), [b"a", b"b"]);
    }
}
