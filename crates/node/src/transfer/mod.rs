//! Bytes on the move: inputs to this machine, outputs out of a session, results home. Everything here runs beside the loop.

mod checkpoint;
mod collect;
mod doubts;
mod home;
mod place;
mod rules;
mod ways;

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use gridwell_job::PathRule;
use gridwell_links::Pair;
use gridwell_model::{BlobId, Hindrance, JobId, JobSpec, PeerId};
use gridwell_net::{FetchError, Fetched, NetHandle};
use gridwell_store::{BlobError, Blobs, LandError};
use gridwell_wire::BulkRequest;
use tokio::io::AsyncReadExt as _;

pub(crate) use checkpoint::CheckpointError;
pub(crate) use collect::{CollectError, Collected};
pub(crate) use doubts::Doubts;
pub(crate) use home::{Home, Homecoming, overwrite, place_in};
pub(crate) use place::SessionPlace;
use rules::rules_of_their_own;
pub(crate) use rules::rules_through;
pub(crate) use ways::{Way, Ways};

/// Bytes read from a link before they are written: one bulk block.
const BLOCK_BYTES: usize = 256 * 1024;

/// Times a broken transfer is begun again; it goes on where it stopped.
const TRIES: u32 = 4;

/// Ways over which a blob is asked for before somebody waits.
const MOST_WAYS: usize = 4;

/// Wait before the second try; doubled each time.
const RETRY_WAIT: Duration = Duration::from_millis(500);

/// Why bytes did not arrive.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransferError {
    /// The other side, or the way to it.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// No way leads there.
    #[error("no way leads to machine {} over links that stand and may be used", from.short())]
    NoWay { from: PeerId },
    /// A link on the way did not carry it.
    #[error("the link between machines {} and {} on the way to machine {} {}", one.short(), other.short(), from.short(), because(*why))]
    WayBroke { from: PeerId, one: PeerId, other: PeerId, why: Hindrance },
    /// What came of it was wrong, on every way there is.
    #[error("what came of the blob {blob} from machine {} was something else", from.short())]
    Doubted { from: PeerId, blob: BlobId },
    /// The stream broke on the way.
    #[error("the transfer from machine {} broke after {received_bytes} of {total_bytes} bytes: {source}", from.short())]
    Broken { from: PeerId, received_bytes: u64, total_bytes: u64, source: io::Error },
    /// It sends another number of bytes than promised.
    #[error("machine {} sends {sent_bytes} bytes instead of {expected_bytes}", from.short())]
    OtherSize { from: PeerId, sent_bytes: u64, expected_bytes: u64 },
    /// They could not be kept.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// They could not be brought home.
    #[error(transparent)]
    Land(#[from] LandError),
    /// The lease ended before the bytes were home.
    #[error("the lease ended before the results were home")]
    NotWanted,
    /// The job has fewer output folders than the report names.
    #[error("the report names output folder {folder}, which the job does not have")]
    NoFolder { folder: u32 },
    /// The spec names an input by a path that would lead out of the folder that inputs are brought to.
    #[error("the job's input '{path}' is not named by a plain absolute path")]
    BadInput { path: String },
    /// More than is taken from another machine.
    #[error("{size_bytes} bytes from machine {} exceed the limit of {limit_bytes}", from.short())]
    TooLarge { from: PeerId, size_bytes: u64, limit_bytes: u64 },
    /// The list of the outputs is none.
    #[error("the list of outputs from machine {} is unreadable", from.short())]
    BadList { from: PeerId },
}

impl TransferError {
    /// True if it may pass without anybody's program running again: a full disk, a broken link, somebody busy.
    pub(crate) const fn may_pass(&self) -> bool {
        match self {
            Self::Fetch(error) => !matches!(error, FetchError::Missing { .. } | FetchError::Refused { .. }),
            Self::Blob(error) => matches!(error, BlobError::NoRoom { .. } | BlobError::Busy { .. }),
            Self::Land(error) => matches!(error, LandError::Full { .. } | LandError::NotWritable { .. }),
            Self::Broken { .. } | Self::NoWay { .. } | Self::WayBroke { .. } => true,
            _ => false,
        }
    }
}

