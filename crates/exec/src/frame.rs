use serde::{Serialize, de::DeserializeOwned};

/// Largest frame either way: holds a batch of tasks with their embedded files (templates are far smaller), or the
/// output and events between two flushes.
pub(crate) const FRAME_BYTES: usize = 8 * 1024 * 1024;

const HEADER_BYTES: usize = 4;

/// Why bytes on the pipe between node and runner are not a frame.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("a frame of {bytes} bytes is larger than {FRAME_BYTES}")]
    TooLarge { bytes: usize },
    #[error("a frame could not be read or written")]
    Codec(#[from] postcard::Error),
}

/// Appends `message` as one frame: its length in 4 bytes, little-endian, then its postcard form.
pub(crate) fn encode<T: Serialize>(message: &T, out: &mut Vec<u8>) -> Result<(), FrameError> {
    let start = out.len();
    let mut whole = std::mem::take(out);
    whole.extend_from_slice(&[0; HEADER_BYTES]);
    *out = postcard::to_extend(message, whole)?;
    let bytes = out.len() - start - HEADER_BYTES;
    if bytes > FRAME_BYTES {
        out.truncate(start);
        return Err(FrameError::TooLarge { bytes });
    }
    out[start..start + HEADER_BYTES].copy_from_slice(&(bytes as u32).to_le_bytes());
    Ok(())
}

/// Cuts a stream of bytes into messages.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    buffer: Vec<u8>,
    taken: usize,
}

impl Frames {
    /// Takes bytes as they come.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the next whole message, `None` until more bytes have come.
    pub(crate) fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, FrameError> {
        let Some((header, rest)) = self.buffer[self.taken..].split_first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let bytes = u32::from_le_bytes(*header) as usize;
        if bytes > FRAME_BYTES {
            return Err(FrameError::TooLarge { bytes });
        }
        let Some(frame) = rest.get(..bytes) else { return Ok(None) };
        let message = postcard::from_bytes(frame)?;
        self.taken += HEADER_BYTES + bytes;
        Ok(Some(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_being_cut_anywhere() {
        let mut stream = Vec::new();
        for word in ["one", "two", "three"] {
            encode(&word, &mut stream).unwrap();
        }
        let mut frames = Frames::default();
        let mut words = Vec::new();
        for byte in stream {
            frames.push(&[byte]);
            words.extend(frames.next::<String>().unwrap());
        }
        assert_eq!(words, ["one", "two", "three"]);
    }

    #[test]
    fn a_length_past_the_limit_is_refused_before_its_bytes_come() {
        let mut frames = Frames::default();
        frames.push(&u32::MAX.to_le_bytes());
        assert!(matches!(frames.next::<String>(), Err(FrameError::TooLarge { .. })));
    }
}
