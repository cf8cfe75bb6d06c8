//! Where nothing can mount: systems without an adapter, and Windows when the feature `winfsp` was left out.

use std::{path::Path, sync::Arc};

use tokio::runtime::Handle;

use crate::{MountError, MountOptions, Tree, TreePath};

/// Says that it cannot.
///
/// # Errors
///
/// [`MountError::NotBuiltIn`].
pub fn mount(_: Arc<dyn Tree>, _: &Path, _: &MountOptions, _: &Handle) -> Result<Mounted, MountError> {
    Err(MountError::NotBuiltIn)
}

/// Nothing to do.
///
/// # Errors
///
/// None.
pub fn clean_stale(_: &Path) -> Result<(), MountError> {
    Ok(())
}

/// There is none.
#[derive(Debug)]
pub enum Mounted {}

impl Mounted {
    /// Where it is.
    #[must_use]
    pub fn dir(&self) -> &Path {
        match *self {}
    }

    /// What lies at `path` has changed.
    pub fn invalidate(&self, _: &TreePath) {
        match *self {}
    }

    /// Takes it away.
    pub fn unmount(self) {
        match self {}
    }
}
