use gridwell_model::{RelPath, RelPathError};
use gridwell_mount::TreePath;
use gridwell_store::Spot;

use super::{Local, Roots, ShareAt, TreeError, Whose, roots::RootMachine, text::to_text};

/// A path as people read it, and as [`parse`] understands it.
pub(crate) fn shown(path: &TreePath) -> String {
    format!("/{}", to_text(path.as_bytes()))
}

/// Reads a path as people write it: with or without slashes around it.
///
/// # Errors
///
/// [`RelPathError::NotBelow`] for empty parts, `.`, `..` and what is too long.
pub(super) fn parse(path: &[u8]) -> Result<TreePath, RelPathError> {
    let path = path.strip_prefix(b"/").unwrap_or(path);
    let path = path.strip_suffix(b"/").unwrap_or(path);
    if path.is_empty() { Ok(TreePath::root()) } else { RelPath::new(path).map(TreePath::from) }
}

/// Where a spot is in the tree; nowhere if its machine does not show the share.
pub(super) fn at_spot(roots: &Roots, spot: &Spot) -> Option<TreePath> {
    let (name, machine) = roots.machines().find(|(_, machine)| machine.peer == spot.peer)?;
    let (share, _) = machine.shares.iter().find(|(_, share)| share.id == spot.share)?;
    let share = TreePath::root().child(name.as_bytes()).ok()?.child(share.as_bytes()).ok()?;
    let Some(path) = &spot.path else { return Some(share) };
    RelPath::new([share.as_bytes(), b"/", path.as_bytes()].concat()).ok().map(TreePath::from)
}

/// What a path leads to, as far as that is known without asking anybody.
#[derive(Debug)]
pub(super) enum Place<'a> {
    Top,
    Machine(&'a RootMachine),
    /// The folder of all jobs.
    Jobs,
    /// A share, or what a job made, and the path below it.
    Share(ShareAt, Option<RelPath>),
}

impl<'a> Place<'a> {
    pub(super) fn of(path: &TreePath, roots: &'a Roots) -> Result<Self, TreeError> {
        if path.is_root() {
            return Ok(Self::Top);
        }
        let mut parts = path.as_bytes().splitn(3, |byte| *byte == b'/');
        let mut part = || parts.next().map(|part| std::str::from_utf8(part).unwrap_or_default());
        let missing = || TreeError::Missing { path: shown(path) };
        let machine = roots.machine(part().unwrap_or_default()).ok_or_else(missing)?;
        let Some(share) = part() else { return Ok(Self::Machine(machine)) };
        let share = machine.shares.get(share).ok_or_else(missing)?;
        let rest = parts.next().map(|rest| RelPath::new(rest).expect("the end of a checked path"));
        let at = ShareAt {
            id: Whose::Share(share.id),
            peer: machine.peer,
            machine: machine.name.clone(),
            online: machine.online,
            local: share.folder.clone().map(Local::Share),
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
            assert_eq!(shown(&parse(text.as_bytes()).unwrap()), path);
        }
        for bad in ["///", "/mill/../quarry", "/mill//a", "./mill", "/a\0"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_path_leads_to_a_share_or_nowhere() {
        let shares = BTreeMap::from([("projects".to_owned(), RootShare::there(ShareId([7; 10])))]);
        let mill = RootMachine { peer: PeerId([1; 32]), name: "mill".into(), online: true, shares };
        let roots = Roots::of([mill].into_iter());
        let place = |text: &str| Place::of(&parse(text.as_bytes()).unwrap(), &roots);
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
