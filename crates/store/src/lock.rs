use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::Arc,
};

/// Name of the lock file in a data folder; it holds the process id of the node that works there.
const LOCK_FILE: &str = "node.lock";

/// The right to work in a data folder, held until the last clone is gone. The system takes it back when the process dies.
#[derive(Debug, Clone)]
pub(crate) struct NodeLock {
    _file: Arc<File>,
}

/// Why a data folder was not locked.
#[derive(Debug)]
pub(crate) enum LockError {
    /// Another process holds it; its id, if it has written it already.
    Held(Option<u32>),
    Io(std::io::Error),
}

impl NodeLock {
    /// Takes the lock without waiting.
    pub(crate) fn take(data_dir: &Path) -> Result<Self, LockError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(data_dir.join(LOCK_FILE))
            .map_err(LockError::Io)?;
        match file.try_lock() {
            Ok(()) => {
                write_pid(&mut file).map_err(LockError::Io)?;
                Ok(Self { _file: Arc::new(file) })
            }
            Err(TryLockError::WouldBlock) => Err(LockError::Held(read_pid(&mut file))),
            Err(TryLockError::Error(error)) => Err(LockError::Io(error)),
        }
    }
}

fn write_pid(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
