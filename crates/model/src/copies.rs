use serde::{Deserialize, Serialize};

use crate::{Audience, BlobId, PeerId, RelPath, ShareId, ShareName, Version};

/// What the owner of a share last said of it to those who see it: how many copies it wants, and which files it holds. A later
/// one ends all before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edition {
    /// Whose share; signs the edition.
    pub owner: PeerId,
    /// Which.
    pub share: ShareId,
    /// Grows with each edition of the share.
    pub revision: u64,
    /// What people call it.
    pub name: ShareName,
    /// Who may read it, and keep copies of it, as far as the grid lets them see files.
    pub to: Audience,
    /// On how many machines each file is to be, the owner's counted; with 1 nobody else keeps any, with 0 the share is taken away.
    pub copies: u8,
    /// Its files; absent while they are hashed, and without copies.
    pub list: Option<ListRef>,
}

impl Edition {
    /// Most copies that can be wished: more machines than a home has.
    pub const MAX_COPIES: u8 = 32;
    /// Most editions of one owner that are heeded: its shares, and as many that were taken away.
    pub const MAX: usize = 512;

    /// True if machines other than the owner are to keep copies.
    #[must_use]
    pub const fn wants_copies(&self) -> bool {
        self.copies > 1
    }
}

/// The list of a share's files, which is content like any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListRef {
    /// Its hash: files by path, each a [`ListedFile`], in postcard.
    pub blob: BlobId,
    /// Its size in bytes, at most [`ListRef::MAX_BYTES`].
    pub size_bytes: u64,
}

impl ListRef {
    /// Longest list, in bytes: most files with paths of a hundred bytes.
    pub const MAX_BYTES: u64 = 64 * 1024 * 1024;
}

/// A file of a share, as its owner saw it when the list was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedFile {
    /// Its path below the share.
    pub path: RelPath,
    /// Which content.
    pub version: Version,
    /// Its hash.
    pub blob: BlobId,
    /// Whether its owner may execute it.
    pub executable: bool,
}

impl ListedFile {
    /// Most files of which copies are kept in one share: what one machine has of them fits into a message, bit by bit.
    pub const MAX: usize = 200_000;
}

/// Which files of a share a machine keeps copies of, told to those who see the share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyReport {
    /// Whose share.
    pub owner: PeerId,
    /// Which.
    pub share: ShareId,
    /// By which list of its files.
    pub list: BlobId,
    /// How much it would keep of this share, in bytes.
    pub room_bytes: u64,
    /// A bit for each content of the list, in the order of their hashes, the lowest of each byte first: 1 if all of it is kept here.
    pub whole: Vec<u8>,
}

impl CopyReport {
    /// Longest [`CopyReport::whole`], in bytes.
    pub const MAX_BYTES: usize = ListedFile::MAX.div_ceil(8);

    /// True if the content of this number is kept whole.
    #[must_use]
    pub fn has(&self, number: usize) -> bool {
        self.whole.get(number / 8).is_some_and(|byte| byte & (1 << (number % 8)) != 0)
    }

    /// The bits of some contents, for [`CopyReport::whole`].
    #[must_use]
    pub fn bits(contents: impl IntoIterator<Item = bool>) -> Vec<u8> {
        let mut bits = Vec::new();
        for (number, whole) in contents.into_iter().enumerate() {
            if number % 8 == 0 {
                bits.push(0);
            }
            if let Some(byte) = bits.last_mut().filter(|_| whole) {
                *byte |= 1 << (number % 8);
            }
        }
        bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_of_each_content_whether_it_is_whole() {
        let whole = CopyReport::bits((0..19).map(|number| number % 3 == 0));
        let (owner, share, list) = (PeerId([1; 32]), ShareId([2; 10]), BlobId([3; 32]));
        let report = CopyReport { owner, share, list, room_bytes: 0, whole };
        assert_eq!(report.whole.len(), 3);
        assert!((0..19).all(|number| report.has(number) == (number % 3 == 0)));
        assert!(!report.has(19) && !report.has(usize::MAX));
    }
}
