//! Where content that is fetched group by group lies, and what is said when it does not come.

use std::{io, ops::Range, sync::Arc, time::Duration};

use gridwell_files::group_count;
use gridwell_links::Pair;
use gridwell_model::{BlobId, EntryKind, JobId, ListRef, PeerId, RelPath, TreeEntry, Version};
use gridwell_mount::TreePath;
use gridwell_net::Fetched;
use gridwell_trust::open_ticket;
use gridwell_wire::{BulkRequest, TreeWish};
use tokio::sync::watch;

use super::{MAX_ENTRY_BYTES, ShareAt, ShareKey, Told, Tree, TreeError, Whose, shown, tickets::question};
use crate::transfer::Transfer;

/// Longest wait for bytes of a share: a program at a file system waits for all of it.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// Times that missing bytes of a share are asked for before a reader is told why they do not come.
const TRIES: u32 = 3;
/// Longest wait for bytes of a job: when its steward dies a deputy follows within 60 s, and no task is to fail for that.
pub(crate) const JOB_PATIENCE: Duration = Duration::from_secs(120);

/// Where content lies; cheap to clone.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// In a share of another machine.
    Shared(Arc<SharedAt>),
    /// Among the files of a job, at its steward.
    Input(Arc<InputAt>),
    /// The list of a share's files, at its owner and at all who keep copies.
    List(Arc<ListAt>),
}

/// A file of another machine, of one version.
#[derive(Debug)]
pub(super) struct SharedAt {
    pub(super) path: TreePath,
    pub(super) share: ShareAt,
    /// Its path below the share.
    pub(super) rest: RelPath,
    pub(super) version: Version,
    pub(super) executable: bool,
}

/// A file that a job reads.
#[derive(Debug)]
pub(super) struct InputAt {
    pub(super) path: TreePath,
    pub(super) job: JobId,
    pub(super) blob: BlobId,
    pub(super) size_bytes: u64,
    /// Who has it, at any time.
    pub(super) steward: watch::Receiver<PeerId>,
}

/// The list of a share's files.
#[derive(Debug)]
pub(super) struct ListAt {
    /// The share's.
    pub(super) path: TreePath,
    pub(super) key: ShareKey,
    pub(super) list: ListRef,
}

/// Content by its hash, as it is given in one place: what is not given elsewhere is no fault of this one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Shared(BlobId, Whose, RelPath, Version),
    Input(BlobId, JobId),
    List(BlobId, ShareKey),
}

impl Origin {
    pub(super) fn key(&self, blob: BlobId) -> Key {
        match self {
            Self::Shared(at) => Key::Shared(blob, at.share.id, at.rest.clone(), at.version),
            Self::Input(at) => Key::Input(blob, at.job),
            Self::List(at) => Key::List(blob, at.key),
        }
    }

    pub(super) fn size_bytes(&self) -> u64 {
        match self {
            Self::Shared(at) => at.version.size_bytes,
            Self::Input(at) => at.size_bytes,
            Self::List(at) => at.list.size_bytes,
        }
    }

    /// How long a reader waits.
    pub(super) const fn patience(&self) -> Duration {
        match self {
            Self::Shared(_) | Self::List(_) => PATIENCE,
            Self::Input(_) => JOB_PATIENCE,
        }
    }

    /// How often it is asked for what may come another time.
    pub(super) const fn tries(&self) -> u32 {
        match self {
            Self::Shared(_) | Self::List(_) => TRIES,
            Self::Input(_) => u32::MAX,
        }
    }

