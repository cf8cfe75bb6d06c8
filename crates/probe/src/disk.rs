use std::path::Path;

/// Size and free space of the file system that holds `path`, or would hold it, in bytes; zeros when unknown.
#[cfg(unix)]
pub(crate) fn space(path: &Path) -> (u64, u64) {
    let there = path.ancestors().find_map(|path| rustix::fs::statvfs(path).ok());
    there.map_or((0, 0), |disk| {
        (disk.f_blocks.saturating_mul(disk.f_frsize), disk.f_bavail.saturating_mul(disk.f_frsize))
    })
}

/// Size and free space of the file system that holds `path`, in bytes; zeros when unknown.
#[cfg(not(unix))]
pub(crate) fn space(path: &Path) -> (u64, u64) {
    let Ok(disks) = sysinfo::Disks::new_with_refreshed_list() else { return (0, 0) };
    let holding = disks.iter().filter(|disk| path.starts_with(disk.mount_point()));
    let nearest = holding.max_by_key(|disk| disk.mount_point().as_os_str().len());
    nearest.map_or((0, 0), |disk| (disk.total_space(), disk.available_space()))
}
