//! Copies of shared files: what is known of them, which of them lie here, and who else keeps which.

mod list;
mod steps;
mod tend;
mod view;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use gridwell_files::Purpose;
use gridwell_model::{BlobId, CopyReport, Edition, ListRef, ListedFile, PeerId, ShareId};
use gridwell_store::{BlobHold, KnownFile, Spot, Store};
use tokio::sync::Notify;

pub(crate) use list::List;
pub(crate) use view::KeptAt;
use view::Standing;

/// A share of some machine.
pub(crate) type ShareKey = (PeerId, ShareId);

/// In a tenth of the time for which a machine may be gone, shares are looked at and reports are said again.
const LOOKS_IN_GRACE: u32 = 10;
/// What was said within so many looks was said just now.
const FRESH_LOOKS: u32 = 3;
/// Room that nobody set is told in steps of 256 MiB: it changes with all that the machine does.
const ROOM_STEP_BYTES: u64 = 256 * 1024 * 1024;

/// What is known of copies; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Copies(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    me: PeerId,
    grace: Duration,
    state: Mutex<State>,
    /// Something changed that may move copies, or the files of a share of this machine.
    news: Notify,
    wishes: Notify,
}

#[derive(Debug, Default)]
struct State {
    shares: BTreeMap<ShareKey, Share>,
    machines: BTreeMap<PeerId, Reach>,
    /// Most bytes of copies here, if somebody set that; free disk beyond the reserve.
    limit_bytes: Option<u64>,
    spare_bytes: Option<u64>,
}

/// Another machine, as far as it matters for copies.
#[derive(Debug, Clone, Copy)]
struct Reach {
    /// May see files.
    files: bool,
    /// Since when it cannot be reached.
    gone: Option<Instant>,
}

#[derive(Debug)]
struct Share {
    edition: Edition,
    /// The files by which copies are kept; those of the edition as soon as its list is here.
    list: Option<Arc<List>>,
    /// Contents that are kept here whole, with their sizes in bytes.
    held: BTreeMap<BlobId, (u64, BlobHold)>,
    /// What others keep, and when they said so.
    told: BTreeMap<PeerId, (CopyReport, Instant)>,
    standing: Option<Standing>,
}

impl Copies {
    /// Reads what lies here of the shares of `editions`, and holds it.
    pub(crate) async fn load(store: &Store, me: PeerId, grace: Duration, editions: Vec<Edition>) -> Self {
        let mut state = State::default();
        for edition in editions {
            let mut share = Share::of(edition);
            if let Some(list) = share.edition.list {
                share.list = read_list(store, list).await;
            }
            let kept = share.list.clone().filter(|_| share.edition.owner != me);
            for (blob, size_bytes) in kept.iter().flat_map(|list| &list.contents) {
                if store.objects().here_bytes(*blob) == *size_bytes {
                    share.held.insert(*blob, (*size_bytes, store.blobs().hold(*blob)));
                }
            }
            state.shares.insert((share.edition.owner, share.edition.share), share);
        }
        let (news, wishes) = (Notify::new(), Notify::new());
        Self(Arc::new(Inner { me, grace, state: Mutex::new(state), news, wishes }))
    }

    /// A newer edition of a share.
    pub(crate) fn follow(&self, edition: Edition) {
        let mut state = self.state();
        let share = state.shares.entry((edition.owner, edition.share));
        share.and_modify(|share| share.edition = edition.clone()).or_insert_with(|| Share::of(edition));
        drop(state);
        self.0.wishes.notify_one();
        self.0.news.notify_one();
    }

    /// The shares of a machine are not there any more. What is kept of them makes room as all that was read.
    pub(crate) fn forget(&self, owner: PeerId) {
        self.state().shares.retain(|(of, _), _| *of != owner);
    }

    /// Other machines: whether each can be reached, and whether it may see files.
    pub(crate) fn reach(&self, machines: impl Iterator<Item = (PeerId, bool, bool)>) {
        let mut state = self.state();
        let known = std::mem::take(&mut state.machines);
        let (now, mut changed) = (Instant::now(), false);
        for (peer, online, files) in machines {
            let before = known.get(&peer);
            let since = before.and_then(|before| before.gone).unwrap_or(now);
            let reach = Reach { files, gone: (!online).then_some(since) };
            changed |= before.is_none_or(|before| (before.files, before.gone.is_some()) != (files, !online));
            state.machines.insert(peer, reach);
        }
        if changed || state.machines.len() != known.len() {
            self.0.news.notify_one();
        }
    }

