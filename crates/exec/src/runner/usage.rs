use std::{
    fs, mem,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// Entries looked at at once: some milliseconds, in which nobody can freeze the session.
const ENTRIES_AT_ONCE: usize = 1_000;

/// `st_blocks` counts these, whatever the disk has.
const BLOCK_BYTES: u64 = 512;

/// What a folder takes on the disk, added up a little at a time.
#[derive(Debug)]
pub(crate) struct Usage {
    root: PathBuf,
    /// Folders that are still to be gone through, and the one that is.
    ahead: Vec<PathBuf>,
    open: Option<fs::ReadDir>,
    bytes: u64,
}

impl Usage {
    pub(crate) fn of(root: &Path) -> Self {
        Self { root: root.to_owned(), ahead: vec![root.to_owned()], open: None, bytes: 0 }
    }

    /// Goes on; returns the size when it is through, and begins again then.
    ///
    /// What changes meanwhile counts or does not. What cannot be read is left out, and so is what has no name any more.
    pub(crate) fn go_on(&mut self) -> Option<u64> {
        for _ in 0..ENTRIES_AT_ONCE {
            let Some(open) = &mut self.open else {
                let Some(folder) = self.ahead.pop() else {
                    let through = mem::replace(self, Self::of(&self.root));
                    return Some(through.bytes);
                };
                self.open = fs::read_dir(folder).ok();
                continue;
            };
            match open.next() {
                None => self.open = None,
                // Of the entry itself: links are not followed.
                Some(entry) => {
                    if let Some((entry, about)) =
                        entry.ok().and_then(|entry| Some((entry.path(), entry.metadata().ok()?)))
                    {
                        self.bytes += about.blocks() * BLOCK_BYTES;
                        if about.is_dir() {
                            self.ahead.push(entry);
                        }
                    }
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_folder_is_added_up_in_parts_and_links_are_not_followed() {
        let temp = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(temp.path().join("a/b")).expect("folders");
        for n in 0..2_500 {
            fs::write(temp.path().join(format!("a/b/{n}")), "x".repeat(5_000)).expect("a file");
        }
        std::os::unix::fs::symlink("/usr", temp.path().join("link")).expect("a link");
        let mut usage = Usage::of(temp.path());
        for _ in 0..2 {
            let parts: Vec<_> = std::iter::repeat_with(|| usage.go_on()).take(3).collect();
            assert!(matches!(parts[..], [None, None, Some(12_500_000..30_000_000)]), "{parts:?}");
        }
    }
}
