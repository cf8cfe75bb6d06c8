use std::{collections::BTreeSet, time::Duration};

use gridwell_model::{Reserve, format_duration};
use serde::{Deserialize, Serialize};

use crate::{Ladder, Schedule, Share};

/// What the owner of this machine allows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// When it lends.
    pub when: When,
    /// What keeps it from lending, whatever the time.
    pub never_while: NeverWhile,
    /// How much of it is lent.
    pub limits: Limits,
    /// What happens to the work of others when its owner comes back.
    pub on_return: Yield,
    /// Works for jobs of its owner alone.
    pub only_mine: bool,
    /// Jobs of its owner wait for idleness too; usually they run beside their owner, softened.
    pub mine_wait: bool,
    /// Keeps the machine awake while a task runs; never to wait for one.
    pub keep_awake: bool,
    /// When it goes down a step and comes back up.
    pub ladder: Ladder,
}

/// When a machine lends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Whoever is there and whatever else runs: the machine is there for the grid. Memory, heat, power, space and what
    /// [`NeverWhile`] names still count.
    Dedicated,
    /// Whether anybody is there or not; beside somebody who is, with less. For machines without a screen.
    Always,
    /// Only when nobody has touched it for a while.
    Idle {
        /// How long.
        after: Duration,
    },
    /// Only within the hours, whether anybody is there or not.
    Within {
        /// Which.
        hours: Schedule,
    },
    /// Only within the hours, and only when nobody has touched it.
    IdleWithin {
        /// How long.
        after: Duration,
        /// Which.
        hours: Schedule,
    },
    /// Within the hours, and at others when nobody has touched it.
    IdleOrWithin {
        /// How long.
        after: Duration,
        /// Which.
        hours: Schedule,
    },
}

impl When {
    /// How long nobody must have touched the machine, if that ever matters.
    #[must_use]
    pub const fn idle_after(&self) -> Option<Duration> {
        match self {
            Self::Dedicated | Self::Always | Self::Within { .. } => None,
            Self::Idle { after } | Self::IdleWithin { after, .. } | Self::IdleOrWithin { after, .. } => Some(*after),
        }
    }

    pub(crate) const fn hours(&self) -> Option<&Schedule> {
        match self {
            Self::Dedicated | Self::Always | Self::Idle { .. } => None,
            Self::Within { hours } | Self::IdleWithin { hours, .. } | Self::IdleOrWithin { hours, .. } => Some(hours),
        }
    }
}

impl Default for When {
    fn default() -> Self {
        Self::Idle { after: Duration::from_mins(5) }
    }
}

/// What keeps a machine from lending.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NeverWhile {
    /// One of these programs runs; our own tasks do not count.
    pub programs: BTreeSet<String>,
    /// A program covers the screen. Graphics are given back then in any case.
    pub full_screen: bool,
    /// It runs on its battery.
    pub on_battery: bool,
    /// Somebody else keeps the graphics busy: they are not lent, the rest is.
    pub graphics_busy: bool,
    /// The network costs by the byte: nothing new starts for others.
    pub metered: bool,
    /// It is hotter than this, in °C.
    pub hotter_than: Option<u8>,
}

impl Default for NeverWhile {
    fn default() -> Self {
        Self {
            programs: BTreeSet::new(),
            full_screen: false,
            on_battery: true,
            graphics_busy: true,
            metered: true,
            hotter_than: None,
        }
    }
}

/// How much of what the machine has for the grid is lent. Shares are `0.0..=1.0`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Share of the cores while somebody is there.
    pub cores_softened: f32,
    /// Share of the memory.
    pub memory: f32,
    /// Share of the memory while somebody is there.
    pub memory_softened: f32,
    /// Whether graphics are lent.
    pub graphics: bool,
    /// Free space that stays free, in bytes: with less nothing new starts.
    pub disk_reserve_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { cores_softened: 0.5, memory: 0.9, memory_softened: 0.5, graphics: true, disk_reserve_bytes: 10 << 30 }
    }
}

impl Limits {
    /// What of `whole` is lent at `share`, graphics only if `graphics`.
    #[must_use]
    pub fn lent(&self, whole: &Reserve, share: Share, graphics: bool) -> Reserve {
        let (cores, memory) = match share {
            Share::Nothing => return Reserve::default(),
            Share::Softened => (self.cores_softened, self.memory.min(self.memory_softened)),
            Share::All => (1.0, self.memory),
        };
        Reserve {
            cpus: whole.cpus * cores,
            memory_mib: (whole.memory_mib as f64 * f64::from(memory)) as u64,
            gpus: if graphics && self.graphics { whole.gpus } else { 0 },
            disk_mib: whole.disk_mib,
        }
    }
}

