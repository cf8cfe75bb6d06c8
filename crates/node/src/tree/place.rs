use std::fmt;

use gridwell_model::{RelPath, RelPathError};

use super::{Roots, ShareAt, TreeError, roots::RootMachine, text::to_text};

/// A path in the tree: `/machine/share/…`; the top has no parts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TreePath(Option<RelPath>);

impl TreePath {
    /// The top.
    pub const TOP: Self = Self(None);

    /// Reads a path as people write it: with or without slashes around it.
    ///
    /// # Errors
    ///
    /// [`RelPathError::NotBelow`] for empty parts, `.`, `..` and what is too long.
    pub fn new(path: impl AsRef<[u8]>) -> Result<Self, RelPathError> {
        let path = path.as_ref();
        let path = path.strip_prefix(b"/").unwrap_or(path);
        let path = path.strip_suffix(b"/").unwrap_or(path);
        if path.is_empty() { Ok(Self::TOP) } else { RelPath::new(path).map(|path| Self(Some(path))) }
    }

    /// The path of `name` in the folder that this one names.
    ///
    /// # Errors
    ///
    /// [`RelPathError::NotBelow`] if `name` is no plain name, or the path gets too long.
    pub fn join(&self, name: &[u8]) -> Result<Self, RelPathError> {
        let path = self.0.as_ref().map_or_else(|| RelPath::new(name), |path| path.join(name))?;
        if path.name() == name { Ok(Self(Some(path))) } else { Err(not_a_name(name)) }
    }

    /// The last part; empty at the top.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.0.as_ref().map(RelPath::name).unwrap_or_default()
    }
}

fn not_a_name(name: &[u8]) -> RelPathError {
    RelPathError::NotBelow { path: String::from_utf8_lossy(name).into_owned() }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(path) => write!(f, "/{}", to_text(path.as_bytes())),
            None => f.write_str("/"),
        }
    }
}

/// What a path leads to, as far as that is known without asking anybody.
#[derive(Debug)]
pub(super) enum Place<'a> {
    Top,
    Machine(&'a RootMachine),
    /// A share, and the path below it.
    Share(ShareAt, Option<RelPath>),
}

impl<'a> Place<'a> {
    pub(super) fn of(path: &TreePath, roots: &'a Roots) -> Result<Self, TreeError> {
        let Some(whole) = &path.0 else { return Ok(Self::Top) };
        let mut parts = whole.as_bytes().splitn(3, |byte| *byte == b'/');
        let mut part = || parts.next().map(|part| std::str::from_utf8(part).unwrap_or_default());
        let missing = || TreeError::Missing { path: path.to_string() };
        let machine = roots.machine(part().unwrap_or_default()).ok_or_else(missing)?;
        let Some(share) = part() else { return Ok(Self::Machine(machine)) };
        let share = machine.shares.get(share).ok_or_else(missing)?;
        let rest = parts.next().map(|rest| RelPath::new(rest).expect("the end of a checked path"));
        let at = ShareAt {
            id: share.id,
            peer: machine.peer,
            machine: machine.name.clone(),
            online: machine.online,
            folder: share.folder.clone(),
        };
        Ok(Self::Share(at, rest))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use gridwell_model::{PeerId, ShareId};

    use super::*;
    use crate::tree::RootShare;

    #[test]
    fn a_path_is_read_as_people_write_it() {
        for (text, path) in [("", "/"), ("/", "/"), ("mill", "/mill"), ("/mill/projects/a b/", "/mill/projects/a b")] {
            assert_eq!(TreePath::new(text).unwrap().to_string(), path);
        }
        for bad in ["//", "/mill/../quarry", "/mill//a", "./mill", "/a\0"] {
            assert!(TreePath::new(bad).is_err(), "{bad:?}");
        }
        let projects = TreePath::TOP.join(b"mill").unwrap().join(b"projects").unwrap();
        assert_eq!(projects, TreePath::new("/mill/projects").unwrap());
        assert!(projects.join(b"..").is_err() && projects.join(b"a/b").is_err());
    }

    #[test]
    fn a_path_leads_to_a_share_or_nowhere() {
        let shares = BTreeMap::from([("projects".to_owned(), RootShare::there(ShareId([7; 10])))]);
        let mill = RootMachine { peer: PeerId([1; 32]), name: "mill".into(), online: true, shares };
        let roots = Roots::of([mill].into_iter());
        let place = |text: &str| Place::of(&TreePath::new(text).unwrap(), &roots);
        assert!(matches!(place("/"), Ok(Place::Top)));
        assert!(matches!(place("/mill"), Ok(Place::Machine(_))));
        assert!(matches!(place("/mill/projects"), Ok(Place::Share(ShareAt { .. }, None))));
        let Ok(Place::Share(_, Some(rest))) = place("/mill/projects/a/b") else { panic!("a path in a share") };
        assert_eq!(rest, RelPath::new("a/b").unwrap());
        for missing in ["/quarry", "/mill/films", "/mill/films/a"] {
            assert!(matches!(place(missing), Err(TreeError::Missing { .. })), "{missing}");
        }
    }
}
