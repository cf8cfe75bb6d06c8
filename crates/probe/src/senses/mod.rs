//! What the machine's owner does, and how busy, warm and empty the machine is without us.
//!
//! One module for each source. What one of them hangs or dies of makes it fall silent, which the engine takes for unknown.

#[cfg(target_os = "linux")]
mod bus;
#[cfg(target_os = "linux")]
mod display;
#[cfg(target_os = "linux")]
mod files;
#[cfg(target_os = "linux")]
mod graphics;
#[cfg(target_os = "linux")]
mod load;
#[cfg(target_os = "linux")]
mod programs;
mod space;
#[cfg(target_os = "linux")]
mod terminals;
#[cfg(target_os = "linux")]
mod wayland;

use std::{collections::BTreeSet, path::Path};

use gridwell_courtesy::{IdleSource, Input, Reading};

/// One source of readings.
pub trait Sense: Send {
    /// What it says now; nothing if it has nothing to say yet. May block its thread for up to 2 s, usually far below 1 ms.
    ///
    /// # Errors
    ///
    /// What keeps it from saying anything, from now on.
    fn read(&mut self, around: &Around<'_>) -> Result<Option<Reading>, Unavailable>;
}

/// What a sense has to know to tell others from us.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// Processes whose whole trees are ours: usually the node's own.
    pub own: &'a [u32],
    /// Names of programs that are looked for.
    pub programs: &'a BTreeSet<String>,
    /// Whether a session of ours uses graphics: then nobody can tell how busy others keep them.
    pub uses_graphics: bool,
}

/// The senses that a machine can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SenseKind {
    /// Idle time from GNOME's compositor.
    Mutter,
    /// Idle time from another Wayland compositor.
    Wayland,
    /// Idle time from the X server.
    X11,
    /// Idle time from logind's hint.
    Logind,
    /// Idle time of terminals.
    Terminals,
    /// Whether a program keeps the screen awake.
    Inhibitors,
    /// Whether a window covers the screen.
    FullScreen,
    /// Load of others.
    Load,
    /// Memory that is free, and pressure on it.
    Memory,
    /// Battery and mains.
    Power,
    /// Temperature.
    Temperature,
    /// Free space.
    Disk,
    /// Programs that the owner named.
    Programs,
    /// Use of graphics.
    Graphics,
    /// Whether the network costs by the byte.
    Metered,
}

impl SenseKind {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Mutter,
        Self::Wayland,
        Self::X11,
        Self::Logind,
        Self::Terminals,
        Self::Inhibitors,
        Self::FullScreen,
        Self::Load,
        Self::Memory,
        Self::Power,
        Self::Temperature,
        Self::Disk,
        Self::Programs,
        Self::Graphics,
        Self::Metered,
    ];

    /// The source of idleness that it is, if it is one.
    #[must_use]
    pub const fn source(self) -> Option<IdleSource> {
        match self {
            Self::Mutter => Some(IdleSource::Mutter),
            Self::Wayland => Some(IdleSource::Wayland),
            Self::X11 => Some(IdleSource::X11),
            Self::Logind => Some(IdleSource::Logind),
            Self::Terminals => Some(IdleSource::Terminal),
            _ => None,
        }
    }

    /// Looks for it on this machine. `data_dir` lies on the file system whose free space counts.
    ///
    /// # Errors
    ///
    /// Why it is not to be had.
    #[cfg(target_os = "linux")]
    pub fn open(self, data_dir: &Path) -> Result<Box<dyn Sense>, Unavailable> {
        Ok(match self {
            Self::Mutter => Box::new(bus::Mutter::open()?),
            Self::Wayland => Box::new(wayland::Wayland::open()?),
            Self::X11 => Box::new(display::X11Idle::open()?),
            Self::Logind => Box::new(bus::Logind::open()?),
            Self::Terminals => Box::new(terminals::Terminals::open("/dev".as_ref())?),
            Self::Inhibitors => Box::new(bus::Inhibitors::open()?),
            Self::FullScreen => Box::new(display::FullScreen::open()?),
            Self::Load => Box::new(load::ForeignLoad::open()?),
            Self::Memory => Box::new(files::Memory::open("/proc".as_ref())?),
            Self::Power => Box::new(files::PowerSupply::open("/sys/class/power_supply".as_ref())?),
            Self::Temperature => Box::new(files::Temperature::open("/sys/class".as_ref())?),
            Self::Disk => Box::new(space::Disk::open(data_dir)),
            Self::Programs => Box::new(programs::Programs::open("/proc".as_ref())?),
            Self::Graphics => Box::new(graphics::Cards::open("/sys/class/drm".as_ref())?),
            Self::Metered => Box::new(bus::Metered::open()?),
        })
    }

    /// Looks for it on this machine: here only free space is told yet.
    ///
    /// # Errors
    ///
    /// [`Unavailable::NotWritten`] for every other one.
    #[cfg(not(target_os = "linux"))]
    pub fn open(self, data_dir: &Path) -> Result<Box<dyn Sense>, Unavailable> {
        match self {
            Self::Disk => Ok(Box::new(space::Disk::open(data_dir))),
            _ => Err(Unavailable::NotWritten),
        }
    }
}

