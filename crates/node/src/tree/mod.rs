//! The tree: everything that machines of the grid show each other, read from where it lies.
//!
//! Nothing here passes through the loop but the question which way leads to a machine.

mod copies;
mod error;
mod fetching;
mod fresh;
mod here;
mod inputs;
mod jobs;
mod keeping;
mod local;
mod mounted;
mod names;
mod open;
mod origin;
mod outputs;
mod place;
mod putting;
mod roots;
mod text;
mod tickets;
mod turns;
mod unproven;
mod views;

use std::{collections::BTreeSet, io, path::Path, sync::Arc, time::Duration};

use gridwell_model::{EntryKind, JobId, PeerId, RelPath, ShareId, TreeEntry};
use gridwell_mount::TreePath;
use gridwell_net::Fetched;
use gridwell_store::{KnownFiles, Objects};
use gridwell_wire::{BulkRequest, TreePage, TreeWish};
use serde::de::DeserializeOwned;
use tokio::{
    io::AsyncReadExt as _,
    sync::{Semaphore, watch},
};

use crate::transfer::Transfer;
pub(crate) use copies::{Copies, ShareKey};
pub use error::TreeError;
pub(crate) use fetching::Fetchings;
use here::Told;
pub(crate) use inputs::{JobFiles, JobFolders};
use jobs::Below;
pub(crate) use jobs::{JOBS, Jobs};
pub(crate) use keeping::Keeping;
pub(crate) use local::Local;
pub(crate) use mounted::MountedTree;
pub use open::OpenFile;
pub(crate) use origin::JOB_PATIENCE;
pub(crate) use outputs::JobOutputs;
pub(crate) use place::shown;
use place::{Place, parse};
pub(crate) use roots::{RootMachine, RootShare, Roots};
pub(crate) use text::{file_view, from_text, path_of, region_of};
pub(crate) use tickets::{Tickets, question};
pub use views::{Content, Joined, TreeView};

/// Longest wait for what a machine says about files: file managers ask many such questions, and wait for each.
const ANSWER: Duration = Duration::from_secs(10);
/// Wait before it is asked once more.
const ASK_AGAIN: Duration = Duration::from_millis(200);
/// Longest description of one file: the longest name and link.
const MAX_ENTRY_BYTES: u64 = 8 * 1024;

/// Reads the tree; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    pub(crate) roots: watch::Receiver<Arc<Roots>>,
    pub(crate) transfer: Transfer,
    pub(crate) objects: Objects,
    pub(crate) fetchings: Fetchings,
    pub(crate) jobs: Jobs,
    pub(crate) known: KnownFiles,
    pub(crate) keeping: Keeping,
    /// Parts of pictures that are read at once: each may take some hundred megabytes.
    pub(crate) drawing: Arc<Semaphore>,
    pub(crate) tickets: Tickets,
    pub(crate) copies: Copies,
    /// Where the keys of this machine lie: nothing is copied out of it into a share.
    pub(crate) data: Arc<Path>,
}

impl Tree {
    /// Up to [`TreePage::MAX_ENTRIES`] names in a folder, those after `after`, in their order as bytes. While its machine does not
    /// answer, those that lead to files of which something was read here.
    ///
    /// # Errors
    ///
    /// [`TreeError`] if there is no such folder, or its machine does not answer.
    pub(crate) async fn list(&self, path: &TreePath, after: Option<&[u8]>) -> Result<Told<TreePage>, TreeError> {
        let roots = self.roots.borrow().clone();
        match self.place(path, &roots).await? {
            Place::Top => {
                let names: BTreeSet<_> = roots.machines().map(|(name, _)| name.as_str()).chain([JOBS]).collect();
                Ok(Told { what: folders(names.into_iter(), after), online: true })
            }
            Place::Jobs => {
                let jobs = self.jobs.all(self, &roots).await;
                Ok(Told { what: folders(jobs.keys().map(String::as_str), after), online: true })
            }
            Place::Machine(machine) => {
                let what = folders(machine.shares.keys().map(String::as_str), after);
                Ok(Told { what, online: machine.online })
            }
            Place::Share(share, rest) => {
                let (depth, after) = (depth_of(rest.as_ref()), after.map(<[u8]>::to_vec));
                let mut online = true;
                let mut page = match &share.local {
                    Some(local) => local.list(rest, after).await.map_err(|error| TreeError::of_share(path, &error))?,
                    None => {
                        let wish = TreeWish::List { folder: rest.clone(), after: after.clone() };
                        match self.answer::<TreePage>(path, &share, wish, TreePage::MAX_BYTES).await {
                            Err(error) if error.may_pass() => {
                                online = false;
                                let page = self.remembered_page(share.spot(rest), after.as_deref()).await?;
                                page.ok_or(error)?
                            }
                            page => check_page(page?, after.as_deref()).ok_or_else(|| share.nonsense())?,
                        }
                    }
                };
                page.entries.iter_mut().for_each(|entry| check_link(entry, depth));
                Ok(Told { what: page, online })
            }
        }
    }

