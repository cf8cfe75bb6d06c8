//! Bytes of a file whose hash is not known yet: only the links prove them, and they stay in memory as long as they are read.

use std::{
    collections::VecDeque,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard},
    time::Instant,
};

use bytes::{Bytes, BytesMut};
use futures::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use gridwell_files::{GROUP_BYTES, Groups, PathSpeed};
use gridwell_wire::TreeWish;
use tokio::io::AsyncReadExt as _;

use super::{
    Tree, TreeError,
    origin::{Origin, SharedAt},
};

/// Most pieces that are remembered: as many MiB. The oldest goes first, read or not.
const MOST_PIECES: usize = 32;

/// What comes of one file, in pieces of at most [`TreeWish::MAX_READ_BYTES`].
#[derive(Debug, Default)]
pub(super) struct Unproven {
    pieces: Mutex<VecDeque<Piece>>,
    speed: Arc<Mutex<Option<PathSpeed>>>,
}

#[derive(Debug, Clone)]
struct Piece {
    range: Range<u64>,
    bytes: Shared<BoxFuture<'static, Result<Bytes, TreeError>>>,
}

impl Unproven {
    /// How fast it came of late.
    pub(super) fn speed(&self) -> Option<PathSpeed> {
        *self.speed.lock().expect("nothing panics while it holds a number")
    }

    /// Lets go of what came: from now on it is proven.
    pub(super) fn forget(&self) {
        self.pieces().clear();
    }

    /// Reads bytes of a file, at least one; fetches those of `ahead` meanwhile.
    pub(super) async fn read(
        &self,
        tree: &Tree,
        at: &Arc<SharedAt>,
        range: Range<u64>,
        ahead: &Groups,
    ) -> Result<Bytes, TreeError> {
        let size_bytes = at.version.size_bytes;
        let runs = ahead.runs().map(|run| run.start * GROUP_BYTES..(run.end * GROUP_BYTES).min(size_bytes));
        let wanted = {
            let mut pieces = self.pieces();
            let wanted = self.cover(&mut pieces, range.clone(), tree, at);
            runs.for_each(|run| _ = self.cover(&mut pieces, run, tree, at));
            // Reads come in any order, so what lies a little behind may be read still.
            pieces.retain(|piece| piece.range.end.saturating_add(TreeWish::MAX_READ_BYTES) > range.start);
            let excess = pieces.len().saturating_sub(MOST_PIECES);
            pieces.drain(..excess);
            wanted
        };
        let mut joined = BytesMut::new();
        for Piece { range: of, bytes } in wanted {
            let bytes = match bytes.await {
                Ok(bytes) => bytes,
                Err(error) => {
                    self.pieces().retain(|piece| piece.range != of);
                    // It may have been asked for long before it was read.
                    if !error.may_pass() {
                        return Err(error);
                    }
                    self.ask(of.clone(), tree, at).bytes.await?
                }
            };
            let (from, to) = (range.start.max(of.start), range.end.min(of.end));
            let part = bytes.slice((from - of.start) as usize..(to - of.start) as usize);
            if from == range.start && to == range.end {
                return Ok(part);
            }
            joined.extend_from_slice(&part);
        }
        Ok(joined.freeze())
    }

    /// The pieces that hold `range`, in order. What none of them holds is asked for.
    fn cover(&self, pieces: &mut VecDeque<Piece>, range: Range<u64>, tree: &Tree, at: &Arc<SharedAt>) -> Vec<Piece> {
        let (mut held, mut from) = (Vec::new(), range.start);
        while from < range.end {
            let piece = pieces.iter().find(|piece| piece.range.contains(&from)).cloned().unwrap_or_else(|| {
                let next = pieces.iter().map(|piece| piece.range.start).filter(|start| *start > from).min();
                let end = range.end.min(next.unwrap_or(u64::MAX)).min(from + TreeWish::MAX_READ_BYTES);
                let piece = self.ask(from..end, tree, at);
                pieces.push_back(piece.clone());
                piece
            });
            from = piece.range.end;
            held.push(piece);
        }
        held
    }

    fn ask(&self, range: Range<u64>, tree: &Tree, at: &Arc<SharedAt>) -> Piece {
        let (tree, at, speed, wanted) = (tree.clone(), Arc::clone(at), Arc::clone(&self.speed), range.clone());
        let coming = tokio::spawn(async move {
            let asked = Instant::now();
            let (bytes, round_trip) = fetch(&tree, &at, wanted, asked).await?;
            if bytes.len() as u64 == TreeWish::MAX_READ_BYTES {
                let bytes_per_second = (bytes.len() as f64 / asked.elapsed().as_secs_f64().max(1e-6)) as u64;
                *speed.lock().expect("nothing panics while it holds a number") =
                    Some(PathSpeed { bytes_per_second, round_trip });
            }
            Ok(bytes)
        });
        let bytes = async { coming.await.unwrap_or(Err(TreeError::Stopping)) };
        Piece { range, bytes: bytes.boxed().shared() }
    }

    fn pieces(&self) -> MutexGuard<'_, VecDeque<Piece>> {
        self.pieces.lock().expect("nothing panics while it holds the pieces")
    }
}

/// Bytes of the file, and how long its owner took to answer.
async fn fetch(
    tree: &Tree,
    at: &Arc<SharedAt>,
    range: Range<u64>,
    asked: Instant,
) -> Result<(Bytes, std::time::Duration), TreeError> {
    let SharedAt { path, share, rest, version, .. } = &**at;
    let (offset, bytes) = (range.start, range.end - range.start);
    let wish = TreeWish::Read { path: rest.clone(), version: *version, offset, bytes };
    let mut fetched = tree.fetch(path, share, wish).await?;
    let round_trip = asked.elapsed();
    if fetched.bytes != bytes {
        return Err(share.nonsense());
    }
    let mut buffer = Vec::with_capacity(bytes as usize);
    match fetched.read_to_end(&mut buffer).await {
        Ok(_) => Ok((buffer.into(), round_trip)),
        Err(error) => Err(Origin::Shared(Arc::clone(at)).why_broken(tree, &error).await),
    }
}
