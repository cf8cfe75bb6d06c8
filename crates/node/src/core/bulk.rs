//! Bytes that other machines ask for: of this machine, or of another one behind it.

use std::{collections::BTreeSet, io};

use gridwell_files::{Groups, Outboard, group_count};
use gridwell_links::{Fault, Kind, Pair, Place};
use gridwell_model::{BlobId, Hindrance, JobId, Letter, PeerId};
use gridwell_net::{BulkResponder, FetchError, NetHandle};
use gridwell_store::{Blobs, Objects, Proof};
use gridwell_wire::{BulkReply, BulkRequest, Passed, TreeWish, decode, encode_inner};
use tokio::io::AsyncSeekExt as _;

use super::{
    Core, Fact,
    hops::{Piece, PieceError},
    map::rtt,
};
use crate::{clock, transfer::Way};

/// Smallest transfer that tells how fast a path is, in bytes: below it the round trip is most of the time.
const MEASURED_BYTES: u64 = 1_000_000;

impl Core {
    /// How bytes of another machine are asked for, over none of the links `avoided`.
    pub(super) fn find_way(&mut self, from: PeerId, request: BulkRequest, avoided: &BTreeSet<Pair>) -> Way {
        let around = self.passing.routes.around(from, avoided).filter(|route| route.hops() > 1).map(|route| route.path);
        let path = match around {
            None if self.links.is_up(from) && !avoided.contains(&Pair::of(self.me, from)) => {
                return Way::Direct(request);
            }
            None if request.may_be_kept() => self.way_to_keeper(from, avoided),
            around => around,
        };
        let Some(path) = path else { return Way::None };
        let written =
            encode_inner(&request).map_err(Into::into).and_then(|bytes| self.write_request(path.clone(), bytes));
        match written {
            Ok(passed) => Way::Over(BulkRequest::Passed(passed), path),
            Err(error) => {
                tracing::debug!(%error, "bytes cannot be asked for");
                Way::None
            }
        }
    }

    /// The path over the nearest linked machine to one to which no way leads: it may keep what that one gave before.
    fn way_to_keeper(&self, owner: PeerId, avoided: &BTreeSet<Pair>) -> Option<Vec<PeerId>> {
        let linked = self.links.views().filter(|view| view.peer != owner && self.links.is_up(view.peer));
        let tried = |peer| [self.me, owner].iter().any(|end| avoided.contains(&Pair::of(*end, peer)));
        let nearest = linked.filter(|view| !tried(view.peer)).min_by_key(|view| rtt(&view.state))?;
        Some(vec![self.me, nearest.peer, owner])
    }

    pub(super) fn on_bulk(&mut self, peer: PeerId, request: BulkRequest, responder: BulkResponder) {
        match request {
            BulkRequest::Blob { blob, job, offset } => self.serve(peer, (blob, job, offset), responder),
            BulkRequest::Groups { blob, job, first, count } => {
                self.serve_groups(peer, (blob, job), (first, count), responder);
            }
            BulkRequest::Tree { share, wish } => self.show(peer, share, wish, responder),
            BulkRequest::Copied { owner, share, blob, first, count } => {
                self.give_copy(peer, (owner, share), blob, (first, count), responder);
            }
            BulkRequest::Jobs => self.show_jobs(peer, responder),
            BulkRequest::Made { job, wish } => self.show_made(peer, job, wish, responder),
            BulkRequest::Passed(passed) => self.on_passed_request(peer, passed, responder),
        }
    }

    /// Bytes go to those who have a right to them: who works for a job of ours, and who waits for our results.
    fn serve(&mut self, peer: PeerId, (blob, job, offset): (BlobId, JobId, u64), responder: BulkResponder) {
        let allowed = self.may_read(peer, blob, job);
        let (blobs, facts) = (self.store.blobs().clone(), self.facts.clone());
        self.readers.began(peer);
        self.beside.spawn(async move {
            let begun = clock::now();
            let mut sent_bytes = 0;
            let sent = if allowed {
                match blobs.open_blob(blob).await {
                    Ok((file, size_bytes)) => {
                        let mut file = tokio::fs::File::from_std(file);
                        let from = offset.min(size_bytes);
                        match file.seek(std::io::SeekFrom::Start(from)).await {
                            Ok(_) => {
                                sent_bytes = size_bytes - from;
                                responder.send(sent_bytes, file).await
                            }
                            Err(error) => Err(error),
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, %job, "bytes that were asked for cannot be read");
                        responder.refuse(BulkReply::Missing).await
                    }
                }
            } else {
                responder.refuse(BulkReply::Refused).await
            };
            if let Err(error) = sent {
                tracing::debug!(%error, %job, machine = peer.short(), "bytes were not sent to their end");
            } else if sent_bytes >= MEASURED_BYTES {
                let secs = clock::now().since(begun).as_secs_f64().max(1e-6);
                let _stopped = facts.send(Fact::Measured(peer, sent_bytes as f64 / secs)).await;
            }
            let _stopped = facts.send(Fact::Served(peer)).await;
        });
    }