    /// What lies at a path, or while its machine does not answer, what is remembered of it.
    ///
    /// # Errors
    ///
    /// [`TreeError`] if nothing does, or its machine does not answer.
    pub(crate) async fn stat(&self, path: &TreePath) -> Result<Told<TreeEntry>, TreeError> {
        let roots = self.roots.borrow().clone();
        match self.place(path, &roots).await? {
            Place::Top | Place::Jobs => Ok(Told { what: folder_named(path.name()), online: true }),
            Place::Machine(machine) => Ok(Told { what: folder_named(path.name()), online: machine.online }),
            Place::Share(share, rest) => {
                let depth = depth_of(rest.as_ref().and_then(RelPath::parent).as_ref());
                let mut online = true;
                let mut entry = match &share.local {
                    Some(local) => local.stat(rest).await.map_err(|error| TreeError::of_share(path, &error))?,
                    None => {
                        let wish = TreeWish::Stat { path: rest.clone() };
                        match self.answer(path, &share, wish, MAX_ENTRY_BYTES).await {
                            Err(error) if error.may_pass() => {
                                online = false;
                                self.remembered(share.spot(rest), path.name()).await?.ok_or(error)?
                            }
                            entry => entry?,
                        }
                    }
                };
                entry.name = path.name().to_vec();
                check_link(&mut entry, depth);
                Ok(Told { what: entry, online })
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
        let Place::Share(share, Some(rest)) = self.place(path, &roots).await? else {
            return Err(TreeError::NotAFile { path: shown(path) });
        };
        let entry = self.stat(path).await?.what;
        let EntryKind::File { version, .. } = entry.kind else {
            return Err(TreeError::NotAFile { path: shown(path) });
        };
        OpenFile::open(self.clone(), path.clone(), share, rest, (entry, version)).await
    }

    /// What a path leads to; jobs are asked for only below their folder.
    async fn place<'a>(&self, path: &TreePath, roots: &'a Roots) -> Result<Place<'a>, TreeError> {
        let jobs = jobs::below(path);
        match jobs {
            Some(Below::Itself) => Ok(Place::Jobs),
            Some(Below::Job(name, rest)) => {
                let missing = || TreeError::Missing { path: shown(path) };
                self.jobs.find(self, roots, name).await.map(|at| Place::Share(at, rest)).ok_or_else(missing)
            }
            None => Place::of(path, roots),
        }
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
            let mut fetched = match self.fetch(path, share, wish.clone()).await {
                // Another way may lead there.
                Err(error) if error.may_pass() && self.roots.borrow().is_online(share.peer) => {
                    tokio::time::sleep(ASK_AGAIN).await;
                    self.fetch(path, share, wish).await?
                }
                fetched => fetched?,
            };
            if fetched.bytes > most_bytes {
                return Err(share.nonsense());
            }
            let mut bytes = Vec::with_capacity(fetched.bytes as usize);
            fetched.read_to_end(&mut bytes).await.map_err(|error| share.broke(&error))?;
            postcard::from_bytes(&bytes).map_err(|_| share.nonsense())
        };
        tokio::time::timeout(ANSWER, asked).await.unwrap_or_else(|_| Err(share.silent(ANSWER)))
    }

    async fn fetch(&self, path: &TreePath, share: &ShareAt, wish: TreeWish) -> Result<Fetched, TreeError> {
        // It may have come back since the path was looked up.
        if !self.roots.borrow().is_online(share.peer) {
            return Err(TreeError::Away { machine: share.machine.clone() });
        }
        let fetched = self.transfer.ask(share.peer, share.request(wish)).await;
        fetched.map_err(|error| TreeError::of_transfer(path, &share.machine, error, |peer| self.name_of(peer)))
    }

    /// What people call a machine.
    fn name_of(&self, peer: PeerId) -> String {
        self.roots.borrow().name_of(peer)
    }
}

/// A share, or what a job made, that a path leads into.
#[derive(Debug, Clone)]
pub(crate) struct ShareAt {
    id: Whose,
    peer: PeerId,
    /// What people call the machine.
    machine: String,
    online: bool,
    /// It itself, where it lies here.
    local: Option<Local>,
}

/// What is asked for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Whose {
    Share(ShareId),
    Job(JobId),
}

impl ShareAt {
    fn request(&self, wish: TreeWish) -> BulkRequest {
        match self.id {
            Whose::Share(share) => BulkRequest::Tree { share, wish },
            Whose::Job(job) => BulkRequest::Made { job, wish },
        }
    }

    fn nonsense(&self) -> TreeError {
        TreeError::Nonsense { machine: self.machine.clone() }
    }

    fn broke(&self, error: &io::Error) -> TreeError {
        TreeError::Broke { machine: self.machine.clone(), why: error.to_string() }
    }

