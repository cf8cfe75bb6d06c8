use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use gridwell_files::{Groups, Purpose, Regions, Verified};
use gridwell_model::BlobId;

use super::{
    ObjectError, ObjectLimits, ObjectUsage,
    content::{self, Content, Opened, map_path},
    error::read_error,
    flusher::{Flusher, SYNC_BYTES},
    map::Map,
};
use crate::{BlobHold, blobs, disk, lock::NodeLock};

/// Room is looked after each time this much was written, in bytes: by bytes, because time says nothing of how full a disk is.
const CHECK_EVERY_BYTES: u64 = 16 * 1024 * 1024;

/// Unsynced bytes of one blob that make whoever writes more wait for the disk: twice what is synced at once, so that
/// bytes go on coming meanwhile.
const MOST_UNSYNCED_BYTES: u64 = 2 * SYNC_BYTES;

/// The folder behind [`super::Objects`]. Its methods block.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    limits: ObjectLimits,
    /// In the place of what the limits say.
    own_bytes: AtomicU64,
    /// Knows what jobs pin and who holds what.
    blobs: Arc<blobs::Inner>,
    flusher: Flusher,
    open: Arc<Opened>,
    regions: Arc<Mutex<Regions>>,
    unchecked_bytes: AtomicU64,
    /// Held by whoever evicts.
    evicting: Mutex<()>,
}

