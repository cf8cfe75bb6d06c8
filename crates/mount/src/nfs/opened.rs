use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::vfs::{Ino, Vfs, VfsError};

/// Files and folders that are kept open at most; the one that was used last longest ago goes first.
const MAX_OPENED: usize = 256;
/// How long one stays open that nobody reads.
const KEPT_FOR: Duration = Duration::from_secs(10);

/// Files and folders that are being read. NFS neither opens nor closes, so the first read opens, and idleness closes.
pub(super) struct Opened {
    vfs: Arc<Vfs>,
    by_ino: Mutex<HashMap<Ino, (Arc<OpenHandle>, Instant)>>,
}

/// An open file or folder, for as long as somebody uses it.
pub(super) struct OpenHandle {
    vfs: Arc<Vfs>,
    pub(super) number: u64,
}

impl Drop for OpenHandle {
    fn drop(&mut self) {
        self.vfs.close(self.number);
    }
}

impl Opened {
    pub(super) fn new(vfs: Arc<Vfs>) -> Self {
        Self { vfs, by_ino: Mutex::default() }
    }

    pub(super) async fn file(&self, ino: Ino) -> Result<Arc<OpenHandle>, VfsError> {
        match self.find(ino) {
            Some(handle) => Ok(handle),
            None => Ok(self.keep(ino, self.vfs.open(ino).await?)),
        }
    }

    pub(super) fn folder(&self, ino: Ino) -> Result<Arc<OpenHandle>, VfsError> {
        match self.find(ino) {
            Some(handle) => Ok(handle),
            None => Ok(self.keep(ino, self.vfs.open_folder(ino)?)),
        }
    }

    /// Closes what nobody has read for [`KEPT_FOR`].
    pub(super) fn close_idle(&self) {
        let now = Instant::now();
        self.handles().retain(|_, (_, used)| now.duration_since(*used) < KEPT_FOR);
    }

    fn find(&self, ino: Ino) -> Option<Arc<OpenHandle>> {
        let mut handles = self.handles();
        let (handle, used) = handles.get_mut(&ino)?;
        *used = Instant::now();
        Some(handle.clone())
    }

    /// Keeps `number` open. Another that was opened at the same moment is closed when its read is over.
    fn keep(&self, ino: Ino, number: u64) -> Arc<OpenHandle> {
        let handle = Arc::new(OpenHandle { vfs: self.vfs.clone(), number });
        let mut handles = self.handles();
        if handles.len() >= MAX_OPENED {
            let oldest = handles.iter().min_by_key(|(_, (_, used))| *used).map(|(ino, _)| *ino);
            oldest.and_then(|ino| handles.remove(&ino));
        }
        handles.insert(ino, (handle.clone(), Instant::now()));
        handle
    }

    fn handles(&self) -> MutexGuard<'_, HashMap<Ino, (Arc<OpenHandle>, Instant)>> {
        self.by_ino.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
