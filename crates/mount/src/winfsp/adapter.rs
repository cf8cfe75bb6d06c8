use std::sync::Arc;

use tokio::runtime::Handle;
use winfsp_wrs::{
    CreateOptions, DirInfo, FileAccessRights, FileAttributes, FileInfo, FileSystemInterface, NTSTATUS,
    PSecurityDescriptor, STATUS_ACCESS_DENIED, STATUS_END_OF_FILE, STATUS_FILE_INVALID, STATUS_FILE_IS_A_DIRECTORY,
    STATUS_HOST_UNREACHABLE, STATUS_IO_TIMEOUT, STATUS_NAME_TOO_LONG, STATUS_NOT_A_DIRECTORY,
    STATUS_OBJECT_NAME_NOT_FOUND, STATUS_TOO_MANY_OPENED_FILES, STATUS_UNEXPECTED_IO_ERROR, STATUS_VOLUME_DISMOUNTED,
    SecurityDescriptor, U16CStr, U16CString, VolumeInfo, u16str,
};

use super::volume::{Opened, Volume, ticks};
use crate::{
    Kind, NameError, TreeError,
    vfs::{Known, VfsError},
};

/// What a file is said to take up is a multiple of this.
const ALLOCATION_BYTES: u64 = 4_096;

/// Speaks WinFsp, whose threads wait for the answer: each call has a deadline.
pub(super) struct Adapter {
    pub(super) volume: Volume,
    pub(super) runtime: Handle,
    /// Whom everything belongs to, and who may read it.
    pub(super) rights: SecurityDescriptor,
}

impl Adapter {
    fn wait<T>(&self, call: impl Future<Output = Result<T, VfsError>>) -> Result<T, NTSTATUS> {
        self.runtime.block_on(call).map_err(|error| status(&error))
    }
}

impl FileSystemInterface for Adapter {
    type FileContext = Arc<Opened>;

    const GET_VOLUME_INFO_DEFINED: bool = true;
    const GET_SECURITY_BY_NAME_DEFINED: bool = true;
    const OPEN_DEFINED: bool = true;
    const CLOSE_DEFINED: bool = true;
    const READ_DEFINED: bool = true;
    const GET_FILE_INFO_DEFINED: bool = true;
    const GET_SECURITY_DEFINED: bool = true;
    const READ_DIRECTORY_DEFINED: bool = true;
    const GET_DIR_INFO_BY_NAME_DEFINED: bool = true;

    /// How large the tree is nobody knows; nothing is free, since it is only read.
    fn get_volume_info(&self) -> Result<VolumeInfo, NTSTATUS> {
        VolumeInfo::new(0, 0, u16str!("Gridwell")).map_err(|_| STATUS_NAME_TOO_LONG)
    }

    fn get_security_by_name(
        &self,
        name: &U16CStr,
        _: impl Fn() -> Option<FileAttributes>,
    ) -> Result<(FileAttributes, PSecurityDescriptor, bool), NTSTATUS> {
        let known = self.wait(self.volume.look(name.as_slice()))?;
        Ok((attributes(&known), self.rights.as_ptr(), false))
    }

    fn open(&self, name: &U16CStr, _: CreateOptions, _: FileAccessRights) -> Result<(Arc<Opened>, FileInfo), NTSTATUS> {
        let opened = self.wait(self.volume.open(name.as_slice()))?;
        let info = info(&opened.known);
        Ok((Arc::new(opened), info))
    }

    /// The last one that holds it closes the file.
    fn close(&self, opened: Arc<Opened>) {
        drop(opened);
    }

    fn read(&self, opened: Arc<Opened>, buffer: &mut [u8], offset: u64) -> Result<usize, NTSTATUS> {
        let length = u32::try_from(buffer.len()).unwrap_or(u32::MAX);
        let bytes = self.wait(self.volume.read(&opened, offset, length))?;
        if bytes.is_empty() && length > 0 {
            return Err(STATUS_END_OF_FILE);
        }
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }

    fn get_file_info(&self, opened: Arc<Opened>) -> Result<FileInfo, NTSTATUS> {
        Ok(info(&opened.known))
    }

    fn get_security(&self, _: Arc<Opened>) -> Result<PSecurityDescriptor, NTSTATUS> {
        Ok(self.rights.as_ptr())
    }

    fn read_directory(
        &self,
        folder: Arc<Opened>,
        marker: Option<&U16CStr>,
        mut add: impl FnMut(DirInfo) -> bool,
    ) -> Result<(), NTSTATUS> {
        let mut marker = marker.map(|name| name.as_slice().to_vec());
        loop {
            let part = self.wait(self.volume.list(&folder, marker.as_deref()))?;
            for (name, known) in part.entries {
                let name = U16CString::from_vec_truncate(name);
                if !add(DirInfo::new(info(&known), &name)) {
                    return Ok(());
                }
            }
            marker = part.next;
            if marker.is_none() {
                return Ok(());
            }
        }
    }

    fn get_dir_info_by_name(&self, folder: Arc<Opened>, name: &U16CStr) -> Result<FileInfo, NTSTATUS> {
        Ok(info(&self.wait(self.volume.look_in(&folder, name.as_slice()))?))
    }
}

fn attributes(known: &Known) -> FileAttributes {
    if known.entry.kind == Kind::Folder { FileAttributes::DIRECTORY } else { FileAttributes::READONLY }
}

/// What Windows is told of an entry.
fn info(known: &Known) -> FileInfo {
    let size_bytes = known.entry.size_bytes;
    let mut info = FileInfo::default();
    info.set_file_attributes(attributes(known))
        .set_file_size(size_bytes)
        .set_allocation_size(size_bytes.checked_next_multiple_of(ALLOCATION_BYTES).unwrap_or(size_bytes))
        .set_time(ticks(known.entry.modified_ns))
        .set_index_number(known.ino.0);
    info
}

/// The status that Windows turns into the number that programs see.
fn status(error: &VfsError) -> NTSTATUS {
    tracing::debug!(%error, "a request failed");
    match error {
        VfsError::Tree(TreeError::NotFound) | VfsError::Name(NameError::NotAName { .. }) | VfsError::IsALink => {
            STATUS_OBJECT_NAME_NOT_FOUND
        }
        VfsError::Tree(TreeError::NotAFolder) => STATUS_NOT_A_DIRECTORY,
        VfsError::Tree(TreeError::IsAFolder) => STATUS_FILE_IS_A_DIRECTORY,
        VfsError::Tree(TreeError::Denied { .. }) => STATUS_ACCESS_DENIED,
        VfsError::Tree(TreeError::Stale) | VfsError::Unknown { .. } => STATUS_FILE_INVALID,
        VfsError::Tree(TreeError::Unreachable { .. }) => STATUS_HOST_UNREACHABLE,
        VfsError::Tree(TreeError::TimedOut) => STATUS_IO_TIMEOUT,
        VfsError::Tree(TreeError::TooMany) => STATUS_TOO_MANY_OPENED_FILES,
        VfsError::Tree(TreeError::Unreadable { .. }) => STATUS_UNEXPECTED_IO_ERROR,
        VfsError::Name(NameError::TooLong { .. }) => STATUS_NAME_TOO_LONG,
        VfsError::Interrupted | VfsError::Ending => STATUS_VOLUME_DISMOUNTED,
    }
}