/// What is wrong with a link on a way.
pub(crate) const fn because(why: Hindrance) -> &'static str {
    match why {
        Hindrance::Down => "does not stand",
        Hindrance::NotRelaying => "is not open to others: the owner of the first lets it pass nothing on",
        Hindrance::Busy => "has too much to carry",
        Hindrance::Wrong => "brought bytes that are not those of the file",
    }
}

/// The hands that move bytes.
#[derive(Debug, Clone)]
pub(crate) struct Transfer {
    pub(crate) me: PeerId,
    pub(crate) net: NetHandle,
    pub(crate) blobs: Blobs,
    pub(crate) ways: Ways,
    pub(crate) doubts: Doubts,
}

impl Transfer {
    /// Makes sure that `blob` is here, fetching what is missing of it from `from`.
    pub(crate) async fn bring(
        &self,
        blob: BlobId,
        size_bytes: u64,
        job: JobId,
        from: PeerId,
    ) -> Result<(), TransferError> {
        let mut wait = RETRY_WAIT;
        for _ in 1..TRIES {
            match self.try_bring(blob, size_bytes, job, from).await {
                // Another task receives the same bytes: they are waited for, however long they take.
                Err(TransferError::Blob(BlobError::Busy { .. })) => {
                    self.until_received(blob, size_bytes, job, from).await?;
                    break;
                }
                Err(TransferError::Fetch(FetchError::Missing { .. } | FetchError::Refused { .. })) | Ok(()) => break,
                Err(error) => tracing::debug!(%error, %job, "transfer begins again"),
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        self.try_bring(blob, size_bytes, job, from).await
    }

    /// The same from the first of some machines that has it; that one is asked first the next time.
    pub(crate) async fn bring_from_any(
        &self,
        blob: BlobId,
        size_bytes: u64,
        job: JobId,
        from: &mut [PeerId],
    ) -> Result<(), TransferError> {
        let mut last = match self.try_bring(blob, size_bytes, job, self.me).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        for at in 0..from.len() {
            match self.bring(blob, size_bytes, job, from[at]).await {
                Ok(()) => {
                    from.swap(0, at);
                    return Ok(());
                }
                // Not the other side's fault: the next one cannot help.
                Err(error @ TransferError::Blob(_)) => return Err(error),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Waits for another task's transfer of the same blob, or takes over when that one fails.
    async fn until_received(
        &self,
        blob: BlobId,
        size_bytes: u64,
        job: JobId,
        from: PeerId,
    ) -> Result<(), TransferError> {
        loop {
            tokio::time::sleep(RETRY_WAIT).await;
            match self.try_bring(blob, size_bytes, job, from).await {
                Err(TransferError::Blob(BlobError::Busy { .. })) => {}
                done => return done,
            }
        }
    }

    async fn try_bring(&self, blob: BlobId, size_bytes: u64, job: JobId, from: PeerId) -> Result<(), TransferError> {
        if self.blobs.contains(blob) {
            return Ok(());
        }
        if from == self.me {
            return Err(BlobError::Missing { blob }.into());
        }
        let mut writer = self.blobs.receive(blob, size_bytes).await?;
        let offset = writer.offset();
        let mut fetched = self.ask(from, BulkRequest::Blob { blob, job, offset }).await?;
        if offset + fetched.bytes != size_bytes {
            return Err(TransferError::OtherSize {
                from,
                sent_bytes: offset + fetched.bytes,
                expected_bytes: size_bytes,
            });
        }
        loop {
            let mut block = vec![0; BLOCK_BYTES];
            let read = fetched.read(&mut block).await.map_err(|source| TransferError::Broken {
                from,
                received_bytes: writer.offset(),
                total_bytes: size_bytes,
                source,
            })?;
            if read == 0 {
                break;
            }
            block.truncate(read);
            writer.write(block).await?;
        }
        Ok(writer.finish().await?)
    }

    /// Asks a machine for bytes, over whatever way leads to it now.
    pub(crate) async fn ask(&self, from: PeerId, request: BulkRequest) -> Result<Fetched, TransferError> {
        self.ask_over(from, request, BTreeSet::new()).await.map(|(fetched, _)| fetched)
    }

    /// Asks for bytes of a blob, over ways that did not bring wrong ones before: each that does not carry them is followed by the
    /// next. Returns who gives them, too.
    pub(crate) async fn ask_for(
        &self,
        blob: BlobId,
        from: PeerId,
        request: BulkRequest,
    ) -> Result<(Fetched, PeerId), TransferError> {
        let mut avoided = self.doubts.of(blob);
        let mut error = match avoided.is_empty() {
            true => TransferError::NoWay { from },
            false => TransferError::Doubted { from, blob },
        };
        for _ in 0..MOST_WAYS {
            match self.ask_over(from, request.clone(), avoided.clone()).await {
                Err(TransferError::WayBroke { one, other, why, .. }) => {
                    avoided.insert(Pair::of(one, other));
                    if why == Hindrance::Wrong {
                        self.doubts.note(blob, Pair::of(one, other));
                        error = TransferError::Doubted { from, blob };
                    } else if !matches!(error, TransferError::Doubted { .. }) {
                        error = TransferError::WayBroke { from, one, other, why };
                    }
                }
                Err(TransferError::NoWay { .. }) => break,
                asked => return asked,
            }
        }
        Err(error)
    }

    /// Asks over the way there is without the links `avoided`.
    async fn ask_over(
        &self,
        from: PeerId,
        request: BulkRequest,
        avoided: BTreeSet<Pair>,
    ) -> Result<(Fetched, PeerId), TransferError> {
        let question = request.is_question();
        let fetch = async |peer, request| match question {
            true => self.net.question(peer, request).await,
            false => self.net.fetch(peer, request).await,
        };
        let (request, path) = match self.ways.to(from, request, avoided).await {
            Way::Direct(request) => return Ok((fetch(from, request).await?, from)),
            Way::Over(request, path) => (request, path),
            Way::None => return Err(TransferError::NoWay { from }),
        };
        let next = path.get(1).copied().unwrap_or(from);
        match fetch(next, request).await {
            Err(FetchError::NotPassed { broke_at, why }) => {
                let ends = (path.get(usize::from(broke_at)), path.get(usize::from(broke_at) + 1));
                let (Some(one), Some(other)) = ends else { return Err(TransferError::NoWay { from }) };
                // A link that brings wrong bytes of one file is good for everything else.
                if why != Hindrance::Wrong {
                    self.ways.broke(*one, *other, why).await;
                }
                Err(TransferError::WayBroke { from, one: *one, other: *other, why })
            }
            fetched => Ok((fetched?, next)),
        }
    }

    /// Reads a whole small blob, fetching it first if needed.
    pub(crate) async fn read(
        &self,
        blob: BlobId,
        size_bytes: u64,
        job: JobId,
        from: PeerId,
    ) -> Result<Vec<u8>, TransferError> {
        let _hold = self.blobs.hold(blob);
        self.bring(blob, size_bytes, job, from).await?;
        let (mut file, _) = self.blobs.open_blob(blob).await?;
        let read = tokio::task::spawn_blocking(move || {
            let mut bytes = Vec::new();
            io::Read::read_to_end(&mut file, &mut bytes).map(|_| bytes)
        });
        read.await
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(|source| BlobError::File { tried: "read", path: PathBuf::from(blob.to_string()), source }.into())
    }

    /// Brings a job's inputs into `root` and returns the rules that lead its programs there.
    ///
    /// On the origin itself nothing moves: programs read the files where they lie.
    pub(crate) async fn stage(
        &self,
        spec: &JobSpec,
        root: &Path,
        from: PeerId,
    ) -> Result<Vec<PathRule>, TransferError> {
        if spec.origin == self.me {
            return Ok(rules_of_their_own(spec, Path::new("/")));
        }
        let rules = rules_through(spec, root)?;
        self.blobs.pin(spec.id, spec.inputs.iter().map(|input| input.blob).collect()).await?;
        for input in &spec.inputs {
            self.bring(input.blob, input.size_bytes, spec.id, from).await?;
            let destination = root.join(input.path.trim_start_matches('/'));
            if !destination.exists() {
                self.blobs.materialise(input.blob, &destination, input.executable).await?;
            }
        }
        Ok(rules)
    }
}

#[cfg(test)]
pub(crate) mod tests;
