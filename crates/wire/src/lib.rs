//! Messages between peers: what travels on a link's control stream, how it is encoded, and its limits.
//!
//! Floor 1, pure: bytes in, messages out. Bytes from a link are hostile until [`decode`] has parsed them. Bulk bytes
//! (blobs) travel on streams of their own, opened with a [`BulkRequest`].

mod codec;
mod message;

pub use codec::{
    DecodeError, EncodeError, Frame, FrameBuffer, MAX_FRAME_BYTES, MAX_INNER_BYTES, decode, encode, encode_inner,
    hello_version,
};
pub use gridwell_model::{Decline, LeaseOffer, LinkReport, LinkWish, Renewal, Reserve, RunningTask, TaskResult};
pub use message::{
    Announcement, BulkReply, BulkRequest, Hello, JobFolder, LogChunk, Message, NotPassed, PROTOCOL_VERSION, Passed,
    Signed, TreeFault, TreePage, TreeWish, Twin,
};