impl Folder {
    /// Makes the folder, removes what nothing is here of, and counts the rest, the one written longest ago first.
    pub(super) fn open(
        path: &Path,
        limits: ObjectLimits,
        blobs: Arc<blobs::Inner>,
        lock: NodeLock,
    ) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let mut regions = Regions::default();
        for (_, map) in maps(path)? {
            // What it was kept for is not remembered: relayed bytes of an earlier run have the room of own ones.
            regions.add(map.blob(), map.size_bytes(), map.groups(), Purpose::Own);
        }
        let regions = Arc::new(Mutex::new(regions));
        let synced = Arc::clone(&regions);
        Ok(Self {
            path: path.to_owned(),
            own_bytes: AtomicU64::new(limits.own_bytes),
            limits,
            blobs,
            flusher: Flusher::start(lock, move |content| sync(content, &synced))?,
            open: Arc::default(),
            regions,
            unchecked_bytes: AtomicU64::new(CHECK_EVERY_BYTES),
            evicting: Mutex::new(()),
        })
    }

    /// The content of a blob, made if nothing is here of it.
    pub(super) fn content(&self, blob: BlobId, size_bytes: u64) -> Result<Arc<Content>, ObjectError> {
        let mut open = self.contents();
        if let Some(content) = open.get(&blob).and_then(Weak::upgrade) {
            // Before it may be let go for the last time, which takes the lock, too.
            drop(open);
            let is_same = content.size_bytes() == size_bytes;
            return if is_same { Ok(content) } else { Err(ObjectError::WrongSize { blob, size_bytes }) };
        }
        let content =
            Arc::new(Content::open(&object_path(&self.path, blob), blob, size_bytes, Arc::clone(&self.open))?);
        if content.present().is_empty() {
            self.regions().forget(blob);
        }
        open.retain(|_, content| content.strong_count() > 0);
        open.insert(blob, Arc::downgrade(&content));
        Ok(content)
    }

    /// Keeps parts that were verified.
    pub(super) fn write(
        &self,
        content: &Arc<Content>,
        parts: &[Verified],
        purpose: Purpose,
    ) -> Result<(), ObjectError> {
        self.make_room(parts.iter().map(group_bytes).sum())?;
        let unsynced_bytes = content.write(parts, |new| {
            self.regions().add(content.blob(), content.size_bytes(), new, purpose);
        })?;
        self.flusher.note(content, &unsynced_bytes);
        if unsynced_bytes.end < MOST_UNSYNCED_BYTES { Ok(()) } else { self.sync(content) }
    }

    /// As [`Content::sync`].
    pub(super) fn sync(&self, content: &Content) -> Result<(), ObjectError> {
        sync(content, &self.regions)
    }

    /// As [`Content::read_at`]; counts as a use.
    pub(super) fn read_at(
        &self,
        content: &Content,
        offset: u64,
        buffer: &mut [u8],
        purpose: Purpose,
    ) -> Result<usize, ObjectError> {
        let count = content.read_at(offset, buffer)?;
        let groups = Groups::of_bytes(offset..offset.saturating_add(count as u64));
        self.regions().read(content.blob(), &groups, purpose);
        Ok(count)
    }

    pub(super) fn hold(&self, blob: BlobId) -> BlobHold {
        BlobHold::new(&self.blobs, blob)
    }

    /// Removes all of a blob's pieces, needed or not, and its files unless somebody has them open.
    pub(super) fn remove(&self, blob: BlobId) -> Result<(), ObjectError> {
        self.evict(blob, &Groups::all(u64::MAX), || false).map(drop)
    }

    /// Removes all of a blob's pieces, unless somebody needs them; returns how many bytes went.
    pub(super) fn free(&self, blob: BlobId) -> Result<u64, ObjectError> {
        self.evict(blob, &Groups::all(u64::MAX), || self.blobs.is_needed(blob))
    }

    pub(super) fn here_bytes(&self, blob: BlobId) -> u64 {
        self.regions().blob_bytes(blob)
    }

    pub(super) fn spare_bytes(&self) -> Result<u64, ObjectError> {
        let free_bytes = disk::free_bytes(&self.path).map_err(|error| read_error(&self.path, error))?;
        Ok(free_bytes.saturating_sub(self.limits.reserve_bytes))
    }

    pub(super) fn usage(&self) -> ObjectUsage {
        let regions = self.regions();
        ObjectUsage {
            own_bytes: regions.kept_bytes(Purpose::Own),
            relayed_bytes: regions.kept_bytes(Purpose::Relayed),
            objects: regions.blob_count() as u64,
        }
    }

    pub(super) fn set_own_bytes(&self, own_bytes: u64) -> Result<(), ObjectError> {
        self.own_bytes.store(own_bytes, Ordering::Relaxed);
        self.unchecked_bytes.store(CHECK_EVERY_BYTES, Ordering::Relaxed);
        self.make_room(0)
    }

    fn budget_bytes(&self, purpose: Purpose) -> u64 {
        match purpose {
            Purpose::Own => self.own_bytes.load(Ordering::Relaxed),
            Purpose::Relayed => self.limits.relayed_bytes,
        }
    }

    /// Syncs what was written, and later writes no more.
    pub(super) fn close(&self) {
        self.flusher.close();
    }

    /// Evicts, each time enough was written, until `needed_bytes` more fit; refuses them if the disk's last bytes would go.
    fn make_room(&self, needed_bytes: u64) -> Result<(), ObjectError> {
        if self.unchecked_bytes.fetch_add(needed_bytes, Ordering::Relaxed) + needed_bytes < CHECK_EVERY_BYTES {
            return Ok(());
        }
        let _evicting = self.evicting.lock().expect("nothing panics while it evicts");
        if self.unchecked_bytes.load(Ordering::Relaxed) < CHECK_EVERY_BYTES {
            return Ok(());
        }
        let free = || disk::free_bytes(&self.path).map_err(|error| read_error(&self.path, error));
        let is_needed = |blob| self.blobs.is_needed(blob);
        let mut short_bytes = self.limits.reserve_bytes.saturating_add(needed_bytes).saturating_sub(free()?);
        for purpose in Purpose::ALL {
            let victims = {
                let regions = self.regions();
                let excess_bytes = regions.excess_bytes(purpose, self.budget_bytes(purpose), is_needed);
                regions.victims(purpose, excess_bytes.max(short_bytes), is_needed)
            };
            for (blob, groups) in &victims {
                let evicted_bytes = self.evict(*blob, groups, || is_needed(*blob))?;
                short_bytes = short_bytes.saturating_sub(evicted_bytes);
            }
            if !victims.is_empty() {
                tracing::debug!(?purpose, blobs = victims.len(), "evicted pieces that nobody needs");
            }
        }
        let free_bytes = free()?;
        if free_bytes < self.limits.floor_bytes.saturating_add(needed_bytes) {
            return Err(ObjectError::NoRoom { folder: self.path.clone(), needed_bytes, free_bytes });
        }
        self.unchecked_bytes.store(0, Ordering::Relaxed);
        Ok(())
    }

    /// Takes pieces of a blob away, open or not; returns how many bytes went. Files without pieces go as a whole.
    pub(super) fn evict(
        &self,
        blob: BlobId,
        groups: &Groups,
        is_needed: impl FnOnce() -> bool,
    ) -> Result<u64, ObjectError> {
        let Some(content) = self.known_content(blob)? else {
            self.regions().forget(blob);
            return Ok(0);
        };
        let gone = content.evict(groups, is_needed)?;
        self.regions().remove(blob, content.size_bytes(), &gone);
        // Files without pieces go with whoever has them last.
        Ok(gone.bytes(content.size_bytes()))
    }

    /// The content of a blob if something is here of it.
    pub(super) fn known_content(&self, blob: BlobId) -> Result<Option<Arc<Content>>, ObjectError> {
        if let Some(content) = self.contents().get(&blob).and_then(Weak::upgrade) {
            return Ok(Some(content));
        }
        let path = map_path(&object_path(&self.path, blob));
        let map = Map::load(&path, blob).map_err(|error| read_error(&path, error))?;
        map.map(|map| self.content(blob, map.size_bytes())).transpose()
    }

    fn contents(&self) -> MutexGuard<'_, BTreeMap<BlobId, Weak<Content>>> {
        self.open.lock()
    }

    fn regions(&self) -> MutexGuard<'_, Regions> {
        lock(&self.regions)
    }
}