    fn may_read(&self, peer: PeerId, blob: BlobId, job: JobId) -> bool {
        let shown = self.homes.get(&job).is_some_and(|home| home.shows(blob) || self.ledger.is_checkpoint(job, blob));
        self.heeds(peer) && (shown || self.holds_for(peer, job, blob) || self.copies_to(peer, job, blob))
    }

    /// Parts of a file go to those who have a right to all of it, with what proves them.
    fn serve_groups(
        &mut self,
        peer: PeerId,
        (blob, job): (BlobId, JobId),
        (first, count): (u64, u64),
        responder: BulkResponder,
    ) {
        if !self.may_read(peer, blob, job) {
            return self.refuse_bytes(responder, BulkReply::Refused);
        }
        let (blobs, facts) = (self.store.blobs().clone(), self.facts.clone());
        self.readers.began(peer);
        self.beside.spawn(async move {
            let begun = clock::now();
            match send_groups(&blobs, blob, (first, count), responder).await {
                Ok(sent_bytes) if sent_bytes >= MEASURED_BYTES => {
                    let secs = clock::now().since(begun).as_secs_f64().max(1e-6);
                    let _stopped = facts.send(Fact::Measured(peer, sent_bytes as f64 / secs)).await;
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(%error, %job, machine = peer.short(), "parts of a file were not sent to their end");
                }
            }
            let _stopped = facts.send(Fact::Served(peer)).await;
        });
    }

    /// A request that travels over several links: passed on, or answered.
    fn on_passed_request(&mut self, from: PeerId, passed: Passed, responder: BulkResponder) {
        let taken = self.judge_letter(from, &passed, Kind::Bytes).and_then(|(letter, place)| match place {
            Place::Next(next) => Ok(Taken::Onward(next, self.piece_of(&letter)?)),
            Place::Here => Ok(Taken::Here(self.take_request(&letter)?, letter)),
        });
        match taken {
            Ok(Taken::Onward(next, piece)) => self.pass_bytes(next, piece, passed, responder),
            Ok(Taken::Here(source, letter)) => match decode::<BulkRequest>(&letter.payload) {
                // A letter in a letter goes nowhere.
                Ok(BulkRequest::Passed(_)) | Err(_) => self.refuse_bytes(responder, BulkReply::Refused),
                Ok(request) => self.on_bulk(source, request, responder),
            },
            Err(fault) => {
                self.refuse(from, fault);
                self.refuse_bytes(responder, reply_to(fault));
            }
        }
    }

    pub(super) fn refuse_bytes(&self, responder: BulkResponder, reply: BulkReply) {
        self.beside.spawn(async move {
            if let Err(error) = responder.refuse(reply).await {
                tracing::debug!(%error, "a machine was not told that bytes are refused");
            }
        });
    }

    /// Passes a request on, unless what it asks for is kept here.
    fn pass_bytes(&self, next: PeerId, piece: Option<Piece>, passed: Passed, responder: BulkResponder) {
        let broke_at = passed.at;
        // What its owner does not let through is not given from what is kept either.
        if let Some(why) = self.bar(next) {
            return self.refuse_bytes(responder, BulkReply::NotPassed { broke_at, why });
        }
        let (link, doubts) = (Pair::of(self.me, next), self.transfer.doubts.clone());
        let is_doubted = piece.as_ref().is_some_and(|piece| doubts.of(piece.blob).contains(&link));
        let hindrance = self.hindrance(next).or(is_doubted.then_some(Hindrance::Wrong));
        let (net, facts, objects) = (self.net.clone(), self.facts.clone(), self.store.objects().clone());
        self.beside.spawn(async move {
            let carried = carry(&net, &objects, (next, hindrance), piece.as_ref(), passed, responder).await;
            // Where the loop has stopped nobody counts or is told any more.
            match (carried, piece) {
                (Ok(bytes), _) => drop(facts.send(Fact::Carried(bytes)).await),
                (Err(PieceError::Wrong), Some(piece)) if doubts.note(piece.blob, link) => {
                    drop(facts.send(Fact::CameWrong(next, piece.file)).await);
                }
                (Err(error), _) => {
                    tracing::debug!(%error, next = next.short(), "bytes were not passed on to their end");
                }
            }
        });
    }
}

