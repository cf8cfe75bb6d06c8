use std::collections::BTreeMap;

/// Paths as folders with names in them.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// By the path of a folder, what is in it.
    folders: BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, Child>>,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Child {
    /// More names.
    Folder,
    /// The path of this number.
    File(usize),
}

impl Names {
    /// Of paths without slashes around them, numbered in their order. Should one be a file and a folder, it is what it was first.
    pub(super) fn of<'a>(paths: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut folders: BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, Child>> = BTreeMap::from([(Vec::new(), BTreeMap::new())]);
        for (number, path) in paths.enumerate() {
            let mut child = Child::File(number);
            let mut end = path.len();
            // Up to the first folder that is known.
            loop {
                let start = path[..end].iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
                let folder = &path[..start.saturating_sub(1)];
                let known = folders.contains_key(folder);
                folders.entry(folder.to_vec()).or_default().entry(path[start..end].to_vec()).or_insert(child);
                if known {
                    break;
                }
                (child, end) = (Child::Folder, folder.len());
            }
        }
        Self { folders }
    }

    /// What lies at a path; an empty one is the folder that holds everything.
    pub(super) fn get(&self, path: &[u8]) -> Option<Child> {
        if path.is_empty() {
            return Some(Child::Folder);
        }
        let slash = path.iter().rposition(|byte| *byte == b'/');
        let (folder, name) = slash.map_or((&path[..0], path), |slash| (&path[..slash], &path[slash + 1..]));
        self.folders.get(folder)?.get(name).copied()
    }

    /// The names in a folder behind `after`, in their order as bytes.
    pub(super) fn list(&self, folder: &[u8], after: Option<&[u8]>) -> impl Iterator<Item = (&[u8], Child)> {
        let names = self.folders.get(folder).into_iter().flatten();
        let names = names.filter(move |(name, _)| after.is_none_or(|after| name.as_slice() > after));
        names.map(|(name, child)| (name.as_slice(), *child))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_found_in_every_folder_above_it() {
        // One path is a file and a folder: only a broken machine says so.
        let paths = ["home/ann/shot/a.blend", "home/ann/shot/wood/oak.png", "home/ann-2/b", "home/ann-2/b/c", "d"];
        let names = Names::of(paths.iter().map(|path| path.as_bytes()));
        let list = |folder: &str, after: Option<&str>| {
            let names = names.list(folder.as_bytes(), after.map(str::as_bytes));
            names.map(|(name, _)| String::from_utf8(name.to_vec()).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(list("", None), ["d", "home"]);
        assert_eq!(list("home", None), ["ann", "ann-2"]);
        assert_eq!(list("home", Some("ann")), ["ann-2"]);
        assert_eq!(list("home/ann/shot", None), ["a.blend", "wood"]);
        assert_eq!(list("nowhere", None), [""; 0]);
        for (path, number) in
            [("home/ann/shot/a.blend", 0), ("home/ann/shot/wood/oak.png", 1), ("home/ann-2/b", 2), ("d", 4)]
        {
            assert_eq!(names.get(path.as_bytes()), Some(Child::File(number)), "{path}");
        }
        assert_eq!(names.get(b"home/ann/shot/wood"), Some(Child::Folder));
        for missing in ["home/ann/shot/b", "a", "home/a"] {
            assert_eq!(names.get(missing.as_bytes()), None, "{missing}");
        }
    }
}