/// Where on the ladder the work of others goes when the owner comes back or pauses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Yield {
    /// It goes on, softened; it freezes only if the machine is needed.
    #[default]
    Soften,
    /// It goes on for this long, softened, then freezes.
    Finish {
        /// How long.
        within: Duration,
    },
    /// It freezes.
    Freeze,
    /// It writes what it has and ends.
    Pack,
    /// It ends.
    End,
}

impl Policy {
    /// Most programs in [`NeverWhile::programs`].
    pub const MOST_PROGRAMS: usize = 64;
    /// Longest name of one, in bytes.
    pub const PROGRAM_BYTES: usize = 100;
    /// Longest wait for idleness that still ever ends on a machine in use.
    pub const MOST_IDLE: Duration = Duration::from_hours(24);
    /// Longest time that work goes on after its owner came back, and longest grace.
    pub const MOST_PATIENCE: Duration = Duration::from_hours(1);
    /// Temperatures that a limit can have, in °C: machines are warmer than 40 at rest, and off above 110.
    pub const HEAT: std::ops::RangeInclusive<u8> = 40..=110;

    /// Refuses what contradicts itself or could never lend.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, as a sentence for people.
    pub fn check(&self) -> Result<(), PolicyError> {
        if self.when.hours().is_some_and(Schedule::is_empty) {
            return Err(PolicyError::NoHours);
        }
        if let Some(after) = self.when.idle_after()
            && after > Self::MOST_IDLE
        {
            return Err(PolicyError::IdleTooLong { after });
        }
        if let Yield::Finish { within } = self.on_return
            && within > Self::MOST_PATIENCE
        {
            return Err(PolicyError::PatienceTooLong { within });
        }
        self.limits.check()?;
        self.never_while.check()?;
        self.ladder.check()
    }
}

impl Limits {
    fn check(&self) -> Result<(), PolicyError> {
        let shares = [
            ("cores while somebody is there", self.cores_softened),
            ("memory", self.memory),
            ("memory while somebody is there", self.memory_softened),
        ];
        if let Some((of, share)) = shares.into_iter().find(|(_, share)| !(0.0..=1.0).contains(share)) {
            return Err(PolicyError::NotAShare { of, share });
        }
        if self.memory == 0.0 {
            return Err(PolicyError::NothingLent { of: "memory" });
        }
        Ok(())
    }
}

impl NeverWhile {
    fn check(&self) -> Result<(), PolicyError> {
        if self.programs.len() > Policy::MOST_PROGRAMS {
            return Err(PolicyError::TooManyPrograms { count: self.programs.len() });
        }
        let bad = |name: &&String| name.is_empty() || name.len() > Policy::PROGRAM_BYTES || name.contains(['/', '\0']);
        if let Some(name) = self.programs.iter().find(bad) {
            return Err(PolicyError::NotAProgram { name: name.clone() });
        }
        match self.hotter_than {
            Some(celsius) if !Policy::HEAT.contains(&celsius) => Err(PolicyError::NotAHeat { celsius }),
            _ => Ok(()),
        }
    }
}

impl Ladder {
    fn check(&self) -> Result<(), PolicyError> {
        for (of, share) in [("load that softens", self.soften_load), ("load that freezes", self.freeze_load)] {
            if !(0.0..=1.0).contains(&share) {
                return Err(PolicyError::NotAShare { of, share });
            }
        }
        if self.freeze_load < self.soften_load {
            return Err(PolicyError::FreezesFirst { soften: self.soften_load, freeze: self.freeze_load });
        }
        if self.gone < self.touched {
            return Err(PolicyError::GoneWhileThere { gone: self.gone, touched: self.touched });
        }
        if self.dwell.is_zero() || self.soften_after.is_zero() {
            return Err(PolicyError::Flaps);
        }
        if self.grace > Policy::MOST_PATIENCE {
            return Err(PolicyError::PatienceTooLong { within: self.grace });
        }
        Ok(())
    }
}