/// Gives a piece of a file that is kept here. Else opens the next link of the way, unless something hinders that, and pipes what
/// comes, block by block: nothing is read faster than it is written. Returns how many bytes that were.
async fn carry(
    net: &NetHandle,
    objects: &Objects,
    (next, hindrance): (PeerId, Option<Hindrance>),
    piece: Option<&Piece>,
    passed: Passed,
    responder: BulkResponder,
) -> Result<u64, PieceError> {
    if let Some(piece) = piece
        && let Some((proof, _held)) = piece.kept(objects).await
    {
        let bytes = proof.left_bytes();
        send_proof(proof, responder).await?;
        return Ok(bytes);
    }
    let broke_at = passed.at;
    if let Some(why) = hindrance {
        responder.refuse(BulkReply::NotPassed { broke_at, why }).await?;
        return Ok(0);
    }
    let onward = BulkRequest::Passed(Passed { at: broke_at + 1, ..passed });
    match (net.fetch_for_another(next, onward).await, piece) {
        (Ok(fetched), Some(piece)) => piece.pass(fetched, objects, responder).await,
        (Ok(fetched), None) => {
            let bytes = fetched.bytes;
            responder.send(bytes, fetched).await?;
            Ok(bytes)
        }
        (Err(error), _) => {
            responder.refuse(answer_to(&error, broke_at)).await?;
            Ok(0)
        }
    }
}

/// What becomes of a request that travels over several links.
enum Taken {
    /// It is for this machine, from that one.
    Here(PeerId, Letter),
    /// It goes on to that machine; perhaps it asks for something that is kept here.
    Onward(PeerId, Option<Piece>),
}

/// Sends groups of a blob with what proves them; returns how many bytes that took.
async fn send_groups(
    blobs: &Blobs,
    blob: BlobId,
    (first, count): (u64, u64),
    responder: BulkResponder,
) -> io::Result<u64> {
    let in_blob = |outboard: &Outboard| {
        let end = first.checked_add(count).filter(|end| *end <= group_count(outboard.size_bytes()));
        end.filter(|_| count <= TreeWish::MAX_GROUPS).map(|end| Groups::from(first..end))
    };
    let proof = match blobs.outboard(blob).await {
        Ok(outboard) => match in_blob(&outboard) {
            Some(groups) => blobs.prove(blob, groups).await,
            None => return responder.refuse(BulkReply::Refused).await.map(|()| 0),
        },
        Err(error) => Err(error.into()),
    };
    match proof {
        Ok(proof) => {
            let bytes = proof.left_bytes();
            send_proof(proof, responder).await.map(|()| bytes)
        }
        Err(error) => {
            tracing::warn!(%error, "parts of a file that were asked for cannot be read");
            responder.refuse(BulkReply::Missing).await.map(|()| 0)
        }
    }
}

/// Sends what proves groups; if their file changes on the way, the stream breaks.
pub(super) async fn send_proof(mut proof: Proof, responder: BulkResponder) -> io::Result<()> {
    let mut sink = responder.begin(proof.left_bytes()).await?;
    while let Some(bytes) = proof.next().await.map_err(io::Error::other)? {
        sink.write(&bytes).await?;
    }
    sink.finish().await
}

/// What the asker is told of a request that is not taken. A node may have started again since it was written, and a link that broke
/// may have brought it before: then only the letter is old, and whoever has the right may ask anew.
const fn reply_to(fault: Fault) -> BulkReply {
    match fault {
        Fault::OldRun | Fault::Repeated => BulkReply::Busy,
        _ => BulkReply::Refused,
    }
}

/// What the asker is told when the next machine did not answer with bytes.
const fn answer_to(error: &FetchError, broke_at: u8) -> BulkReply {
    match error {
        FetchError::Missing { .. } => BulkReply::Missing,
        FetchError::Refused { .. } => BulkReply::Refused,
        FetchError::NotPassed { broke_at, why } => BulkReply::NotPassed { broke_at: *broke_at, why: *why },
        FetchError::NotShown { fault, .. } => BulkReply::NotShown(*fault),
        FetchError::Busy { .. } => BulkReply::NotPassed { broke_at, why: Hindrance::Busy },
        FetchError::NoLink { .. } | FetchError::Broken { .. } => {
            BulkReply::NotPassed { broke_at, why: Hindrance::Down }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_letter_is_asked_for_anew_and_a_wrong_one_is_refused() {
        for old in [Fault::OldRun, Fault::Repeated] {
            assert_eq!(reply_to(old), BulkReply::Busy, "{old}");
        }
        for wrong in [Fault::Forged, Fault::Spliced, Fault::OtherGrid, Fault::Content, Fault::Ticket, Fault::Loop] {
            assert_eq!(reply_to(wrong), BulkReply::Refused, "{wrong}");
        }
    }
}