    /// Most bytes of copies that are kept here; half of what is free beyond the disk's reserve when absent.
    pub(crate) fn limit(&self, bytes: Option<u64>) {
        self.state().limit_bytes = bytes;
        self.0.news.notify_one();
    }

    /// A machine says what it keeps of a share.
    pub(crate) fn heard(&self, from: PeerId, report: CopyReport) {
        let mut state = self.state();
        let Some(share) = state.shares.get_mut(&(report.owner, report.share)) else { return };
        if report.whole.len() > CopyReport::MAX_BYTES || !share.edition.to.includes(from) {
            return;
        }
        let before = share.told.insert(from, (report.clone(), Instant::now()));
        if before.is_none_or(|(before, _)| before != report) {
            self.0.news.notify_one();
        }
    }

    /// What this machine keeps of each share, for those who see it.
    pub(crate) fn reports(&self) -> Vec<(Edition, CopyReport)> {
        let state = self.state();
        let others = state.shares.iter().filter(|((owner, _), _)| *owner != self.0.me);
        let told = others.filter_map(|(key, share)| {
            let (list, room_bytes) = (share.list.as_ref()?, state.room_bytes(*key)?);
            let whole = CopyReport::bits(list.contents.iter().map(|(blob, _)| share.held.contains_key(blob)));
            let report = CopyReport { owner: key.0, share: key.1, list: list.blob, room_bytes, whole };
            Some((share.edition.clone(), report))
        });
        told.filter(|(edition, _)| edition.wants_copies()).collect()
    }

    /// True if a machine may be given this content of a share: it sees the share, whose owner still wants copies of it, and the content
    /// is one of its files or their list.
    pub(crate) fn may_give(&self, key: ShareKey, blob: BlobId, to: PeerId) -> bool {
        let state = self.state();
        let Some(share) = state.shares.get(&key) else { return false };
        let sees = key.0 == to || share.edition.to.includes(to);
        let listed = share.list.as_ref().is_some_and(|list| list.blob == blob || list.place(blob).is_some());
        sees && share.edition.wants_copies() && listed
    }

    /// Shares of a machine that is away, by the names their owner gave them: those whose files may be read from copies.
    pub(crate) fn shares_of(&self, owner: PeerId) -> Vec<(ShareId, String)> {
        let state = self.state();
        let theirs = state.shares.iter().filter(|((of, _), share)| *of == owner && share.edition.wants_copies());
        theirs.map(|((_, share), known)| (*share, known.edition.name.to_string())).collect()
    }

    /// The files at a spot, or below it, as the list of the share has them; nothing if there is no list.
    pub(super) fn listed(&self, spot: &Spot) -> Option<Vec<KnownFile>> {
        let list = {
            let state = self.state();
            let share = state.shares.get(&(spot.peer, spot.share))?;
            share.list.clone().filter(|_| share.edition.wants_copies())?
        };
        let known = |file: &ListedFile| KnownFile {
            spot: Spot { path: Some(file.path.clone()), ..spot.clone() },
            version: file.version,
            blob: file.blob,
            executable: file.executable,
        };
        Some(list.below(spot.path.as_ref()).map(known).collect())
    }

    /// Machines that can be reached and keep this content whole, in an order that is another one for each content.
    pub(super) fn holders(&self, key: ShareKey, blob: BlobId) -> Vec<PeerId> {
        let state = self.state();
        let Some(share) = state.shares.get(&key) else { return Vec::new() };
        let online = share.told.keys().filter(|peer| state.is_online(**peer) && share.has(**peer, blob));
        let mut holders: Vec<_> = online.copied().collect();
        if !holders.is_empty() {
            let first = usize::from(blob.0[0]) % holders.len();
            holders.rotate_left(first);
        }
        holders
    }

    /// Machines that can be reached and may have that list of a share, those first that said so.
    pub(super) fn list_sources(&self, key: ShareKey, list: BlobId) -> Vec<PeerId> {
        let state = self.state();
        let Some(share) = state.shares.get(&key) else { return Vec::new() };
        let has = |peer| share.told.get(&peer).is_some_and(|(report, _)| report.list == list);
        let sees = |peer| peer == key.0 || share.edition.to.includes(peer);
        let mut sources: Vec<_> =
            state.machines.keys().copied().filter(|peer| sees(*peer) && state.is_online(*peer)).collect();
        sources.sort_by_key(|peer| (!has(*peer), *peer != key.0));
        sources
    }

