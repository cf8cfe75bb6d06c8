use std::{
    collections::{HashMap, VecDeque},
    io,
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use tokio::sync::oneshot;

use crate::{
    Picture, PreviewError, Size, Source,
    cache::Cache,
    key::Key,
    make::{Made, MakeError, make},
    previews::MAX_ASKED,
};

/// Most orders that wait; only those that nobody waits for any more can be beyond it, and they are dropped then.
const MAX_ORDERS: usize = MAX_ASKED;

/// How far the threads step back behind everything else, from 0 to 19: rendering does not notice them, and people who
/// wait still get a tenth of a busy core.
const NICENESS: i32 = 10;

type Answer = Result<Picture, PreviewError>;

/// A preview to be made.
#[derive(Debug, Clone)]
struct Order {
    key: Key,
    source: Source,
    size: Size,
}

/// The threads that make previews, and what they have to do.
#[derive(Debug)]
pub(crate) struct Workers {
    bench: Arc<Bench>,
}

#[derive(Debug)]
struct Bench {
    desk: Mutex<Desk>,
    arrived: Condvar,
    cache: Arc<Cache>,
    ffmpeg: Option<PathBuf>,
    made: AtomicU64,
}

#[derive(Debug, Default)]
struct Desk {
    orders: VecDeque<Order>,
    /// Who waits for what; an order stays here until it is answered.
    waiting: HashMap<Key, Vec<oneshot::Sender<Answer>>>,
    closed: bool,
}

impl Workers {
    /// Starts `count` threads, which end with this value.
    pub(crate) fn start(count: usize, cache: Arc<Cache>, ffmpeg: Option<PathBuf>) -> io::Result<Self> {
        let bench =
            Bench { desk: Mutex::default(), arrived: Condvar::new(), cache, ffmpeg, made: AtomicU64::default() };
        let workers = Self { bench: Arc::new(bench) };
        for number in 0..count {
            let bench = Arc::clone(&workers.bench);
            thread::Builder::new().name(format!("preview-{number}")).spawn(move || bench.work())?;
        }
        Ok(workers)
    }

    /// Orders a preview, or joins those who wait for the same one. Whoever drops the receiver waits no longer.
    pub(crate) fn order(&self, key: Key, source: Source, size: Size) -> oneshot::Receiver<Answer> {
        let (answer, answered) = oneshot::channel();
        let mut desk = self.bench.desk();
        match desk.waiting.get_mut(&key) {
            Some(others) => {
                others.retain(|other| !other.is_closed());
                others.push(answer);
            }
            None => {
                if desk.orders.len() >= MAX_ORDERS {
                    desk.drop_unwanted();
                }
                desk.waiting.insert(key, vec![answer]);
                desk.orders.push_back(Order { key, source, size });
                self.bench.arrived.notify_one();
            }
        }
        answered
    }

    /// How many previews were made, not counting those that were found.
    pub(crate) fn made(&self) -> u64 {
        self.bench.made.load(Ordering::Relaxed)
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.bench.desk().closed = true;
        self.bench.arrived.notify_all();
    }
}

impl Bench {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        // What it guards is right after every statement.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        step_back();
        while let Some(order) = self.next() {
            match self.carry_out(&order) {
                Ok(picture) => self.answer(order.key, &Ok(picture)),
                Err(MakeError::Failed(error)) => {
                    tracing::debug!(%error, "no preview");
                    self.answer(order.key, &Err(error));
                }
                Err(MakeError::Unwanted) => self.put_back(order),
            }
        }
    }

    /// The next order that somebody still waits for; `None` when the desk is closed.
    fn next(&self) -> Option<Order> {
        let mut desk = self.desk();
        while !desk.closed {
            match desk.orders.pop_front() {
                Some(order) if desk.is_wanted(&order.key) => return Some(order),
                Some(order) => drop(desk.waiting.remove(&order.key)),
                None => desk = self.arrived.wait(desk).unwrap_or_else(PoisonError::into_inner),
            }
        }
        None
    }

    fn carry_out(&self, order: &Order) -> Result<Picture, MakeError> {
        let wanted = || {
            let desk = self.desk();
            !desk.closed && desk.is_wanted(&order.key)
        };
        // Somebody may have looked just before it was kept, and ordered it again.
        if let Some(kept) = self.cache.get(&order.key) {
            return Ok(kept);
        }
        let Made { picture, identity } = make(&order.source, order.size, self.ffmpeg.as_deref(), &wanted)?;
        self.made.fetch_add(1, Ordering::Relaxed);
        // The file may have changed since it was asked for: what is kept is named by what was read.
        self.cache.put(&Key::new(&order.source, &identity, order.size), &picture);
        Ok(picture)
    }

    fn answer(&self, key: Key, answer: &Answer) {
        let waiting = self.desk().waiting.remove(&key);
        for asker in waiting.into_iter().flatten() {
            // Some may have gone.
            let _ = asker.send(answer.clone());
        }
    }

    /// Nobody waited, so it was given up; somebody may have come since.
    fn put_back(&self, order: Order) {
        let mut desk = self.desk();
        if desk.is_wanted(&order.key) {
            desk.orders.push_back(order);
        } else {
            desk.waiting.remove(&order.key);
        }
    }
}

