use std::{fs::File, io::Read as _, path::Path};

/// Files of `/proc` and `/sys` that hold one value or a few lines.
const SMALL_BYTES: u64 = 16 * 1024;

/// Reads a small text file; `None` if it is not there or not text. Longer ones are cut.
pub(crate) fn read(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(SMALL_BYTES).read_to_end(&mut bytes).ok()?;
    String::from_utf8(bytes).ok()
}

/// Reads a file that holds one decimal number.
pub(crate) fn read_number(path: &Path) -> Option<u64> {
    read(path)?.trim().parse().ok()
}
