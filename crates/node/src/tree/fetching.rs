//! What is missing of a file comes here once, for all who read it.

use std::{
    collections::BTreeMap,
    io, mem,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, Weak},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::FutureExt as _;
use gridwell_files::{Decoder, Groups, PathSpeed, Purpose, Spread, Verified, group_count, stream_bytes};
use gridwell_model::{BlobId, PeerId};
use gridwell_net::Fetched;
use gridwell_store::{Object, ObjectError};
use gridwell_wire::TreeWish;
use tokio::{
    io::AsyncReadExt as _,
    sync::{OwnedSemaphorePermit, mpsc, watch},
    task::JoinSet,
    time::timeout,
};

use super::{
    Tree, TreeError,
    fresh::{Fresh, Room},
    origin::{Key, Origin},
    turns::Turns,
};
use crate::clock;

/// Groups that are handed to the disk at once, 1 MiB: large writes cost it less, and others wait for their turn.
const AT_ONCE: usize = 16;
/// When nothing comes for so long the disk gets what is here: it takes room that others may need.
const LULL: Duration = Duration::from_millis(20);
/// Wait before the second try; doubled each time, at most so often.
const RETRY_WAIT: Duration = Duration::from_millis(200);
const MOST_DOUBLED: u32 = 4;
/// Groups that are waited for together when all of a file comes, 4 MiB: a slow path brings so many in time, too.
const WHOLE_GROUPS: u64 = 64;
/// Groups from which on several machines are asked at once: 4 MiB, four times what one is asked for first.
const SPREAD_GROUPS: u64 = 64;
/// Shortest stream that tells how fast a path is.
const MEASURED_BYTES: u64 = 1024 * 1024;

/// Files of which something is being read; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fetchings {
    all: Arc<Mutex<BTreeMap<Key, Weak<Fetching>>>>,
    room: Room,
    pub(super) turns: Turns,
}

impl Fetchings {
    /// The one that fetches `blob` from where it lies.
    pub(super) async fn of(&self, tree: &Tree, origin: &Origin, blob: BlobId) -> Result<Arc<Fetching>, ObjectError> {
        let key = origin.key(blob);
        if let Some(known) = self.lock().get(&key).and_then(Weak::upgrade) {
            return Ok(known);
        }
        let object = tree.objects.open(blob, origin.size_bytes(), Purpose::Own).await?;
        let mut all = self.lock();
        if let Some(known) = all.get(&key).and_then(Weak::upgrade) {
            return Ok(known);
        }
        all.retain(|_, fetching| fetching.strong_count() > 0);
        let fetching = Arc::new(Fetching {
            object,
            fresh: Arc::default(),
            room: self.room.clone(),
            turns: self.turns.clone(),
            state: Mutex::default(),
            news: watch::Sender::default(),
        });
        all.insert(key, Arc::downgrade(&fetching));
        Ok(fetching)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Weak<Fetching>>> {
        self.all.lock().expect("nothing panics while it holds the list")
    }
}

/// Fetches pieces of one file.
#[derive(Debug)]
pub(super) struct Fetching {
    object: Object,
    fresh: Arc<Fresh>,
    room: Room,
    turns: Turns,
    state: Mutex<State>,
    /// Changes when something came, or does not come.
    news: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    /// Asked for, and not here yet.
    coming: Groups,
    /// Did not come, and nobody has been told yet; why the last of them did not.
    failed: Groups,
    why: Option<TreeError>,
    speed: Option<PathSpeed>,
}

/// Groups on their way. They are not any more when this goes, also if that is by a panic.
struct Coming {
    fetching: Arc<Fetching>,
    run: Range<u64>,
}

impl Drop for Coming {
    fn drop(&mut self) {
        let mut state = self.fetching.state();
        state.coming = state.coming.difference(&Groups::from(self.run.clone()));
        drop(state);
        // What is on the disk is found there.
        self.fetching.fresh.forget_but(self.run.clone(), &self.fetching.object.present());
        self.fetching.tell();
    }
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
    ) -> Result<Bytes, TreeError> {
        let read = self.read_in_time(tree, origin, (offset, bytes), ahead);
        timeout(origin.patience(), read).await.unwrap_or_else(|_| Err(origin.silent(tree)))
    }

