//! Copies follow what is wished: lists of shares are made, and copies fetched and let go.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use gridwell_files::Purpose;
use gridwell_model::{BlobId, ListRef, ListedFile};
use gridwell_mount::TreePath;
use gridwell_store::{BlobHold, SharedFolder, Spot};
use tokio::task::JoinSet;

use super::{List, ShareKey, list::look, steps::Next};
use crate::tree::{
    Place, ShareAt, Tree, TreeError, Whose,
    origin::{ListAt, Origin, SharedAt},
    place::at_spot,
};

/// Files that come at once: small ones would wait for each round trip.
const AT_ONCE: usize = 4;
/// How long files come before others hear of it, and all is looked at anew.
const ROUND: Duration = Duration::from_secs(1);
/// Shortest time between two looks: several machines often say something at once.
const PAUSE: Duration = Duration::from_millis(100);

impl Tree {
    /// Keeps the lists of shares of this machine of which copies are wished as their folders are, until the node stops.
    pub(crate) async fn list_own_shares(mut self) {
        loop {
            let mut more = false;
            for (key, folder) in self.own_folders() {
                match self.list_share(key, &folder).await {
                    Ok(left) => more |= left,
                    Err(error) => tracing::debug!(%error, "a share of which copies are wished was not looked at"),
                }
            }
            let copies = self.copies.clone();
            let wait = if more { PAUSE } else { copies.look_every() };
            tokio::select! {
                changed = self.roots.changed() => if changed.is_err() { return },
                () = copies.0.wishes.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Keeps the copies that are to be here, until the node stops.
    pub(crate) async fn follow_copies(mut self) {
        loop {
            let mut more = false;
            match self.objects.spare_bytes().await {
                Ok(spare_bytes) => self.copies.state().spare_bytes = Some(spare_bytes),
                Err(error) => tracing::debug!(%error, "nobody says how much room copies have"),
            }
            let keys: Vec<_> = self.copies.state().shares.keys().copied().collect();
            for key in keys {
                more |= self.tend(key).await;
            }
            // Also when nothing changed: what was said long ago counts for nobody.
            self.transfer.ways.copies_changed().await;
            tokio::time::sleep(PAUSE).await;
            let copies = self.copies.clone();
            let wait = if more { Duration::ZERO } else { copies.look_every() };
            tokio::select! {
                changed = self.roots.changed() => if changed.is_err() { return },
                () = copies.0.news.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Shares of this machine of which copies are wished.
    fn own_folders(&self) -> Vec<(ShareKey, SharedFolder)> {
        let roots = self.roots.borrow().clone();
        let mine = roots.machines().filter(|(_, machine)| machine.peer == self.transfer.me);
        let shares = mine.flat_map(|(_, machine)| machine.shares.values());
        let folders = shares.filter_map(|share| Some(((self.transfer.me, share.id), share.folder.clone()?)));
        let state = self.copies.state();
        let wished = |key| state.shares.get(&key).is_some_and(|share| share.edition.wants_copies());
        folders.filter(|(key, _)| wished(*key)).collect()
    }

    /// Looks at a share of this machine; returns true if more of it is to be hashed.
    async fn list_share(&self, key: ShareKey, folder: &SharedFolder) -> Result<bool, TreeError> {
        let known = self.copies.state().shares.get(&key).and_then(|share| share.list.clone());
        let at = TreePath::root();
        let looked = look(folder, known.as_deref()).await.map_err(|error| TreeError::of_share(&at, &error))?;
        // A share that is empty all at once is mostly a disk that is not mounted: copies are not let go for that.
        if looked.is_empty && known.is_some_and(|known| !known.files.is_empty()) {
            return Ok(false);
        }
        let blob = BlobId::of(&looked.bytes);
        let told = self.copies.state().shares.get(&key).and_then(|share| share.edition.list);
        if told.is_none_or(|told| told.blob != blob) {
            let hold = self.objects.keep(&looked.bytes).await.map_err(|error| TreeError::of_disk(&error))?;
            let size_bytes = looked.bytes.len() as u64;
            if let Some(list) = List::read(blob, &looked.bytes, hold) {
                self.copies.state().shares.entry(key).and_modify(|share| share.list = Some(Arc::new(list)));
                self.transfer.ways.listed(key.1, ListRef { blob, size_bytes }).await;
            }
        }
        Ok(looked.more)
    }

    /// Does for a share what is to be done now; returns true if more is to be done at once.
    async fn tend(&self, key: ShareKey) -> bool {
        match self.copies.next(key) {
            Next::Nothing => false,
            Next::LetGo(copies) => {
                self.let_go(copies).await;
                false
            }
            Next::List(list) => {
                let fetched = self.fetch_list(key, list).await;
                fetched.inspect_err(|error| tracing::debug!(%error, "the list of a share did not come")).is_ok()
            }
            Next::Place(placing) => {
                let here = self.objects.clone();
                let copies = self.copies.clone();
                // Many files take a moment.
                let placed = tokio::task::spawn_blocking(move || {
                    copies.steps(key, &placing, |blob, bytes| here.here_bytes(blob) == bytes)
                });
                let Ok(steps) = placed.await else { return false };
                for (blob, bytes) in steps.hold {
                    // What was here before is not taken away because nobody wants a copy.
                    let _not_wanted = self.copies.keep(key, bytes, self.transfer.blobs.hold(blob));
                }
                self.let_go(steps.let_go).await;
                self.fetch_copies(key, steps.fetch).await
            }
        }
    }

    /// Takes away what is kept for nobody any more, unless it is wanted here otherwise.
    async fn let_go(&self, copies: impl IntoIterator<Item = BlobHold>) {
        for hold in copies {
            let blob = hold.blob();
            drop(hold);
            if let Err(error) = self.objects.free(blob).await {
                tracing::warn!(%error, "a copy that is not wanted any more was not removed");
            }
        }
    }

    /// Brings files for a while; returns true if some came, and more are to come.
    async fn fetch_copies(&self, key: ShareKey, files: Vec<ListedFile>) -> bool {
        let (began, mut coming, mut came) = (Instant::now(), JoinSet::new(), false);
        let mut left = files.into_iter();
        loop {
            while coming.len() < AT_ONCE
                && began.elapsed() < ROUND
                && let Some(file) = left.next()
            {
                let tree = self.clone();
                coming.spawn(async move { tree.fetch_copy(key, file).await });
            }
            match coming.join_next().await {
                None => return came && left.len() > 0,
                Some(Ok(Ok(()))) => came = true,
                Some(Ok(Err(error))) => tracing::debug!(%error, "a copy did not come"),
                Some(Err(error)) => tracing::error!(%error, "a copy did not come"),
            }
        }
    }

    /// Brings the list of a share here. What its owner has no more goes.
    async fn fetch_list(&self, key: ShareKey, wanted: ListRef) -> Result<(), TreeError> {
        let ListRef { blob, size_bytes } = wanted;
        let hold = self.transfer.blobs.hold(blob);
        let spot = Spot { peer: key.0, share: key.1, path: None };
        let path = at_spot(&self.roots.borrow(), &spot).unwrap_or_else(TreePath::root);
        let origin = Origin::List(Arc::new(ListAt { path, key, list: wanted }));
        let fetching = self.fetchings.of(self, &origin, blob).await.map_err(|error| TreeError::of_disk(&error))?;
        fetching.bring_whole(self, &origin).await?;
        let object = self.objects.open(blob, size_bytes, Purpose::Own).await;
        let object = object.map_err(|error| TreeError::of_disk(&error))?;
        let bytes = object.read_at(0, size_bytes as usize).await.map_err(|error| TreeError::of_disk(&error))?;
        let list = List::read(blob, &bytes, hold).ok_or_else(|| origin.wrong(self))?;
        self.let_go(self.copies.listed_anew(key, list)).await;
        Ok(())
    }

    /// Brings a file here, to be kept as a copy.
    async fn fetch_copy(&self, key: ShareKey, file: ListedFile) -> Result<(), TreeError> {
        let ListedFile { path: rest, version, blob, executable } = file;
        let hold = self.transfer.blobs.hold(blob);
        let roots = self.roots.borrow().clone();
        let spot = Spot { peer: key.0, share: key.1, path: Some(rest.clone()) };
        // Its owner is no member any more.
        let Some(path) = at_spot(&roots, &spot) else { return Ok(()) };
        let Place::Share(share @ ShareAt { id: Whose::Share(_), .. }, _) = Place::of(&path, &roots)? else {
            return Ok(());
        };
        let origin = Origin::Shared(Arc::new(SharedAt { path, share, rest, version, executable }));
        let fetching = self.fetchings.of(self, &origin, blob).await.map_err(|error| TreeError::of_disk(&error))?;
        fetching.bring_whole(self, &origin).await?;
        // It came for nothing, if nobody wants copies by now.
        self.let_go(self.copies.keep(key, version.size_bytes, hold)).await;
        Ok(())
    }
}
