use std::time::Duration;

use gridwell_api::{ApiError, ErrorCode};
use gridwell_model::{Hindrance, PeerId};
use gridwell_mount::TreePath;
use gridwell_net::FetchError;
use gridwell_store::{ObjectError, ShareError, StoreError};
use gridwell_wire::TreeFault;

use super::shown;
use crate::{
    core::sentence,
    transfer::{TransferError, because},
};

/// Why something of the tree is not shown; one sentence each.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TreeError {
    /// Nothing is there.
    #[error("there is nothing at '{path}'")]
    Missing {
        /// Where.
        path: String,
    },
    /// A folder was asked for.
    #[error("'{path}' is no folder")]
    NotAFolder {
        /// What.
        path: String,
    },
    /// A file was asked for.
    #[error("'{path}' is no file")]
    NotAFile {
        /// What.
        path: String,
    },
    /// All of it lies here anyway.
    #[error("'{path}' is this machine's own: all of it lies here anyway")]
    Own {
        /// What.
        path: String,
    },
    /// A machine, or all of them.
    #[error("'{path}' is no share, and in none")]
    NoShare {
        /// What.
        path: String,
    },
    /// It has other content now than when it was opened.
    #[error("'{path}' has changed since it was opened")]
    Changed {
        /// What.
        path: String,
    },
    /// The operating system of its machine does not let it be read.
    #[error("'{path}' cannot be read on its machine")]
    Unreadable {
        /// What.
        path: String,
    },
    /// Its owner does not show it to this machine.
    #[error("{machine} does not show '{path}' to this machine (any more)")]
    Denied {
        /// Whose.
        machine: String,
        /// What.
        path: String,
    },
    /// A link on the way does not carry it.
    #[error("'{path}' of {machine} does not come through: {why}")]
    NotPassed {
        /// Whose.
        machine: String,
        /// What.
        path: String,
        /// What is wrong with which link.
        why: String,
        /// True if its owner does not want it to.
        forbidden: bool,
    },
    /// Its owner has not hashed it yet.
    #[error("'{path}' is not hashed yet")]
    NotHashed {
        /// What.
        path: String,
    },
    /// The machine cannot be reached now.
    #[error("{machine} is offline, or no way leads to it")]
    Away {
        /// Which.
        machine: String,
    },
    /// It did not answer in time.
    #[error("{machine} did not answer within {} s", waited.as_secs())]
    Silent {
        /// Which.
        machine: String,
        /// For how long it was waited.
        waited: Duration,
    },
    /// The connection broke.
    #[error("the transfer from {machine} broke: {why}")]
    Broke {
        /// Which.
        machine: String,
        /// What happened.
        why: String,
    },
    /// Its answer makes no sense.
    #[error("{machine} gives an answer that is none")]
    Nonsense {
        /// Which.
        machine: String,
    },
    /// What came is not the file's content.
    #[error("{machine}, or a machine on the way, gives bytes that are not those of '{path}'")]
    Wrong {
        /// Whose it is.
        machine: String,
        /// What.
        path: String,
    },
    /// It holds more files than are read as one.
    #[error("'{path}' holds more than {most} files; so many are not read as one")]
    TooMany {
        /// What.
        path: String,
        /// How many are.
        most: usize,
    },
    /// No part of it can be read alone.
    #[error("'{path}': {why}")]
    NoPart {
        /// What.
        path: String,
        /// Why not.
        why: String,
    },
    /// This machine could not keep what came, or read what it kept.
    #[error("this machine cannot keep what it reads: {why}")]
    Disk {
        /// What happened.
        why: String,
    },
    /// The node is stopping.
    #[error("the node is stopping")]
    Stopping,
}

impl TreeError {
    /// True if asking again may help: another way may lead there.
    pub(super) const fn may_pass(&self) -> bool {
        matches!(self, Self::NotPassed { .. } | Self::Broke { .. } | Self::Silent { .. } | Self::Away { .. })
    }

    /// What lies here at `path` is not shown.
    pub(super) fn of_share(path: &TreePath, error: &ShareError) -> Self {
        let path = shown(path);
        match error {
            ShareError::Missing { .. } => Self::Missing { path },
            ShareError::NotAFolder { .. } => Self::NotAFolder { path },
            ShareError::NotAFile { .. } => Self::NotAFile { path },
            ShareError::Changed { .. } => Self::Changed { path },
            ShareError::Unreadable { .. } => Self::Unreadable { path },
            ShareError::Store(_) => Self::Stopping,
        }
    }

    pub(super) fn of_disk(error: &ObjectError) -> Self {
        match error {
            ObjectError::Store(_) => Self::Stopping,
            error => Self::Disk { why: sentence(error) },
        }
    }

    pub(super) fn of_store(error: &StoreError) -> Self {
        match error {
            StoreError::Closed => Self::Stopping,
            error => Self::Disk { why: sentence(error) },
        }
    }

    /// `name` says what people call a machine.
    pub(super) fn of_transfer(
        path: &TreePath,
        machine: &str,
        error: TransferError,
        name: impl Fn(PeerId) -> String,
    ) -> Self {
        let (path, machine) = (shown(path), machine.to_owned());
        match error {
            TransferError::Fetch(FetchError::NotShown { fault, .. }) => match fault {
                TreeFault::Missing => Self::Missing { path },
                TreeFault::NotAFolder => Self::NotAFolder { path },
                TreeFault::NotAFile => Self::NotAFile { path },
                TreeFault::Changed => Self::Changed { path },
                TreeFault::NotHashed => Self::NotHashed { path },
                TreeFault::Unreadable => Self::Unreadable { path },
            },
            TransferError::Fetch(FetchError::Refused { .. } | FetchError::Missing { .. }) => {
                Self::Denied { machine, path }
            }
            TransferError::NoWay { .. } | TransferError::Fetch(FetchError::NoLink { .. }) => Self::Away { machine },
            TransferError::Doubted { .. } => Self::Wrong { machine, path },
            TransferError::WayBroke { one, other, why, .. } => {
                let forbidden = why == Hindrance::NotRelaying;
                let why = format!("the link between {} and {} {}", name(one), name(other), because(why));
                Self::NotPassed { machine, path, why, forbidden }
            }
            error => Self::Broke { machine, why: error.to_string() },
        }
    }
}

impl From<TreeError> for ApiError {
    fn from(error: TreeError) -> Self {
        let code = match error {
            TreeError::Missing { .. } | TreeError::NotAFolder { .. } | TreeError::NotAFile { .. } => {
                ErrorCode::MissingFile
            }
            TreeError::Own { .. } | TreeError::NoShare { .. } => ErrorCode::BadRequest,
            TreeError::NoPart { .. } => ErrorCode::BadValue,
            TreeError::TooMany { .. } => ErrorCode::TooLarge,
            TreeError::Changed { .. } => ErrorCode::FileChanged,
            TreeError::NotPassed { forbidden: true, .. } => ErrorCode::Forbidden,
            TreeError::Unreadable { .. } => ErrorCode::Unreadable,
            TreeError::Denied { .. } => ErrorCode::Forbidden,
            TreeError::NotPassed { forbidden: false, .. }
            | TreeError::NotHashed { .. }
            | TreeError::Away { .. }
            | TreeError::Silent { .. }
            | TreeError::Broke { .. }
            | TreeError::Nonsense { .. }
            | TreeError::Wrong { .. } => ErrorCode::PeerUnreachable,
            TreeError::Disk { .. } => ErrorCode::Storage,
            TreeError::Stopping => ErrorCode::Stopping,
        };
        Self::new(code, error.to_string())
    }
}
