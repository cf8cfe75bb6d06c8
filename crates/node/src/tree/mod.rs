//! The tree: everything that machines of the grid show each other, read from where it lies.
//!
//! Nothing here passes through the loop but the question which way leads to a machine.

mod error;
mod fetching;
mod mounted;
mod open;
mod place;
mod roots;
mod text;

use std::{io, sync::Arc, time::Duration};

use gridwell_model::{EntryKind, PeerId, RelPath, ShareId, TreeEntry};
use gridwell_mount::TreePath;
use gridwell_net::Fetched;
use gridwell_store::{Objects, SharedFolder};
use gridwell_wire::{BulkRequest, TreePage, TreeWish};
use serde::de::DeserializeOwned;
use tokio::{io::AsyncReadExt as _, sync::watch};

use crate::transfer::Transfer;
pub use error::TreeError;
pub(crate) use fetching::Fetchings;
use fetching::Origin;
pub(crate) use mounted::MountedTree;
pub use open::OpenFile;
use place::{Place, parse, shown};
pub(crate) use roots::{RootMachine, RootShare, Roots};
pub(crate) use text::{file_view, from_text, path_of, to_text};

/// Longest wait for what a machine says about files: file managers ask many such questions, and wait for each.
const ANSWER: Duration = Duration::from_secs(10);
/// Longest description of one file: the longest name and link.
const MAX_ENTRY_BYTES: u64 = 8 * 1024;

/// Reads the tree; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    pub(crate) roots: watch::Receiver<Arc<Roots>>,
    pub(crate) transfer: Transfer,
    pub(crate) objects: Objects,
    pub(crate) fetchings: Fetchings,
}

impl Tree {
    /// Up to [`TreePage::MAX_ENTRIES`] names in a folder, those after `after`, in their order as bytes.
    ///
    /// # Errors
    ///
    /// [`TreeError`] if there is no such folder, or its machine does not answer.
    pub(crate) async fn list(&self, path: &TreePath, after: Option<&[u8]>) -> Result<TreePage, TreeError> {
        let roots = self.roots.borrow().clone();
        match Place::of(path, &roots)? {
            Place::Top => Ok(folders(roots.machines().map(|(name, _)| name), after)),
            Place::Machine(machine) => Ok(folders(machine.shares.keys(), after)),
            Place::Share(share, rest) => {
                let after = after.map(<[u8]>::to_vec);
                let Some(folder) = share.folder else {
                    let wish = TreeWish::List { folder: rest, after };
                    let page: TreePage = self.answer(path, &share, wish, TreePage::MAX_BYTES).await?;
                    return check_page(page).ok_or_else(|| share.nonsense());
                };
                let page = folder.list(rest, after, TreePage::MAX_ENTRIES).await?;
                Ok(TreePage { entries: page.entries, more: page.more })
            }
        }
    }

    /// What lies at a path.
    ///
    /// # Errors
    ///
    /// [`TreeError`] if nothing does, or its machine does not answer.
    pub(crate) async fn stat(&self, path: &TreePath) -> Result<TreeEntry, TreeError> {
        let roots = self.roots.borrow().clone();
        match Place::of(path, &roots)? {
            Place::Top | Place::Machine(_) => Ok(folder_named(path.name())),
            Place::Share(share, rest) => {
                let mut entry = match share.folder {
                    Some(ref folder) => folder.stat(rest).await?,
                    None => self.answer(path, &share, TreeWish::Stat { path: rest }, MAX_ENTRY_BYTES).await?,
                };
                entry.name = path.name().to_vec();
                Ok(entry)
            }
        }
    }

    /// Opens a file: whatever becomes of it, bytes of other content are never read from what is returned.
    ///
    /// # Errors
    ///
    /// [`TreeError`] if there is no such file, or its machine does not answer.
    pub(crate) async fn open(&self, path: &TreePath) -> Result<OpenFile, TreeError> {
        let roots = self.roots.borrow().clone();
        let Place::Share(share, Some(rest)) = Place::of(path, &roots)? else {
            return Err(TreeError::NotAFile { path: shown(path) });
        };
        let entry = self.stat(path).await?;
        let EntryKind::File { version, .. } = entry.kind else {
            return Err(TreeError::NotAFile { path: shown(path) });
        };
        OpenFile::open(self.clone(), path.clone(), share, rest, (entry, version)).await
    }

    /// Asks the owner of a share something that has a short answer.
    async fn answer<T: DeserializeOwned>(
        &self,
        path: &TreePath,
        share: &ShareAt,
        wish: TreeWish,
        most_bytes: u64,
    ) -> Result<T, TreeError> {
        let asked = async {
            let mut fetched = self.fetch(path, share, wish).await?;
            if fetched.bytes > most_bytes {
                return Err(share.nonsense());
            }
            let mut bytes = Vec::with_capacity(fetched.bytes as usize);
            fetched.read_to_end(&mut bytes).await.map_err(|error| share.broke(&error))?;
            postcard::from_bytes(&bytes).map_err(|_| share.nonsense())
        };
        tokio::time::timeout(ANSWER, asked).await.unwrap_or_else(|_| Err(share.silent(ANSWER)))
    }

