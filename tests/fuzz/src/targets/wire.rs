//! A control stream: bytes that arrive in any cuts.

use gridwell_model::{Letter, LinkRecord};
use gridwell_wire::{
    BulkReply, BulkRequest, Frame, FrameBuffer, MAX_FRAME_BYTES, Message, decode, encode, hello_version,
};

/// The first byte says how the stream is cut.
pub(super) fn run(bytes: &[u8]) {
    let Some((cut, stream)) = bytes.split_first() else { return };
    let mut buffer = FrameBuffer::new();
    for arrived in stream.chunks(usize::from(*cut).max(1)) {
        buffer.extend(arrived);
        loop {
            match buffer.next_frame() {
                Ok(Some(payload)) => understand(&payload),
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
}

fn understand(payload: &[u8]) {
    assert!(payload.len() <= MAX_FRAME_BYTES);
    let _ = hello_version(payload);
    says_the_same::<Message>(payload);
    says_the_same::<Letter>(payload);
    says_the_same::<LinkRecord>(payload);
    says_the_same::<BulkRequest>(payload);
    says_the_same::<BulkReply>(payload);
}

/// What was understood means the same to the next peer that it is told to.
fn says_the_same<T: Frame + std::fmt::Debug>(payload: &[u8]) {
    let Ok(value) = decode::<T>(payload) else { return };
    let Ok(frame) = encode(&value) else { return };
    let again: T = decode(&frame[4..]).expect("what was encoded is understood");
    // As text: numbers that are none are equal to nothing, not even to themselves.
    assert_eq!(format!("{value:?}"), format!("{again:?}"));
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = (0..24).map(|variant| frame(&[&[variant][..], &[0; 64]].concat())).collect();
    let said = [Message::Ping { number: 7 }, Message::MembersEnd, Message::Plan(vec![1, 2, 3])];
    let stream: Vec<u8> = said.iter().flat_map(|message| encode(message).expect("a small message")).collect();
    seeds.push([&[3][..], &stream].concat());
    seeds
}

fn frame(payload: &[u8]) -> Vec<u8> {
    [&[255][..], &(payload.len() as u32).to_le_bytes(), payload].concat()
}
