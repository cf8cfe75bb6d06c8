use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Read as _, Write as _},
    os::{
        fd::AsRawFd as _,
        unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
};

use gridwell_api::{ApiError, ErrorCode};
use rustix::fs::{FlockOperation, flock};
use tokio::net::{UnixListener, UnixStream};

use crate::secret::{self, Known};

/// Name of the file that holds the token for loopback TCP, in the data folder.
pub const TOKEN_FILE: &str = "token";
const SOCKET_FILE: &str = "node.sock";
/// The store has a lock of its own; this one says whose the socket is.
const LOCK_FILE: &str = "door.lock";
/// Longest socket path the system takes: `sun_path` has 108 bytes on Linux and 104 on macOS, with a zero at the end.
const SOCKET_PATH_BYTES: usize = 103;

/// A node's data folder, locked for this process until dropped.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    /// Holds the lock: the system releases it with the file, also when the process is killed.
    _lock: File,
}

impl DataFolder {
    /// Makes the folder if needed (owner-only) and locks it.
    ///
    /// # Errors
    ///
    /// `already_running`, naming the process that holds the lock, and `data_folder` if the folder cannot be used.
    pub fn lock(path: &Path) -> Result<Self, ApiError> {
        let refuse = |error: io::Error| unusable(path, &error);
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(refuse)?;
        let path = path.canonicalize().map_err(refuse)?;
        keep_to_owner(&path)?;
        let lock_path = path.join(LOCK_FILE);
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&lock_path);
        let mut file = file.map_err(refuse)?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(already_running(&path, &mut file));
        }
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(refuse)?;
        Ok(Self { path, _lock: file })
    }

    /// The folder, absolute.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the door's socket lies.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.path.join(SOCKET_FILE)
    }

    /// Where files lie that browsers sent.
    pub(crate) fn uploads(&self) -> PathBuf {
        self.path.join(gridwell_node::UPLOADS)
    }

    /// Binds the socket for its owner only; one left by a node that is gone is removed, since the lock is ours.
    pub(crate) fn bind(&self) -> Result<UnixListener, ApiError> {
        let socket = self.socket();
        let refuse = |error: io::Error| unusable(&socket, &error);
        match fs::symlink_metadata(&socket) {
            Ok(found) if found.file_type().is_socket() => fs::remove_file(&socket).map_err(refuse)?,
            Ok(_) => return Err(in_the_way(&socket)),
            Err(_) => {}
        }
        let (path, _open) = short_path(&self.path).map_err(refuse)?;
        let listener = UnixListener::bind(path).map_err(refuse)?;
        fs::set_permissions(&socket, Permissions::from_mode(0o600)).map_err(refuse)?;
        Ok(listener)
    }

    /// Removes the socket when the door closes.
    pub(crate) fn unbind(socket: &Path) {
        if let Err(error) = fs::remove_file(socket) {
            tracing::debug!(%error, "the socket could not be removed");
        }
    }

    /// What opens loopback TCP.
    pub(crate) fn token(&self) -> Result<Known, ApiError> {
        self.token_text().map(|token| Known::of(&token))
    }

    /// The token for loopback TCP: made once, readable by the owner only.
    fn token_text(&self) -> Result<String, ApiError> {
        let path = self.path.join(TOKEN_FILE);
        if let Some(token) = kept_token(&path) {
            return Ok(token);
        }
        let token = secret::new()?;
        let _ = fs::remove_file(&path);
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&path);
        file.and_then(|mut file| writeln!(file, "{token}")).map_err(|error| unusable(&path, &error))?;
        Ok(token)
    }
}

/// Opens a connection to the node of a data folder, or says that there is none.
pub(crate) async fn connect(data: &Path) -> Result<UnixStream, ApiError> {
    let (path, _open) = short_path(data).map_err(|error| not_reached(data, &error))?;
    UnixStream::connect(path).await.map_err(|error| not_reached(data, &error))
}

fn not_reached(data: &Path, error: &io::Error) -> ApiError {
    let shown = data.display();
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            ApiError::new(ErrorCode::Forbidden, format!("the node of '{shown}' belongs to somebody else"))
                .help("Run the command as the user who started the node.")
        }
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            ApiError::new(ErrorCode::NoNode, format!("no node is running for '{shown}'")).help(format!(
                "Start one with 'gridwell node --data {shown}', or name another folder with --data or GRIDWELL_DATA."
            ))
        }
        // A full backlog: the node is there, only busy.
        io::ErrorKind::WouldBlock => {
            ApiError::new(ErrorCode::Busy, format!("the node of '{shown}' has too many connections waiting"))
        }
        io::ErrorKind::NotADirectory => not_a_folder(data),
        _ => ApiError::new(ErrorCode::NoNode, format!("cannot reach the node of '{shown}': {error}")),
    }
}

/// A path of the socket that the system takes, good while the file is open: long folders are reached through
/// `/proc/self/fd`.
fn short_path(folder: &Path) -> io::Result<(PathBuf, Option<File>)> {
    let socket = folder.join(SOCKET_FILE);
    if socket.as_os_str().len() <= SOCKET_PATH_BYTES || !cfg!(target_os = "linux") {
        return Ok((socket, None));
    }
    let open = File::open(folder)?;
    let path = PathBuf::from(format!("/proc/self/fd/{}/{SOCKET_FILE}", open.as_raw_fd()));
    Ok((path, Some(open)))
}

