//! The tree in a folder of macOS: its own client mounts what [`serve_nfs`] serves.
//!
//! Never run on a Mac; compiled, and its server tried with another client, on Linux.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use tokio::runtime::Handle;

use super::{NfsServer, serve_nfs};
use crate::{MountError, MountOptions, Mounted, Tree, TreePath, mounted};

const MOUNT_NFS: &str = "/sbin/mount_nfs";
const MOUNT: &str = "/sbin/mount";
const UNMOUNT: &str = "/sbin/umount";
/// How long programs have to close their files before the mount goes without them.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is tried meanwhile.
const TRY_EVERY: Duration = Duration::from_millis(100);
/// How soon a living mount shows that it is one.
const LIFE_SIGN_WITHIN: Duration = Duration::from_secs(2);
/// Letters of an exported path: 16 bytes as hexadecimal digits.
const SECRET_LETTERS: usize = 32;

/// Shows `tree` in the folder `dir`, which is made if need be and must be empty. A mount of ours that died there is removed.
///
/// Blocks until the system has taken it; `runtime` answers its requests and needs threads of its own.
///
/// # Errors
///
/// [`MountError`] says in one sentence what is in the way.
pub fn mount(tree: Arc<dyn Tree>, dir: &Path, options: &MountOptions, runtime: &Handle) -> Result<Mounted, MountError> {
    clean_stale(dir)?;
    let failed = |source| MountError::Folder { dir: dir.into(), source };
    fs::create_dir_all(dir).map_err(failed)?;
    if fs::read_dir(dir).map_err(failed)?.next().is_some() {
        return Err(MountError::NotEmpty { dir: dir.into() });
    }
    let session = |source| MountError::Session { source };
    let server = runtime.block_on(serve_nfs(tree, options)).map_err(session)?;
    let said = Command::new(MOUNT_NFS).args(server.mount_arguments(dir)).output().map_err(session)?;
    if !said.status.success() {
        let said = String::from_utf8_lossy(&said.stderr).trim().to_owned();
        return Err(MountError::NotPermitted { dir: dir.into(), said });
    }
    server.shut();
    Ok(Mounted::new(dir.into(), Nfs { dir: dir.into(), server }))
}

/// Lets go of a mount of ours at `dir` whose node has died.
fn clean_stale(dir: &Path) -> Result<(), MountError> {
    let session = |source| MountError::Session { source };
    let said = Command::new(MOUNT).args(["-t", "nfs"]).output().map_err(session)?;
    if !is_ours(&String::from_utf8_lossy(&said.stdout), dir) {
        return Ok(());
    }
    if is_alive(dir) {
        return Err(MountError::AlreadyMounted { dir: dir.into() });
    }
    unmount(dir, true).map_err(|source| MountError::Folder { dir: dir.into(), source })
}

/// Whether one of the lines that `mount -t nfs` says is of a mount of ours at `dir`.
fn is_ours(said: &str, dir: &Path) -> bool {
    said.lines().any(|line| {
        let export = line.strip_prefix("127.0.0.1:/").and_then(|rest| rest.split_once(" on "));
        export.is_some_and(|(secret, rest)| {
            let is_secret = secret.len() == SECRET_LETTERS && secret.bytes().all(|letter| letter.is_ascii_hexdigit());
            is_secret && rest.rsplit_once(" (").is_some_and(|(at, _)| Path::new(at) == dir)
        })
    })
}

fn is_alive(dir: &Path) -> bool {
    let (seen, sight) = mpsc::channel();
    let looked_at = dir.to_owned();
    // It may hang for as long as the system is patient, and is left to itself then.
    thread::spawn(move || seen.send(fs::read_dir(looked_at).is_ok()));
    sight.recv_timeout(LIFE_SIGN_WITHIN).unwrap_or(false)
}

fn unmount(dir: &Path, by_force: bool) -> io::Result<()> {
    let mut command = Command::new(UNMOUNT);
    if by_force {
        command.arg("-f");
    }
    let said = command.arg(dir).output()?;
    if said.status.success() {
        return Ok(());
    }
    Err(io::Error::other(String::from_utf8_lossy(&said.stderr).trim().to_owned()))
}

/// A mount that the system has taken, and what serves it.
struct Nfs {
    dir: PathBuf,
    server: NfsServer,
}

impl mounted::Session for Nfs {
    /// The system asks within a second, as it was told when it mounted.
    fn invalidate(&self, path: &TreePath) {
        self.server.vfs.doubt(path);
    }
}

impl Drop for Nfs {
    fn drop(&mut self) {
        let patience_ends = Instant::now() + PATIENCE;
        loop {
            let by_force = Instant::now() >= patience_ends;
            match unmount(&self.dir, by_force) {
                Ok(()) => break,
                Err(error) if by_force => {
                    tracing::error!(dir = %self.dir.display(), %error, "cannot unmount");
                    break;
                }
                Err(_) => {
                    // Only now: who reads while nothing is in the way of the unmount should get bytes.
                    self.server.vfs.end();
                    thread::sleep(TRY_EVERY);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_mount_of_ours_is_let_go_of() {
        let secret = "00112233445566778899aabbccddeeff";
        let said = format!(
            "nas:/volume1 on /Volumes/nas (nfs)\n\
             127.0.0.1:/{secret} on /Users/ann/Grid well (nfs, nodev, nosuid, read-only, mounted by ann)\n\
             127.0.0.1:/export on /Users/ann/other (nfs)\n"
        );
        assert!(is_ours(&said, Path::new("/Users/ann/Grid well")));
        for dir in ["/Volumes/nas", "/Users/ann/other", "/Users/ann/Grid", "/Users/ann"] {
            assert!(!is_ours(&said, Path::new(dir)), "{dir}");
        }
        assert!(!is_ours("", Path::new("/")));
    }
}
