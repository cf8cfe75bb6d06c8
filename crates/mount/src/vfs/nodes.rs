use std::{collections::HashMap, fmt, time::Duration};

use tokio::time::Instant;

use super::VfsError;
use crate::{Entry, TreeError, TreePath};

/// How long what is known of an entry counts without asking again. Also for names that are not there.
///
/// Source: design of close-to-open file systems; NFS and JuiceFS use 1 s to 3 s.
pub(crate) const ATTRIBUTES_LAST: Duration = Duration::from_secs(1);

/// Number of an inode. Given out once and never again, so it needs no generation beside it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ino(pub(crate) u64);

impl Ino {
    /// The folder that holds everything; FUSE demands 1.
    pub(crate) const ROOT: Self = Self(1);
}

impl fmt::Debug for Ino {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ino({})", self.0)
    }
}

/// What the operating system is told of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) ino: Ino,
    pub(crate) entry: Entry,
    /// How long it may be believed.
    pub(crate) lasts: Duration,
}

/// What inodes stand for, and who still holds them. The root is always there.
///
/// A file in a new version is a new inode, so whatever the kernel caches under a number stays true for ever.
#[derive(Debug)]
pub(crate) struct Nodes {
    by_ino: HashMap<Ino, Node>,
    /// The inode that now stands for a path.
    by_path: HashMap<TreePath, Ino>,
    next: u64,
    limit: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) path: TreePath,
    pub(crate) entry: Entry,
    /// When the tree said so last; `None` if that is not to be believed any more.
    seen: Option<Instant>,
    /// How often the operating system was told of it and has not yet forgotten it.
    lookups: u64,
    /// Open files of it.
    pub(crate) handles: u32,
}

/// Whether the operating system will say when it forgets what it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    Yes,
    No,
}

impl Node {
    fn hold(&mut self, hold: Hold) {
        self.lookups += u64::from(hold == Hold::Yes);
    }

    fn is_held(&self) -> bool {
        self.lookups > 0 || self.handles > 0
    }

    /// How long it is still believed; `None` if the tree has to be asked.
    fn lasts(&self, now: Instant) -> Option<Duration> {
        let age = now.saturating_duration_since(self.seen?);
        ATTRIBUTES_LAST.checked_sub(age).filter(|left| !left.is_zero())
    }
}

impl Nodes {
    /// Room for `limit` inodes.
    pub(crate) fn new(limit: usize) -> Self {
        let root = Node { path: TreePath::root(), entry: Entry::folder(), seen: None, lookups: 1, handles: 0 };
        Self {
            by_ino: HashMap::from([(Ino::ROOT, root)]),
            by_path: HashMap::from([(TreePath::root(), Ino::ROOT)]),
            next: Ino::ROOT.0 + 1,
            limit,
        }
    }

    pub(crate) fn get(&self, ino: Ino) -> Result<&Node, VfsError> {
        self.by_ino.get(&ino).ok_or(VfsError::Unknown { number: ino.0 })
    }

    /// The inode that now stands for `path`, if any.
    pub(crate) fn at(&self, path: &TreePath) -> Option<(Ino, &Node)> {
        let ino = *self.by_path.get(path)?;
        Some((ino, self.by_ino.get(&ino)?))
    }

    /// What is known of `path`, if the tree need not be asked.
    pub(crate) fn fresh(&mut self, path: &TreePath, now: Instant, hold: Hold) -> Option<Known> {
        let ino = *self.by_path.get(path)?;
        let node = self.by_ino.get_mut(&ino)?;
        let lasts = node.lasts(now)?;
        node.hold(hold);
        Some(Known { ino, entry: node.entry.clone(), lasts })
    }

    /// Takes in what the tree said of `path`; another content than before gets a number of its own.
    ///
    /// # Errors
    ///
    /// [`TreeError::TooMany`] if the operating system holds as many inodes as there may be.
    pub(crate) fn learn(&mut self, path: &TreePath, entry: Entry, now: Instant, hold: Hold) -> Result<Known, VfsError> {
        let known = |ino| Known { ino, entry: entry.clone(), lasts: ATTRIBUTES_LAST };
        let before = self.by_path.get(path).copied();
        if let Some(ino) = before
            && let Some(node) = self.by_ino.get_mut(&ino)
            && (node.entry.is_same_content(&entry) || ino == Ino::ROOT)
        {
            let known = known(ino);
            node.entry = entry;
            node.seen = Some(now);
            node.hold(hold);
            return Ok(known);
        }
        if self.by_ino.len() >= self.limit {
            self.make_room()?;
        }
        let ino = Ino(self.next);
        self.next += 1;
        let known = known(ino);
        let mut node = Node { path: path.clone(), entry, seen: Some(now), lookups: 0, handles: 0 };
        node.hold(hold);
        self.by_ino.insert(ino, node);
        self.by_path.insert(path.clone(), ino);
        if let Some(before) = before {
            self.drop_if_free(before);
        }
        Ok(known)
    }

    /// The operating system has forgotten `count` of the times it was told.
    pub(crate) fn forget(&mut self, ino: Ino, count: u64) {
        if let Some(node) = self.by_ino.get_mut(&ino) {
            node.lookups = node.lookups.saturating_sub(count);
            self.drop_if_free(ino);
        }
    }

    pub(crate) fn opened(&mut self, ino: Ino) {
        if let Some(node) = self.by_ino.get_mut(&ino) {
            node.handles += 1;
        }
    }

    pub(crate) fn closed(&mut self, ino: Ino) {
        if let Some(node) = self.by_ino.get_mut(&ino) {
            node.handles = node.handles.saturating_sub(1);
            self.drop_if_free(ino);
        }
    }

    /// Asks the tree again before the next answer about `path`.
    pub(crate) fn doubt(&mut self, path: &TreePath) {
        if let Some(ino) = self.by_path.get(path)
            && let Some(node) = self.by_ino.get_mut(ino)
        {
            node.seen = None;
        }
    }

    fn drop_if_free(&mut self, ino: Ino) {
        if ino != Ino::ROOT && self.by_ino.get(&ino).is_some_and(|node| !node.is_held()) {
            self.remove(ino);
        }
    }

    fn remove(&mut self, ino: Ino) {
        let Some(node) = self.by_ino.remove(&ino) else { return };
        if self.by_path.get(&node.path) == Some(&ino) {
            self.by_path.remove(&node.path);
        }
    }

    /// Drops the older half of what nobody holds: NFS never says that it forgets.
    fn make_room(&mut self) -> Result<(), VfsError> {
        let free = self.by_ino.iter().filter(|(ino, node)| **ino != Ino::ROOT && !node.is_held());
        let mut free: Vec<_> = free.map(|(ino, node)| (node.seen, *ino)).collect();
        if free.is_empty() {
            return Err(TreeError::TooMany.into());
        }
        free.sort_unstable();
        for (_, ino) in free.iter().take(free.len().div_ceil(2)) {
            self.remove(*ino);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
