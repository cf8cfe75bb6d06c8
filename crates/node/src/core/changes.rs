//! What became of links of this machine, by whom, and the way back.

use std::collections::VecDeque;

use gridwell_api::{
    ApiError, ErrorCode, LayoutChange, LayoutRequest, LinkChangeView, LinkHistoryView, LinkRequest, LinkUndoRequest,
    Response,
};
use gridwell_model::{LinkPolicy, PeerId, Stamp};
use gridwell_store::Store;
use serde::{Deserialize, Serialize};

use super::{Core, facts::Reply};
use crate::clock;

/// Key in the store.
const KEY: &str = "link changes";
/// Changes that are kept: months of what people do, in a few ten kilobytes.
const KEPT: usize = 200;

/// Changes of links that this machine made or heard of, the newest first.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Changes {
    kept: VecDeque<Change>,
    last_id: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Change {
    id: u64,
    at: Stamp,
    by: PeerId,
    what: What,
    sentence: String,
    /// It was undone, or is itself the way back from another one.
    settled: bool,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum What {
    /// What the owner of this end wants of a link.
    Wish {
        peer: PeerId,
        /// What they wanted before, and since then.
        wanted: (LinkPolicy, LinkPolicy),
        /// What the other end had wanted by then: its revision.
        theirs: u32,
    },
    /// What the owner of the other end wanted before, and since then.
    Heard { peer: PeerId, wanted: (LinkPolicy, LinkPolicy) },
    /// The plan of that revision.
    Plan { revision: u64 },
    /// What a behaviour of this machine did.
    Rewired { adopt: Option<PeerId>, let_go: Option<PeerId> },
}

impl Changes {
    /// Reads what is kept. What cannot be read any more is history.
    pub(crate) async fn load(store: &Store) -> Result<Self, gridwell_store::StoreError> {
        let kept = store.meta(KEY).await?;
        Ok(kept.and_then(|bytes| postcard::from_bytes(&bytes).ok()).unwrap_or_default())
    }

    fn note(&mut self, change: Change) {
        self.kept.push_front(change);
        self.kept.truncate(KEPT);
    }

    /// The change of that number; the newest of this machine that was not undone if none is named.
    fn named(&self, id: Option<u64>, me: PeerId) -> Option<&Change> {
        match id {
            Some(id) => self.kept.iter().find(|change| change.id == id),
            None => self.kept.iter().find(|change| change.can_be_undone(me)),
        }
    }

    /// What the owner of the other end wants, as far as was noted last.
    pub(super) fn heard_of(&self, peer: PeerId) -> Option<LinkPolicy> {
        self.kept.iter().find_map(|change| match change.what {
            What::Heard { peer: of, wanted: (_, now) } if of == peer => Some(now),
            _ => None,
        })
    }

    fn settle(&mut self, id: u64) {
        if let Some(change) = self.kept.iter_mut().find(|change| change.id == id) {
            change.settled = true;
        }
    }
}

impl Change {
    fn can_be_undone(&self, me: PeerId) -> bool {
        self.by == me && !self.settled && !matches!(self.what, What::Heard { .. })
    }

    const fn peer(&self) -> Option<PeerId> {
        match self.what {
            What::Wish { peer, .. } | What::Heard { peer, .. } => Some(peer),
            What::Plan { .. } => None,
            What::Rewired { adopt, let_go } => match adopt {
                Some(peer) => Some(peer),
                None => let_go,
            },
        }
    }

    const fn wanted(&self) -> Option<(LinkPolicy, LinkPolicy)> {
        match self.what {
            What::Wish { wanted, .. } | What::Heard { wanted, .. } => Some(wanted),
            What::Plan { .. } | What::Rewired { .. } => None,
        }
    }

    const fn is_of_layout(&self) -> bool {
        matches!(self.what, What::Plan { .. } | What::Rewired { .. })
    }
}

impl Core {
    /// Writes down what became of links. `undoes` is the change from which this one is the way back.
    pub(super) fn note_change(&mut self, by: PeerId, what: What, sentence: &str, undoes: Option<u64>) {
        self.changes.last_id += 1;
        let (id, at, sentence) = (self.changes.last_id, clock::stamp(), sentence.to_owned());
        self.changes.note(Change { id, at, by, what, sentence, settled: undoes.is_some() });
        if let Some(undone) = undoes {
            self.changes.settle(undone);
        }
        drop(self.keep(KEY, postcard::to_stdvec(&self.changes).expect("changes are plain data")));
    }

    pub(super) fn link_history(&self) -> LinkHistoryView {
        let changes = self.changes.kept.iter().map(|change| LinkChangeView {
            id: change.id,
            at: change.at,
            by: change.by,
            by_name: self.machines.name(change.by),
            peer: change.peer(),
            sentence: change.sentence.clone(),
            wanted: change.wanted(),
            can_undo: change.can_be_undone(self.me),
        });
        LinkHistoryView { changes: changes.collect() }
    }

    /// Changes of the layout and by behaviours.
    pub(super) fn layout_history(&self, most: usize) -> Vec<LayoutChange> {
        let changes = self.changes.kept.iter().filter(|change| change.is_of_layout()).take(most);
        changes.map(|change| LayoutChange { at: change.at, sentence: change.sentence.clone() }).collect()
    }

    /// Goes back behind a change; the answer goes back once that is written down.
    pub(super) fn undo_link_change(&mut self, request: &LinkUndoRequest, reply: Reply) {
        let answer = match self.judge_undo(request) {
            Ok((id, Back::Wish(wanted))) => return self.change_link(wanted, Some(id), reply),
            Ok((id, Back::Plan)) => self.undo_plan(id),
            Ok((id, Back::Rewire { adopt, let_go })) => {
                self.undo_rewiring(id, adopt, let_go);
                Ok(())
            }
            Err(error) => Err(error),
        };
        let _gone = reply.send(answer.map(|()| Response::LinkHistory(self.link_history())));
    }

    fn judge_undo(&self, request: &LinkUndoRequest) -> Result<(u64, Back), ApiError> {
        let change = self.changes.named(request.id, self.me).ok_or_else(|| nothing_to_undo(request.id))?;
        if !change.can_be_undone(self.me) {
            return Err(self.cannot_undo(change));
        }
        let back = match change.what {
            What::Wish { peer, wanted: (before, _), theirs } => {
                Back::Wish(self.wish_back(peer, before, theirs, request.anyway)?)
            }
            What::Plan { revision } => {
                self.check_plan_is(revision)?;
                Back::Plan
            }
            What::Rewired { adopt, let_go } => {
                if !request.anyway && !self.is_as_rewired(adopt, let_go) {
                    let message = format!("links were changed since: {}", self.newest_after(change));
                    return Err(ApiError::new(ErrorCode::LinkChanged, message).help("undo it all the same with --yes"));
                }
                Back::Rewire { adopt: let_go, let_go: adopt }
            }
            What::Heard { .. } => return Err(self.cannot_undo(change)),
        };
        Ok((change.id, back))
    }

    /// The opposite of a change of a wish. Somebody else's newer one is overridden only if that is meant.
    fn wish_back(&self, peer: PeerId, before: LinkPolicy, theirs: u32, anyway: bool) -> Result<LinkRequest, ApiError> {
        let (from, to) = (self.me.to_string(), peer.to_string());
        let now = self.links.view(peer).and_then(|view| view.theirs).unwrap_or_default();
        if now.revision != theirs && !anyway {
            let error = self.changed_since(peer, self.link_rule(peer));
            return Err(error.help("undo it all the same with --yes"));
        }
        Ok(LinkRequest { from, to, policy: before, expected: None, cut_off: anyway })
    }

    fn newest_after(&self, change: &Change) -> String {
        let newer = self.changes.kept.front().filter(|newest| newest.id > change.id);
        newer.map_or_else(|| "another layout holds now".to_owned(), |newest| newest.sentence.clone())
    }

    fn undo_plan(&mut self, id: u64) -> Result<(), ApiError> {
        self.judge_layout(&LayoutRequest { undo: true, ..LayoutRequest::default() }, Some(id)).map(|_| ())
    }

    fn undo_rewiring(&mut self, id: u64, adopt: Option<PeerId>, let_go: Option<PeerId>) {
        let names = |peer: Option<PeerId>| peer.map(|peer| self.machines.name(peer));
        let sentence = match (names(adopt), names(let_go)) {
            (Some(new), Some(old)) => format!("back: link with {new} instead of {old}"),
            (Some(new), None) => format!("back: link with {new}"),
            (None, Some(old)) => format!("back: let the link to {old} go"),
            (None, None) => "back: nothing changed".to_owned(),
        };
        self.note_layout(What::Rewired { adopt, let_go }, self.me, sentence, Some(id));
        self.rewire(adopt, let_go);
    }

    fn cannot_undo(&self, change: &Change) -> ApiError {
        if change.by != self.me {
            let by = self.machines.name(change.by);
            let message = format!("change {} was made on {by}, and only there can it be undone", change.id);
            return ApiError::new(ErrorCode::Forbidden, message);
        }
        let message = format!("change {} was undone already, or is the way back from another one", change.id);
        ApiError::new(ErrorCode::WrongState, message).help("see what can be undone with: gridwell link history")
    }
}

/// How to go back behind a change.
enum Back {
    Wish(LinkRequest),
    Plan,
    Rewire { adopt: Option<PeerId>, let_go: Option<PeerId> },
}

fn nothing_to_undo(id: Option<u64>) -> ApiError {
    let message = match id {
        Some(id) => format!("no change of links has the number {id}"),
        None => "no change of links was made here that can be undone".to_owned(),
    };
    ApiError::new(ErrorCode::WrongState, message).help("see them with: gridwell link history")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILL: PeerId = PeerId([1; 32]);
    const FORGE: PeerId = PeerId([2; 32]);
    const PINNED: (LinkPolicy, LinkPolicy) = (LinkPolicy::Automatic, LinkPolicy::Pinned);

    fn change(id: u64, by: PeerId, what: What) -> Change {
        Change { id, at: Stamp(id), by, what, sentence: String::new(), settled: false }
    }

    fn wish() -> What {
        What::Wish { peer: FORGE, wanted: PINNED, theirs: 0 }
    }

    #[test]
    fn the_newest_change_of_this_machine_that_was_not_undone_is_taken() {
        let mut changes = Changes::default();
        changes.note(change(1, MILL, wish()));
        changes.note(change(2, MILL, What::Plan { revision: 3 }));
        changes.note(change(3, FORGE, What::Heard { peer: FORGE, wanted: PINNED }));
        let named = |changes: &Changes, id| changes.named(id, MILL).map(|change| change.id);
        assert_eq!((named(&changes, None), named(&changes, Some(3))), (Some(2), Some(3)));
        changes.settle(2);
        assert_eq!(named(&changes, None), Some(1));
        changes.settle(1);
        assert_eq!((named(&changes, None), named(&changes, Some(9))), (None, None));
    }

    #[test]
    fn what_was_heard_last_of_a_peer_is_known() {
        let (one, other) = (PeerId([1; 32]), PeerId([2; 32]));
        let heard = |peer, now| What::Heard { peer, wanted: (LinkPolicy::Automatic, now) };
        let mut changes = Changes::default();
        changes.note(change(1, one, heard(one, LinkPolicy::Forbidden)));
        changes.note(change(2, one, heard(one, LinkPolicy::Pinned)));
        changes.note(change(3, one, wish()));
        assert_eq!((changes.heard_of(one), changes.heard_of(other)), (Some(LinkPolicy::Pinned), None));
    }

    #[test]
    fn the_oldest_changes_go_first() {
        let mut changes = Changes::default();
        for id in 0..KEPT as u64 + 5 {
            changes.note(change(id, MILL, wish()));
        }
        assert_eq!((changes.kept.len(), changes.kept.back().map(|change| change.id)), (KEPT, Some(5)));
    }
}
