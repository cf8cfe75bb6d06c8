use std::io::Read;

use super::{
    BlendError,
    stream::{Content, printable},
};

/// How numbers and blocks of one file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) blocks: BlockForm,
    pub(super) big_endian: bool,
    /// Bytes of a stored pointer.
    pub(super) pointer_bytes: usize,
}

/// The forms of a block's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BlockForm {
    /// 20 bytes: 4-byte pointers.
    Classic4,
    /// 24 bytes: 8-byte pointers.
    Classic8,
    /// 32 bytes: 64-bit lengths, in another order.
    Large,
}

/// A block's header, as far as anybody needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) code: [u8; 4],
    pub(super) len: u64,
    /// Where the data lay when the file was written: what pointers elsewhere in the file name it by. Never an offset.
    pub(super) address: u64,
    pub(super) struct_index: u32,
}

impl Layout {
    pub(super) fn u16(self, bytes: [u8; 2]) -> u16 {
        if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    }

    pub(super) fn i32(self, bytes: [u8; 4]) -> i32 {
        if self.big_endian { i32::from_be_bytes(bytes) } else { i32::from_le_bytes(bytes) }
    }

    /// An unsigned number of at most 8 bytes.
    pub(super) fn number(self, bytes: &[u8]) -> Option<u64> {
        let step = |number, byte: &u8| (number << 8) | u64::from(*byte);
        (bytes.len() <= 8).then(|| match self.big_endian {
            true => bytes.iter().fold(0, step),
            false => bytes.iter().rev().fold(0, step),
        })
    }

    /// Reads the i32 at `at` of `bytes`, if it is there.
    pub(super) fn i32_at(self, bytes: &[u8], at: usize) -> Option<i32> {
        Some(self.i32(bytes.get(at..)?.first_chunk().copied()?))
    }
}

/// Reads the file's header: its layout and Blender's version as major × 100 + minor.
pub(super) fn read_header<R: Read>(content: &mut Content<R>) -> Result<(Layout, u32), BlendError> {
    let mut start = [0; 12];
    let got = content.read_some(&mut start)?;
    if !start.starts_with(b"BLENDER") {
        return if b"BLENDER".starts_with(&start[..got.min(7)]) && got < 7 && got > 0 {
            Err(BlendError::Damaged { offset: got as u64, what: "the file ends too early" })
        } else {
            Err(BlendError::NotABlend { start: printable(&start[..got]) })
        };
    }
    if got < start.len() {
        return Err(BlendError::Damaged { offset: got as u64, what: "the file ends too early" });
    }
    match start[7] {
        b'_' | b'-' => classic(start),
        b'0'..=b'9' => large(start, content),
        _ => Err(BlendError::Damaged { offset: 7, what: "the header names no pointer size" }),
    }
}

fn classic(start: [u8; 12]) -> Result<(Layout, u32), BlendError> {
    let (blocks, pointer_bytes) = if start[7] == b'_' { (BlockForm::Classic4, 4) } else { (BlockForm::Classic8, 8) };
    let big_endian = match start[8] {
        b'v' => false,
        b'V' => true,
        _ => return Err(BlendError::Damaged { offset: 8, what: "the header names no byte order" }),
    };
    let version =
        digits(&start[9..12]).ok_or(BlendError::Damaged { offset: 9, what: "the header's version is not a number" })?;
    Ok((Layout { blocks, big_endian, pointer_bytes }, version))
}

fn large<R: Read>(start: [u8; 12], content: &mut Content<R>) -> Result<(Layout, u32), BlendError> {
    // `BLENDER`, header size `17`, `-`, format version `01`.
    if &start[7..12] != b"17-01" {
        return Err(BlendError::NewerThanKnown { header: printable(&start).trim_matches('\'').to_owned() });
    }
    let mut rest = [0; 5];
    content.read_exact(&mut rest)?;
    if rest[0] != b'v' {
        return Err(BlendError::Damaged { offset: 12, what: "the header names no byte order" });
    }
    let version =
        digits(&rest[1..]).ok_or(BlendError::Damaged { offset: 13, what: "the header's version is not a number" })?;
    Ok((Layout { blocks: BlockForm::Large, big_endian: false, pointer_bytes: 8 }, version))
}

fn digits(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0')))
}

/// Reads the next block's header; `None` is `ENDB`, the end of the file.
pub(super) fn read_block<R: Read>(content: &mut Content<R>, layout: Layout) -> Result<Option<Block>, BlendError> {
    let at = content.offset();
    let mut start = [0; 8];
    content.read_exact(&mut start)?;
    let code = [start[0], start[1], start[2], start[3]];
    // In old files the last block is cut to these eight bytes.
    if &code == b"ENDB" {
        return Ok(None);
    }
    let word = [start[4], start[5], start[6], start[7]];
    let (len, address, index) = match layout.blocks {
        BlockForm::Classic4 => {
            let mut rest = [0; 12];
            content.read_exact(&mut rest)?;
            (i64::from(layout.i32(word)), layout.number(&rest[..4]), layout.i32_at(&rest, 4))
        }
        BlockForm::Classic8 => {
            let mut rest = [0; 16];
            content.read_exact(&mut rest)?;
            (i64::from(layout.i32(word)), layout.number(&rest[..8]), layout.i32_at(&rest, 8))
        }
        BlockForm::Large => {
            let mut rest = [0; 24];
            content.read_exact(&mut rest)?;
            let len = layout.number(&rest[8..16]).map_or(-1, u64::cast_signed);
            (len, layout.number(&rest[..8]), Some(layout.i32(word)))
        }
    };
    let damaged = |what| BlendError::Damaged { offset: at, what };
    let plausible = code[0].is_ascii_alphanumeric() && code.iter().all(|byte| *byte == 0 || byte.is_ascii_graphic());
    if !plausible {
        return Err(damaged("no block starts here"));
    }
    let len = u64::try_from(len).map_err(|_| damaged("a block of negative length"))?;
    if content.ends_within(len) {
        return Err(damaged("a block longer than the rest of the file"));
    }
    let struct_index = index.and_then(|index| u32::try_from(index).ok()).unwrap_or(u32::MAX);
    Ok(Some(Block { code, len, address: address.unwrap_or_default(), struct_index }))
}
