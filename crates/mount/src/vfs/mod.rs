//! What every adapter shares: inodes, open files, deadlines and order, over a [`Tree`].

mod error;
mod folder;
mod nodes;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

pub(crate) use error::VfsError;
pub(crate) use folder::Page;
pub(crate) use nodes::{ATTRIBUTES_LAST, Hold, Ino, Known};

use crate::{Entry, Kind, OpenFile, Tree, TreeError, TreePath};
use folder::Folder;
use nodes::Nodes;

/// Most inodes at once, about 300 MiB of them. Further entries fail until the kernel forgets some, as it does when memory gets
/// short.
const MAX_NODES: usize = 1 << 20;
/// Most open files and folders at once; a process may have 1,024 by default.
const MAX_HANDLES: usize = 1 << 16;
/// Most calls of one kind that wait for the tree at once; further ones wait in the order they came. Twice what the kernel
/// sends by itself.
const MAX_CALLS: usize = 128;

/// How long reads of an open file fail at once after one had no answer in time: the kernel tries up to three times to get a
/// page, which would make a program wait for three deadlines.
const SILENCE_LASTS: Duration = Duration::from_secs(1);

/// How long the tree may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadlines {
    /// For names and attributes.
    pub(crate) metadata: Duration,
    /// For bytes of files.
    pub(crate) read: Duration,
}

/// A tree as an operating system wants to see it.
pub(crate) struct Vfs {
    tree: Arc<dyn Tree>,
    state: Mutex<State>,
    metadata: Lane,
    /// Apart, so that files on a silent machine do not keep anyone from looking elsewhere.
    reads: Lane,
    ending: CancellationToken,
}

struct State {
    nodes: Nodes,
    handles: HashMap<u64, Handle>,
    next_handle: u64,
}

enum Handle {
    File { ino: Ino, file: Arc<dyn OpenFile>, silent_until: Option<Instant> },
    Folder(Folder),
}

/// Calls of one kind: some at once, the others in order, each with a deadline that counts from when it came.
struct Lane {
    turns: Semaphore,
    deadline: Duration,
}

impl Vfs {
    pub(crate) fn new(tree: Arc<dyn Tree>, deadlines: Deadlines) -> Self {
        let lane = |deadline| Lane { turns: Semaphore::new(MAX_CALLS), deadline };
        let state = State { nodes: Nodes::new(MAX_NODES), handles: HashMap::new(), next_handle: 1 };
        Self {
            tree,
            state: Mutex::new(state),
            metadata: lane(deadlines.metadata),
            reads: lane(deadlines.read),
            ending: CancellationToken::new(),
        }
    }

    /// What is called `name` in the folder `parent`.
    pub(crate) async fn lookup(&self, parent: Ino, name: &[u8], hold: Hold) -> Result<Known, VfsError> {
        let path = self.state().nodes.get(parent)?.path.child(name)?;
        self.known(&path, hold).await
    }

    /// The operating system forgot `ino`, of which it was told `count` times.
    pub(crate) fn forget(&self, ino: Ino, count: u64) {
        self.state().nodes.forget(ino, count);
    }

    /// What is known of `ino`. A file that is open is what it was when it was opened.
    ///
    /// # Errors
    ///
    /// [`TreeError::Stale`] if something else lies there now.
    pub(crate) async fn attributes(&self, ino: Ino) -> Result<Known, VfsError> {
        match self.pinned(ino)? {
            Some(known) => Ok(known),
            None => self.present_attributes(ino).await,
        }
    }

    /// The same, but also for an open file what lies there now.
    ///
    /// The root is always a folder, whatever the tree does: desktops look at a mount's root all the time, and must not wait.
    pub(crate) async fn present_attributes(&self, ino: Ino) -> Result<Known, VfsError> {
        let known = self.at(&self.path(ino)?).await?;
        if known.ino == ino { Ok(known) } else { Err(TreeError::Stale.into()) }
    }

    /// What lies at `path` now, for systems that know files by their paths.
    pub(crate) async fn at(&self, path: &TreePath) -> Result<Known, VfsError> {
        if path.is_root() {
            return Ok(Known { ino: Ino::ROOT, entry: Entry::folder(), lasts: ATTRIBUTES_LAST });
        }
        self.known(path, Hold::No).await
    }

    fn pinned(&self, ino: Ino) -> Result<Option<Known>, VfsError> {
        let state = self.state();
        let node = state.nodes.get(ino)?;
        let known = || Known { ino, entry: node.entry.clone(), lasts: ATTRIBUTES_LAST };
        Ok((node.handles > 0).then(known))
    }

