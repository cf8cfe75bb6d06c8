use std::{fs::File, io::Read as _, path::Path};

/// Files of `/proc` and `/sys` that hold one value or a few lines.
const SMALL_BYTES: u64 = 16 * 1024;
/// Most of them fit here, and are read in one go.
const USUAL_BYTES: usize = 4 * 1024;

/// Reads a small text file; `None` if it is not there or not text. Longer ones are cut.
pub(crate) fn read(path: &Path) -> Option<String> {
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    File::open(path).ok()?.take(SMALL_BYTES).read_to_end(&mut bytes).ok()?;
    String::from_utf8(bytes).ok()
}

/// Reads a file that holds one decimal number.
pub(crate) fn read_number(path: &Path) -> Option<u64> {
    read(path)?.trim().parse().ok()
}
