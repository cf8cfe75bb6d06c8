use std::{
    io::{self, Read, Seek},
    path::PathBuf,
    sync::Arc,
    thread,
};

use tokio::sync::{Semaphore, oneshot};

use crate::{
    Content, Finding, Picture, PreviewError, Size, Source,
    cache::{CACHE_BYTES, Cache},
    file,
    key::Key,
    make::{MakeError, make_of},
    proof::prove,
    workers::{Workers, step_back},
};

/// Most previews that are asked for at once: more than fit on a screen, few enough to bound memory.
pub(crate) const MAX_ASKED: usize = 512;

/// Most files that are looked at at once: a dead network folder holds each look up, and they share the blocking threads.
const MAX_LOOKS: usize = 8;

/// Most pictures that wait to be looked into at once: the frames of a long film. What lands faster is not looked into.
const MAX_PROOFS: usize = 4_096;

/// Most previews that are made at once of what other machines have: each may take half a gigabyte, and waits for a network.
const MAX_AFAR: usize = 2;

/// Most threads that make previews: each may need half a gigabyte for a moment.
const MAX_WORKERS: usize = 2;

/// Cores for each thread that makes previews, so that a small machine has one.
const CORES_PER_WORKER: usize = 4;

/// What previews need to know of the machine.
#[derive(Debug, Clone)]
pub struct PreviewConfig {
    /// Where previews are kept, a folder of this alone; it is made if it is not there.
    pub folder: PathBuf,
    /// The installed ffmpeg; without it there are no previews of films.
    pub ffmpeg: Option<PathBuf>,
    /// Cores of the machine.
    pub cores: usize,
}

/// Makes and keeps previews; cheap to clone. Its threads end with the last clone.
#[derive(Debug, Clone)]
pub struct Previews {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    workers: Workers,
    cache: Arc<Cache>,
    seats: Semaphore,
    looks: Semaphore,
    afar: Arc<Semaphore>,
    /// One picture at a time is looked into: nobody waits for it.
    proofs: Semaphore,
    proof_seats: Semaphore,
}

impl Previews {
    /// Makes the folder and starts the threads.
    ///
    /// # Errors
    ///
    /// What the system refuses: the folder, or a thread.
    pub fn open(config: PreviewConfig) -> io::Result<Self> {
        let count = (config.cores / CORES_PER_WORKER).clamp(1, MAX_WORKERS);
        let cache = Arc::new(Cache::open(config.folder, CACHE_BYTES)?);
        let workers = Workers::start(count, Arc::clone(&cache), config.ffmpeg)?;
        let (seats, looks) = (Semaphore::new(MAX_ASKED), Semaphore::new(MAX_LOOKS));
        let (proofs, proof_seats) = (Semaphore::new(1), Semaphore::new(MAX_PROOFS));
        let afar = Arc::new(Semaphore::new(MAX_AFAR));
        Ok(Self { inner: Arc::new(Inner { workers, cache, seats, looks, afar, proofs, proof_seats }) })
    }

    /// A preview of `source`, found or made. Everybody who asks for the same one at the same time gets the same answer;
    /// a dropped future gives the work up once nobody else waits for it.
    ///
    /// Runs on tokio.
    ///
    /// # Errors
    ///
    /// [`PreviewError`] with the reason why there is none.
    pub async fn picture(&self, source: Source, size: Size) -> Result<Picture, PreviewError> {
        let inner = &self.inner;
        let _seat = inner.seats.try_acquire().map_err(|_| PreviewError::Busy { limit: MAX_ASKED })?;
        let (key, kept) = inner.look(source.clone(), size).await?;
        match kept {
            Some(picture) => Ok(picture),
            None => inner.workers.order(key, source, size).await.map_err(|_| PreviewError::Stopped)?,
        }
    }

    /// A preview of content that lies in no file here, found or made on a thread of its own: its reader may wait for another machine. A
    /// dropped future gives the work up at the next read.
    ///
    /// Runs on tokio.
    ///
    /// # Errors
    ///
    /// [`PreviewError`] with the reason why there is none; [`PreviewError::Unreadable`] if the reader failed.
    pub async fn picture_of<R: Read + Seek + Send + 'static>(
        &self,
        content: Content<R>,
        size: Size,
    ) -> Result<Picture, PreviewError> {
        let inner = &self.inner;
        let _seat = inner.seats.try_acquire().map_err(|_| PreviewError::Busy { limit: MAX_ASKED })?;
        let (key, cache) = (Key::of_content(&content, size), Arc::clone(&inner.cache));
        let kept = tokio::task::spawn_blocking(move || cache.get(&key)).await.map_err(|_| PreviewError::Stopped)?;
        if let Some(picture) = kept {
            return Ok(picture);
        }
        let one_of_few = Arc::clone(&inner.afar).acquire_owned().await.map_err(|_| PreviewError::Stopped)?;
        let (answer, answered) = oneshot::channel();
        let cache = Arc::clone(&inner.cache);
        let work = move || {
            // Also once nobody waits any more: it goes on to its next read.
            let _one_of_few = one_of_few;
            step_back();
            let made = match make_of(content, size, &|| !answer.is_closed()) {
                Ok(picture) => {
                    cache.put(&key, &picture);
                    Ok(picture)
                }
                Err(MakeError::Failed(error)) => Err(error),
                Err(MakeError::Unwanted) => return,
            };
            let _ = answer.send(made);
        };
        thread::Builder::new().name("preview-afar".to_owned()).spawn(work).map_err(|_| PreviewError::Stopped)?;
        answered.await.map_err(|_| PreviewError::Stopped)?
    }

    /// Looks into the picture at `path`, on a thread that steps back behind everything else, one picture after the other.
    ///
    /// Runs on tokio.
    ///
    /// # Errors
    ///
    /// [`PreviewError`] if nothing can be said of it: it is gone or over the limits, no decoder here knows its kind, or too many wait.
    pub async fn prove(&self, path: PathBuf) -> Result<Finding, PreviewError> {
        let busy = |_| PreviewError::Busy { limit: MAX_PROOFS };
        let _seat = self.inner.proof_seats.try_acquire().map_err(busy)?;
        let _turn = self.inner.proofs.acquire().await.map_err(|_| PreviewError::Stopped)?;
        let (answer, answered) = oneshot::channel();
        let work = move || {
            step_back();
            // Nobody waits for it any more.
            let _ = answer.send(prove(&path));
        };
        thread::Builder::new().name("proof".to_owned()).spawn(work).map_err(|_| PreviewError::Stopped)?;
        answered.await.map_err(|_| PreviewError::Stopped)?
    }

    /// How many previews were made since the start; those that were found do not count.
    #[must_use]
    pub fn made(&self) -> u64 {
        self.inner.workers.made()
    }
}

impl Inner {
    /// Looks at the file as it is now, and for a preview of that.
    async fn look(&self, source: Source, size: Size) -> Result<(Key, Option<Picture>), PreviewError> {
        let _look = self.looks.acquire().await.map_err(|_| PreviewError::Stopped)?;
        let cache = Arc::clone(&self.cache);
        let looked = tokio::task::spawn_blocking(move || {
            let key = Key::new(&source, &file::identify(source.path())?, size);
            Ok((key, cache.get(&key)))
        });
        looked.await.map_err(|_| PreviewError::Stopped)?
    }
}
