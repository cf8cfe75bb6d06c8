use gridwell_model::{RelPath, TreeEntry};
use gridwell_store::{ShareError, SharedFolder};
use gridwell_wire::TreePage;

use super::JobOutputs;

/// Something of the tree that lies on this machine; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) enum Local {
    Share(SharedFolder),
    Job(JobOutputs),
}

impl Local {
    /// Up to [`TreePage::MAX_ENTRIES`] names in a folder, those after `after`, in their order as bytes.
    pub(crate) async fn list(&self, folder: Option<RelPath>, after: Option<Vec<u8>>) -> Result<TreePage, ShareError> {
        match self {
            Self::Share(share) => {
                let page = share.list(folder, after, TreePage::MAX_ENTRIES).await?;
                Ok(TreePage { entries: page.entries, more: page.more })
            }
            Self::Job(outputs) => outputs.list(folder, after).await,
        }
    }

    /// What lies at a path; the whole itself without one.
    pub(crate) async fn stat(&self, path: Option<RelPath>) -> Result<TreeEntry, ShareError> {
        match self {
            Self::Share(share) => share.stat(path).await,
            Self::Job(outputs) => outputs.stat(path).await,
        }
    }

    /// The folder in which a file lies, and its path there.
    pub(crate) async fn place_of(&self, path: RelPath) -> Result<(SharedFolder, RelPath), ShareError> {
        match self {
            Self::Share(share) => Ok((share.clone(), path)),
            Self::Job(outputs) => outputs.place_of(&path).await,
        }
    }
}
