use std::time::Duration;

use gridwell_model::{Fence, TaskState};
use serde::{Deserialize, Serialize};

use crate::change::Hold;

/// One task: 24 bytes, so that a million waiting ones cost 24 MB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TaskRecord {
    /// Its last lease; zero before the first.
    pub(crate) fence: Fence,
    exit_code: i32,
    run_millis: u32,
    /// Position of its last holder in the job's list, [`NOBODY`] before the first.
    pub(crate) peer: u16,
    /// Position of its last failure's words in the job's list; 0 for none.
    pub(crate) reason: u16,
    pub(crate) state: TaskState,
    flags: u8,
    /// Attempts that failed by the program's doing.
    pub(crate) failures: u8,
    /// Points for trouble that was not the program's; see `policy`.
    pub(crate) trouble: u8,
}

const _: () = assert!(size_of::<TaskRecord>() == 24, "a queue of a million tasks is promised to stay small");

/// Stands for no peer in [`TaskRecord::peer`].
pub(crate) const NOBODY: u16 = u16::MAX;

const NO_EXIT_CODE: i32 = i32::MIN;
const HELD: u8 = 1;
const CANCELLING: u8 = 2;
const COUNTED: u8 = 4;
const CALLED_BACK: u8 = 8;

impl TaskRecord {
    pub(crate) const NEW: Self = Self {
        fence: Fence { epoch: 0, attempt: 0 },
        exit_code: NO_EXIT_CODE,
        run_millis: 0,
        peer: NOBODY,
        reason: 0,
        state: TaskState::Waiting,
        flags: 0,
        failures: 0,
        trouble: 0,
    };

    pub(crate) fn exit_code(&self) -> Option<i32> {
        (self.exit_code != NO_EXIT_CODE).then_some(self.exit_code)
    }

    pub(crate) fn set_exit_code(&mut self, code: Option<i32>) {
        self.exit_code = code.unwrap_or(NO_EXIT_CODE);
    }

    pub(crate) fn run_time(&self) -> Duration {
        Duration::from_millis(u64::from(self.run_millis))
    }

    pub(crate) fn set_run_micros(&mut self, micros: u64) {
        self.run_millis = u32::try_from(micros / 1_000).unwrap_or(u32::MAX);
    }

    fn set_flag(&mut self, flag: u8, on: bool) {
        self.flags = if on { self.flags | flag } else { self.flags & !flag };
    }

    /// A person holds this very task.
    pub(crate) fn is_held(&self) -> bool {
        self.flags & HELD != 0
    }

    /// The same, and it is not to run on where it runs.
    pub(crate) fn is_called_back(&self) -> bool {
        self.flags & CALLED_BACK != 0
    }

    pub(crate) fn set_hold(&mut self, hold: Hold) {
        self.set_flag(HELD, hold.is_on());
        self.set_flag(CALLED_BACK, hold == Hold::All);
    }

    /// A person cancelled it while it was leased; its holder has not stopped it yet.
    pub(crate) fn is_cancelling(&self) -> bool {
        self.flags & CANCELLING != 0
    }

    pub(crate) fn set_cancelling(&mut self, cancelling: bool) {
        self.set_flag(CANCELLING, cancelling);
    }

    /// A report under its last lease was counted.
    pub(crate) fn is_counted(&self) -> bool {
        self.flags & COUNTED != 0
    }

    pub(crate) fn set_counted(&mut self, counted: bool) {
        self.set_flag(COUNTED, counted);
    }

    /// It is done, and no machine ran it: an earlier job had made the same.
    pub(crate) fn is_reused(&self) -> bool {
        self.state == TaskState::Done && self.peer == NOBODY
    }

    /// Forgets what went wrong, for a fresh start.
    pub(crate) fn forgive(&mut self) {
        self.failures = 0;
        self.trouble = 0;
        self.set_cancelling(false);
    }
}