    /// What the link `ino` names.
    pub(crate) fn target(&self, ino: Ino) -> Result<Bytes, VfsError> {
        match &self.state().nodes.get(ino)?.entry.kind {
            Kind::Link { target } => Ok(target.clone()),
            Kind::File | Kind::Folder => Err(VfsError::Unknown { number: ino.0 }),
        }
    }

    /// Opens the file `ino`; its version stays until [`Vfs::close`].
    ///
    /// # Errors
    ///
    /// [`TreeError::Stale`] if the path has another version now: whoever looks it up again gets that.
    pub(crate) async fn open(&self, ino: Ino) -> Result<u64, VfsError> {
        let (path, entry) = {
            let state = self.state();
            let node = state.nodes.get(ino)?;
            (node.path.clone(), node.entry.clone())
        };
        match entry.kind {
            Kind::File => {}
            Kind::Folder => return Err(TreeError::IsAFolder.into()),
            Kind::Link { .. } => return Err(VfsError::IsALink),
        }
        let file = self.ask(&self.metadata, self.tree.open(&path)).await?;
        let mut state = self.state();
        if !file.entry().is_same_content(&entry) {
            state.nodes.doubt(&path);
            return Err(TreeError::Stale.into());
        }
        let handle = state.add_handle(Handle::File { ino, file, silent_until: None })?;
        state.nodes.opened(ino);
        Ok(handle)
    }

    /// Bytes of an open file; fewer than `length` only where it ends.
    pub(crate) async fn read(&self, handle: u64, offset: u64, length: u32) -> Result<Bytes, VfsError> {
        let file = match self.state().handles.get(&handle) {
            Some(Handle::File { silent_until: Some(end), .. }) if Instant::now() < *end => {
                return Err(TreeError::TimedOut.into());
            }
            Some(Handle::File { file, .. }) => file.clone(),
            Some(Handle::Folder(_)) => return Err(TreeError::IsAFolder.into()),
            None => return Err(VfsError::Unknown { number: handle }),
        };
        let left = file.entry().size_bytes.saturating_sub(offset);
        let length = length.min(u32::try_from(left).unwrap_or(u32::MAX));
        if length == 0 {
            return Ok(Bytes::new());
        }
        let read = self.ask(&self.reads, read_whole(file.as_ref(), offset, length)).await;
        if let Err(VfsError::Tree(TreeError::TimedOut)) = read
            && let Some(Handle::File { silent_until, .. }) = self.state().handles.get_mut(&handle)
        {
            *silent_until = Some(Instant::now() + SILENCE_LASTS);
        }
        read
    }

    /// Opens the folder `ino`.
    pub(crate) fn open_folder(&self, ino: Ino) -> Result<u64, VfsError> {
        let mut state = self.state();
        let node = state.nodes.get(ino)?;
        if node.entry.kind != Kind::Folder {
            return Err(TreeError::NotAFolder.into());
        }
        let folder = Folder::new(node.path.clone());
        state.add_handle(Handle::Folder(folder))
    }

    /// The part of an open folder that has place `index` in it, or the last one.
    pub(crate) async fn page(&self, handle: u64, index: u64) -> Result<Arc<Page>, VfsError> {
        loop {
            let (path, start, after) = {
                let mut state = self.state();
                let folder = state.folder(handle)?;
                if let Some(page) = folder.page(index) {
                    return Ok(page);
                }
                let (start, after) = folder.start_before(index);
                (folder.path.clone(), start, after)
            };
            let page = Arc::new(self.list(&path, start, after.as_deref()).await?);
            self.state().folder(handle)?.turn_to(&page);
            if index == 0 || page.is_last() {
                return Ok(page);
            }
        }
    }

    /// One part of the folder `path`: what follows the name `after`, which has place `start`.
    pub(crate) async fn list(&self, path: &TreePath, start: u64, after: Option<&[u8]>) -> Result<Page, VfsError> {
        let listing = self.ask(&self.metadata, self.tree.list(path, after)).await?;
        listing.check(after).map_err(|why| TreeError::Unreadable { why: Box::new(why) })?;
        Ok(Page::new(start, listing))
    }

