use gridwell_model::{Letter, LinkRecord};
use serde::{Serialize, de::DeserializeOwned};

use crate::message::{BulkReply, BulkRequest, Message};

/// Largest frame on a control stream, in bytes: small enough that nothing waits long behind it.
pub const MAX_FRAME_BYTES: usize = 64 * 1024;

/// Largest value inside a signed frame, in bytes: beside it fit a signature and the longest path.
pub const MAX_INNER_BYTES: usize = MAX_FRAME_BYTES - 1_024;

/// Why a message was not encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// It would not fit into a frame.
    #[error("a message of {bytes} bytes exceeds a frame of {MAX_FRAME_BYTES}")]
    TooLong {
        /// Its size.
        bytes: usize,
    },
}

/// Why bytes from a link were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A length field over [`MAX_FRAME_BYTES`].
    #[error("a frame of {bytes} bytes exceeds the limit of {MAX_FRAME_BYTES}")]
    TooLong {
        /// The length it claims.
        bytes: usize,
    },
    /// Not a message of this version; the frame is skipped.
    #[error("a frame of {bytes} bytes is not a known message")]
    Unknown {
        /// The frame's length.
        bytes: usize,
    },
}

/// Encodes one value of this crate as a frame: its length (4 bytes, little endian), then the value in postcard.
///
/// # Errors
///
/// [`EncodeError::TooLong`] past [`MAX_FRAME_BYTES`].
pub fn encode<T: Frame>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let payload = postcard::to_stdvec(value).expect("plain data of this crate always encodes");
    if payload.len() > MAX_FRAME_BYTES {
        return Err(EncodeError::TooLong { bytes: payload.len() });
    }
    let mut bytes = Vec::with_capacity(4 + payload.len());
    bytes.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&payload);
    Ok(bytes)
}

/// Decodes the payload of one frame (without its length).
///
/// Postcard never reserves more than the payload can fill, so a hostile length inside costs nothing.
///
/// # Errors
///
/// [`DecodeError::Unknown`] if it is not such a value of this version.
pub fn decode<T: Frame>(payload: &[u8]) -> Result<T, DecodeError> {
    postcard::from_bytes(payload).map_err(|_| DecodeError::Unknown { bytes: payload.len() })
}

/// The protocol version in a hello that [`decode`] may not understand, if `payload` is a hello at all.
///
/// Every version of [`Message`] keeps `Hello` as its first variant and `version` as its first field.
#[must_use]
pub fn hello_version(payload: &[u8]) -> Option<u32> {
    match postcard::take_from_bytes::<(u32, u32)>(payload) {
        Ok(((0, version), _)) => Some(version),
        _ => None,
    }
}

/// What may travel as a frame.
pub trait Frame: Serialize + DeserializeOwned {}

/// Encodes what travels inside something else, without a length before it.
///
/// # Errors
///
/// [`EncodeError::TooLong`] past [`MAX_INNER_BYTES`].
pub fn encode_inner<T: Frame>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let bytes = postcard::to_stdvec(value).expect("plain data of this crate always encodes");
    if bytes.len() > MAX_INNER_BYTES { Err(EncodeError::TooLong { bytes: bytes.len() }) } else { Ok(bytes) }
}

impl Frame for Message {}
impl Frame for LinkRecord {}
impl Frame for Letter {}
impl Frame for BulkRequest {}
impl Frame for BulkReply {}

/// Cuts a byte stream into frames.
#[derive(Debug, Default)]
pub struct FrameBuffer {
    bytes: Vec<u8>,
    read: usize,
}

