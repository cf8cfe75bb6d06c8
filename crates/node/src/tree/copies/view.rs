//! How many copies of a share there are, for people.

use std::collections::BTreeSet;

use gridwell_api::{CopiesView, CopyPlaceView};
use gridwell_files::Placement;
use gridwell_model::{ListedFile, PeerId, Version, format_bytes};
use gridwell_store::Spot;

use super::{Copies, List, Share, ShareKey, State};

/// How many copies of a share are whole, as it was looked at last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// Copies of each file there are at least.
    whole: usize,
    /// As many there can be now.
    possible: usize,
    /// Who has how many contents whole, of how many bytes.
    places: Vec<(PeerId, u64, u64)>,
    /// Contents that find too little room, and their bytes.
    roomless: (u64, u64),
}

impl Standing {
    /// Counts the copies of all contents of a list.
    pub(super) fn of(share: &Share, list: &List, placement: &Placement, state: &State, me: PeerId) -> Self {
        let Share { edition, held, .. } = share;
        let wanted = usize::from(edition.copies);
        let owner = usize::from(edition.owner == me || state.is_online(edition.owner));
        let takers: Vec<_> = share.told.keys().filter(|peer| state.is_online(**peer)).copied().collect();
        let mut standing = Self { whole: wanted, possible: wanted, ..Self::default() };
        let bytes = list.contents.iter().map(|(_, bytes)| bytes);
        if owner > 0 {
            standing.places.push((edition.owner, list.contents.len() as u64, bytes.sum()));
        }
        let mut here: Vec<_> = takers.iter().chain(Some(&me)).map(|peer| (*peer, 0, 0)).collect();
        for (number, (blob, bytes)) in list.contents.iter().enumerate() {
            let mut whole = owner;
            for (peer, contents, here_bytes) in &mut here {
                let has = if *peer == me { held.contains_key(blob) } else { share.has(*peer, *blob) };
                if has {
                    (whole, *contents, *here_bytes) = (whole + 1, *contents + 1, *here_bytes + bytes);
                }
            }
            let possible = whole.max(owner + placement.keepers(number).count());
            standing.whole = standing.whole.min(whole);
            standing.possible = standing.possible.min(possible);
            if possible < wanted && placement.lacks_room(number) {
                standing.roomless = (standing.roomless.0 + 1, standing.roomless.1 + bytes);
            }
        }
        standing.places.extend(here.into_iter().filter(|(_, contents, _)| *contents > 0));
        standing
    }
}

/// Who keeps copies of what lies at a spot, other than its owner and this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KeptAt {
    /// Size of all its different contents.
    pub(crate) bytes: u64,
    pub(crate) by: Vec<Keeper>,
}

/// A machine that said what it keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Keeper {
    pub(crate) peer: PeerId,
    pub(crate) online: bool,
    /// How much of it lies there.
    pub(crate) bytes: u64,
}

impl Copies {
    /// Who said that they keep copies of the files at a spot or below it; of one file only of that version.
    pub(crate) fn kept_at(&self, spot: &Spot, version: Option<Version>) -> KeptAt {
        let known = {
            let state = self.state();
            let share = state.shares.get(&(spot.peer, spot.share)).filter(|share| share.edition.wants_copies());
            share.and_then(|share| {
                let told = share.told.iter().map(|(peer, (report, _))| (*peer, report.clone(), state.is_online(*peer)));
                Some((share.list.clone()?, told.collect::<Vec<_>>()))
            })
        };
        let Some((list, told)) = known else { return KeptAt::default() };
        let files = list.below(spot.path.as_ref()).filter(|file| version.is_none_or(|version| version == file.version));
        let contents: BTreeSet<usize> = files.filter_map(|file| list.place(file.blob)).collect();
        let bytes_of = |content: &usize| list.contents[*content].1;
        let by =
            told.into_iter().filter(|(_, report, _)| report.list == list.blob).filter_map(|(peer, report, online)| {
                let mut whole = contents.iter().filter(|content| report.has(**content)).peekable();
                whole.peek()?;
                Some(Keeper { peer, online, bytes: whole.map(bytes_of).sum() })
            });
        KeptAt { bytes: contents.iter().map(bytes_of).sum(), by: by.collect() }
    }

    /// How many copies of a share are wished, and how many there are; nothing for a share of which nobody wants any. `name` says what
    /// people call a machine.
    pub(crate) fn view(&self, key: ShareKey, name: impl Fn(PeerId) -> String) -> Option<CopiesView> {
        let state = self.state();
        let share = state.shares.get(&key).filter(|share| share.edition.wants_copies())?;
        let wanted = usize::from(share.edition.copies);
        let readers = state.machines.iter().filter(|(peer, reach)| reach.files && share.edition.to.includes(**peer));
        let may = readers.filter(|(peer, _)| **peer != key.0).count() + 1 + usize::from(key.0 != self.0.me);
        let known = share.standing.clone().zip(share.list.as_ref());
        let (standing, listed) = match known {
            Some((standing, list)) => (standing, Some(list)),
            None => (Standing::default(), None),
        };
        let places = standing.places.iter().map(|(machine, files, bytes)| CopyPlaceView {
            machine: *machine,
            name: name(*machine),
            files: *files,
            bytes: *bytes,
        });
        Some(CopiesView {
            wanted: wanted as u32,
            whole: standing.whole as u32,
            on_the_way: standing.possible.saturating_sub(standing.whole) as u32,
            places: places.collect(),
            files: listed.map(|list| list.contents.len() as u64),
            note: note(&standing, listed.map(|list| list.files.len()), wanted, may),
        })
    }
}

/// What keeps copies from being made, in one sentence; empty if nothing does.
fn note(standing: &Standing, files: Option<usize>, wanted: usize, may: usize) -> String {
    let (contents, bytes) = standing.roomless;
    match files {
        _ if may < wanted => format!("only {may} machines may keep it: more copies are made once more may"),
        None => "its files are being hashed".to_owned(),
        Some(_) if contents > 0 => format!(
            "files without room on other machines: {contents}, of {} (there: gridwell set share-copies=SIZE)",
            format_bytes(bytes)
        ),
        Some(_) if standing.possible < wanted => "too few machines can be reached".to_owned(),
        Some(ListedFile::MAX) => format!("only its first {} files are copied", ListedFile::MAX),
        Some(_) => String::new(),
    }
}
