//! Small things kept in a file of the data folder.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use serde::{Serialize, de::DeserializeOwned};

/// A value and the file that holds it over restarts.
#[derive(Debug)]
pub(crate) struct Kept<T> {
    file: PathBuf,
    value: Mutex<T>,
}

impl<T: Clone + Default + Serialize + DeserializeOwned> Kept<T> {
    /// Reads the file; one that is missing or damaged means the default.
    pub(crate) fn load(file: PathBuf) -> Self {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let value = serde_json::from_str(&text).unwrap_or_default();
        Self { file, value: Mutex::new(value) }
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    pub(crate) fn get(&self) -> T {
        self.value.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the value once the file holds it.
    ///
    /// # Errors
    ///
    /// If the file cannot be written; then nothing has changed.
    pub(crate) fn change(&self, change: impl FnOnce(&mut T)) -> io::Result<()> {
        let mut value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = value.clone();
        change(&mut changed);
        write(&self.file, &serde_json::to_vec_pretty(&changed)?)?;
        *value = changed;
        Ok(())
    }
}

/// Writes the file whole or not at all: a torn one would lose everything in it.
fn write(file: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let fresh = file.with_extension("new");
    let mut out = fs::File::create(&fresh)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    fs::rename(&fresh, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_and_damage_means_the_default() {
        let folder = std::env::temp_dir().join(format!("gridwell-kept-{}", std::process::id()));
        let file = folder.join("choices.json");
        let kept = Kept::<Vec<u32>>::load(file.clone());
        assert!(kept.get().is_empty());
        kept.change(|value| value.push(7)).unwrap();
        assert_eq!(Kept::<Vec<u32>>::load(file.clone()).get(), [7]);
        fs::write(&file, "[").unwrap();
        assert!(Kept::<Vec<u32>>::load(file).get().is_empty());
        fs::remove_dir_all(folder).unwrap();
    }
}