    /// Takes in what a listing said of an entry.
    pub(crate) fn learn(&self, parent: &TreePath, name: &[u8], entry: Entry, hold: Hold) -> Result<Known, VfsError> {
        let path = parent.child(name)?;
        self.state().nodes.learn(&path, entry, Instant::now(), hold)
    }

    /// Where `ino` lies.
    pub(crate) fn path(&self, ino: Ino) -> Result<TreePath, VfsError> {
        Ok(self.state().nodes.get(ino)?.path.clone())
    }

    /// The inode at `path`, if it has one, and whether it is open.
    pub(crate) fn holder(&self, path: &TreePath) -> Option<(Ino, bool)> {
        self.state().nodes.at(path).map(|(ino, node)| (ino, node.handles > 0))
    }

    /// Closes an open file or folder.
    pub(crate) fn close(&self, handle: u64) {
        let mut state = self.state();
        if let Some(Handle::File { ino, .. }) = state.handles.remove(&handle) {
            state.nodes.closed(ino);
        }
    }

    /// Asks the tree again before the next answer about `path`.
    pub(crate) fn doubt(&self, path: &TreePath) {
        self.state().nodes.doubt(path);
    }

    /// A call of several steps has as long as one of them.
    #[cfg(any(test, all(windows, feature = "winfsp")))]
    pub(crate) async fn in_time<T>(&self, call: impl Future<Output = Result<T, VfsError>>) -> Result<T, VfsError> {
        timeout(self.metadata.deadline, call).await.unwrap_or(Err(TreeError::TimedOut.into()))
    }

    /// Ends every waiting call, and every later one, with [`VfsError::Ending`].
    pub(crate) fn end(&self) {
        self.ending.cancel();
    }

    /// What lies at `path`: remembered for [`ATTRIBUTES_LAST`], else as the tree says.
    async fn known(&self, path: &TreePath, hold: Hold) -> Result<Known, VfsError> {
        if let Some(known) = self.state().nodes.fresh(path, Instant::now(), hold) {
            return Ok(known);
        }
        let entry = self.ask(&self.metadata, self.tree.stat(path)).await?;
        self.state().nodes.learn(path, entry, Instant::now(), hold)
    }

    async fn ask<T>(&self, lane: &Lane, call: impl Future<Output = Result<T, TreeError>>) -> Result<T, VfsError> {
        let in_order = async {
            let _turn = lane.turns.acquire().await.map_err(|_| VfsError::Ending)?;
            Ok(call.await?)
        };
        tokio::select! {
            biased;
            () = self.ending.cancelled() => Err(VfsError::Ending),
            answer = timeout(lane.deadline, in_order) => answer.unwrap_or(Err(TreeError::TimedOut.into())),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is complete before the lock is let go, so a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add_handle(&mut self, handle: Handle) -> Result<u64, VfsError> {
        if self.handles.len() >= MAX_HANDLES {
            return Err(TreeError::TooMany.into());
        }
        let number = self.next_handle;
        self.next_handle += 1;
        self.handles.insert(number, handle);
        Ok(number)
    }

    fn folder(&mut self, handle: u64) -> Result<&mut Folder, VfsError> {
        match self.handles.get_mut(&handle) {
            Some(Handle::Folder(folder)) => Ok(folder),
            Some(Handle::File { .. }) => Err(TreeError::NotAFolder.into()),
            None => Err(VfsError::Unknown { number: handle }),
        }
    }
}

/// Reads exactly `length` bytes, which the file has. A short answer would look like its end, and programs believe that.
async fn read_whole(file: &dyn OpenFile, offset: u64, length: u32) -> Result<Bytes, TreeError> {
    let first = file.read(offset, length).await?;
    if first.len() == length as usize {
        return Ok(first);
    }
    let mut bytes = BytesMut::from(first);
    while bytes.len() < length as usize {
        let missing = length - u32::try_from(bytes.len()).unwrap_or(length);
        let next = file.read(offset + bytes.len() as u64, missing).await?;
        if next.is_empty() || next.len() > missing as usize {
            break;
        }
        bytes.extend_from_slice(&next);
    }
    if bytes.len() == length as usize {
        return Ok(bytes.freeze());
    }
    let why = WrongLength { offset, length, got: bytes.len() };
    Err(TreeError::Unreadable { why: Box::new(why) })
}

/// The tree answered with fewer bytes than the file has, or with more than were asked for.
#[derive(Debug, thiserror::Error)]
#[error("{got} bytes in place of {length} at {offset}")]
struct WrongLength {
    offset: u64,
    length: u32,
    got: usize,
}
