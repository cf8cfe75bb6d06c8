use std::{fmt, sync::Arc};

use gridwell_files::{GROUP_BYTES, Groups, Outboard, Part, Parts, stream_bytes};
use gridwell_model::BlobId;

use crate::{
    Object, ObjectError, SharedFile,
    blobs::{Source, blocking},
};

/// Bytes that [`Proof::next`] returns at once, or a little more: enough that threads and system calls cost little beside them.
const PIECE_BYTES: u64 = 1024 * 1024;

/// A stream that proves groups of a blob to a peer that knows the blob, its size and the groups.
#[derive(Debug)]
pub struct Proof {
    prover: Arc<Prover>,
    parts: Parts,
    left_bytes: u64,
}

/// Where the parts come from.
pub(crate) enum Prover {
    Object(Object),
    Blob { source: Source, outboard: Arc<Outboard> },
    Shared { file: SharedFile, outboard: Arc<Outboard> },
}

impl fmt::Debug for Prover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(object) => write!(f, "Object({})", object.blob()),
            Self::Blob { outboard, .. } => write!(f, "Blob({})", outboard.root()),
            Self::Shared { outboard, .. } => write!(f, "Shared({})", outboard.root()),
        }
    }
}

impl Proof {
    pub(crate) fn new(prover: Prover, groups: Groups) -> Self {
        let size_bytes = prover.size_bytes();
        let left_bytes = stream_bytes(size_bytes, &groups);
        Self { prover: Arc::new(prover), parts: Parts::new(size_bytes, groups), left_bytes }
    }

    /// The blob whose groups it proves.
    #[must_use]
    pub fn blob(&self) -> BlobId {
        match &*self.prover {
            Prover::Object(object) => object.blob(),
            Prover::Blob { outboard, .. } | Prover::Shared { outboard, .. } => outboard.root(),
        }
    }

    /// How many bytes are still to come.
    #[must_use]
    pub const fn left_bytes(&self) -> u64 {
        self.left_bytes
    }

    /// Reads the next bytes; `None` after the last ones.
    ///
    /// # Errors
    ///
    /// [`ObjectError::Missing`] if a group is not here any more, [`ObjectError::Blob`] if the file behind the blob changed,
    /// [`ObjectError::File`] if it cannot be read. Nothing that is returned later belongs to the stream.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, ObjectError> {
        let (mut parts, mut bytes) = (Vec::new(), 0);
        while bytes < PIECE_BYTES
            && let Some(part) = self.parts.next()
        {
            bytes += part.bytes(self.prover.size_bytes());
            parts.push(part);
        }
        if parts.is_empty() {
            return Ok(None);
        }
        self.left_bytes -= bytes;
        let prover = Arc::clone(&self.prover);
        blocking(move || prover.read(&parts, bytes as usize).map(Some)).await
    }
}

impl Prover {
    /// Reads parts that take `length` bytes together.
    fn read(&self, parts: &[Part], length: usize) -> Result<Vec<u8>, ObjectError> {
        let mut bytes = vec![0; length];
        let mut rest = bytes.as_mut_slice();
        for part in parts {
            let (piece, later) = rest.split_at_mut(part.bytes(self.size_bytes()) as usize);
            self.read_part(*part, piece)?;
            rest = later;
        }
        Ok(bytes)
    }

    fn read_part(&self, part: Part, piece: &mut [u8]) -> Result<(), ObjectError> {
        match (self, part) {
            (Self::Object(object), _) => object.read_part(part, piece)?,
            (Self::Blob { outboard, .. } | Self::Shared { outboard, .. }, Part::Pair(number)) => {
                piece.copy_from_slice(outboard.pair(number).expect("an outboard has every pair of its blob"));
            }
            (Self::Blob { source, .. }, Part::Group(number)) => source.read_at(number * GROUP_BYTES, piece)?,
            (Self::Shared { file, .. }, Part::Group(number)) => file.read_exact_at(piece, number * GROUP_BYTES)?,
        }
        Ok(())
    }

    fn size_bytes(&self) -> u64 {
        match self {
            Self::Object(object) => object.size_bytes(),
            Self::Blob { source, .. } => source.size_bytes,
            Self::Shared { outboard, .. } => outboard.size_bytes(),
        }
    }
}
