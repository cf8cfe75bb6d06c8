//! Bytes that other machines ask for: of this machine, or of another one behind it.

use std::io;

use gridwell_files::{Groups, Outboard, group_count};
use gridwell_links::{Kind, Place};
use gridwell_model::{BlobId, Hindrance, JobId, PeerId};
use gridwell_net::{BulkResponder, FetchError};
use gridwell_store::{Blobs, Proof};
use gridwell_wire::{BulkReply, BulkRequest, Passed, TreeWish, decode, encode_inner};
use tokio::io::AsyncSeekExt as _;

use super::{Core, Fact};
use crate::{clock, transfer::Way};

/// Smallest transfer that tells how fast a path is, in bytes: below it the round trip is most of the time.
const MEASURED_BYTES: u64 = 1_000_000;

impl Core {
    /// How bytes of another machine are asked for.
    pub(super) fn find_way(&mut self, from: PeerId, request: BulkRequest) -> Way {
        let Some(path) = self.way_around(from).map(|route| route.path.clone()) else {
            return if self.links.is_up(from) { Way::Direct(request) } else { Way::None };
        };
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

    pub(super) fn on_bulk(&mut self, peer: PeerId, request: BulkRequest, responder: BulkResponder) {
        match request {
            BulkRequest::Blob { blob, job, offset } => self.serve(peer, (blob, job, offset), responder),
            BulkRequest::Groups { blob, job, first, count } => {
                self.serve_groups(peer, (blob, job), (first, count), responder);
            }
            BulkRequest::Tree { share, wish } => self.show(peer, share, wish, responder),
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
        let shown = self.homes.get(&job).is_some_and(|home| home.shows(blob));
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
            Place::Next(next) => Ok((None, Some(next), letter)),
            Place::Here => Ok((Some(self.take_request(&letter)?), None, letter)),
        });
        match taken {
            Ok((_, Some(next), _)) => self.pass_bytes(next, passed, responder),
            Ok((Some(source), _, letter)) => match decode::<BulkRequest>(&letter.payload) {
                // A letter in a letter goes nowhere.
                Ok(BulkRequest::Passed(_)) | Err(_) => self.refuse_bytes(responder, BulkReply::Refused),
                Ok(request) => self.on_bulk(source, request, responder),
            },
            Ok(_) => {}
            Err(fault) => {
                self.refuse(from, fault);
                self.refuse_bytes(responder, BulkReply::Refused);
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

    /// Opens the next link of a way and pipes what comes, block by block: nothing is read faster than it is written.
    fn pass_bytes(&self, next: PeerId, passed: Passed, responder: BulkResponder) {
        let broke_at = passed.at;
        if let Some(why) = self.hindrance(next) {
            return self.refuse_bytes(responder, BulkReply::NotPassed { broke_at, why });
        }
        let (net, facts) = (self.net.clone(), self.facts.clone());
        self.beside.spawn(async move {
            let onward = BulkRequest::Passed(Passed { at: broke_at + 1, ..passed });
            let carried = match net.fetch_for_another(next, onward).await {
                Ok(fetched) => {
                    let bytes = fetched.bytes;
                    responder.send(bytes, fetched).await.map(|()| bytes)
                }
                Err(error) => responder.refuse(answer_to(&error, broke_at)).await.map(|()| 0),
            };
            match carried {
                // The loop has stopped: nobody counts any more.
                Ok(bytes) => drop(facts.send(Fact::Carried(bytes)).await),
                Err(error) => tracing::debug!(%error, next = next.short(), "bytes were not passed on to their end"),
            }
        });
    }
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