    /// Brings all of it here, behind whoever waits for bytes, and returns once it outlives a crash.
    pub(super) async fn bring_whole(self: &Arc<Self>, tree: &Tree, origin: &Origin) -> Result<(), TreeError> {
        let _held = self.object.hold();
        let all = 0..group_count(origin.size_bytes());
        for run in pieces_of(all.clone(), WHOLE_GROUPS) {
            // The next piece is on its way while this one is waited for.
            let next = Groups::from(run.end..all.end.min(run.end + WHOLE_GROUPS));
            let now = Groups::from(run);
            self.turns.come().await;
            let piece = self.until_here(tree, origin, &now, &next);
            timeout(origin.patience(), piece).await.unwrap_or_else(|_| Err(origin.silent(tree)))?;
        }
        self.object.sync().await.map_err(|error| TreeError::of_disk(&error))
    }

    async fn read_in_time(
        self: &Arc<Self>,
        tree: &Tree,
        origin: &Origin,
        (offset, bytes): (u64, u64),
        ahead: &Groups,
    ) -> Result<Bytes, TreeError> {
        let now = Groups::of_bytes(offset..offset + bytes);
        // What comes stays until it was read, however little room there is.
        let _held = self.object.hold();
        let (mut tries, mut waits) = (0, None);
        self.fetch(tree, origin, &now.union(ahead));
        loop {
            let news = self.news.subscribe();
            if let Some(read) = self.fresh.read(offset, bytes) {
                return Ok(read);
            }
            if self.fresh.missing(&now).difference(&self.object.present()).is_empty() {
                match self.object.read_at(offset, bytes as usize).await {
                    // Some of it waits for the disk, or went just now.
                    Err(ObjectError::Missing { .. }) => {}
                    read => return read.map(Into::into).map_err(|error| TreeError::of_disk(&error)),
                }
            }
            waits.get_or_insert_with(|| self.turns.wait());
            self.wait(tree, origin, &now, &mut tries, news).await?;
        }
    }

    /// Waits until groups are on the disk; fetches what is missing of them, and of `ahead`.
    async fn until_here(
        self: &Arc<Self>,
        tree: &Tree,
        origin: &Origin,
        now: &Groups,
        ahead: &Groups,
    ) -> Result<(), TreeError> {
        let mut tries = 0;
        self.fetch(tree, origin, &now.union(ahead));
        loop {
            let news = self.news.subscribe();
            if now.difference(&self.object.present()).is_empty() {
                return Ok(());
            }
            self.wait(tree, origin, now, &mut tries, news).await?;
        }
    }

    /// Waits for news, which were subscribed to before somebody looked; what did not come is asked for again.
    async fn wait(
        self: &Arc<Self>,
        tree: &Tree,
        origin: &Origin,
        now: &Groups,
        tries: &mut u32,
        mut news: watch::Receiver<u64>,
    ) -> Result<(), TreeError> {
        if let Some(error) = self.take_failure(&now.difference(&self.object.present())) {
            *tries += 1;
            if *tries == origin.tries() || !error.may_pass() {
                return Err(error);
            }
            tokio::time::sleep(RETRY_WAIT * 2_u32.pow((*tries).min(MOST_DOUBLED))).await;
        }
        self.fetch(tree, origin, now);
        // The sender lives as long as this.
        let _ = news.changed().await;
        Ok(())
    }

    /// Why some of these groups did not come, once.
    fn take_failure(&self, missing: &Groups) -> Option<TreeError> {
        let mut state = self.state();
        let failed = state.failed.intersection(missing);
        state.failed = state.failed.difference(&failed);
        state.why.clone().filter(|_| !failed.is_empty())
    }

    /// Asks for what is neither here nor on its way.
    fn fetch(self: &Arc<Self>, tree: &Tree, origin: &Origin, wanted: &Groups) {
        let mut state = self.state();
        let missing = wanted.difference(&self.object.present()).difference(&state.coming);
        state.coming = state.coming.union(&missing);
        state.failed = state.failed.difference(&missing);
        drop(state);
        let sources = origin.sources(tree, self.object.blob());
        if sources.len() > 1 && missing.count() >= SPREAD_GROUPS {
            tokio::spawn(Arc::clone(self).bring_from_all(tree.clone(), origin.clone(), missing, sources));
            return;
        }
        for run in missing.runs().flat_map(|run| pieces_of(run, TreeWish::MAX_GROUPS)) {
            let coming = Coming { fetching: Arc::clone(self), run };
            let (tree, origin) = (tree.clone(), origin.clone());
            tokio::spawn(async move {
                let Coming { fetching, run } = &coming;
                if let Err(error) = fetching.bring(&tree, &origin, run.clone()).await {
                    tracing::debug!(%error, "pieces of a file did not come");
                    let mut state = fetching.state();
                    state.failed.insert(run.clone());
                    state.why = Some(error);
                }
            });
        }
    }