    /// Asks for groups of `blob`, its content, and what proves them; returns who gives them, too.
    pub(super) async fn ask_groups(
        &self,
        tree: &Tree,
        blob: BlobId,
        run: Range<u64>,
    ) -> Result<(Fetched, PeerId), TreeError> {
        debug_assert!(run.end <= group_count(self.size_bytes()), "groups of the file");
        let (first, count) = (run.start, run.end - run.start);
        match self {
            Self::Shared(at) => {
                let is_online = tree.roots.borrow().is_online(at.share.peer);
                let asked = match is_online {
                    true => self.ask_owner(tree, at, blob, run.clone()).await,
                    false => Err(TreeError::Away { machine: at.share.machine.clone() }),
                };
                let error = match asked {
                    Err(error) if error.may_pass() || matches!(error, TreeError::Wrong { .. }) => error,
                    asked => return asked,
                };
                let key = at.share.key();
                let holders = key.map(|key| tree.copies.holders(key, blob)).unwrap_or_default();
                if let Some(key) = key
                    && let Some(came) = self.ask_holders(tree, key, blob, holders, run.clone()).await
                {
                    return Ok(came);
                }
                // Somebody on the way may have kept some.
                if matches!(error, TreeError::Away { .. }) {
                    self.ask_owner(tree, at, blob, run).await
                } else {
                    Err(error)
                }
            }
            Self::Input(at) => {
                let request = BulkRequest::Groups { blob: at.blob, job: at.job, first, count };
                let steward = *at.steward.borrow();
                self.ask(tree, blob, steward, request).await
            }
            Self::List(at) => {
                let sources = tree.copies.list_sources(at.key, blob);
                let came = self.ask_holders(tree, at.key, blob, sources, run).await;
                came.ok_or_else(|| TreeError::Away { machine: tree.name_of(at.key.0) })
            }
        }
    }

    /// Machines that can be asked for groups now, each for itself: the owner of a share, and those that keep copies.
    pub(super) fn sources(&self, tree: &Tree, blob: BlobId) -> Vec<PeerId> {
        let Self::Shared(at) = self else { return Vec::new() };
        let owner = Some(at.share.peer).filter(|owner| tree.roots.borrow().is_online(*owner));
        let holders = at.share.key().map(|key| tree.copies.holders(key, blob)).unwrap_or_default();
        let doubted = tree.transfer.doubts.of(blob);
        let trusted = |peer: &PeerId| !doubted.contains(&Pair::of(tree.transfer.me, *peer));
        owner.into_iter().chain(holders).filter(trusted).collect()
    }

    /// Asks one of [`Origin::sources`].
    pub(super) async fn ask_one(
        &self,
        tree: &Tree,
        blob: BlobId,
        source: PeerId,
        run: Range<u64>,
    ) -> Result<(Fetched, PeerId), TreeError> {
        match self {
            Self::Shared(at) if at.share.peer == source => self.ask_owner(tree, at, blob, run).await,
            Self::Shared(at) if let Some(key) = at.share.key() => {
                let came = self.ask_holders(tree, key, blob, vec![source], run).await;
                came.ok_or_else(|| TreeError::Away { machine: tree.name_of(source) })
            }
            Self::Shared(_) | Self::Input(_) | Self::List(_) => self.ask_groups(tree, blob, run).await,
        }
    }

    /// Asks the owner of a share for groups of a file.
    async fn ask_owner(
        &self,
        tree: &Tree,
        at: &SharedAt,
        blob: BlobId,
        run: Range<u64>,
    ) -> Result<(Fetched, PeerId), TreeError> {
        let (path, version) = (at.rest.clone(), at.version);
        let (first, count) = (run.start, run.end - run.start);
        let wish = match at.ticket(tree, blob).await {
            Some(ticket) => TreeWish::ProveBy { path, version, first, count, ticket },
            None => TreeWish::Prove { path, version, first, count },
        };
        self.ask(tree, blob, at.share.peer, at.share.request(wish)).await
    }

    /// Asks machines that keep copies, one after the other; those that gave wrong bytes of it just now are left out.
    async fn ask_holders(
        &self,
        tree: &Tree,
        (owner, share): ShareKey,
        blob: BlobId,
        holders: Vec<PeerId>,
        run: Range<u64>,
    ) -> Option<(Fetched, PeerId)> {
        let (first, count) = (run.start, run.end - run.start);
        let doubted = tree.transfer.doubts.of(blob);
        for holder in holders.into_iter().filter(|holder| !doubted.contains(&Pair::of(tree.transfer.me, *holder))) {
            match self.ask(tree, blob, holder, BulkRequest::Copied { owner, share, blob, first, count }).await {
                Ok(came) => return Some(came),
                Err(error) => tracing::debug!(%error, "a machine does not give its copy"),
            }
        }
        None
    }

