use std::{ffi::OsString, fs, path::Path};

use crate::shell::Failure;

/// Makes `to` hold the files of `from`. What is the same already stays as it is, so that nothing is built anew for it.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::create_dir_all(to).map_err(|error| Failure::file(to, error))?;
    let wanted = names(from)?;
    for name in names(to)?.iter().filter(|name| *name != ".gitignore" && !wanted.contains(name)) {
        let path = to.join(name);
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.map_err(|error| Failure::file(&path, error))?;
    }
    for name in wanted {
        let (source, target) = (from.join(&name), to.join(&name));
        if source.is_dir() {
            copy(&source, &target)?;
            continue;
        }
        let bytes = fs::read(&source).map_err(|error| Failure::file(&source, error))?;
        if fs::read(&target).is_ok_and(|old| old == bytes) {
            continue;
        }
        fs::write(&target, bytes).map_err(|error| Failure::file(&target, error))?;
    }
    Ok(())
}

fn names(folder: &Path) -> Result<Vec<OsString>, Failure> {
    let entries = fs::read_dir(folder).map_err(|error| Failure::file(folder, error))?;
    entries.map(|entry| entry.map(|entry| entry.file_name()).map_err(|error| Failure::file(folder, error))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_holds_what_the_original_holds_and_leaves_the_same_alone() {
        let temp = tempfile::tempdir().unwrap();
        let (from, to) = (temp.path().join("from"), temp.path().join("to"));
        fs::create_dir_all(from.join("assets")).unwrap();
        fs::create_dir_all(to.join("old")).unwrap();
        fs::write(from.join("index.html"), "new").unwrap();
        fs::write(from.join("assets/a.js"), "a").unwrap();
        for (name, text) in [("index.html", "old"), (".gitignore", "*"), ("old/b.js", "b")] {
            fs::write(to.join(name), text).unwrap();
        }

        copy(&from, &to).unwrap();

        assert_eq!(fs::read_to_string(to.join("index.html")).unwrap(), "new");
        assert_eq!(fs::read_to_string(to.join("assets/a.js")).unwrap(), "a");
        assert!(to.join(".gitignore").exists() && !to.join("old").exists());
        let written = fs::metadata(to.join("assets/a.js")).unwrap().modified().unwrap();
        copy(&from, &to).unwrap();
        assert_eq!(fs::metadata(to.join("assets/a.js")).unwrap().modified().unwrap(), written);
    }
}