    /// Brings groups from several machines at once, each as fast as it can.
    async fn bring_from_all(self: Arc<Self>, tree: Tree, origin: Origin, wanted: Groups, mut sources: Vec<PeerId>) {
        let coming = wanted.runs().map(|run| Coming { fetching: Arc::clone(&self), run });
        let _coming: Vec<_> = coming.collect();
        let (mut missing, mut why) = (wanted.difference(&self.object.present()), None);
        while !missing.is_empty() && !sources.is_empty() {
            let spread = Arc::new(Mutex::new(Spread::new(missing)));
            let mut at_work = JoinSet::new();
            for source in std::mem::take(&mut sources) {
                let (fetching, tree, origin) = (Arc::clone(&self), tree.clone(), origin.clone());
                let spread = Arc::clone(&spread);
                at_work.spawn(async move { (source, fetching.bring_from(&tree, &origin, source, &spread).await) });
            }
            loop {
                missing = wanted.difference(&self.object.present());
                match at_work.join_next().await {
                    // Whoever is still at it is not waited for.
                    Some(_) if wanted.difference(&self.object.present()).is_empty() => break,
                    Some(Ok((source, Ok(())))) => sources.push(source),
                    Some(Ok((_, Err(error)))) => why = Some(error),
                    Some(Err(error)) => tracing::error!(%error, "pieces of a file did not come"),
                    None => break,
                }
            }
        }
        let missing = wanted.difference(&self.object.present());
        if !missing.is_empty() {
            let mut state = self.state();
            state.failed = state.failed.union(&missing);
            state.why = why.or_else(|| Some(origin.silent(&tree)));
        }
    }

    /// Brings from one machine what others do not bring, until there is nothing to do for it.
    async fn bring_from(
        &self,
        tree: &Tree,
        origin: &Origin,
        source: PeerId,
        spread: &Mutex<Spread>,
    ) -> Result<(), TreeError> {
        let _held = self.object.hold();
        let spread = || spread.lock().expect("nothing panics while it shares groups out");
        loop {
            let asked = spread().ask(source, &self.object.present(), clock::now());
            let Some(run) = asked else { return Ok(()) };
            match self.bring_over(tree, origin, run, Some(source)).await {
                Ok(()) => spread().brought(source, clock::now()),
                Err(error) => {
                    tracing::debug!(%error, source = source.short(), "one of several machines brings no more of a file");
                    spread().failed(source, &self.object.present());
                    return Err(error);
                }
            }
        }
    }

    /// Brings groups, over another way where one brings something else.
    async fn bring(&self, tree: &Tree, origin: &Origin, run: Range<u64>) -> Result<(), TreeError> {
        let _held = self.object.hold();
        while let Some(first) = self.object.present().first_missing(run.clone()) {
            let doubts = || tree.transfer.doubts.of(self.object.blob()).len();
            let before = doubts();
            match self.bring_over(tree, origin, first..run.end, None).await {
                Err(TreeError::Wrong { .. }) if doubts() > before => {}
                brought => return brought,
            }
        }
        Ok(())
    }

    /// Brings groups from a machine, or from whichever has them.
    async fn bring_over(
        &self,
        tree: &Tree,
        origin: &Origin,
        run: Range<u64>,
        source: Option<PeerId>,
    ) -> Result<(), TreeError> {
        let (blob, groups) = (self.object.blob(), Groups::from(run.clone()));
        let asked = Instant::now();
        let (fetched, from) = match source {
            Some(source) => origin.ask_one(tree, blob, source, run.clone()).await?,
            None => origin.ask_groups(tree, blob, run.clone()).await?,
        };
        let round_trip = asked.elapsed();
        let bytes = fetched.bytes;
        if bytes != stream_bytes(origin.size_bytes(), &groups) {
            return Err(origin.came_wrong(tree, blob, from).await);
        }
        let (batches, to_keep) = mpsc::unbounded_channel();
        let check = async move {
            let mut came = Batch::default();
            let checked = self.check(fetched, groups, &mut came, &batches).await;
            // Whatever came of it before is right.
            came.hand_over(&batches);
            match checked {
                Ok(()) => Ok(()),
                Err(CheckError::Broken(error)) => Err(origin.why_broken(tree, &error).await),
                Err(CheckError::Short) => Err(origin.wrong(tree)),
                Err(CheckError::Wrong) => Err(origin.came_wrong(tree, blob, from).await),
            }
        };
        let (kept, checked) = tokio::join!(self.keep(to_keep), check);
        kept.and(checked)?;
        // A stream that proves nothing would be asked for again and again.
        if !self.object.present().contains_all(run) {
            return Err(origin.wrong(tree));
        }
        if bytes >= MEASURED_BYTES {
            let secs = asked.elapsed().as_secs_f64().max(1e-6);
            self.state().speed = Some(PathSpeed { bytes_per_second: (bytes as f64 / secs) as u64, round_trip });
        }
        Ok(())
    }

