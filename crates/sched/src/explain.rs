use std::fmt;

use gridwell_model::{JobId, PeerId, Unmet};
use serde::{Deserialize, Serialize};

use crate::{Term, Terms};

/// Where the tasks of one step may go, machine by machine, in the very numbers that decide.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The job.
    pub job: JobId,
    /// The step.
    pub step: u32,
    /// Tasks of it that wait for a place.
    pub ready: u32,
    /// Every known machine, strongest pull first, those that cannot take it last.
    pub machines: Vec<MachineExplanation>,
    /// The term that most favours the strongest machine over the next one.
    pub decisive: Option<Term>,
    /// When no machine could ever take it: the one that lacks least.
    pub closest: Option<PeerId>,
}

/// One machine's case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MachineExplanation {
    /// Which.
    pub peer: PeerId,
    /// What people call it.
    pub name: String,
    /// All that speaks against it now; empty when tasks may go there now.
    pub against: Vec<Against>,
    /// Its numbers; absent when it could never take a task.
    pub terms: Option<Terms>,
    /// The numbers of the last placement there, as they were then.
    pub last_placed: Option<Terms>,
}

/// One reason why a machine gets no task now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Against {
    /// A requirement it does not meet.
    Unmet(Unmet),
    /// Its owner's settings; one sentence.
    NotAccepting(String),
    /// The job failed there too often.
    Blocked,
    /// Ready tasks failed there before; others are tried first.
    Avoided {
        /// How many of the ready tasks.
        tasks: u32,
    },
    /// The strategy keeps everything at another machine.
    StaysElsewhere,
    /// It declined, in its own words; it is asked again later.
    Declined(String),
    /// All it lends is in use.
    NoFreeSlot,
    /// The other machines will be through before it would be.
    SlowerThanWaiting,
}

impl Against {
    /// True when it does not pass by itself.
    #[must_use]
    pub const fn lasts(&self) -> bool {
        matches!(self, Self::Unmet(_) | Self::Blocked | Self::StaysElsewhere)
    }
}

impl fmt::Display for Against {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unmet(unmet) => unmet.fmt(f),
            Self::NotAccepting(why) if why.is_empty() => f.write_str("takes nothing new"),
            Self::NotAccepting(why) => f.write_str(why),
            Self::Blocked => f.write_str("the job failed there too often"),
            Self::Avoided { tasks } => write!(f, "{tasks} of the waiting tasks failed there"),
            Self::StaysElsewhere => f.write_str("the strategy keeps work on the machine it came from"),
            Self::Declined(why) => write!(f, "declined: {why}"),
            Self::NoFreeSlot => f.write_str("all it lends is in use"),
            Self::SlowerThanWaiting => f.write_str("waiting for the other machines is faster"),
        }
    }
}
