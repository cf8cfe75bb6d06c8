//! What a failed attempt costs, and whom.

use gridwell_model::{FailureKind, Retry};

use crate::record::TaskRecord;

/// Points after which a task fails whatever its attempts: ten faults of machines, or fifty lost holders. Bounds a task that
/// takes down every machine it meets.
const TROUBLE_LIMIT: u8 = 100;
/// Points for an attempt that failed by a machine's doing.
const FAULT_POINTS: u8 = 10;
/// Points for a lost holder: mostly a lid that was closed.
const LOSS_POINTS: u8 = 2;

/// Whose doing a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blame {
    /// The program's: it uses up an attempt.
    Program,
    /// The machine's, perhaps for a moment only.
    Machine,
    /// The machine's, and the next task will fare no better there.
    MachineForGood,
}

pub(crate) fn blame(kind: FailureKind) -> Blame {
    match kind {
        FailureKind::Program
        | FailureKind::Timeout
        | FailureKind::Signal
        | FailureKind::Outputs
        | FailureKind::Environment => Blame::Program,
        FailureKind::Inputs | FailureKind::Machine => Blame::Machine,
        FailureKind::NoProgram | FailureKind::Template => Blame::MachineForGood,
    }
}

/// Writes a failed attempt into a task's record.
pub(crate) fn count_failure(record: &mut TaskRecord, blame: Blame) {
    match blame {
        Blame::Program => record.failures = record.failures.saturating_add(1),
        Blame::Machine | Blame::MachineForGood => record.trouble = record.trouble.saturating_add(FAULT_POINTS),
    }
}

/// Writes a lost holder into a task's record.
pub(crate) fn count_loss(record: &mut TaskRecord) {
    record.trouble = record.trouble.saturating_add(LOSS_POINTS);
}

/// True if the task is not to be tried again.
pub(crate) fn is_over(record: &TaskRecord, retry: Retry) -> bool {
    u32::from(record.failures) >= retry.max_attempts.clamp(1, u32::from(u8::MAX)) || record.trouble >= TROUBLE_LIMIT
}

/// True if a machine gets no more tasks of a job after `streak` failures in a row, the last of this kind.
pub(crate) fn blocks(blame: Blame, streak: u32, retry: Retry) -> bool {
    blame == Blame::MachineForGood || streak >= retry.block_machine_after.max(1)
}