impl Desk {
    fn drop_unwanted(&mut self) {
        let mut orders = std::mem::take(&mut self.orders);
        orders.retain(|order| {
            let wanted = self.is_wanted(&order.key);
            if !wanted {
                self.waiting.remove(&order.key);
            }
            wanted
        });
        self.orders = orders;
    }

    fn is_wanted(&self, key: &Key) -> bool {
        self.waiting.get(key).is_some_and(|askers| askers.iter().any(|asker| !asker.is_closed()))
    }
}

/// Lets everything else go first. Programs that the thread starts inherit it.
#[cfg(target_os = "linux")]
pub(crate) fn step_back() {
    // On Linux this is about the calling thread. Refused, the thread works as the others do.
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "previews are made at usual priority");
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn step_back() {
    // Elsewhere it would be about the whole process.
    let _ = NICENESS;
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::{cache::CACHE_BYTES, file};

    /// Nobody works: what would be taken next can be seen.
    fn idle(folder: &Path) -> Workers {
        Workers::start(0, Arc::new(Cache::open(folder.join("previews"), CACHE_BYTES).unwrap()), None).unwrap()
    }

    fn order(workers: &Workers, folder: &Path, size: u32) -> (Key, oneshot::Receiver<Answer>) {
        let (path, size) = (folder.join("a.png"), Size::covering(size));
        if !path.exists() {
            fs::write(&path, "a").unwrap();
        }
        let source = Source::File(path.clone());
        let key = Key::new(&source, &file::identify(&path).unwrap(), size);
        (key, workers.order(key, source, size))
    }

    #[test]
    fn what_nobody_waits_for_any_more_is_not_begun() {
        let temp = tempfile::tempdir().unwrap();
        let workers = idle(temp.path());
        let (_, gone) = order(&workers, temp.path(), 64);
        let (wanted, _answer) = order(&workers, temp.path(), 160);
        drop(gone);
        assert_eq!(workers.bench.next().unwrap().key, wanted);
        assert_eq!(workers.bench.desk().waiting.len(), 1);
    }

    #[test]
    fn what_was_given_up_begins_again_for_who_came_since() {
        let temp = tempfile::tempdir().unwrap();
        let workers = idle(temp.path());
        let (key, gone) = order(&workers, temp.path(), 64);
        let taken = workers.bench.next().unwrap();
        drop(gone);
        let (_, mut answer) = order(&workers, temp.path(), 64);
        workers.bench.put_back(taken);
        assert_eq!(workers.bench.next().unwrap().key, key);
        workers.bench.answer(key, &Err(PreviewError::Stopped));
        assert!(matches!(answer.try_recv(), Ok(Err(PreviewError::Stopped))));
    }

    #[test]
    fn asking_and_leaving_without_end_piles_nothing_up() {
        let temp = tempfile::tempdir().unwrap();
        let workers = idle(temp.path());
        for _ in 0..3 * MAX_ORDERS {
            drop(order(&workers, temp.path(), 64));
        }
        assert_eq!(workers.bench.desk().orders.len(), 1);
        assert_eq!(workers.bench.desk().waiting.values().map(Vec::len).sum::<usize>(), 1);
        for number in 0..3 * MAX_ORDERS {
            let path = temp.path().join(number.to_string());
            fs::write(&path, "").unwrap();
            let (source, size) = (Source::File(path.clone()), Size::covering(64));
            drop(workers.order(Key::new(&source, &file::identify(&path).unwrap(), size), source, size));
        }
        assert!(workers.bench.desk().orders.len() <= MAX_ORDERS);
        assert!(workers.bench.desk().waiting.len() <= MAX_ORDERS);
    }

    #[test]
    fn who_waits_hears_that_nothing_is_made_any_more() {
        let temp = tempfile::tempdir().unwrap();
        let workers = idle(temp.path());
        let (_, mut answer) = order(&workers, temp.path(), 64);
        let bench = Arc::clone(&workers.bench);
        drop(workers);
        assert!(bench.next().is_none());
        drop(bench);
        assert!(matches!(answer.try_recv(), Err(oneshot::error::TryRecvError::Closed)));
    }
}
