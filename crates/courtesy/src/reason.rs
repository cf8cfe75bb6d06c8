use std::time::Duration;

use gridwell_model::Time;
use serde::{Deserialize, Serialize};

use crate::{IdleSource, Resource};

/// How far the machine has gone down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// Nothing is against it.
    #[default]
    Free,
    /// Nothing new starts; what runs is left alone.
    Hold,
    /// What runs gets less, and nothing new starts.
    Soften,
    /// What runs stands still.
    Freeze,
    /// What runs writes what it has and ends.
    Pack,
    /// What runs ends.
    End,
}

/// Whom an objection is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Every session.
    Everyone,
    /// Sessions of other people's jobs.
    Others,
    /// Sessions that use graphics.
    Graphics,
    /// Sessions of other people's jobs that use the card which draws the desktop.
    Desktop,
}

impl Scope {
    pub(crate) const ALL: [Self; 4] = [Self::Everyone, Self::Others, Self::Graphics, Self::Desktop];
}

/// Who objects: all four must be silent for a machine to lend. None lifts another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// A person, until they say otherwise.
    Manual,
    /// A person, for a while.
    Timed,
    /// The schedule.
    Calendar,
    /// What the senses say.
    Automatic,
}

/// Why a machine, or a session on it, is where it is on the ladder.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    /// Its owner paused it.
    Paused,
    /// Its owner paused it for a while.
    PausedUntil(Time),
    /// Its owner drains it.
    Drained,
    /// Its owner keeps a part of it back for a while.
    Snoozed(Resource, Time),
    /// The schedule is closed.
    OutsideHours,
    /// The schedule closes soon.
    HoursEnd {
        /// In how long.
        left: Duration,
    },
    /// The schedule counts, and nobody has said what time it is.
    NoClock,
    /// Somebody is there.
    InUse {
        /// Who says so.
        source: IdleSource,
        /// Since the last input.
        idle: Duration,
    },
    /// Nobody is there, but not for long enough yet.
    NotIdleYet {
        /// Who says so.
        source: IdleSource,
        /// Since the last input.
        idle: Duration,
        /// What its owner wants.
        after: Duration,
    },
    /// Idleness counts, and its sources have fallen silent.
    IdleUnknown,
    /// Idleness counts, and this machine has no source for it.
    NoIdleSource,
    /// A film or a talk.
    Inhibited,
    /// A program covers the screen.
    FullScreen,
    /// Others keep the machine busy.
    Load {
        /// Share of all cores.
        share: f32,
    },
    /// Programs wait for memory.
    MemoryPressure {
        /// Share of the time.
        share: f32,
    },
    /// There is hardly any memory left.
    MemoryNeeded {
        /// Share that is free.
        free: f32,
    },
    /// A program runs that its owner named.
    Program(String),
    /// It runs on its battery.
    Battery {
        /// Charge in percent.
        charge: Option<u8>,
    },
    /// It is hotter than its owner likes.
    Hot {
        /// °C.
        celsius: f32,
    },
    /// The network costs by the byte.
    Metered,
    /// Others keep the graphics busy.
    GraphicsBusy {
        /// Share of the time.
        share: f32,
    },
    /// There is hardly any graphics memory left.
    GraphicsNeeded {
        /// Free bytes.
        free_bytes: u64,
    },
    /// There is too little space left.
    DiskFull {
        /// Free bytes.
        free_bytes: u64,
    },
    /// It stood still for as long as it may.
    FrozenLong,
    /// It stood still, and somebody waits for its heartbeat.
    HeartbeatDue,
    /// It cannot stand still, has only begun, and its graphics are wanted.
    JustBegun,
    /// Its time to write what it had is over.
    GraceOver,
    /// Its lease is gone.
    LeaseLost,
}

impl Reason {
    /// Who objects.
    #[must_use]
    pub const fn flag(&self) -> Flag {
        match self {
            Self::Paused | Self::Drained => Flag::Manual,
            Self::PausedUntil(_) | Self::Snoozed(..) => Flag::Timed,
            Self::OutsideHours | Self::HoursEnd { .. } | Self::NoClock => Flag::Calendar,
            _ => Flag::Automatic,
        }
    }
}

/// One thing that is against lending.
#[derive(Debug, Clone, PartialEq)]
pub struct Objection {
    /// Against what.
    pub scope: Scope,
    /// How much.
    pub rung: Rung,
    /// Why.
    pub reason: Reason,
}