fn lock(regions: &Mutex<Regions>) -> MutexGuard<'_, Regions> {
    regions.lock().expect("nothing panics while it holds the regions")
}

fn sync(content: &Content, regions: &Mutex<Regions>) -> Result<(), ObjectError> {
    content.sync(|lost| lock(regions).remove(content.blob(), content.size_bytes(), lost))
}

fn group_bytes(part: &Verified) -> u64 {
    match part {
        Verified::Group { bytes, .. } => bytes.len() as u64,
        Verified::Pair { .. } => 0,
    }
}

/// Where a blob's pieces lie, without the ending of each file: two letters of its name spread them over 256 folders.
fn object_path(folder: &Path, blob: BlobId) -> PathBuf {
    let name = blob.to_string();
    folder.join(&name[..2]).join(name)
}

/// The map of every blob that something is here of, the one written longest ago first. What belongs to no map is removed;
/// files with other names are left alone.
fn maps(folder: &Path) -> io::Result<Vec<(SystemTime, Map)>> {
    let mut maps = Vec::new();
    for blob in blobs_in(folder)? {
        let path = object_path(folder, blob);
        match Map::load(&map_path(&path), blob)?.filter(|map| !map.groups().is_empty()) {
            Some(map) => maps.push((fs::metadata(map_path(&path))?.modified()?, map)),
            None => content::remove(&path)?,
        }
    }
    maps.sort_by_key(|(modified, _)| *modified);
    Ok(maps)
}

/// Every blob with a file here.
fn blobs_in(folder: &Path) -> io::Result<BTreeSet<BlobId>> {
    let mut blobs = BTreeSet::new();
    for prefix in fs::read_dir(folder)? {
        let prefix = prefix?;
        if prefix.file_name().len() != 2 || !prefix.file_type()?.is_dir() {
            continue;
        }
        for entry in fs::read_dir(prefix.path())? {
            let name = entry?.file_name();
            let stem = name.to_str().and_then(|name| name.split('.').next());
            blobs.extend(stem.and_then(|stem| stem.parse::<BlobId>().ok()));
        }
    }
    Ok(blobs)
}
