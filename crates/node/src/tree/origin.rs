//! Where content that is fetched group by group lies, and what is said when it does not come.

use std::{io, ops::Range, sync::Arc, time::Duration};

use gridwell_files::group_count;
use gridwell_model::{BlobId, EntryKind, JobId, PeerId, RelPath, TreeEntry, Version};
use gridwell_mount::TreePath;
use gridwell_net::Fetched;
use gridwell_wire::{BulkRequest, TreeWish};
use tokio::sync::watch;

use super::{ShareAt, Told, Tree, TreeError, Whose, shown};

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

/// Content by its hash, as it is given in one place: what is not given elsewhere is no fault of this one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Shared(BlobId, Whose, RelPath, Version),
    Input(BlobId, JobId),
}

impl Origin {
    pub(super) fn key(&self, blob: BlobId) -> Key {
        match self {
            Self::Shared(at) => Key::Shared(blob, at.share.id, at.rest.clone(), at.version),
            Self::Input(at) => Key::Input(blob, at.job),
        }
    }

    pub(super) fn size_bytes(&self) -> u64 {
        match self {
            Self::Shared(at) => at.version.size_bytes,
            Self::Input(at) => at.size_bytes,
        }
    }

    /// How long a reader waits.
    pub(super) const fn patience(&self) -> Duration {
        match self {
            Self::Shared(_) => PATIENCE,
            Self::Input(_) => JOB_PATIENCE,
        }
    }

    /// How often it is asked for what may come another time.
    pub(super) const fn tries(&self) -> u32 {
        match self {
            Self::Shared(_) => TRIES,
            Self::Input(_) => u32::MAX,
        }
    }

    /// Asks for groups and what proves them.
    pub(super) async fn ask_groups(&self, tree: &Tree, run: Range<u64>) -> Result<Fetched, TreeError> {
        debug_assert!(run.end <= group_count(self.size_bytes()), "groups of the file");
        let (first, count) = (run.start, run.end - run.start);
        match self {
            Self::Shared(at) => {
                let wish = TreeWish::Prove { path: at.rest.clone(), version: at.version, first, count };
                tree.fetch(&at.path, &at.share, wish).await
            }
            Self::Input(at) => {
                let request = BulkRequest::Groups { blob: at.blob, job: at.job, first, count };
                let steward = *at.steward.borrow();
                let fetched = tree.transfer.ask(steward, request).await;
                fetched.map_err(|error| {
                    let machine = tree.name_of(steward);
                    TreeError::of_transfer(&at.path, &machine, error, |peer| tree.name_of(peer))
                })
            }
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

    pub(super) fn nonsense(&self, tree: &Tree) -> TreeError {
        TreeError::Nonsense { machine: self.machine(tree) }
    }

    pub(super) fn wrong(&self, tree: &Tree) -> TreeError {
        let path = match self {
            Self::Shared(at) => &at.path,
            Self::Input(at) => &at.path,
        };
        TreeError::Wrong { machine: self.machine(tree), path: shown(path) }
    }

    pub(super) fn silent(&self, tree: &Tree) -> TreeError {
        TreeError::Silent { machine: self.machine(tree), waited: self.patience() }
    }

    /// What people call the machine.
    fn machine(&self, tree: &Tree) -> String {
        match self {
            Self::Shared(at) => at.share.machine.clone(),
            Self::Input(at) => tree.name_of(*at.steward.borrow()),
        }
    }
}
