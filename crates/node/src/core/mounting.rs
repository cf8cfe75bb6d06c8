//! The tree as a folder of this machine.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use gridwell_api::{ApiError, ErrorCode, MountRequest, MountView, NoticeKind, NoticeLevel, Response};
use gridwell_mount::{MountError, MountOptions, Mounted};
use gridwell_store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;

use super::{Core, Fact, facts::Reply, steward::sentence};
use crate::tree::MountedTree;

/// Key in the store.
const KEY: &str = "mount";

/// Where the tree is to be shown, also after a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MountAt {
    dir: PathBuf,
    strict: bool,
}

/// Where the tree is shown.
#[derive(Debug, Default)]
pub(crate) struct Mounting {
    /// Where it is shown from the start on.
    kept: Option<MountAt>,
    /// True if somebody decided on that.
    decided: bool,
    now: Option<(MountAt, Mounted)>,
    /// True while one is being made or taken away: one at a time.
    busy: bool,
}

impl Mounting {
    /// Reads what is kept; what cannot be read is not mounted. While nobody decided anything it is shown at `usual`.
    pub(crate) async fn load(store: &Store, usual: Option<PathBuf>) -> Result<Self, StoreError> {
        let kept = store.meta(KEY).await?;
        let kept = kept.map(|bytes| postcard::from_bytes::<Option<MountAt>>(&bytes).unwrap_or_default());
        let decided = kept.is_some();
        let kept = kept.unwrap_or_else(|| usual.map(|dir| MountAt { dir, strict: false }));
        Ok(Self { kept, decided, ..Self::default() })
    }

    /// Where the tree is shown now.
    pub(super) fn dir(&self) -> Option<&Path> {
        self.now.as_ref().map(|(at, _)| at.dir.as_path())
    }

    /// Takes the mount away with the node.
    pub(super) async fn close(self) {
        let Some((_, mounted)) = self.now else { return };
        if tokio::task::spawn_blocking(move || mounted.unmount()).await.is_err() {
            tracing::warn!("the mount did not end well");
        }
    }
}

impl Core {
    /// Shows the tree where it was shown before.
    pub(crate) fn begin_mounting(&mut self) {
        if let Some(at) = self.mounting.kept.clone() {
            self.show_tree(at, None);
        }
    }

    pub(super) fn mount(&mut self, request: MountRequest, reply: Reply) {
        let at = MountAt { dir: PathBuf::from(request.dir), strict: request.strict };
        match self.may_mount(&at) {
            Ok(()) => self.show_tree(at, Some(reply)),
            Err(error) => _ = reply.send(Err(error)),
        }
    }

    fn may_mount(&self, at: &MountAt) -> Result<(), ApiError> {
        if !at.dir.is_absolute() {
            return Err(ApiError::new(ErrorCode::BadRequest, format!("'{}' is no absolute path", at.dir.display())));
        }
        if self.mounting.busy {
            return Err(busy());
        }
        // As it lies, whatever links lead there; what is not there yet lies in what is.
        let lies = at.dir.ancestors().find_map(|dir| dir.canonicalize().ok()).unwrap_or_default();
        if self.sharing.holds(&lies) {
            let message = format!(
                "'{}' lies in a folder that is shared: others would see what is mounted there",
                at.dir.display()
            );
            return Err(ApiError::new(ErrorCode::BadRequest, message).help("choose a folder that is not shared"));
        }
        if let Some((at, _)) = &self.mounting.now {
            let message = format!("the tree is mounted at '{}' already", at.dir.display());
            return Err(
                ApiError::new(ErrorCode::WrongState, message).help("to move it: gridwell unmount, then mount it again")
            );
        }
        Ok(())
    }

