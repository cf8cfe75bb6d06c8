use gridwell_model::{BlobId, Fence, TaskSpan, TaskState};

use crate::LeaseEnd;

/// What happened while a change was applied, for the effects that follow; thrown away at replay.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) moves: Vec<Move>,
    pub(crate) lease_ends: Vec<LeaseGone>,
    pub(crate) timed: Vec<Timed>,
    pub(crate) blocked: Vec<u16>,
    pub(crate) unblocked: Vec<u16>,
    pub(crate) outdone: Vec<Outdone>,
    /// By step, peers on which it fails as it does on others.
    pub(crate) excused: Vec<(u32, u16)>,
    /// Checkpoints that nobody goes on from any more.
    pub(crate) dropped: Vec<BlobId>,
    /// It is new, or was ended and goes on.
    pub(crate) reopened: bool,
}

/// Neighbouring tasks that went from one state to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) step: u32,
    pub(crate) span: TaskSpan,
    pub(crate) from: TaskState,
    pub(crate) to: TaskState,
    pub(crate) peer: u16,
}

#[derive(Debug)]
pub(crate) struct LeaseGone {
    pub(crate) fence: Fence,
    pub(crate) peer: u16,
    pub(crate) step: u32,
    pub(crate) end: LeaseEnd,
}

/// Tasks that failed on one peer ended well on another, in one run.
#[derive(Debug)]
pub(crate) struct Outdone {
    pub(crate) step: u32,
    pub(crate) peer: u16,
    pub(crate) by: u16,
    pub(crate) tasks: u32,
}

#[derive(Debug)]
pub(crate) struct Timed {
    pub(crate) fence: Fence,
    pub(crate) peer: u16,
    pub(crate) step: u32,
    pub(crate) tasks: u32,
    pub(crate) run_micros: u64,
    pub(crate) left: u32,
}

impl Notes {
    /// Notes that one task moved, joined with its neighbour's move if that was the same.
    pub(crate) fn moved(&mut self, step: u32, index: u32, from: TaskState, to: TaskState, peer: u16) {
        let next = Move { step, span: TaskSpan::new(index, index + 1), from, to, peer };
        if let Some(last) = self.moves.last_mut()
            && last.span.end == index
            && (Move { span: next.span, ..*last }) == next
        {
            last.span.end += 1;
            return;
        }
        self.moves.push(next);
    }
}
