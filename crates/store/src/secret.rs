use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

/// Why a secret could not be read or made.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file has another length than a secret.
    #[error(
        "the secret {path} holds {bytes} bytes instead of 32; restore it from a backup, or move it away to start as a new machine"
    )]
    Damaged {
        /// The secret's file.
        path: PathBuf,
        /// Its length in bytes.
        bytes: usize,
    },
    /// The system refused.
    #[error("the secret {path} could not be read or written")]
    Refused {
        /// The secret's file.
        path: PathBuf,
        /// What it said.
        #[source]
        source: io::Error,
    },
}

/// Reads the secret `name` of a data folder, or keeps `fresh` as it; the file is this user's alone.
pub(crate) fn load_or_create(data_dir: &Path, name: &str, fresh: [u8; 32]) -> Result<[u8; 32], SecretError> {
    let path = data_dir.join(name);
    let refused = |source| SecretError::Refused { path: path.clone(), source };
    match fs::read(&path) {
        Ok(bytes) => {
            close_to_others(&path).map_err(refused)?;
            <[u8; 32]>::try_from(bytes.as_slice())
                .map_err(|_| SecretError::Damaged { path: path.clone(), bytes: bytes.len() })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            write_new(data_dir, &path, &fresh).map_err(refused)?;
            Ok(fresh)
        }
        Err(error) => Err(refused(error)),
    }
}

/// Takes other users' rights away, in case somebody copied the file carelessly.
fn close_to_others(path: &Path) -> io::Result<()> {
    if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "other users could read a secret of this machine; closed to them now");
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

/// Writes the whole file under another name first: a crash leaves either no secret or a whole one.
fn write_new(data_dir: &Path, path: &Path, secret: &[u8]) -> io::Result<()> {
    let partial = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
    file.write_all(secret)?;
    file.sync_all()?;
    fs::rename(&partial, path)?;
    File::open(data_dir)?.sync_all()
}
