//! Copying a file of this machine into a folder that it shares: a share has one writer, its owner.

use std::path::Path;

use gridwell_api::{ApiError, ErrorCode};
use gridwell_model::EntryKind;
use gridwell_mount::TreePath;
use gridwell_store::{BlobError, LandError, PutError};

use super::{Local, Place, Tree, TreeError, shown};
use crate::{config::UPLOADS, core::sentence};

impl Tree {
    /// Copies the file `from` to `to`, or under its own name into the folder `to`; returns where it lies then. It is there whole or
    /// not at all, and takes no other file's place unless `overwrite` says so.
    ///
    /// # Errors
    ///
    /// [`ApiError`]: `forbidden` for what others share, `duplicate_name` if another file lies there, else why it cannot be copied.
    pub(crate) async fn put(&self, from: &Path, to: &TreePath, overwrite: bool) -> Result<TreePath, ApiError> {
        if !from.is_absolute() {
            let message = format!("'{}' is no absolute path", from.display());
            return Err(ApiError::new(ErrorCode::BadRequest, message));
        }
        self.guard_keys(from).await?;
        let roots = self.roots.borrow().clone();
        let no_share = || TreeError::NoShare { path: shown(to) };
        // Machines are folders of the tree, too.
        let Place::Share(..) = self.place(to, &roots).await? else { return Err(no_share().into()) };
        let at = self.free_name(from, to).await?;
        let Place::Share(share, Some(below)) = self.place(&at, &roots).await? else { return Err(no_share().into()) };
        let Some(Local::Share(folder)) = &share.local else {
            let message =
                format!("only {} writes to '{}': a share has one writer, its owner", share.machine, shown(to));
            return Err(ApiError::new(ErrorCode::Forbidden, message));
        };
        // A disk that is not there now would get a folder in its place.
        folder.stat(None).await.map_err(|error| TreeError::of_share(to, &error))?;
        let put = self.transfer.blobs.copy_to(from, folder.path(), &below, overwrite).await;
        put.map_err(|error| refused(from, &at, &error))?;
        Ok(at)
    }

    /// Whoever may copy here need not be who may read the keys of this machine: a program with the token of the door, for one.
    async fn guard_keys(&self, from: &Path) -> Result<(), ApiError> {
        // What is not there is refused by the copying, with its reason.
        let (Ok(source), Ok(data)) = (tokio::fs::canonicalize(from).await, tokio::fs::canonicalize(&self.data).await)
        else {
            return Ok(());
        };
        if !source.starts_with(&data) || source.starts_with(data.join(UPLOADS)) {
            return Ok(());
        }
        let message = format!("'{}' is not copied: it lies with the keys of this machine", from.display());
        Err(ApiError::new(ErrorCode::Forbidden, message))
    }

    /// What is copied into a folder keeps its name there.
    async fn free_name(&self, from: &Path, to: &TreePath) -> Result<TreePath, ApiError> {
        let is_folder = match self.stat(to).await {
            Ok(told) => told.what.kind == EntryKind::Folder,
            Err(TreeError::Missing { .. }) => false,
            Err(error) => return Err(error.into()),
        };
        if !is_folder {
            return Ok(to.clone());
        }
        let name = from.file_name().map(std::os::unix::ffi::OsStrExt::as_bytes).unwrap_or_default();
        to.child(name).map_err(|_| {
            let message = format!("'{}' has no name that a file could have", from.display());
            ApiError::new(ErrorCode::BadRequest, message)
        })
    }
}

fn refused(from: &Path, at: &TreePath, error: &PutError) -> ApiError {
    let code = match error {
        PutError::Land(LandError::Exists { .. }) => {
            return ApiError::new(ErrorCode::DuplicateName, format!("'{}' is there already", shown(at)))
                .help("to replace it: --overwrite");
        }
        PutError::Source(BlobError::NotAFile { .. }) => ErrorCode::MissingFile,
        PutError::Source(BlobError::Changed { .. }) => ErrorCode::FileChanged,
        PutError::Source(_) if !from.exists() => ErrorCode::MissingFile,
        PutError::Source(_) => ErrorCode::Unreadable,
        PutError::Land(LandError::Full { .. }) => ErrorCode::DiskFull,
        PutError::Land(LandError::Store(_)) | PutError::Store(_) => ErrorCode::Storage,
        PutError::Land(_) => ErrorCode::OutputNotWritable,
    };
    ApiError::new(code, format!("'{}' was not copied: {}", from.display(), sentence(error)))
}