    fn silent(&self, waited: Duration) -> TreeError {
        TreeError::Silent { machine: self.machine.clone(), waited }
    }
}

fn folder_named(name: &[u8]) -> TreeEntry {
    TreeEntry { name: name.to_vec(), kind: EntryKind::Folder, modified_ns: 0 }
}

fn folders<'a>(names: impl Iterator<Item = &'a str>, after: Option<&[u8]>) -> TreePage {
    let names = names.filter(|name| after.is_none_or(|after| name.as_bytes() > after));
    let mut entries: Vec<_> = names.take(TreePage::MAX_ENTRIES + 1).map(|name| folder_named(name.as_bytes())).collect();
    let more = entries.len() > TreePage::MAX_ENTRIES;
    entries.truncate(TreePage::MAX_ENTRIES);
    TreePage { entries, more }
}

/// How many folders lie above what is in `folder`, up to the share.
fn depth_of(folder: Option<&RelPath>) -> usize {
    folder.map_or(0, |folder| folder.as_bytes().split(|byte| *byte == b'/').count())
}

/// A link that could lead out of its share is not shown: programs would follow it to files of their own machine. What lies
/// `depth` folders deep may go up as often, and then only down; each link on its way is checked likewise.
fn check_link(entry: &mut TreeEntry, depth: usize) {
    if let EntryKind::Link { target } = &entry.kind {
        let mut parts = target.split(|byte| *byte == b'/').skip_while(|part| *part == b"..");
        let up = target.split(|byte| *byte == b'/').take_while(|part| *part == b"..").count();
        let down = parts.all(|part| RelPath::new(part).is_ok());
        // Systems take no longer path, its final zero included.
        let fits = target.len() < RelPath::MAX_BYTES;
        if up > depth || !down || !fits {
            entry.kind = EntryKind::Hidden;
        }
    }
}

/// What a machine says of a folder, unless it holds names that lead elsewhere, are out of order or were said before.
fn check_page(page: TreePage, after: Option<&[u8]>) -> Option<TreePage> {
    let plain = |entry: &TreeEntry| RelPath::new(entry.name.clone()).is_ok() && !entry.name.contains(&b'/');
    let fits = page.entries.len() <= TreePage::MAX_ENTRIES && page.entries.iter().all(plain);
    let in_order = page.entries.is_sorted_by(|one, next| one.name < next.name);
    let new = after.is_none_or(|after| page.entries.first().is_none_or(|first| first.name.as_slice() > after));
    let goes_on = !page.more || !page.entries.is_empty();
    (fits && in_order && new && goes_on).then_some(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(names: &[&str], more: bool) -> TreePage {
        TreePage { entries: names.iter().map(|name| folder_named(name.as_bytes())).collect(), more }
    }

    #[test]
    fn names_that_lead_elsewhere_are_not_taken_from_another_machine() {
        let check_page = |page| super::check_page(page, None);
        assert!(check_page(page(&["a", "b"], true)).is_some() && check_page(page(&[], false)).is_some());
        assert!(super::check_page(page(&["b"], true), Some(b"b")).is_none(), "it was said before");
        for bad in [&["../x"][..], &[".."], &[""], &["a/b"], &["b", "a"], &["a", "a"], &["a\0"]] {
            assert!(check_page(page(bad, false)).is_none(), "{bad:?}");
        }
        assert!(check_page(page(&[], true)).is_none(), "it would be asked for ever");
        assert!(check_page(page(&[&"x".repeat(4_096)], false)).is_none(), "no system takes such a name");
    }

    #[test]
    fn a_link_leads_nowhere_but_into_its_share() {
        let shown = |target: &str, depth: usize| {
            let kind = EntryKind::Link { target: target.as_bytes().to_vec() };
            let mut entry = TreeEntry { name: b"link".to_vec(), kind, modified_ns: 0 };
            check_link(&mut entry, depth);
            entry.kind != EntryKind::Hidden
        };
        assert!(shown("wood", 0) && shown("textures/wood", 0) && shown("../wood", 1) && shown("..", 1));
        for (bad, depth) in
            [("/etc/passwd", 3), ("../x", 0), ("../../x", 1), ("a/../../x", 1), ("", 0), ("a//b", 0), ("./a", 0)]
        {
            assert!(!shown(bad, depth), "{bad} at {depth}");
        }
        assert!(!shown(&format!("{}wood", "textures/".repeat(500)), 0), "longer than any path");
    }

    #[test]
    fn folders_at_the_top_come_in_pages_too() {
        let names: Vec<String> = (0..5_000).map(|number| format!("{number:04}")).collect();
        let names = || names.iter().map(String::as_str);
        let first = folders(names(), None);
        assert!(first.more && first.entries.len() == TreePage::MAX_ENTRIES);
        let rest = folders(names(), first.entries.last().map(|entry| entry.name.as_slice()));
        assert!(!rest.more && rest.entries.len() == 5_000 - TreePage::MAX_ENTRIES);
    }
}
