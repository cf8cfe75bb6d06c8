use gridwell_files::{Groups, Part, Parts, group_range, stream_bytes};

use super::{Object, ObjectError};
use crate::blobs::blocking;

/// Bytes that [`Proof::next`] returns at once, or a little more: enough that threads and system calls cost little beside them.
const PIECE_BYTES: u64 = 256 * 1024;

/// A stream that proves groups to a peer that knows the blob, its size and the groups.
#[derive(Debug)]
pub struct Proof {
    object: Object,
    parts: Parts,
    left_bytes: u64,
}

impl Proof {
    pub(super) fn of_object(object: Object, groups: Groups) -> Self {
        let size_bytes = object.size_bytes();
        Self { left_bytes: stream_bytes(size_bytes, &groups), parts: Parts::new(size_bytes, groups), object }
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
    /// [`ObjectError::Missing`] if a group is not here any more, [`ObjectError::File`] if it cannot be read. Nothing that is
    /// returned later belongs to the stream.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, ObjectError> {
        let size_bytes = self.object.size_bytes();
        let (mut parts, mut bytes) = (Vec::new(), 0);
        while bytes < PIECE_BYTES
            && let Some(part) = self.parts.next()
        {
            bytes += part.bytes(size_bytes);
            parts.push(part);
        }
        if parts.is_empty() {
            return Ok(None);
        }
        self.left_bytes -= bytes;
        let object = self.object.clone();
        blocking(move || read(&object, &parts, bytes as usize).map(Some)).await
    }
}

fn read(object: &Object, parts: &[Part], length: usize) -> Result<Vec<u8>, ObjectError> {
    let mut bytes = Vec::with_capacity(length);
    for part in parts {
        match part {
            Part::Pair(number) => bytes.extend_from_slice(&object.content.pair(*number)?),
            Part::Group(number) => {
                let range = group_range(*number, object.size_bytes());
                let start = bytes.len();
                bytes.resize(start + (range.end - range.start) as usize, 0);
                object.folder.read_at(&object.content, range.start, &mut bytes[start..], object.purpose)?;
            }
        }
    }
    Ok(bytes)
}
