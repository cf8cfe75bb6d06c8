//! What is to be done next for the copies of a share.

use std::{collections::BTreeMap, sync::Arc};

use gridwell_files::Placement;
use gridwell_model::{BlobId, ListRef, ListedFile, PeerId};
use gridwell_store::BlobHold;

use super::{Copies, List, Share, ShareKey, State, view::Standing};

/// What comes next for a share.
#[derive(Debug)]
pub(super) enum Next {
    Nothing,
    /// Nobody wants copies any more.
    LetGo(Vec<BlobHold>),
    /// Its newest list is not here yet.
    List(ListRef),
    /// It is to be seen what is kept where.
    Place(Placing),
}

/// What decides who keeps which files.
#[derive(Debug)]
pub(super) struct Placing {
    list: Arc<List>,
    takers: BTreeMap<PeerId, u64>,
    wanted: usize,
}

/// What is to be done for the files of a share.
#[derive(Debug, Default)]
pub(super) struct Steps {
    /// Contents that are here already, with their sizes in bytes.
    pub(super) hold: Vec<(BlobId, u64)>,
    /// The least copied first.
    pub(super) fetch: Vec<ListedFile>,
    pub(super) let_go: Vec<BlobHold>,
}

impl Copies {
    pub(super) fn next(&self, key: ShareKey) -> Next {
        let (me, grace) = (self.0.me, self.0.grace);
        let mut state = self.state();
        let Some(share) = state.shares.get_mut(&key) else { return Next::Nothing };
        if !share.edition.wants_copies() {
            (share.list, share.standing) = (None, None);
            return Next::LetGo(std::mem::take(&mut share.held).into_values().map(|(_, hold)| hold).collect());
        }
        let wished = share.edition.list.filter(|_| key.0 != me);
        match (&share.list, wished) {
            (known, Some(wished)) if known.as_ref().is_none_or(|known| known.blob != wished.blob) => Next::List(wished),
            (None, _) => Next::Nothing,
            (Some(list), _) => {
                let (list, takers) = (Arc::clone(list), state.takers(me, grace, key));
                Next::Place(Placing { list, takers, wanted: state.wanted(me, grace, key) })
            }
        }
    }

    /// Decides what is to be done, and counts the copies there are. `is_here` says of a content of that size whether all of it lies
    /// here. Takes a moment for many files.
    pub(super) fn steps(&self, key: ShareKey, placing: &Placing, is_here: impl Fn(BlobId, u64) -> bool) -> Steps {
        let Placing { list, takers, wanted } = placing;
        let placement = Placement::new(&list.contents, takers, *wanted);
        let (me, mut state) = (self.0.me, self.state());
        // Somebody may have wished something else meanwhile.
        let known =
            state.shares.get(&key).filter(|share| share.list.as_ref().is_some_and(|known| Arc::ptr_eq(known, list)));
        let Some(share) = known else { return Steps::default() };
        let standing = Standing::of(share, list, &placement, &state, me);
        // One that is away for a moment keeps its file, but cannot be asked whether it does.
        let enough = usize::from(share.edition.copies) - usize::from(state.is_online(key.0));
        let (mut steps, mut fetch, mut let_go) = (Steps::default(), Vec::new(), Vec::new());
        for (number, (blob, bytes)) in list.contents.iter().enumerate().filter(|_| key.0 != me) {
            let mine = placement.keepers(number).any(|keeper| keeper == me);
            let has = |peer| self.said_just_now(&state, share, peer, *blob);
            match (share.held.contains_key(blob), mine) {
                (true, false) if placement.may_drop(number, me, enough, has) => let_go.push(*blob),
                (false, true) if is_here(*blob, *bytes) => steps.hold.push((*blob, *bytes)),
                (false, true) => fetch.push((copies_of(share, &state, *blob), *blob)),
                (true, _) | (false, false) => {}
            }
        }
        fetch.sort_unstable();
        let files: BTreeMap<BlobId, &ListedFile> = list.files.iter().map(|file| (file.blob, file)).collect();
        steps.fetch = fetch.iter().filter_map(|(_, blob)| files.get(blob).copied().cloned()).collect();
        if let Some(share) = state.shares.get_mut(&key) {
            share.standing = Some(standing);
            steps.let_go = let_go.iter().filter_map(|blob| Some(share.held.remove(blob)?.1)).collect();
        }
        steps
    }

    /// A content is kept here whole now, as a copy; given back if nobody wants copies any more.
    #[must_use]
    pub(super) fn keep(&self, key: ShareKey, bytes: u64, hold: BlobHold) -> Option<BlobHold> {
        let mut state = self.state();
        let Some(share) = state.shares.get_mut(&key).filter(|share| share.edition.wants_copies()) else {
            return Some(hold);
        };
        share.held.insert(hold.blob(), (bytes, hold));
        None
    }

    /// The list of a share is here; returns what is not in it any more.
    pub(super) fn listed_anew(&self, key: ShareKey, list: List) -> Vec<BlobHold> {
        let mut state = self.state();
        let Some(share) = state.shares.get_mut(&key) else { return Vec::new() };
        let gone: Vec<_> = share.held.keys().filter(|blob| list.place(**blob).is_none()).copied().collect();
        share.list = Some(Arc::new(list));
        gone.into_iter().filter_map(|blob| Some(share.held.remove(&blob)?.1)).collect()
    }
}

/// How many other machines that can be reached have a content, the owner aside.
fn copies_of(share: &Share, state: &State, blob: BlobId) -> usize {
    share.told.keys().filter(|peer| state.is_online(**peer) && share.has(**peer, blob)).count()
}
