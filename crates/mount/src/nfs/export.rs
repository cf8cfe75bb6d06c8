use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use nfs3_server::{
    nfs3_types::{
        nfs3::{fattr3, filename3, nfspath3, nfsstat3},
        rpc::auth_unix,
    },
    vfs::{DirEntryPlus, FileHandleU64, NextResult, NfsReadFileSystem, ReadDirPlusIterator},
};

use super::{
    attributes::{attributes, gate_attributes, status},
    opened::{OpenHandle, Opened},
};
use crate::{
    Owner, TreePath,
    vfs::{Hold, Ino, Known, Page, Vfs, VfsError},
};

/// Most bytes of one answer; clients are told so, but may ask for more.
const MAX_READ_BYTES: u32 = 1 << 20;

/// The tree, as NFS asks for it. A handle is the number of an inode; the library puts this start's secret number before it.
pub(super) struct Export {
    pub(super) vfs: Arc<Vfs>,
    pub(super) opened: Arc<Opened>,
    pub(super) gate: Arc<Gate>,
    pub(super) owner: Owner,
}

/// What stands before the tree's root: a folder that shows nothing and has one entry, whose name is a secret.
pub(super) struct Gate {
    secret: Vec<u8>,
    is_open: AtomicBool,
}

impl Gate {
    /// No inode's number.
    const INO: u64 = u64::MAX;

    pub(super) fn new(secret: Vec<u8>) -> Self {
        Self { secret, is_open: AtomicBool::new(true) }
    }

    pub(super) fn shut(&self) {
        self.is_open.store(false, Ordering::Relaxed);
    }

    fn admits(&self, name: &[u8]) -> bool {
        self.is_open.load(Ordering::Relaxed) && name == self.secret
    }
}

impl NfsReadFileSystem for Export {
    type Handle = FileHandleU64;

    fn root_dir(&self) -> FileHandleU64 {
        FileHandleU64::new(Gate::INO)
    }

    /// The system says truly for which of its users it asks.
    fn authorize(&self, auth: Option<&auth_unix>) -> bool {
        auth.is_none_or(|auth| auth.uid == self.owner.user || auth.uid == 0)
    }

    async fn lookup(&self, folder: &FileHandleU64, name: &filename3<'_>) -> Result<FileHandleU64, nfsstat3> {
        if folder.as_u64() == Gate::INO {
            let admitted = self.gate.admits(name.as_ref());
            return if admitted { Ok(Ino::ROOT.0.into()) } else { Err(nfsstat3::NFS3ERR_NOENT) };
        }
        let known = self.vfs.lookup(ino(folder), name.as_ref(), Hold::No).await;
        known.map(|known| known.ino.0.into()).map_err(|error| status(&error))
    }

    async fn getattr(&self, of: &FileHandleU64) -> Result<fattr3, nfsstat3> {
        if of.as_u64() == Gate::INO {
            return Ok(gate_attributes(self.owner));
        }
        let known = self.vfs.present_attributes(ino(of)).await.map_err(|error| status(&error))?;
        Ok(attributes(&known, self.owner))
    }

    async fn read(&self, of: &FileHandleU64, offset: u64, count: u32) -> Result<(Vec<u8>, bool), nfsstat3> {
        let read = async {
            let file = self.opened.file(ino(of)).await?;
            let size_bytes = self.vfs.attributes(ino(of)).await?.entry.size_bytes;
            let bytes = self.vfs.read(file.number, offset, count.min(MAX_READ_BYTES)).await?;
            let is_end = offset.saturating_add(bytes.len() as u64) >= size_bytes;
            Ok((bytes.into(), is_end))
        };
        read.await.map_err(|error: VfsError| status(&error))
    }

    async fn readdirplus(
        &self,
        folder: &FileHandleU64,
        cookie: u64,
    ) -> Result<impl ReadDirPlusIterator<FileHandleU64>, nfsstat3> {
        let ino = ino(folder);
        let open = || Ok((self.vfs.path(ino)?, self.opened.folder(ino)?));
        let (path, handle) = open().map_err(|error: VfsError| status(&error))?;
        Ok(Entries { vfs: self.vfs.clone(), owner: self.owner, path, handle, page: None, index: cookie })
    }

    async fn readlink(&self, of: &FileHandleU64) -> Result<nfspath3<'_>, nfsstat3> {
        let target = self.vfs.target(ino(of)).map_err(|error| status(&error))?;
        Ok(nfspath3::from(target.to_vec()))
    }
}

fn ino(handle: &FileHandleU64) -> Ino {
    Ino(handle.as_u64())
}

/// A folder that is being listed; an entry's cookie is the place behind it.
struct Entries {
    vfs: Arc<Vfs>,
    owner: Owner,
    path: TreePath,
    handle: Arc<OpenHandle>,
    page: Option<Arc<Page>>,
    index: u64,
}

impl Entries {
    async fn advance(&mut self) -> Result<Option<DirEntryPlus<FileHandleU64>>, VfsError> {
        loop {
            if let Some(page) = &self.page {
                if let Some((at, (name, entry))) = page.from(self.index).next() {
                    self.index = at + 1;
                    let known = self.vfs.learn(&self.path, name, entry.clone(), Hold::No)?;
                    return Ok(Some(self.entry(name, &known)));
                }
                if page.is_last() {
                    return Ok(None);
                }
            }
            self.page = Some(self.vfs.page(self.handle.number, self.index).await?);
        }
    }

    fn entry(&self, name: &[u8], known: &Known) -> DirEntryPlus<FileHandleU64> {
        DirEntryPlus {
            fileid: known.ino.0,
            name: name.to_vec().into(),
            cookie: self.index,
            name_attributes: Some(attributes(known, self.owner)),
            name_handle: Some(known.ino.0.into()),
        }
    }
}

impl ReadDirPlusIterator<FileHandleU64> for Entries {
    async fn next(&mut self) -> NextResult<DirEntryPlus<FileHandleU64>> {
        match self.advance().await {
            Ok(Some(entry)) => NextResult::Ok(entry),
            Ok(None) => NextResult::Eof,
            Err(error) => NextResult::Err(status(&error)),
        }
    }
}
