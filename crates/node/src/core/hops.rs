//! Pieces of shared files on their way over this machine: checked, kept, and given again to who has a right to them.

use std::{io, ops::Range, time::Duration};

use gridwell_api::{NoticeKind, NoticeLevel};
use gridwell_files::{Decoder, Groups, Purpose, Verified, group_count, stream_bytes};
use gridwell_links::Fault;
use gridwell_model::{BlobId, Letter, PeerId, Role};
use gridwell_net::{BulkResponder, Fetched};
use gridwell_store::{BlobHold, Objects, Proof};
use gridwell_trust::open_ticket;
use gridwell_wire::{BulkRequest, TreeWish, decode};
use tokio::{io::AsyncReadExt as _, sync::mpsc};

use super::Core;
use crate::clock;

/// Read from a link, checked and passed on at once.
const BLOCK_BYTES: usize = 256 * 1024;
/// Blocks that wait for the disk: the links go on meanwhile.
const BLOCKS: usize = 8;
/// Longest wait for a disk that is slower than the links; then the rest of a piece is passed on and not kept.
const DISK: Duration = Duration::from_secs(1);

/// Groups of a file that somebody asks its owner for over this machine, with a ticket.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) blob: BlobId,
    size_bytes: u64,
    groups: Range<u64>,
    /// True if they may be given from what is kept here.
    granted: bool,
    /// The file, in words.
    pub(super) file: String,
}

/// Why a piece did not come through.
#[derive(Debug, thiserror::Error)]
pub(super) enum PieceError {
    /// What came was something else.
    #[error("what came is not the content that the ticket names")]
    Wrong,
    /// A link on either side broke.
    #[error(transparent)]
    Link(#[from] io::Error),
}

impl Core {
    /// The piece that a letter asks for; none if it asks for something else.
    pub(super) fn piece_of(&self, letter: &Letter) -> Result<Option<Piece>, Fault> {
        let Ok(BulkRequest::Tree { wish, .. } | BulkRequest::Made { wish, .. }) = decode(&letter.payload) else {
            return Ok(None);
        };
        let TreeWish::ProveBy { path, version, first, count, ticket } = wish else { return Ok(None) };
        let ticket = open_ticket(&ticket).map_err(|_| Fault::Ticket)?;
        let ends = (letter.source(), letter.receiver());
        if ends != (Some(ticket.reader), Some(ticket.owner)) || ticket.size_bytes != version.size_bytes {
            return Err(Fault::Ticket);
        }
        let end = first.checked_add(count).filter(|end| *end <= group_count(ticket.size_bytes));
        let end = end.filter(|_| (1..=TreeWish::MAX_GROUPS).contains(&count)).ok_or(Fault::Content)?;
        // A ticket that does not count any more, or not yet, is no fault: its owner decides.
        let granted =
            ticket.counts(clock::stamp()) && self.heeds(ticket.reader) && self.may(ticket.reader, Role::Files);
        let file = format!("'{path}' of {}", self.machines.name(ticket.owner));
        Ok(Some(Piece { blob: ticket.blob, size_bytes: ticket.size_bytes, groups: first..end, granted, file }))
    }

    /// Bytes of a file came from a machine that were not its content. Told once for each machine and content.
    pub(super) fn on_wrong_bytes(&mut self, from: PeerId, file: &str) {
        let name = self.machines.name(from);
        tracing::warn!(machine = name, "bytes that came of a file are not its content");
        let sentence = format!("{name} gave wrong bytes of {file}: they were thrown away");
        self.notice(NoticeKind::Machine, NoticeLevel::Warning, sentence, None, Some(from));
    }
}

impl Piece {
    /// What proves it from what is kept here, if all of it is, and while it is held.
    pub(super) async fn kept(&self, objects: &Objects) -> Option<(Proof, BlobHold)> {
        let found = objects.find(self.blob, Purpose::Relayed).await;
        let object =
            found.inspect_err(|error| tracing::debug!(%error, "pieces that are kept cannot be read")).ok()??;
        // Before looking: what is here then stays.
        let hold = object.hold();
        let is_here = object.size_bytes() == self.size_bytes && object.present().contains_all(self.groups.clone());
        (self.granted && is_here).then(|| (object.prove(Groups::from(self.groups.clone())), hold))
    }

    /// Passes on what comes and keeps it, each part once it is proven; returns how many bytes that were. A disk that takes no more,
    /// or hangs, does not hold up what is passed on.
    pub(super) async fn pass(
        &self,
        mut fetched: Fetched,
        objects: &Objects,
        responder: BulkResponder,
    ) -> Result<u64, PieceError> {
        let (bytes, groups) = (fetched.bytes, Groups::from(self.groups.clone()));
        if bytes != stream_bytes(self.size_bytes, &groups) {
            return Err(PieceError::Wrong);
        }
        let (proven, mut to_keep) = mpsc::channel::<Vec<Verified>>(BLOCKS);
        let mut proven = Some(proven);
        let keep = async {
            let object = objects.open(self.blob, self.size_bytes, Purpose::Relayed).await?;
            while let Some(parts) = to_keep.recv().await {
                object.write(parts).await?;
            }
            Ok::<_, gridwell_store::ObjectError>(())
        };
        let keep = async {
            if let Err(error) = keep.await {
                tracing::debug!(%error, "pieces that are passed on are not kept");
            }
        };
        let pass = async move {
            let mut sink = responder.begin(bytes).await?;
            let mut decoder = Decoder::new(self.blob, self.size_bytes, groups);
            let mut block = vec![0; BLOCK_BYTES];
            loop {
                let read = fetched.read(&mut block).await?;
                let (mut rest, mut parts) = (&block[..read], Vec::new());
                while let Some(part) = decoder.push(&mut rest).map_err(|_| PieceError::Wrong)? {
                    parts.push(part);
                }
                if read == 0 {
                    decoder.finish().map_err(|_| PieceError::Wrong)?;
                    sink.finish().await?;
                    return Ok(bytes);
                }
                sink.write(&parts.iter().map(Verified::as_bytes).collect::<Vec<_>>().concat()).await?;
                if let Some(keeper) = &proven
                    && keeper.send_timeout(parts, DISK).await.is_err()
                {
                    proven = None;
                }
            }
        };
        tokio::join!(keep, pass).1
    }
}
