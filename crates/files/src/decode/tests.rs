use bao_tree::{
    BaoTree, BlockSize, ChunkRanges,
    io::{outboard::PreOrderMemOutboard, sync::encode_ranges_validated},
};
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    GROUP_BYTES, Outboard, Part, Parts, group_count, stream_bytes,
    testing::{SIZES, content},
};

/// What a sender sends.
fn stream(content: &[u8], groups: &Groups) -> Vec<u8> {
    let outboard = Outboard::of(content);
    let size_bytes = content.len() as u64;
    let mut stream = Vec::new();
    for part in Parts::new(size_bytes, groups.clone()) {
        match part {
            Part::Pair(number) => stream.extend_from_slice(outboard.pair(number).unwrap()),
            Part::Group(number) => {
                let bytes = group_range(number, size_bytes);
                stream.extend_from_slice(&content[bytes.start as usize..bytes.end as usize]);
            }
        }
    }
    stream
}

/// Everything a decoder takes from `stream` in cuts of `cut` bytes.
fn decode(mut decoder: Decoder, stream: &[u8], cut: usize) -> Result<Vec<Verified>, DecodeError> {
    let mut verified = Vec::new();
    for mut bytes in stream.chunks(cut) {
        while let Some(part) = decoder.push(&mut bytes)? {
            verified.push(part);
        }
        assert!(bytes.is_empty() || decoder.expected.is_empty());
    }
    decoder.finish().map(|()| verified)
}

fn decoder(content: &[u8], groups: &Groups) -> Decoder {
    Decoder::new(BlobId::of(content), content.len() as u64, groups.clone())
}

/// Puts the groups that were verified where they belong; every byte elsewhere is 0.
fn placed(verified: &[Verified], size_bytes: u64) -> Vec<u8> {
    let mut content = vec![0; size_bytes as usize];
    for part in verified {
        if let Verified::Group { number, bytes } = part {
            content[(number * GROUP_BYTES) as usize..][..bytes.len()].copy_from_slice(bytes);
        }
    }
    content
}

