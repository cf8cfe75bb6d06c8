//! Scenes of Blender: their card, and the files they refer to.

use gridwell_job::blend::{BlendLimits, card, references};

pub(super) fn run(bytes: &[u8]) {
    let size_bytes = bytes.len() as u64;
    if let Ok(card) = card(bytes, size_bytes, BlendLimits::CARD) {
        assert!(card.scenes.len() <= BlendLimits::CARD.scenes);
    }
    if let Ok(found) = references(|| Ok(bytes), size_bytes, BlendLimits::TRACE) {
        assert!(found.iter().all(|reference| !reference.path.is_empty()));
    }
}

/// Both forms of a block's header, and the starts of compressed files.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let classic = scene(b"BLENDER-v304", |code, length, address, index| {
        [code.to_vec(), word(length), long(address), word(index), word(1)].concat()
    });
    let large = scene(b"BLENDER17-01v0500", |code, length, address, index| {
        [code.to_vec(), word(index), long(address), long(length.into()), long(1)].concat()
    });
    vec![classic, large, vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3], vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0x58, 0, 0]]
}

/// A scene with a sequence of pictures and a strip of one; `block` writes a block's header: code, length, address, struct.
fn scene(header: &[u8], block: fn(&[u8; 4], u32, u64, u32) -> Vec<u8>) -> Vec<u8> {
    let text = |text: &str| text.bytes().chain(std::iter::repeat(0)).take(40).collect::<Vec<_>>();
    let blocks = [
        (b"REND", 0, [word(1), word(24), text("Scene"), vec![0; 24]].concat()),
        (b"IM\0\0", 1, [text("//wood_01.png"), vec![2, 0]].concat()),
        (b"DATA", 2, [text("//cut/"), long(3)].concat()),
        (b"DATA", 0, text("a.png")),
        (b"DNA1", 0, table()),
        (b"ENDB", 0, Vec::new()),
    ];
    let mut bytes = header.to_vec();
    for (at, (code, index, data)) in (0..).zip(blocks) {
        bytes.extend(block(code, data.len() as u32, at, index));
        bytes.extend(data);
    }
    bytes
}

/// The table of `StripElem { char name[40]; }`, `Image { char name[40]; short source; }` and
/// `Strip { char dir[40]; StripElem *stripdata; }`.
fn table() -> Vec<u8> {
    let lengths = [1, 2, 42, 48, 40];
    let structs = [&[4, 1, 0, 0][..], &[2, 2, 0, 0, 1, 1], &[3, 2, 0, 2, 4, 3]].concat();
    let halves = |numbers: &[u16]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>();
    [
        b"SDNANAME\x04\0\0\0name[40]\0source\0dir[40]\0*stripdata\0\0".to_vec(),
        b"TYPE\x05\0\0\0char\0short\0Image\0Strip\0StripElem\0\0\0\0".to_vec(),
        b"TLEN".to_vec(),
        halves(&lengths),
        b"\0\0STRC\x03\0\0\0".to_vec(),
        halves(&structs),
    ]
    .concat()
}

fn word(number: u32) -> Vec<u8> {
    number.to_le_bytes().to_vec()
}

fn long(number: u64) -> Vec<u8> {
    number.to_le_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_refer_to_files() {
        for seed in seeds().into_iter().take(2) {
            let found = references(|| Ok(seed.as_slice()), seed.len() as u64, BlendLimits::TRACE).unwrap();
            assert_eq!(found.len(), 2);
        }
    }
}
