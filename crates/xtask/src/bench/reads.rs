//! What files are made of and how they are read when shared files are measured.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    os::unix::fs::FileExt as _,
    path::Path,
    time::{Duration, Instant},
};

use crate::shell::Failure;

const MIB: usize = 1 << 20;

/// Nobody is waited for longer with many small things: what each of those took that were done is compared.
const LONGEST: Duration = Duration::from_secs(20);

/// Bytes that nothing compresses and no other seed gives. Source: Marsaglia, "Xorshift RNGs", 2003.
pub(super) fn noise(path: &Path, size_bytes: u64, seed: u64) -> Result<(), Failure> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut piece = vec![0; MIB.min(size_bytes as usize)];
    let mut write = || -> std::io::Result<()> {
        let mut file = File::create(path)?;
        for _ in 0..size_bytes / piece.len().max(1) as u64 {
            for word in piece.chunks_exact_mut(8) {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                word.copy_from_slice(&state.to_le_bytes());
            }
            file.write_all(&piece)?;
        }
        file.sync_all()
    };
    write().map_err(|error| Failure::file(path, error))
}

pub(super) fn fill(folder: &Path, count: usize, size_bytes: usize, seed: u64) -> Result<(), Failure> {
    let write = || -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        for number in 0..count {
            let content = format!("{seed} {number} ").repeat(size_bytes / 4);
            fs::write(folder.join(format!("file-{number}")), &content.as_bytes()[..size_bytes])?;
        }
        Ok(())
    };
    write().map_err(|error| Failure::file(folder, error))
}

pub(super) fn read(path: &Path) -> Result<(), Failure> {
    let read = || -> std::io::Result<()> {
        let (mut file, mut piece) = (File::open(path)?, vec![0; MIB]);
        while file.read(&mut piece)? > 0 {}
        Ok(())
    };
    read().map_err(|error| Failure::file(path, error))
}

/// Reads at each of some places; returns at how many.
pub(super) fn read_at(path: &Path, places: impl IntoIterator<Item = u64>, size_bytes: usize) -> Result<u32, Failure> {
    let (started, mut count) = (Instant::now(), 0);
    let read = || -> std::io::Result<()> {
        let (file, mut piece) = (File::open(path)?, vec![0; size_bytes]);
        for place in places.into_iter().take_while(|_| started.elapsed() < LONGEST) {
            file.read_exact_at(&mut piece, place)?;
            count += 1;
        }
        Ok(())
    };
    read().map_err(|error| Failure::file(path, error))?;
    Ok(count)
}

/// Reads the files of a folder; returns how many.
pub(super) fn read_all(folder: &Path) -> Result<u32, Failure> {
    let (started, mut count) = (Instant::now(), 0);
    let mut read = || -> std::io::Result<()> {
        for entry in fs::read_dir(folder)?.take_while(|_| started.elapsed() < LONGEST) {
            fs::read(entry?.path())?;
            count += 1;
        }
        Ok(())
    };
    read().map_err(|error| Failure::file(folder, error))?;
    Ok(count)
}

/// Bytes of all files in a folder.
pub(super) fn list(folder: &Path) -> Result<u64, Failure> {
    let list = || -> std::io::Result<u64> { fs::read_dir(folder)?.map(|entry| Ok(entry?.metadata()?.len())).sum() };
    list().map_err(|error| Failure::file(folder, error))
}

/// How many names a folder has.
pub(super) fn names(folder: &Path) -> Result<usize, Failure> {
    let names =
        || -> std::io::Result<usize> { fs::read_dir(folder)?.try_fold(0, |count, entry| entry.map(|_| count + 1)) };
    names().map_err(|error| Failure::file(folder, error))
}
