use std::{io, path::Path, sync::Arc};

use tokio::runtime::Handle;
use winfsp_wrs::{
    FileSystem, NTSTATUS, OperationGuardStrategy, Params, SecurityDescriptor, U16CString, VolumeParams, filetime_now,
    u16cstr,
};

use super::{adapter::Adapter, prepare, volume::Volume};
use crate::{
    MountError, MountOptions, Mounted, Tree, TreePath, mounted,
    vfs::{ATTRIBUTES_LAST, Vfs},
};

/// Units of the longest name.
const MAX_NAME_UNITS: u16 = 255;
const SECTOR_BYTES: u16 = 4_096;

/// Shows `tree` in the folder `dir`, which must be empty or not there: Windows makes it with the mount.
///
/// Blocks until the system has taken it; `runtime` answers its requests and needs threads of its own. Programs read past the cache
/// of the system in any case, so `strict` changes nothing.
///
/// # Errors
///
/// [`MountError`] says in one sentence what is in the way.
pub fn mount(tree: Arc<dyn Tree>, dir: &Path, options: &MountOptions, runtime: &Handle) -> Result<Mounted, MountError> {
    winfsp_wrs::init().map_err(|_| MountError::NoWinFsp)?;
    prepare(dir)?;
    let session = |source| MountError::Session { source };
    let rights = rights().map_err(session)?;
    let vfs = Arc::new(Vfs::new(tree, options.deadlines()));
    let adapter = Adapter { volume: Volume { vfs: vfs.clone() }, runtime: runtime.clone(), rights };
    let at = U16CString::from_os_str(dir.as_os_str()).map_err(|error| session(io::Error::other(error)))?;
    // Several folders may be looked at at once; nothing here changes names.
    let params = Params { volume_params: volume(), guard_strategy: OperationGuardStrategy::Fine };
    let system = FileSystem::start(params, Some(&at), adapter).map_err(|status| session(refused(status)))?;
    Ok(Mounted::new(dir.into(), WinFsp { vfs, system: Some(system) }))
}

/// Everything belongs to the account of this process, and nobody else may read it.
fn rights() -> io::Result<SecurityDescriptor> {
    let account = account().ok_or_else(|| io::Error::other("the system does not say whose process this is"))?;
    let text =
        U16CString::from_str(format!("O:{account}G:{account}D:P(A;;FRFX;;;{account})")).map_err(io::Error::other)?;
    SecurityDescriptor::from_wstr(&text).map_err(io::Error::other)
}

/// The account of this process, as Windows writes it: `S-1-5-21-…`.
fn account() -> Option<String> {
    use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind, get_current_pid};
    let me = get_current_pid().ok()?;
    let mut system = System::new().ok()?;
    let what = ProcessRefreshKind::nothing().with_user(UpdateKind::Always);
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[me]), false, what);
    Some(system.process(me)?.user_id()?.to_string())
}

fn volume() -> VolumeParams {
    let mut volume = VolumeParams::default();
    let lasts_ms = u32::try_from(ATTRIBUTES_LAST.as_millis()).unwrap_or(u32::MAX);
    volume
        .set_sector_size(SECTOR_BYTES)
        .set_sectors_per_allocation_unit(1)
        .set_max_component_length(MAX_NAME_UNITS)
        .set_volume_creation_time(filetime_now())
        // Names that differ in case alone are different files where they come from.
        .set_case_sensitive_search(true)
        .set_case_preserved_names(true)
        .set_unicode_on_disk(true)
        .set_persistent_acls(true)
        .set_read_only_volume(true)
        .set_post_cleanup_when_modified_only(true)
        // A file is told apart by its name there, so bytes of one version must not be kept for the next.
        .set_file_info_timeout(lasts_ms);
    // Both calls give the same parameters back; the name is short enough.
    let (Ok(volume) | Err(volume)) = volume.set_file_system_name(u16cstr!("Gridwell"));
    *volume
}

fn refused(status: NTSTATUS) -> io::Error {
    io::Error::other(format!("WinFsp said {status:#010x}"))
}

/// A mount that the system has taken. It goes with its process, whatever becomes of that.
struct WinFsp {
    vfs: Arc<Vfs>,
    system: Option<FileSystem>,
}

impl mounted::Session for WinFsp {
    fn invalidate(&self, path: &TreePath) {
        self.vfs.doubt(path);
    }
}

impl Drop for WinFsp {
    fn drop(&mut self) {
        self.vfs.end();
        if let Some(system) = self.system.take() {
            system.stop();
        }
    }
}
