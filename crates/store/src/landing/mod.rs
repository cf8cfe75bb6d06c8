//! Results come home: whole, on the disk, and never through a link that leads out of their folder.

mod check;
mod error;
mod folders;
mod place;

use std::{
    io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use gridwell_model::{BlobId, RelPath, Stamp};

pub use check::check_folder;
pub use error::{LandError, PutError};
pub(crate) use folders::{LandingFolders, kept_folders, remove_folders};

use self::place::{Found, Place};
use crate::{
    Blobs, Durability, StoreError,
    blobs::{Inner, blocking},
};

/// How often what has a result's name is looked at anew, when something else took it since the last look.
const RACES: u32 = 3;

/// How often, and how long each time, it is waited for the clock of a file system.
const CLOCK_TRIES: u32 = 50;
const CLOCK_WAIT: Duration = Duration::from_millis(2);

/// Where the bytes of a landing come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LandSource {
    /// A blob, which stays as it is.
    Copy(BlobId),
    /// A blob, which is moved if it is stored on the same file system; afterwards it is a reference to the landed file.
    /// Copied otherwise.
    Move(BlobId),
    /// A file of ours, which is gone afterwards.
    File(PathBuf),
}

impl LandSource {
    /// What its content is known to be.
    const fn content(&self) -> Option<BlobId> {
        match self {
            Self::Copy(blob) | Self::Move(blob) => Some(*blob),
            Self::File(_) => None,
        }
    }
}

/// What happens to another file that has a result's name. One with the result's own content is the result, and stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overwrite {
    /// It is replaced, at once.
    Replace,
    /// It is replaced if it has this content, which landed there before, or one that landed there since this node started; everything
    /// else is somebody's, and the landing fails with [`LandError::Exists`].
    Own(Option<BlobId>),
}

impl Blobs {
    /// Brings a result home: `folder`/`path` appears whole, or not at all. Returns where it lies.
    ///
    /// Folders below `folder` are made; a symbolic link below it is never followed, a link with the result's own name is in the way
    /// as any other file. The bytes are on the disk when this returns. What appears under the name meanwhile is never replaced
    /// unless everything may be.
    ///
    /// # Errors
    ///
    /// One [`LandError`] per cause, each naming the path.
    pub async fn land(
        &self,
        source: LandSource,
        folder: &Path,
        path: &RelPath,
        executable: bool,
        overwrite: Overwrite,
    ) -> Result<PathBuf, LandError> {
        let place = open_place(folder, path).await?;
        let landing = Landing { inner: Arc::clone(&self.inner), mode: self.inner.landing.mode(executable), place };
        let landed = landing.place.path().to_owned();
        let landing = Arc::new(landing);
        for _ in 0..RACES {
            let (looking, content) = (Arc::clone(&landing), source.content());
            let found = blocking(move || looking.look(content, overwrite)).await?;
            match self.publish(Arc::clone(&landing), source.clone(), found).await {
                // Something came after that look; it may be another result of ours.
                Err(LandError::Exists { .. }) => {}
                published => return published.map(|()| landed),
            }
        }
        Err(LandError::Exists { path: landed })
    }

    async fn publish(&self, landing: Arc<Landing>, source: LandSource, found: Found) -> Result<(), LandError> {
        match found {
            Found::Same => return Ok(()),
            // What is set aside for a moment is removed at the next start, should this one end now.
            Found::Ours(_) => self.remember_folder(landing.place.folder()).await?,
            Found::Nothing | Found::Anything => {}
        }
        if let Some(blob) = source.content() {
            self.inner.landing.note(landing.place.path(), blob);
        }
        if landing.clone().try_move(source.clone(), found).await? {
            if let LandSource::Move(blob) = source {
                self.keep_moved(blob).await?;
            }
            return Ok(());
        }
        self.remember_folder(landing.place.folder()).await?;
        blocking(move || landing.copy(&source, found)).await
    }

    /// Copies a file of a person to `folder`/`path`, as [`Blobs::land`] does with results; only one of the same content stands for it. Unlike a
    /// result, the copy is that person's from then on: nothing that lands replaces it by itself.
    ///
    /// # Errors
    ///
    /// [`PutError`] if it cannot be read, or as [`Blobs::land`].
    pub async fn copy_to(
        &self,
        from: &Path,
        folder: &Path,
        path: &RelPath,
        overwrite: bool,
    ) -> Result<PathBuf, PutError> {
        let (blob, _) = self.reference(from).await?;
        let executable = std::fs::metadata(from).is_ok_and(|metadata| metadata.mode() & 0o100 != 0);
        let place = open_place(folder, path).await?;
        let landing =
            Arc::new(Landing { inner: Arc::clone(&self.inner), mode: self.inner.landing.mode(executable), place });
        let looking = Arc::clone(&landing);
        let overwrite = if overwrite { Overwrite::Replace } else { Overwrite::Own(None) };
        let found = blocking(move || looking.place.look(Some(blob), overwrite, |_| false)).await?;
        let landed = landing.place.path().to_owned();
        if !matches!(found, Found::Same) {
            self.remember_folder(landing.place.folder()).await?;
            blocking(move || landing.copy(&LandSource::Copy(blob), found)).await?;
        }
        Ok(landed)
    }