    /// Why the bytes of a file stopped to come. Its machine breaks off when the file changes under it: asked again, it says so.
    async fn why_broken(&self, origin: &Origin, error: &io::Error) -> TreeError {
        match self.stat(&origin.path).await {
            Ok(TreeEntry { kind: EntryKind::File { version, .. }, .. }) if version == origin.version => {
                origin.share.broke(error)
            }
            Ok(_) => TreeError::Changed { path: shown(&origin.path) },
            Err(error) => error,
        }
    }

    async fn fetch(&self, path: &TreePath, share: &ShareAt, wish: TreeWish) -> Result<Fetched, TreeError> {
        if !share.online {
            return Err(TreeError::Away { machine: share.machine.clone() });
        }
        let request = BulkRequest::Tree { share: share.id, wish };
        let fetched = self.transfer.ask(share.peer, request).await;
        fetched.map_err(|error| {
            let roots = self.roots.borrow();
            TreeError::of_transfer(path, &share.machine, error, |peer| roots.name_of(peer))
        })
    }
}

/// A share that a path leads into.
#[derive(Debug, Clone)]
pub(crate) struct ShareAt {
    id: ShareId,
    peer: PeerId,
    /// What people call the machine.
    machine: String,
    online: bool,
    /// Its folder, where it is one of this machine.
    folder: Option<SharedFolder>,
}

impl ShareAt {
    fn nonsense(&self) -> TreeError {
        TreeError::Nonsense { machine: self.machine.clone() }
    }

    fn broke(&self, error: &io::Error) -> TreeError {
        TreeError::Broke { machine: self.machine.clone(), why: error.to_string() }
    }

    fn wrong(&self, path: &TreePath) -> TreeError {
        TreeError::Wrong { machine: self.machine.clone(), path: shown(path) }
    }

    fn silent(&self, waited: Duration) -> TreeError {
        TreeError::Silent { machine: self.machine.clone(), waited }
    }
}

fn folder_named(name: &[u8]) -> TreeEntry {
    TreeEntry { name: name.to_vec(), kind: EntryKind::Folder, modified_ns: 0 }
}

fn folders<'a>(names: impl Iterator<Item = &'a String>, after: Option<&[u8]>) -> TreePage {
    let names = names.filter(|name| after.is_none_or(|after| name.as_bytes() > after));
    let mut entries: Vec<_> = names.take(TreePage::MAX_ENTRIES + 1).map(|name| folder_named(name.as_bytes())).collect();
    let more = entries.len() > TreePage::MAX_ENTRIES;
    entries.truncate(TreePage::MAX_ENTRIES);
    TreePage { entries, more }
}

/// What a machine says of a folder, unless it holds names that lead elsewhere or are out of order.
fn check_page(page: TreePage) -> Option<TreePage> {
    let plain = |entry: &TreeEntry| RelPath::new(entry.name.clone()).is_ok() && !entry.name.contains(&b'/');
    let fits = page.entries.len() <= TreePage::MAX_ENTRIES && page.entries.iter().all(plain);
    let in_order = page.entries.is_sorted_by(|one, next| one.name < next.name);
    let goes_on = !page.more || !page.entries.is_empty();
    (fits && in_order && goes_on).then_some(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(names: &[&str], more: bool) -> TreePage {
        TreePage { entries: names.iter().map(|name| folder_named(name.as_bytes())).collect(), more }
    }

    #[test]
    fn names_that_lead_elsewhere_are_not_taken_from_another_machine() {
        assert!(check_page(page(&["a", "b"], true)).is_some() && check_page(page(&[], false)).is_some());
        for bad in [&["../x"][..], &[".."], &[""], &["a/b"], &["b", "a"], &["a", "a"], &["a\0"]] {
            assert!(check_page(page(bad, false)).is_none(), "{bad:?}");
        }
        assert!(check_page(page(&[], true)).is_none(), "it would be asked for ever");
    }

    #[test]
    fn folders_at_the_top_come_in_pages_too() {
        let names: Vec<String> = (0..5_000).map(|number| format!("{number:04}")).collect();
        let first = folders(names.iter(), None);
        assert!(first.more && first.entries.len() == TreePage::MAX_ENTRIES);
        let rest = folders(names.iter(), first.entries.last().map(|entry| entry.name.as_slice()));
        assert!(!rest.more && rest.entries.len() == 5_000 - TreePage::MAX_ENTRIES);
    }
}
