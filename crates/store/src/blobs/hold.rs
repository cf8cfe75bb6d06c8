use std::sync::Arc;

use gridwell_model::BlobId;

use super::Inner;

/// Keeps a blob from being evicted or discarded by others while it lives, but not over a restart. It may be taken before
/// the blob is here.
#[derive(Debug)]
pub struct BlobHold {
    inner: Arc<Inner>,
    blob: BlobId,
}

impl BlobHold {
    pub(crate) fn new(inner: &Arc<Inner>, blob: BlobId) -> Self {
        inner.index().hold(blob);
        Self { inner: Arc::clone(inner), blob }
    }

    /// The blob.
    #[must_use]
    pub const fn blob(&self) -> BlobId {
        self.blob
    }
}

impl Drop for BlobHold {
    fn drop(&mut self) {
        self.inner.index().release(self.blob);
    }
}
