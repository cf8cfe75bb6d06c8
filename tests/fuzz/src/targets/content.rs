//! Streams that should prove groups of a blob, and what is asked of one, from peers that lie.

use gridwell_files::{
    Decoder, GROUP_BYTES, Groups, Outboard, Part, Parts, Verified, group_count, group_range, stream_bytes,
};

use crate::pieces::{pieces, together};

/// Three full groups and a small one: a stream of the small one alone is short.
const SIZE_BYTES: u64 = 3 * GROUP_BYTES + 7;

/// The first piece says which groups are asked for and what size is claimed; the others arrive one by one.
pub(super) fn run(bytes: &[u8]) {
    let pieces = pieces(bytes);
    let Some((asked, stream)) = pieces.split_first() else { return };
    let Ok((groups, size_bytes)) = postcard::from_bytes::<(Groups, u64)>(asked) else { return };
    check_groups(&groups, size_bytes);
    let content = content();
    let outboard = Outboard::of(&content);
    let _ = Outboard::from_bytes(outboard.root(), size_bytes, bytes);

    let mut decoder = Decoder::new(outboard.root(), size_bytes, groups.clone());
    let (mut taken_bytes, mut came) = (0, Groups::new());
    for piece in stream {
        let mut rest = *piece;
        while let Ok(Some(part)) = decoder.push(&mut rest) {
            match part {
                // With another number of groups the forks lie elsewhere; the groups do not.
                Verified::Pair { number, pair, .. } if group_count(size_bytes) == group_count(SIZE_BYTES) => {
                    assert_eq!(outboard.pair(number), Some(&pair));
                }
                Verified::Pair { .. } => {}
                Verified::Group { number, bytes, .. } => {
                    assert!(bytes == slice(&content, number), "a wrong byte was taken");
                    came.insert(number..number + 1);
                }
            }
        }
        taken_bytes += (piece.len() - rest.len()) as u64;
    }
    assert!(taken_bytes <= stream_bytes(size_bytes, &groups));
    if decoder.finish().is_ok() {
        assert_eq!(came, groups.intersection(&Groups::all(size_bytes)), "it ended well without all of it");
    }
}

fn check_groups(groups: &Groups, size_bytes: u64) {
    let here = Groups::all(size_bytes);
    let (wanted, other) = (groups.intersection(&here), groups.difference(&here));
    assert_eq!(&wanted.union(&other), groups);
    assert_eq!(wanted.count() + other.count(), groups.count());
    assert_eq!(wanted.bytes(size_bytes), groups.bytes(size_bytes));
    assert!(wanted.bytes(size_bytes) <= stream_bytes(size_bytes, groups));
    assert!(Parts::new(size_bytes, groups.clone()).take(1_000).all(|part| match part {
        Part::Pair(_) => true,
        Part::Group(number) => wanted.contains(number),
    }));
}

/// Differs from group to group.
fn content() -> Vec<u8> {
    (0..SIZE_BYTES).map(|at| (at / GROUP_BYTES) as u8).collect()
}

fn slice(content: &[u8], group: u64) -> &[u8] {
    let range = group_range(group, SIZE_BYTES);
    &content[range.start as usize..range.end as usize]
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let content = content();
    let outboard = Outboard::of(&content);
    let stream = |groups: &Groups| -> Vec<u8> {
        let part = |part| match part {
            Part::Pair(number) => outboard.pair(number).expect("a pair of the content").as_slice(),
            Part::Group(number) => slice(&content, number),
        };
        Parts::new(SIZE_BYTES, groups.clone()).flat_map(part).copied().collect()
    };
    let last = Groups::from(3..4);
    let ask = |groups: &Groups, size_bytes: u64| {
        postcard::to_stdvec(&(groups, size_bytes)).expect("few groups are a small message")
    };
    vec![
        together([ask(&last, SIZE_BYTES), stream(&last)]),
        together([ask(&last, SIZE_BYTES)].into_iter().chain(stream(&last).chunks(50).map(<[u8]>::to_vec))),
        together([ask(&last, SIZE_BYTES + 1), stream(&last)]),
        together([ask(&Groups::all(u64::MAX), u64::MAX), stream(&last)]),
        together([ask(&Groups::from(0..1), SIZE_BYTES), stream(&Groups::from(0..1))]),
        together([ask(&[1, 3, 9].into_iter().collect(), 0), Vec::new()]),
    ]
}
