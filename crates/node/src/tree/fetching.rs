//! What is missing of a blob comes here once, for all who read it.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, Weak},
    time::{Duration, Instant},
};

use gridwell_files::{Groups, PathSpeed, Verified, stream_bytes};
use gridwell_model::{BlobId, RelPath, Version};
use gridwell_mount::TreePath;
use gridwell_store::{Object, ObjectError};
use gridwell_wire::TreeWish;
use tokio::{
    io::AsyncReadExt as _,
    sync::{mpsc, watch},
};

use super::{ShareAt, Tree, TreeError};

/// Read from a link at once.
const PIECE_BYTES: usize = 256 * 1024;
/// Pieces that wait for the disk: the link goes on meanwhile.
const PIECES: usize = 8;
/// Longest wait for bytes that somebody reads: a program at a file system waits for all of it.
const PATIENCE: Duration = Duration::from_secs(30);
/// Times that missing bytes are asked for before a reader is told why they do not come.
const TRIES: u32 = 3;
/// Shortest stream that tells how fast a path is.
const MEASURED_BYTES: u64 = 1024 * 1024;

/// A file of another machine, of one version.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) path: TreePath,
    pub(super) share: ShareAt,
    /// Its path below the share.
    pub(super) rest: RelPath,
    pub(super) version: Version,
}

/// Blobs of which something is being read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fetchings(Arc<Mutex<BTreeMap<BlobId, Weak<Fetching>>>>);

impl Fetchings {
    /// The one that fetches `blob`.
    pub(super) async fn of(&self, tree: &Tree, blob: BlobId, size_bytes: u64) -> Result<Arc<Fetching>, ObjectError> {
        if let Some(known) = self.lock().get(&blob).and_then(Weak::upgrade) {
            return Ok(known);
        }
        let object = tree.objects.open(blob, size_bytes, gridwell_files::Purpose::Own).await?;
        let mut all = self.lock();
        if let Some(known) = all.get(&blob).and_then(Weak::upgrade) {
            return Ok(known);
        }
        all.retain(|_, fetching| fetching.strong_count() > 0);
        let fetching = Arc::new(Fetching { object, state: Mutex::default(), news: watch::Sender::default() });
        all.insert(blob, Arc::downgrade(&fetching));
        Ok(fetching)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<BlobId, Weak<Fetching>>> {
        self.0.lock().expect("nothing panics while it holds the list")
    }
}

/// Fetches pieces of one blob.
#[derive(Debug)]
pub(super) struct Fetching {
    object: Object,
    state: Mutex<State>,
    /// Changes when something came, or does not come.
    news: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    /// Asked for, and not here yet.
    coming: Groups,
    /// How often something did not come, and why the last time.
    failures: u64,
    last: Option<TreeError>,
    speed: Option<PathSpeed>,
}

impl Fetching {
    /// How fast it came of late.
    pub(super) fn speed(&self) -> Option<PathSpeed> {
        self.state().speed
    }

    /// Reads `bytes` bytes from `offset` on, which lie in the file, once their groups are here. What is missing of them, and of
    /// `ahead`, is fetched.
    pub(super) async fn read(
        self: &Arc<Self>,
        tree: &Tree,
        origin: &Origin,
        (offset, bytes): (u64, u64),
        ahead: &Groups,
    ) -> Result<Vec<u8>, TreeError> {
        let now = Groups::of_bytes(offset..offset + bytes);
        let (mut failures, mut tries) = (self.state().failures, 0);
        self.fetch(tree, origin, &now.union(ahead));
        loop {
            let mut news = self.news.subscribe();
            if now.difference(&self.object.present()).is_empty() {
                match self.object.read_at(offset, bytes as usize).await {
                    // Evicted in this moment: it is fetched again.
                    Err(ObjectError::Missing { .. }) => {}
                    read => return read.map_err(|error| TreeError::of_disk(&error)),
                }
            }
            let failed =
                self.failed_since(&mut failures).filter(|_| !now.difference(&self.object.present()).is_empty());
            if let Some(error) = failed {
                tries += 1;
                if tries == TRIES || !error.may_pass() {
                    return Err(error);
                }
            }
            self.fetch(tree, origin, &now);
            if tokio::time::timeout(PATIENCE, news.changed()).await.is_err() {
                return Err(origin.share.silent(PATIENCE));
            }
        }
    }

    /// Why something did not come since that many failures.
    fn failed_since(&self, failures: &mut u64) -> Option<TreeError> {
        let state = self.state();
        let news = state.failures > std::mem::replace(failures, state.failures);
        state.last.clone().filter(|_| news)
    }

    /// Asks for what is neither here nor on its way.
    fn fetch(self: &Arc<Self>, tree: &Tree, origin: &Origin, wanted: &Groups) {
        let mut state = self.state();
        let missing = wanted.difference(&self.object.present()).difference(&state.coming);
        state.coming = state.coming.union(&missing);
        drop(state);
        for run in missing.runs() {
            let (this, tree, origin) = (Arc::clone(self), tree.clone(), origin.clone());
            tokio::spawn(async move {
                let came = this.bring(&tree, &origin, run.clone()).await;
                this.ended(run, came);
            });
        }
    }

    fn ended(&self, run: Range<u64>, came: Result<(), TreeError>) {
        let mut state = self.state();
        state.coming = state.coming.difference(&Groups::from(run));
        if let Err(error) = came {
            tracing::debug!(%error, "pieces of a file did not come");
            state.failures += 1;
            state.last = Some(error);
        }
        drop(state);
        self.tell();
    }

    async fn bring(&self, tree: &Tree, origin: &Origin, run: Range<u64>) -> Result<(), TreeError> {
        let Origin { path, share, rest, version } = origin;
        let groups = Groups::from(run.clone());
        let (first, count) = (run.start, run.end - run.start);
        let asked = Instant::now();
        let mut fetched =
            tree.fetch(path, share, TreeWish::Prove { path: rest.clone(), version: *version, first, count }).await?;
        let round_trip = asked.elapsed();
        if fetched.bytes != stream_bytes(version.size_bytes, &groups) {
            return Err(share.nonsense());
        }
        let bytes = fetched.bytes;
        let (verified, mut to_keep) = mpsc::channel::<Vec<Verified>>(PIECES);
        let keep = async {
            while let Some(parts) = to_keep.recv().await {
                self.object.write(parts).await.map_err(|error| TreeError::of_disk(&error))?;
                self.tell();
            }
            Ok(())
        };
        let check = async move {
            let mut decoder = self.object.decoder(groups);
            let mut piece = vec![0; PIECE_BYTES];
            loop {
                let read = match fetched.read(&mut piece).await {
                    Ok(read) => read,
                    Err(error) => return Err(tree.why_broken(origin, &error).await),
                };
                let (mut rest, mut parts) = (&piece[..read], Vec::new());
                while let Some(part) = decoder.push(&mut rest).map_err(|_| share.wrong(path))? {
                    parts.push(part);
                }
                // The disk refused: it says so itself.
                if read == 0 || !parts.is_empty() && verified.send(parts).await.is_err() {
                    return decoder.finish().map_err(|_| share.wrong(path));
                }
            }
        };
        let (kept, checked) = tokio::join!(keep, check);
        kept.and(checked)?;
        if bytes >= MEASURED_BYTES {
            let secs = asked.elapsed().as_secs_f64().max(1e-6);
            self.state().speed = Some(PathSpeed { bytes_per_second: (bytes as f64 / secs) as u64, round_trip });
        }
        Ok(())
    }

    fn tell(&self) {
        self.news.send_modify(|count| *count += 1);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the state")
    }
}
