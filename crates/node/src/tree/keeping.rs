//! What is to be kept here of other machines' files, and what is fetched as a whole.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use gridwell_api::FileView;
use gridwell_model::{EntryKind, TreeEntry};
use gridwell_mount::TreePath;
use gridwell_store::{BlobHold, Spot, Store, StoreError};
use tokio::sync::Notify;

use super::{Tree, TreeError, file_view, place::at_spot};

/// How often folders that are kept are looked at: what is new there for longer is missed by whoever leaves at once.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// What is kept and what is fetched; clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keeping(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    /// Something more is to be kept.
    more: Notify,
}

#[derive(Debug, Default)]
struct State {
    kept: BTreeSet<Spot>,
    /// Content of files that are kept: it never makes room for others.
    holds: BTreeMap<Spot, BlobHold>,
    fetching: Vec<Spot>,
}

/// A fetch; it has ended when this goes.
struct Running {
    keeping: Keeping,
    spot: Spot,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.keeping.state();
        if let Some(at) = state.fetching.iter().position(|spot| *spot == self.spot) {
            state.fetching.swap_remove(at);
        }
    }
}

impl Keeping {
    /// Reads what is to be kept, and holds what is known of it.
    pub(crate) async fn load(store: &Store) -> Result<Self, StoreError> {
        let (known, mut state) = (store.known_files(), State::default());
        for spot in known.kept().await? {
            for file in known.below(spot.clone()).await? {
                state.holds.insert(file.spot, store.blobs().hold(file.blob));
            }
            state.kept.insert(spot);
        }
        Ok(Self(Arc::new(Inner { state: Mutex::new(state), more: Notify::default() })))
    }

    /// True if this, or a folder above it, is kept.
    pub(super) fn keeps(&self, spot: &Spot) -> bool {
        self.state().keeps(spot)
    }

    /// True while this, something in it or a folder above it is fetched.
    pub(super) fn is_fetching(&self, spot: &Spot) -> bool {
        self.state().fetching.iter().any(|running| running.holds(spot) || spot.holds(running))
    }

    /// Holds a file's content, if the file is kept.
    pub(super) fn hold(&self, spot: &Spot, hold: impl FnOnce() -> BlobHold) {
        let mut state = self.state();
        if state.keeps(spot) {
            state.holds.insert(spot.clone(), hold());
        }
    }

    fn begin(&self, spot: Spot) -> Running {
        self.state().fetching.push(spot.clone());
        Running { keeping: self.clone(), spot }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().expect("nothing panics while it holds what is kept")
    }
}

impl State {
    fn keeps(&self, spot: &Spot) -> bool {
        self.kept.iter().any(|kept| kept.holds(spot))
    }
}

impl Tree {
    /// Keeps something here, or no more. What is kept comes beside whatever else happens.
    ///
    /// # Errors
    ///
    /// [`TreeError`] if there is nothing to keep, or that was not written down.
    pub(crate) async fn pin(&self, path: &TreePath, on: bool) -> Result<FileView, TreeError> {
        let spot = self.spot_of(path)?;
        if on {
            self.stat(path).await?;
        }
        self.known.keep(spot.clone(), on).await.map_err(|error| TreeError::of_store(&error))?;
        if on {
            self.keeping.state().kept.insert(spot.clone());
            for file in self.known.below(spot).await.map_err(|error| TreeError::of_store(&error))? {
                self.keeping.hold(&file.spot, || self.transfer.blobs.hold(file.blob));
            }
            self.keeping.0.more.notify_one();
            return self.look_at(path).await;
        }
        let let_go: Vec<_> = {
            let mut state = self.keeping.state();
            state.kept.remove(&spot);
            let files = state.holds.keys().filter(|file| !state.keeps(file)).cloned().collect::<Vec<_>>();
            files.iter().filter_map(|file| state.holds.remove(file)).collect()
        };
        drop(let_go);
        // It may have gone on its machine: it is not kept all the same.
        let gone = || file_view(&TreeEntry { name: path.name().to_vec(), kind: EntryKind::Hidden, modified_ns: 0 });
        Ok(self.look_at(path).await.unwrap_or_else(|_| gone()))
    }

    /// Fetches a file, or all files of a folder and of those in it; returns when they are here.
    ///
    /// # Errors
    ///
    /// [`TreeError`] with the first reason why something is not; the rest comes all the same, unless the machine is away.
    pub(crate) async fn fetch_whole(&self, path: &TreePath) -> Result<(), TreeError> {
        let _running = self.keeping.begin(self.spot_of(path)?);
        let entry = self.stat(path).await?.what;
        if let EntryKind::File { .. } = entry.kind {
            return self.fetch_file(path, &entry).await;
        }
        let (mut folders, mut failed) = (vec![path.clone()], Ok(()));
        while let Some(folder) = folders.pop() {
            let (mut after, mut more) = (None, true);
            while more {
                let page = self.list(&folder, after.as_deref()).await?.what;
                for entry in &page.entries {
                    let Ok(at) = folder.child(&entry.name) else { continue };
                    match entry.kind {
                        EntryKind::Folder => folders.push(at),
                        EntryKind::File { .. } => match self.fetch_file(&at, entry).await {
                            Err(error) if error.may_pass() => return Err(error),
                            fetched => failed = failed.and(fetched),
                        },
                        EntryKind::Link { .. } | EntryKind::Hidden => {}
                    }
                }
                more = page.more;
                after = page.entries.last().map(|entry| entry.name.clone());
            }
        }
        failed
    }

    async fn fetch_file(&self, path: &TreePath, entry: &TreeEntry) -> Result<(), TreeError> {
        let spot = self.spot_of(path)?;
        let known = self.known.at(spot.clone()).await.map_err(|error| TreeError::of_store(&error))?;
        if let (Some(known), EntryKind::File { version, .. }) = (known, &entry.kind)
            && known.version == *version
            && self.objects.here_bytes(known.blob) == version.size_bytes
        {
            return Ok(());
        }
        self.open(path).await?.fetch_whole().await
    }

    /// Fetches what is to be kept, and what is new in it, until the node stops.
    pub(crate) async fn follow_kept(mut self) {
        loop {
            let kept: Vec<_> = self.keeping.state().kept.iter().cloned().collect();
            for spot in kept {
                let path = at_spot(&self.roots.borrow(), &spot);
                let Some(path) = path else { continue };
                if let Err(error) = self.fetch_whole(&path).await {
                    tracing::debug!(%error, "something that is to be kept here is not, yet");
                }
            }
            let keeping = self.keeping.clone();
            tokio::select! {
                changed = self.roots.changed() => if changed.is_err() { return },
                () = keeping.0.more.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }
}