    /// Takes in what comes, as it comes: whoever waits for a group reads it at once, the disk gets several together.
    async fn check(
        &self,
        mut fetched: Fetched,
        groups: Groups,
        came: &mut Batch,
        batches: &mpsc::UnboundedSender<Batch>,
    ) -> Result<(), CheckError> {
        let mut decoder = self.object.decoder(groups);
        loop {
            let read = self.fill(&mut fetched, &mut decoder, came, batches).await.map_err(CheckError::Broken)?;
            match decoder.filled().map_err(|_| CheckError::Wrong)? {
                Some(part) => {
                    if let Verified::Group { number, bytes, .. } = &part {
                        let room = self.make_room(came, batches).await;
                        self.fresh.insert(*number, bytes.clone());
                        came.rooms.push(room);
                    }
                    came.parts.push(part);
                    if came.rooms.len() == AT_ONCE && !came.hand_over(batches) {
                        return Ok(());
                    }
                }
                None if read == 0 => {
                    self.tell();
                    return decoder.finish().map_err(|_| CheckError::Short);
                }
                None => {}
            }
        }
    }

    /// Reads some of the next part. Who waits for groups is woken when nothing more is here for now: until then many may have come.
    async fn fill(
        &self,
        fetched: &mut Fetched,
        decoder: &mut Decoder,
        came: &mut Batch,
        batches: &mpsc::UnboundedSender<Batch>,
    ) -> io::Result<usize> {
        if let Some(read) = fetched.read_buf(&mut decoder.room()).now_or_never() {
            return read;
        }
        self.tell();
        if let Ok(read) = timeout(LULL, fetched.read_buf(&mut decoder.room())).await {
            return read;
        }
        came.hand_over(batches);
        fetched.read_buf(&mut decoder.room()).await
    }

    /// Room for a group; where there is none, what is held here may be what takes it.
    async fn make_room(&self, came: &mut Batch, batches: &mpsc::UnboundedSender<Batch>) -> OwnedSemaphorePermit {
        if let Some(room) = self.room.take_now() {
            return room;
        }
        self.tell();
        came.hand_over(batches);
        self.room.take().await
    }

    /// Keeps parts on the disk, in the order in which they came.
    async fn keep(&self, mut batches: mpsc::UnboundedReceiver<Batch>) -> Result<(), TreeError> {
        while let Some(Batch { parts, rooms }) = batches.recv().await {
            let groups: Vec<_> = parts.iter().filter_map(Verified::group).collect();
            self.object.write(parts).await.map_err(|error| TreeError::of_disk(&error))?;
            self.room.keep(&self.fresh, groups);
            drop(rooms);
            self.tell();
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

/// Parts on their way to the disk, and the room that their groups take meanwhile.
#[derive(Debug, Default)]
struct Batch {
    parts: Vec<Verified>,
    rooms: Vec<OwnedSemaphorePermit>,
}

impl Batch {
    /// Gives what came to whoever keeps it; false if the disk refused something, which it says itself.
    fn hand_over(&mut self, batches: &mpsc::UnboundedSender<Self>) -> bool {
        self.parts.is_empty() || batches.send(mem::take(self)).is_ok()
    }
}

/// Why a stream does not prove what was asked for.
#[derive(Debug)]
enum CheckError {
    Broken(io::Error),
    Short,
    Wrong,
}

/// A run in pieces of at most `most` groups.
fn pieces_of(run: Range<u64>, most: u64) -> impl Iterator<Item = Range<u64>> {
    let end = run.end;
    run.step_by(most as usize).map(move |start| start..end.min(start + most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_is_asked_for_in_pieces() {
        assert_eq!(pieces_of(3..10, 3).collect::<Vec<_>>(), [3..6, 6..9, 9..10]);
        assert_eq!(pieces_of(3..6, 3).count(), 1);
        assert_eq!(pieces_of(3..3, 3).count(), 0);
    }
}