fn any_groups() -> impl Strategy<Value = Groups> {
    vec(0..14_u64, 0..14).prop_map(|groups| groups.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_groups_come_through_in_any_cuts(size in 0..SIZES.len(), groups in any_groups(), cut in 1..200_000_usize) {
        let content = content(SIZES[size]);
        let sent = stream(&content, &groups);
        prop_assert_eq!(sent.len() as u64, stream_bytes(SIZES[size], &groups));

        let verified = decode(decoder(&content, &groups), &sent, cut).unwrap();

        let mut expected = content;
        for group in Groups::all(SIZES[size]).difference(&groups).iter() {
            let bytes = group_range(group, SIZES[size]);
            expected[bytes.start as usize..bytes.end as usize].fill(0);
        }
        prop_assert!(placed(&verified, SIZES[size]) == expected);
        let passed_on: Vec<u8> = verified.iter().flat_map(Verified::as_bytes).copied().collect();
        prop_assert!(passed_on == sent);
    }

    #[test]
    fn any_changed_byte_is_found(size in 1..SIZES.len(), groups in any_groups(), at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let content = content(SIZES[size]);
        let mut sent = stream(&content, &groups);
        prop_assume!(!sent.is_empty());
        let at = at.index(sent.len());
        sent[at] ^= 1 << bit;

        let error = decode(decoder(&content, &groups), &sent, 100_000).unwrap_err();

        let named = matches!(error, DecodeError::Mismatch { group, .. } if groups.contains(group));
        prop_assert!(named, "{}", error);
    }

    #[test]
    fn a_stream_that_ends_early_is_never_enough(size in 1..SIZES.len(), groups in any_groups(), at in any::<prop::sample::Index>()) {
        let content = content(SIZES[size]);
        let sent = stream(&content, &groups);
        prop_assume!(!sent.is_empty());

        let error = decode(decoder(&content, &groups), &sent[..at.index(sent.len())], 100_000).unwrap_err();

        let named = matches!(error, DecodeError::Truncated { group, .. } if groups.contains(group));
        prop_assert!(named, "{}", error);
    }

    #[test]
    fn it_is_the_order_of_bao(size in 1..SIZES.len(), groups in any_groups()) {
        let content = content(SIZES[size]);
        let block_size = BlockSize::from_chunk_log(6);
        let outboard = PreOrderMemOutboard::create(&content, block_size);
        let mut ranges = ChunkRanges::empty();
        for run in groups.intersection(&Groups::all(SIZES[size])).runs() {
            // The end of the last group is left open: it may be shorter.
            ranges |= if run.end == group_count(SIZES[size]) {
                ChunkRanges::from(bao_tree::ChunkNum(run.start * 64)..)
            } else {
                ChunkRanges::from(bao_tree::ChunkNum(run.start * 64)..bao_tree::ChunkNum(run.end * 64))
            };
        }
        let mut bao = Vec::new();
        encode_ranges_validated(&content, &outboard, &ranges, &mut bao).unwrap();

        prop_assert_eq!(outboard.tree, BaoTree::new(SIZES[size], block_size));
        prop_assert!(stream(&content, &groups) == bao);
    }
}

#[test]
fn a_wrong_part_ends_the_stream() {
    let content = content(3 * GROUP_BYTES);
    let all = Groups::all(3 * GROUP_BYTES);
    let mut wrong = stream(&content, &all);
    wrong[0] ^= 1;
    let right = stream(&content, &all);
    let mut decoder = decoder(&content, &all);

    let error = decoder.push(&mut wrong.as_slice()).unwrap_err();
    assert_eq!(error, DecodeError::Mismatch { blob: BlobId::of(&content), group: 0 });
    assert_eq!(decoder.push(&mut right.as_slice()).unwrap_err(), error);
    assert_eq!(decoder.finish().unwrap_err(), error);
}

#[test]
fn bytes_behind_the_last_part_are_left_alone() {
    let content = content(GROUP_BYTES + 1);
    let groups = Groups::from(1..2);
    let mut sent = stream(&content, &groups);
    sent.extend_from_slice(b"next");
    let (mut decoder, mut bytes) = (decoder(&content, &groups), sent.as_slice());

    while decoder.push(&mut bytes).unwrap().is_some() {}

    assert_eq!(bytes, b"next");
    assert_eq!(decoder.finish(), Ok(()));
}

#[test]
fn a_wrong_size_is_found_with_the_last_group_at_the_latest() {
    for size_bytes in SIZES {
        let content = content(size_bytes);
        for wrong in SIZES.into_iter().filter(|wrong| *wrong != size_bytes) {
            let groups = Groups::all(wrong);
            let mut sent = stream(&content, &Groups::all(size_bytes));
            sent.resize(sent.len().max(stream_bytes(wrong, &groups) as usize), 0);
            let decoder = Decoder::new(BlobId::of(&content), wrong, groups);
            assert!(decode(decoder, &sent, 100_000).is_err(), "{size_bytes} as {wrong}");
        }
    }
}

#[test]
fn groups_without_end_take_what_there_is() {
    let content = content(3 * GROUP_BYTES + 7);
    let groups = Groups::all(u64::MAX);

    let verified = decode(decoder(&content, &groups), &stream(&content, &groups), 1_000).unwrap();

    assert!(placed(&verified, 3 * GROUP_BYTES + 7) == content);
    let mut endless = Decoder::new(BlobId([7; 32]), u64::MAX, groups);
    assert_eq!(endless.push(&mut [0; 63].as_slice()), Ok(None), "a size without end costs nothing");
    assert_eq!(stream_bytes(u64::MAX, &Groups::from(3..4)), GROUP_BYTES + 48 * PAIR_BYTES);
    assert_eq!(stream_bytes(u64::MAX, &Groups::all(u64::MAX)), u64::MAX);
}