    /// Brings home once more what came home as the file `before`; true if it lies at `folder`/`path` then, also if it lay there. False if its
    /// bytes are nowhere any more, or something lies there that may not be replaced. Its inode says that it came at or after `since`.
    ///
    /// # Errors
    ///
    /// As [`Blobs::land`].
    pub async fn land_again(
        &self,
        blob: BlobId,
        before: &Path,
        (folder, path, executable): (&Path, &RelPath, bool),
        overwrite: Overwrite,
        since: Stamp,
    ) -> Result<bool, LandError> {
        let land = async || self.land(LandSource::Copy(blob), folder, path, executable, overwrite).await;
        let landed = match land().await {
            Err(LandError::Source { .. }) if self.is_file(blob, before).await => land().await,
            landed => landed,
        };
        let path = match landed {
            Ok(path) => path,
            Err(LandError::Exists { .. } | LandError::Source { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        let mode = self.inner.landing.mode(executable);
        blocking(move || {
            has_come(&path, mode, since).map_err(|source| LandError::Refused { path: path.clone(), source })
        })
        .await
    }

    /// True if a file has the content of a blob, which is found there from now on.
    async fn is_file(&self, blob: BlobId, path: &Path) -> bool {
        self.reference(path).await.is_ok_and(|(found, _)| found == blob)
    }

    /// Writes down where partial files may be left by a crash, before the first one is made there.
    async fn remember_folder(&self, folder: &Path) -> Result<(), StoreError> {
        if self.inner.landing.knows(folder) {
            return Ok(());
        }
        let kept = folder.to_owned();
        let write = move |connection: &rusqlite::Connection| folders::keep_folder(connection, &kept);
        self.database.write(Durability::Written, write).await?;
        self.inner.landing.add(folder);
        Ok(())
    }
}

async fn open_place(folder: &Path, path: &RelPath) -> Result<Place, LandError> {
    let (folder, path) = (folder.to_owned(), path.clone());
    blocking(move || Place::open(&folder, &path)).await
}

/// One result on its way.
struct Landing {
    inner: Arc<Inner>,
    place: Place,
    mode: u32,
}

impl Landing {
    /// Looks at what has the name. What landed there just now is ours, too, though nobody could write that down yet.
    fn look(&self, content: Option<BlobId>, overwrite: Overwrite) -> Result<Found, LandError> {
        self.place.look(content, overwrite, |found| self.inner.landing.noted(self.place.path(), found))
    }

    /// Renames what lies on the same file system and may be moved; false if it has to be copied.
    async fn try_move(self: Arc<Self>, source: LandSource, found: Found) -> Result<bool, LandError> {
        blocking(move || {
            let aside = self.inner.landing.temp_name(self.place.name());
            let moved = match source {
                LandSource::Copy(_) => return Ok(false),
                LandSource::Move(blob) => self.inner.sync_stored(blob).and_then(|()| {
                    let rename = |from: &Path| self.place.rename_from(from, found, &aside);
                    self.inner.move_out(blob, self.place.path(), self.mode, rename)
                }),
                LandSource::File(from) => self.place.move_file(&from, self.mode, found, &aside),
            };
            if moved.map_err(|error| LandError::from_io(self.place.path(), 0, error))? {
                self.place.sync_folder()?;
                return Ok(true);
            }
            Ok(false)
        })
        .await
    }

    /// Writes the bytes beside the result under a name of our own, then renames that.
    fn copy(&self, source: &LandSource, found: Found) -> Result<(), LandError> {
        let unreadable = |source| LandError::Source { path: self.place.path().to_owned(), source };
        let [temp_name, aside] = [(); 2].map(|()| self.inner.landing.temp_name(self.place.name()));
        match source {
            LandSource::Copy(blob) | LandSource::Move(blob) => {
                let mut source = self.inner.open_source(*blob).map_err(unreadable)?;
                let size_bytes = source.size_bytes;
                let temp = self.place.write_temp(&temp_name, self.mode, &mut source.file, size_bytes)?;
                source.check().map_err(unreadable)?;
                temp.publish(found, &aside)
            }
            LandSource::File(from) => {
                let mut file =
                    std::fs::File::open(from).map_err(|source| LandError::Refused { path: from.clone(), source })?;
                let size_bytes = file.metadata().map_or(0, |metadata| metadata.len());
                self.place.write_temp(&temp_name, self.mode, &mut file, size_bytes)?.publish(found, &aside)?;
                std::fs::remove_file(from).map_err(|source| LandError::Refused { path: from.clone(), source })
            }
        }
    }
}

/// Gives a file the rights of a result until its inode says that it came at or after `since`: clocks of file systems stand still
/// for some milliseconds. False if they stand still for longer.
fn has_come(path: &Path, mode: u32, since: Stamp) -> io::Result<bool> {
    for _ in 0..CLOCK_TRIES {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        let metadata = std::fs::metadata(path)?;
        let came_ms = metadata.ctime() * 1_000 + metadata.ctime_nsec() / 1_000_000;
        if u64::try_from(came_ms).is_ok_and(|came| came >= since.0) {
            return Ok(true);
        }
        std::thread::sleep(CLOCK_WAIT);
    }
    Ok(false)
}