    fn show_tree(&mut self, at: MountAt, reply: Option<Reply>) {
        self.mounting.busy = true;
        self.mounting.decided |= reply.is_some();
        let decided = self.mounting.decided;
        let tree = Arc::new(MountedTree { tree: self.tree.clone(), strict: at.strict });
        let (store, runtime) = (self.store.clone(), Handle::current());
        self.spawn(async move {
            let options = MountOptions { strict: at.strict, ..MountOptions::default() };
            let dir = at.dir.clone();
            let mounted =
                tokio::task::spawn_blocking(move || gridwell_mount::mount(tree, &dir, &options, &runtime)).await;
            let mounted = match mounted {
                Ok(Ok(mounted)) if decided => keep(&store, Some(&at)).await.map(|()| mounted),
                Ok(Ok(mounted)) => Ok(mounted),
                Ok(Err(error)) => Err(refused(&error)),
                Err(error) => Err(ApiError::bug(format!("the tree was not mounted: {error}"))),
            };
            Fact::TreeMounted(at, mounted, reply)
        });
    }

    pub(super) fn on_tree_mounted(&mut self, at: MountAt, mounted: Result<Mounted, ApiError>, reply: Option<Reply>) {
        self.mounting.busy = false;
        let answer = mounted.map(|mounted| {
            tracing::info!(dir = %at.dir.display(), "the tree is mounted");
            self.mounting.now = Some((at, mounted));
            Response::Mount(self.mount_view())
        });
        match (reply, answer) {
            // The asker has gone.
            (Some(reply), answer) => _ = reply.send(answer),
            // It is only usual: where it cannot be, nobody misses it.
            (None, Err(error)) if !self.mounting.decided => {
                tracing::info!(%error, "the files of the grid are not shown as a folder");
            }
            (None, Err(error)) => {
                let sentence = format!("the files of the grid are not shown as a folder: {}", error.message);
                self.notice(NoticeKind::Machine, NoticeLevel::Warning, sentence, None, Some(self.me));
            }
            (None, Ok(_)) => {}
        }
    }

    pub(super) fn unmount(&mut self, reply: Reply) {
        if self.mounting.busy {
            _ = reply.send(Err(busy()));
            return;
        }
        self.mounting.busy = true;
        let (store, now) = (self.store.clone(), self.mounting.now.take());
        self.spawn(async move {
            let kept = keep(&store, None).await;
            let ended = tokio::task::spawn_blocking(move || now.map(|(_, mounted)| mounted.unmount())).await;
            if ended.is_err() {
                tracing::warn!("the mount did not end well");
            }
            Fact::TreeUnmounted(kept, reply)
        });
    }

    pub(super) fn on_tree_unmounted(&mut self, kept: Result<(), ApiError>, reply: Reply) {
        self.mounting.busy = false;
        // The asker has gone.
        let _ = reply.send(kept.map(|()| Response::Mount(self.mount_view())));
    }

    pub(super) fn mount_view(&self) -> MountView {
        let now = self.mounting.now.as_ref();
        MountView {
            dir: now.map(|(at, _)| at.dir.to_string_lossy().into_owned()),
            strict: now.is_some_and(|(at, _)| at.strict),
        }
    }
}

fn busy() -> ApiError {
    ApiError::new(ErrorCode::Busy, "the tree is being mounted or unmounted this moment")
}

async fn keep(store: &Store, at: Option<&MountAt>) -> Result<(), ApiError> {
    let bytes = postcard::to_stdvec(&at).expect("a path is plain data");
    store.put_meta(KEY, bytes).await.map_err(|error| super::storage(&error))
}

fn refused(error: &MountError) -> ApiError {
    let (code, help) = match error {
        MountError::NoFuse { .. } | MountError::NotBuiltIn => {
            (ErrorCode::Unreadable, "without it: gridwell files, or the window")
        }
        MountError::NoHelper => (ErrorCode::Unreadable, "install it, for example: sudo apt install fuse3"),
        MountError::NoWinFsp => {
            (ErrorCode::Unreadable, "install it from winfsp.dev; without it: gridwell files, or the window")
        }
        MountError::NotPermitted { .. } => (ErrorCode::Forbidden, "choose a folder of your own"),
        MountError::NotEmpty { .. } | MountError::AlreadyMounted { .. } => {
            (ErrorCode::WrongState, "choose another folder")
        }
        MountError::Folder { .. } | MountError::Session { .. } => (ErrorCode::Unreadable, ""),
    };
    ApiError::new(code, sentence(error)).help(help)
}