/// Why a sense says nothing.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// Nobody has written it for this system.
    #[error("not available on this system yet")]
    NotWritten,
    /// What it reads is not there.
    #[error("there is no {what} here")]
    Missing {
        /// What.
        what: &'static str,
    },
    /// What it reads is there and does not tell.
    #[error("{whom} does not answer")]
    Silent {
        /// Whom it asks.
        whom: &'static str,
        /// What came instead.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Every sense of this machine, and why the others are missing.
pub struct Senses {
    all: Vec<(SenseKind, Found)>,
}

type Found = Result<Box<dyn Sense>, Unavailable>;

impl std::fmt::Debug for Senses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.report()).finish()
    }
}

impl Senses {
    /// Looks for all. Blocks its thread, like everything here: not for an asynchronous task.
    #[must_use]
    pub fn open(data_dir: &Path) -> Self {
        let all = SenseKind::ALL.into_iter().map(|kind| (kind, kind.open(data_dir)));
        Self { all: all.collect() }
    }

    /// Looks again for those that are missing: a desktop may have started, or the machine woken.
    pub fn look_again(&mut self, data_dir: &Path) {
        for (kind, sense) in self.all.iter_mut().filter(|(_, sense)| sense.is_err()) {
            *sense = kind.open(data_dir);
        }
    }

    /// Which senses speak, and why the others do not.
    pub fn report(&self) -> impl Iterator<Item = (SenseKind, Option<&Unavailable>)> {
        self.all.iter().map(|(kind, sense)| (*kind, sense.as_ref().err()))
    }

    /// Asks all: facts for the engine. A sense that fails is missing from then on, until [`Senses::look_again`].
    pub fn read(&mut self, around: &Around<'_>) -> Vec<Input> {
        let mut facts = Vec::new();
        for (kind, sense) in &mut self.all {
            if let Ok(speaker) = sense {
                match speaker.read(around) {
                    Ok(reading) => facts.extend(reading.map(Input::Sensed)),
                    Err(why) => {
                        tracing::debug!(?kind, error = %why, "a sense fell silent");
                        *sense = Err(why);
                    }
                }
            }
            if let (Err(_), Some(source)) = (&*sense, kind.source()) {
                facts.push(Input::NoSuchSource(source));
            }
        }
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sense_speaks_or_says_why_not_and_a_missing_source_of_idleness_is_a_fact() {
        let temp = tempfile::tempdir().unwrap();
        let mut senses = Senses::open(temp.path());
        let (own, programs) = ([std::process::id()], BTreeSet::new());
        let facts = senses.read(&Around { own: &own, programs: &programs, uses_graphics: false });
        assert_eq!(senses.report().count(), SenseKind::ALL.len());
        for (kind, why) in senses.report() {
            let sources = facts
                .iter()
                .filter(|fact| matches!(fact, Input::NoSuchSource(source) if kind.source() == Some(*source)));
            assert_eq!(sources.count() > 0, kind.source().is_some() && why.is_some(), "{kind:?}");
            assert!(why.is_none_or(|why| !why.to_string().is_empty()));
        }
        assert!(facts.iter().any(|fact| matches!(fact, Input::Sensed(Reading::Disk { .. }))));
    }
}