/// Refuses a folder of somebody else or for something else, and takes other people's rights away from ours.
fn keep_to_owner(path: &Path) -> Result<(), ApiError> {
    let meta = fs::metadata(path).map_err(|error| unusable(path, &error))?;
    if meta.uid() != rustix::process::geteuid().as_raw() {
        let message = format!("the data folder '{}' belongs to another user", path.display());
        return Err(ApiError::new(ErrorCode::DataFolder, message));
    }
    if meta.mode() & 0o077 != 0 {
        // `--data /tmp` must not close /tmp for everybody.
        let ours = path.join(LOCK_FILE).exists();
        if !ours && fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some()) {
            let message = format!("'{}' holds other things and is open to others", path.display());
            return Err(ApiError::new(ErrorCode::DataFolder, message)
                .help("Name a new or empty folder with --data; the node keeps its private key there."));
        }
        tracing::info!("the data folder was open to others; it is now for its owner only");
        fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(|error| unusable(path, &error))?;
    }
    Ok(())
}

fn kept_token(path: &Path) -> Option<String> {
    let meta = fs::symlink_metadata(path).ok()?;
    let private = meta.is_file() && meta.mode() & 0o077 == 0;
    let token = fs::read_to_string(path).ok()?.trim().to_owned();
    (private && token.len() == secret::TEXT_BYTES).then_some(token)
}

fn already_running(path: &Path, lock: &mut File) -> ApiError {
    let mut pid = String::new();
    let _ = lock.take(32).read_to_string(&mut pid);
    let who = match pid.trim().parse::<u32>() {
        Ok(pid) => format!("process {pid}"),
        Err(_) => "another process".to_owned(),
    };
    ApiError::new(ErrorCode::AlreadyRunning, format!("a node is running for '{}' already: {who}", path.display()))
        .help("Use it, stop it, or start this one with another folder: --data DIR.")
}

fn unusable(path: &Path, error: &io::Error) -> ApiError {
    if path.is_file() {
        return not_a_folder(path);
    }
    ApiError::new(ErrorCode::DataFolder, format!("cannot use '{}': {error}", path.display()))
}

fn not_a_folder(path: &Path) -> ApiError {
    ApiError::new(ErrorCode::DataFolder, format!("the data folder '{}' is a file, not a folder", path.display()))
        .help("Name a folder with --data or GRIDWELL_DATA.")
}

fn in_the_way(path: &Path) -> ApiError {
    ApiError::new(ErrorCode::DataFolder, format!("'{}' is in the way: it is no socket", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_lock_is_refused_and_names_the_first_process() {
        let temp = tempfile::tempdir().unwrap();
        let data = temp.path().join("data");
        let first = DataFolder::lock(&data).unwrap();
        let refused = DataFolder::lock(&data).unwrap_err();
        assert_eq!(refused.code, ErrorCode::AlreadyRunning);
        assert!(refused.message.contains(&format!("process {}", std::process::id())), "{refused}");
        drop(first);
        DataFolder::lock(&data).unwrap();
    }

    #[test]
    fn the_folder_and_the_token_are_for_their_owner_only() {
        let temp = tempfile::tempdir().unwrap();
        let data = temp.path().join("data");
        fs::create_dir(&data).unwrap();
        fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
        let folder = DataFolder::lock(&data).unwrap();
        assert_eq!(fs::metadata(&data).unwrap().mode() & 0o777, 0o700);
        let token = folder.token_text().unwrap();
        assert_eq!(fs::metadata(data.join(TOKEN_FILE)).unwrap().mode() & 0o777, 0o600);
        assert_eq!(folder.token_text().unwrap(), token, "a token is made once");
        fs::set_permissions(data.join(TOKEN_FILE), Permissions::from_mode(0o644)).unwrap();
        assert_ne!(folder.token_text().unwrap(), token, "a token others could read is replaced");
    }

    #[test]
    fn a_data_folder_that_is_a_file_is_refused() {
        let temp = tempfile::NamedTempFile::new().unwrap();
        let refused = DataFolder::lock(temp.path()).unwrap_err();
        assert_eq!(refused.code, ErrorCode::DataFolder);
        assert!(refused.message.ends_with("is a file, not a folder"), "{refused}");
    }

    #[test]
    fn a_folder_that_others_use_is_refused_and_stays_open_to_them() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("theirs"), "").unwrap();
        fs::set_permissions(temp.path(), Permissions::from_mode(0o777)).unwrap();
        assert_eq!(DataFolder::lock(temp.path()).unwrap_err().code, ErrorCode::DataFolder);
        assert_eq!(fs::metadata(temp.path()).unwrap().mode() & 0o777, 0o777);
    }

    #[tokio::test]
    async fn something_else_in_the_sockets_place_is_left_alone() {
        let temp = tempfile::tempdir().unwrap();
        let folder = DataFolder::lock(temp.path()).unwrap();
        fs::write(folder.socket(), "precious").unwrap();
        assert_eq!(folder.bind().unwrap_err().code, ErrorCode::DataFolder);
        assert_eq!(fs::read_to_string(folder.socket()).unwrap(), "precious");
    }
}