    async fn ask(
        &self,
        tree: &Tree,
        blob: BlobId,
        from: PeerId,
        request: BulkRequest,
    ) -> Result<(Fetched, PeerId), TreeError> {
        let asked = tree.transfer.ask_for(blob, from, request).await;
        asked.map_err(|error| {
            let machine = tree.name_of(from);
            match TreeError::of_transfer(self.path(), &machine, error, |peer| tree.name_of(peer)) {
                // Nobody on the way is to blame for what they do not keep.
                TreeError::NotPassed { .. } if !tree.roots.borrow().is_online(from) => TreeError::Away { machine },
                error => error,
            }
        })
    }

    fn path(&self) -> &TreePath {
        match self {
            Self::Shared(at) => &at.path,
            Self::Input(at) => &at.path,
            Self::List(at) => &at.path,
        }
    }

    /// Why bytes stopped to come. The machine of a share breaks off when the file changes under it: asked again, it says so.
    pub(super) async fn why_broken(&self, tree: &Tree, error: &io::Error) -> TreeError {
        let broke = TreeError::Broke { machine: self.machine(tree), why: error.to_string() };
        let Self::Shared(at) = self else { return broke };
        match tree.stat(&at.path).await {
            Ok(Told { what: TreeEntry { kind: EntryKind::File { version, .. }, .. }, .. }) if version == at.version => {
                broke
            }
            Ok(_) => TreeError::Changed { path: shown(&at.path) },
            Err(error) => error,
        }
    }

    pub(super) fn wrong(&self, tree: &Tree) -> TreeError {
        TreeError::Wrong { machine: self.machine(tree), path: shown(self.path()) }
    }

    /// What `from` gave is not the content: it is not asked for it again for a while, and people are told once.
    pub(super) async fn came_wrong(&self, tree: &Tree, blob: BlobId, from: PeerId) -> TreeError {
        let Transfer { me, doubts, ways, .. } = &tree.transfer;
        if doubts.note(blob, Pair::of(*me, from)) {
            ways.came_wrong(from, format!("'{}'", shown(self.path()))).await;
        }
        self.wrong(tree)
    }

    pub(super) fn silent(&self, tree: &Tree) -> TreeError {
        TreeError::Silent { machine: self.machine(tree), waited: self.patience() }
    }

    /// What people call the machine.
    fn machine(&self, tree: &Tree) -> String {
        match self {
            Self::Shared(at) => at.share.machine.clone(),
            Self::Input(at) => tree.name_of(*at.steward.borrow()),
            Self::List(at) => tree.name_of(at.key.0),
        }
    }
}

impl SharedAt {
    /// The hash of the file's content, once its owner knows it. The right to it is kept.
    pub(super) async fn ask_blob(&self, tree: &Tree) -> Result<Option<BlobId>, TreeError> {
        let Self { path, share, rest, version, .. } = self;
        let wish = TreeWish::Ticket { path: rest.clone(), version: *version };
        let Some(bytes) = tree.answer::<Option<Vec<u8>>>(path, share, wish, MAX_ENTRY_BYTES).await? else {
            return Ok(None);
        };
        let ticket = open_ticket(&bytes).map_err(|_| share.nonsense())?;
        // Whoever is on the way cannot give another right instead, such as that to another file.
        let is_ours = (ticket.owner, ticket.reader) == (share.peer, tree.transfer.me);
        let answers = ticket.question == question(share.id, rest, *version) && ticket.size_bytes == version.size_bytes;
        if !is_ours || !answers {
            return Err(share.nonsense());
        }
        tree.tickets.keep(share.peer, ticket.blob, bytes);
        Ok(Some(ticket.blob))
    }

    /// The right to `blob`, which is the file's content; a new one in time, if its owner can be asked.
    async fn ticket(&self, tree: &Tree, blob: BlobId) -> Option<Vec<u8>> {
        let held = tree.tickets.of(self.share.peer, blob);
        let is_new = held.as_ref().is_some_and(|held| !held.is_old());
        if !is_new && tree.roots.borrow().is_online(self.share.peer) {
            let asked = self.ask_blob(tree).await;
            asked.inspect_err(|error| tracing::debug!(%error, "no ticket came for a file")).ok();
            return tree.tickets.of(self.share.peer, blob).map(|held| held.bytes);
        }
        held.map(|held| held.bytes)
    }
}
