//! Where nothing can mount: systems without an adapter, and Windows when the feature `winfsp` was left out.

use std::{path::Path, sync::Arc};

use tokio::runtime::Handle;

use crate::{MountError, MountOptions, Mounted, Tree};

/// Says that it cannot.
///
/// # Errors
///
/// [`MountError::NotBuiltIn`].
pub fn mount(_: Arc<dyn Tree>, _: &Path, _: &MountOptions, _: &Handle) -> Result<Mounted, MountError> {
    Err(MountError::NotBuiltIn)
}