impl FrameBuffer {
    /// An empty buffer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends bytes as they arrived.
    pub fn extend(&mut self, bytes: &[u8]) {
        if self.read > 0 && self.read == self.bytes.len() {
            self.bytes.clear();
            self.read = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame's payload, if it has arrived.
    ///
    /// # Errors
    ///
    /// [`DecodeError::TooLong`] if the frame claims to be too long: the stream is lost.
    pub fn next_frame(&mut self) -> Result<Option<Vec<u8>>, DecodeError> {
        let rest = &self.bytes[self.read..];
        let Some((length, rest)) = rest.split_first_chunk::<4>() else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(*length) as usize;
        if length > MAX_FRAME_BYTES {
            return Err(DecodeError::TooLong { bytes: length });
        }
        let Some(payload) = rest.get(..length) else {
            return Ok(None);
        };
        let payload = payload.to_vec();
        self.read += 4 + length;
        if self.read > MAX_FRAME_BYTES {
            self.bytes.drain(..self.read);
            self.read = 0;
        }
        Ok(Some(payload))
    }
}

#[cfg(test)]
mod tests {
    use gridwell_model::{
        BlobId, GridId, Incarnation, JobId, LinkPolicy, LinkReport, LinkWish, MOST_HOPS, PeerId, Stamp,
    };
    use proptest::prelude::*;

    use super::*;
    use crate::message::{Hello, Passed, Signed};

    #[test]
    fn frames_survive_any_split_of_the_stream() {
        let messages = [Message::Ping { number: 7 }, Message::Forget { job: JobId([9; 10]) }];
        let stream: Vec<u8> = messages.iter().flat_map(|message| encode(message).unwrap()).collect();
        for cut in 0..stream.len() {
            let mut buffer = FrameBuffer::new();
            let mut seen = Vec::new();
            for part in [&stream[..cut], &stream[cut..]] {
                buffer.extend(part);
                while let Some(payload) = buffer.next_frame().unwrap() {
                    seen.push(decode::<Message>(&payload).unwrap());
                }
            }
            assert_eq!(seen, messages);
        }
    }

    #[test]
    fn an_overlong_frame_is_refused_before_its_bytes_arrive() {
        let mut buffer = FrameBuffer::new();
        buffer.extend(&u32::MAX.to_le_bytes());
        assert_eq!(buffer.next_frame(), Err(DecodeError::TooLong { bytes: u32::MAX as usize }));
    }

    #[test]
    fn the_version_of_a_hello_is_read_without_the_rest() {
        let hello = Hello {
            version: 300,
            grid: GridId([1; 16]),
            incarnation: Incarnation([2; 8]),
            name: "ann".to_owned(),
            addresses: Vec::new(),
            clock_ms: 0,
        };
        let bytes = encode(&Message::Hello(hello)).unwrap();
        assert_eq!(hello_version(&bytes[4..10]), Some(300));
        assert_eq!(hello_version(&encode(&Message::Ping { number: 1 }).unwrap()[4..]), None);
        assert_eq!(hello_version(&[]), None);
    }

    #[test]
    fn reports_of_as_many_links_as_may_be_told_fit_a_frame() {
        let wish = LinkWish { policy: LinkPolicy::Forbidden, revision: u32::MAX, changed: Stamp(u64::MAX) };
        let report = LinkReport {
            peer: PeerId([0xFF; 32]),
            up: true,
            rtt_micros: Some(u32::MAX),
            since: Stamp(u64::MAX),
            wish,
            rests: true,
        };
        let record = LinkRecord {
            grid: GridId([0xFF; 16]),
            peer: PeerId([0xFF; 32]),
            incarnation: Incarnation([0xFF; 8]),
            number: u64::MAX,
            relays: true,
            links: vec![report; LinkReport::MAX_LINKS],
            addresses: vec![
                "[2001:db8:1234:5678:9abc:def0:1234:5678%wlp0s20f3]:65535".into();
                LinkRecord::MAX_ADDRESSES
            ],
        };
        let bytes = encode_inner(&record).unwrap();
        assert_eq!(decode::<LinkRecord>(&bytes), Ok(record));
        let message = Message::Links(Signed { bytes, signature: [[0xFF; 32]; 2] });
        let bytes = encode(&message).unwrap();
        assert_eq!(decode::<Message>(&bytes[4..]), Ok(message));
    }

    #[test]
    fn the_largest_letter_fits_a_frame() {
        let letter = Letter {
            grid: GridId([0xFF; 16]),
            path: vec![PeerId([0xFF; 32]); MOST_HOPS + 1],
            from_run: Incarnation([0xFF; 8]),
            from_record: u64::MAX,
            to_run: Incarnation([0xFF; 8]),
            number: u64::MAX,
            payload: vec![0xFF; MAX_INNER_BYTES - 310],
        };
        let bytes = encode_inner(&letter).unwrap();
        let message = Message::Passed(Passed { at: 6, letter: Signed { bytes, signature: [[0xFF; 32]; 2] } });
        assert_eq!(encode(&message).map(|bytes| bytes.len() <= MAX_FRAME_BYTES), Ok(true));
        let longer = Letter { payload: vec![0xFF; MAX_INNER_BYTES], ..letter };
        assert!(matches!(encode_inner(&longer), Err(EncodeError::TooLong { .. })));
    }

    #[test]
    fn a_bulk_request_survives_its_frame() {
        let request = BulkRequest::Blob { blob: BlobId([1; 32]), job: JobId([2; 10]), offset: 3 };
        let bytes = encode(&request).unwrap();
        assert_eq!(decode::<BulkRequest>(&bytes[4..]), Ok(request));
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
            let _ = decode::<Message>(&bytes);
            let _ = decode::<BulkRequest>(&bytes);
            let _ = decode::<LinkRecord>(&bytes);
            let _ = decode::<Letter>(&bytes);
            let mut buffer = FrameBuffer::new();
            buffer.extend(&bytes);
            while let Ok(Some(_)) = buffer.next_frame() {}
        }
    }
}