    /// True if a copy of this content is kept here.
    pub(super) fn keeps(&self, key: ShareKey, blob: BlobId) -> bool {
        self.state().shares.get(&key).is_some_and(|share| share.held.contains_key(&blob))
    }

    /// True if another machine said just now that it keeps this content whole.
    pub(super) fn is_held_elsewhere(&self, key: ShareKey, blob: BlobId) -> bool {
        let state = self.state();
        let share = state.shares.get(&key);
        share.is_some_and(|share| share.told.keys().any(|peer| self.said_just_now(&state, share, *peer, blob)))
    }

    fn said_just_now(&self, state: &State, share: &Share, peer: PeerId, blob: BlobId) -> bool {
        let fresh = share.told.get(&peer).is_some_and(|(_, at)| at.elapsed() < self.look_every() * FRESH_LOOKS);
        fresh && state.is_online(peer) && share.has(peer, blob)
    }

    /// How often shares are looked at, and reports said again.
    pub(crate) fn look_every(&self) -> Duration {
        self.0.grace / LOOKS_IN_GRACE
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().expect("nothing panics while it holds what is known of copies")
    }
}

impl State {
    fn is_online(&self, peer: PeerId) -> bool {
        self.machines.get(&peer).is_some_and(|reach| reach.gone.is_none())
    }

    /// What this machine would keep of a share, in bytes; unknown until the disk was looked at.
    fn room_bytes(&self, key: ShareKey) -> Option<u64> {
        let held = |share: &Share| share.held.values().map(|(bytes, _)| bytes).sum::<u64>();
        let all: u64 = self.shares.values().map(held).sum();
        let limit_bytes = match self.limit_bytes {
            Some(bytes) => bytes,
            None => (self.spare_bytes?.saturating_add(all) / 2) / ROOM_STEP_BYTES * ROOM_STEP_BYTES,
        };
        let here = self.shares.get(&key).map_or(0, held);
        Some(limit_bytes.saturating_sub(all - here))
    }

    /// Machines other than the owner that take copies of a share, each with its room: those that can be reached, or went less than
    /// `grace` ago. Whoever has just come and said nothing yet is taken to have room.
    fn takers(&self, me: PeerId, grace: Duration, key: ShareKey) -> BTreeMap<PeerId, u64> {
        let Some(share) = self.shares.get(&key) else { return BTreeMap::new() };
        let others = self.machines.iter().filter(|(peer, reach)| {
            let near = reach.gone.is_none_or(|gone| gone.elapsed() < grace);
            reach.files && near && **peer != key.0 && share.edition.to.includes(**peer)
        });
        let others = others.filter_map(|(peer, reach)| match share.told.get(peer) {
            Some((report, _)) => Some((*peer, report.room_bytes)),
            None => reach.gone.is_none().then_some((*peer, u64::MAX)),
        });
        let mine = (key.0 != me).then(|| self.room_bytes(key)).flatten();
        others.chain(mine.map(|room| (me, room))).collect()
    }

    /// How many machines other than the owner are to keep each file; one less while the owner has it itself.
    fn wanted(&self, me: PeerId, grace: Duration, key: ShareKey) -> usize {
        let copies = self.shares.get(&key).map_or(0, |share| usize::from(share.edition.copies));
        let gone = self.machines.get(&key.0).map_or(Some(Duration::MAX), |reach| reach.gone.map(|gone| gone.elapsed()));
        let owner = key.0 == me || gone.is_none_or(|gone| gone < grace);
        copies.saturating_sub(usize::from(owner))
    }
}

impl Share {
    const fn of(edition: Edition) -> Self {
        Self { edition, list: None, held: BTreeMap::new(), told: BTreeMap::new(), standing: None }
    }

    /// True if a machine said that it keeps a content whole, by the same list.
    fn has(&self, peer: PeerId, blob: BlobId) -> bool {
        let place = self.list.as_ref().and_then(|list| Some((list.blob, list.place(blob)?)));
        let told = self.told.get(&peer);
        place.zip(told).is_some_and(|((list, place), (report, _))| report.list == list && report.has(place))
    }
}

/// A list that lies here whole.
async fn read_list(store: &Store, list: ListRef) -> Option<Arc<List>> {
    let hold = store.blobs().hold(list.blob);
    let object = store.objects().find(list.blob, Purpose::Own).await.ok()??;
    let bytes = object.read_at(0, usize::try_from(list.size_bytes).ok()?).await.ok()?;
    List::read(list.blob, &bytes, hold).map(Arc::new)
}
