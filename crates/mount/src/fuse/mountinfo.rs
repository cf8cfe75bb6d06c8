use std::{ffi::OsString, fs, io, os::unix::ffi::OsStringExt as _, path::Path};

/// What is mounted at a folder, on top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MountedAt {
    /// Number of the mount, unique while the system runs.
    pub(super) id: u64,
    /// Number of its device, as in `0:51`.
    pub(super) device: String,
    /// Kind of file system, as in `fuse.gridwell`.
    pub(super) kind: String,
}

/// What is mounted at `dir`, without touching it: a dead mount would only answer with errors.
pub(super) fn mounted_at(dir: &Path) -> io::Result<Option<MountedAt>> {
    Ok(top_of(&fs::read("/proc/self/mountinfo")?, dir))
}

/// Source: proc_pid_mountinfo(5): `id parent major:minor root dir options [tags…] - kind source options`.
fn top_of(text: &[u8], dir: &Path) -> Option<MountedAt> {
    let at_dir = |line: &[u8]| {
        let mut words = line.split(|byte| *byte == b' ');
        let id = str::from_utf8(words.next()?).ok()?.parse().ok()?;
        let device = words.nth(1)?;
        let there = unescape(words.nth(1)?);
        let kind = words.skip_while(|word| *word != b"-").nth(1)?;
        let plain = |word| String::from_utf8_lossy(word).into_owned();
        (OsString::from_vec(there) == dir).then(|| MountedAt { id, device: plain(device), kind: plain(kind) })
    };
    text.split(|byte| *byte == b'\n').filter_map(at_dir).next_back()
}

/// Undoes the kernel's `\040` for space, tab, newline and backslash.
fn unescape(word: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(word.len());
    let mut rest = word;
    while let [first, behind @ ..] = rest {
        let octal = (*first == b'\\').then(|| behind.get(..3)).flatten();
        let byte = octal.and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 8).ok());
        plain.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &behind[3..] } else { behind };
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"22 1 0:21 / / rw - ext4 /dev/vda rw\n\
        30 22 0:50 / /a\\040b rw shared:1 master:2 - tmpfs none rw\n\
        31 30 0:51 / /a\\040b ro,nosuid - fuse.gridwell gridwell rw,user_id=0\n\
        broken\n";

    #[test]
    fn the_last_mount_at_a_folder_is_on_top() {
        let top = MountedAt { id: 31, device: "0:51".into(), kind: "fuse.gridwell".into() };
        assert_eq!(top_of(TEXT, Path::new("/a b")), Some(top));
        assert_eq!(top_of(TEXT, Path::new("/a")), None);
        assert_eq!(top_of(b"", Path::new("/")), None);
    }

    #[test]
    fn only_three_octal_digits_are_an_escape() {
        assert_eq!(unescape(b"a\\040b\\134c"), b"a b\\c");
        assert_eq!(unescape(b"\\9\\40\\777"), b"\\9\\40\\777");
    }
}
