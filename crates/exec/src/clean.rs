use std::{fs, path::Path};

/// Kills every process of the sessions below `sessions_dir` and removes their folders; returns how many went.
pub(crate) fn clean(sessions_dir: &Path) -> usize {
    end_processes(sessions_dir);
    let Ok(entries) = fs::read_dir(sessions_dir) else { return 0 };
    entries.flatten().filter(|entry| remove(&entry.path())).count()
}

/// Kills every process of the session in `folder` and removes the folder.
pub(crate) fn end_session(folder: &Path) {
    end_processes(folder);
    remove(folder);
}

#[cfg(target_os = "linux")]
fn end_processes(below: &Path) {
    let left = crate::processes::end_marked(below);
    if left > 0 {
        tracing::warn!(left, "processes of an old session would not die");
    }
}

#[cfg(target_os = "linux")]
fn remove(folder: &Path) -> bool {
    let removed = crate::folder::remove(folder);
    if let Err(error) = &removed {
        tracing::warn!(folder = %folder.display(), %error, "an old session's folder could not be removed");
    }
    removed.is_ok()
}

/// Removes the control group of a session that has ended.
#[cfg(target_os = "linux")]
pub(crate) fn remove_cgroup(folder: &Path) {
    crate::cgroup::Cgroup::remove(folder);
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn remove_cgroup(_folder: &Path) {}

#[cfg(not(target_os = "linux"))]
fn end_processes(_below: &Path) {}

#[cfg(not(target_os = "linux"))]
fn remove(folder: &Path) -> bool {
    fs::remove_dir_all(folder).is_ok()
}