/// Why a policy is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PolicyError {
    /// An empty schedule.
    #[error("these rules mean that this machine never lends: no hour of the week is open")]
    NoHours,
    /// A limit of nothing.
    #[error("these rules mean that this machine never lends: nothing of its {of} is lent")]
    NothingLent {
        /// Of what.
        of: &'static str,
    },
    /// Idleness that hardly ever comes.
    #[error("these rules mean that this machine hardly ever lends: nobody may touch it for {}", format_duration(*after))]
    IdleTooLong {
        /// As given.
        after: Duration,
    },
    /// The owner would wait too long.
    #[error("work of others may go on for at most an hour after its owner wants the machine, not {}", format_duration(*within))]
    PatienceTooLong {
        /// As given.
        within: Duration,
    },
    /// Not between nothing and everything.
    #[error("the share of {of} is a number from 0 to 1, not {share}")]
    NotAShare {
        /// Of what.
        of: &'static str,
        /// As given.
        share: f32,
    },
    /// No temperature at which machines work.
    #[error("a limit of {celsius} °C would never or always hold: from 40 to 110 can be told")]
    NotAHeat {
        /// As given.
        celsius: u8,
    },
    /// More programs than are looked for.
    #[error("{count} programs are too many to look for: {} can be named", Policy::MOST_PROGRAMS)]
    TooManyPrograms {
        /// As given.
        count: usize,
    },
    /// Not a program's name.
    #[error("'{name}' is not the name of a program, as lists of running ones show it")]
    NotAProgram {
        /// As given.
        name: String,
    },
    /// The ladder is upside down.
    #[error("load of {freeze} would freeze what load of {soften} only softens")]
    FreezesFirst {
        /// Where it softens.
        soften: f32,
        /// Where it freezes.
        freeze: f32,
    },
    /// Present and gone at once.
    #[error(
        "somebody who touched the machine {} ago would be gone and there at once: input counts for {}",
        format_duration(*gone),
        format_duration(*touched)
    )]
    GoneWhileThere {
        /// Without input for this long, gone.
        gone: Duration,
        /// With input within this long, there.
        touched: Duration,
    },
    /// No time between down and up.
    #[error("without a shortest stay on each step work would start and stop all the time")]
    Flaps,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_policy_is_accepted() {
        assert_eq!(Policy::default().check(), Ok(()));
    }

    #[test]
    fn what_could_never_lend_or_contradicts_itself_is_refused_with_a_sentence() {
        let policy = Policy::default;
        let when = |when| Policy { when, ..policy() };
        let limits = |limits| Policy { limits, ..policy() };
        let ladder = |ladder| Policy { ladder, ..policy() };
        let never = |never_while| Policy { never_while, ..policy() };
        let after = Duration::from_hours(25);
        let refused = [
            (when(When::Within { hours: Schedule::default() }), "never lends: no hour of the week is open"),
            (when(When::Idle { after }), "hardly ever lends: nobody may touch it for 1 d 1 h"),
            (limits(Limits { memory: 0.0, ..Limits::default() }), "never lends: nothing of its memory is lent"),
            (limits(Limits { memory: 0.0, ..Limits::default() }), "never lends: nothing of its memory is lent"),
            (limits(Limits { cores_softened: f32::NAN, ..Limits::default() }), "a number from 0 to 1, not NaN"),
            (ladder(Ladder { freeze_load: 0.2, ..Ladder::default() }), "load of 0.2 would freeze"),
            (ladder(Ladder { gone: Duration::from_secs(1), ..Ladder::default() }), "gone and there at once"),
            (ladder(Ladder { dwell: Duration::ZERO, ..Ladder::default() }), "start and stop all the time"),
            (ladder(Ladder { grace: after, ..Ladder::default() }), "at most an hour"),
            (never(NeverWhile { hotter_than: Some(20), ..NeverWhile::default() }), "a limit of 20 °C"),
            (never(NeverWhile { programs: ["a/b".to_owned()].into(), ..NeverWhile::default() }), "'a/b' is not"),
            (Policy { on_return: Yield::Finish { within: after }, ..policy() }, "at most an hour"),
        ];
        for (policy, sentence) in refused {
            let error = policy.check().unwrap_err().to_string();
            assert!(error.contains(sentence), "{error}");
        }
    }

    #[test]
    fn limits_take_their_share_of_the_machine() {
        let whole = Reserve { cpus: 8.0, memory_mib: 1_000, gpus: 2, disk_mib: 9 };
        let limits = Limits::default();
        assert_eq!(limits.lent(&whole, Share::All, true), Reserve { cpus: 8.0, memory_mib: 899, gpus: 2, disk_mib: 9 });
        assert_eq!(
            limits.lent(&whole, Share::Softened, false),
            Reserve { cpus: 4.0, memory_mib: 500, gpus: 0, disk_mib: 9 }
        );
        assert_eq!(limits.lent(&whole, Share::Nothing, true), Reserve::default());
    }
}
