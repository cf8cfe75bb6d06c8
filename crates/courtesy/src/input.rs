use std::{collections::BTreeSet, time::Duration};

use gridwell_model::Time;
use serde::{Deserialize, Serialize};

use crate::{Policy, Step, WeekTime, Yield};

/// Names a session from [`Input::SessionStarted`] to [`Input::SessionEnded`]: the number that the worker gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey(pub u64);

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The owner's rules changed, or were read at start. Ask [`Policy::check`] first.
    PolicyChanged(Box<Policy>),
    /// A sense said something just now. Senses speak at least every [`crate::Courtesy::pace`].
    Sensed(Reading),
    /// A source of idleness is not to be had on this machine.
    NoSuchSource(IdleSource),
    /// What the owner's clock shows now; again whenever that clock is set, and once a day.
    ClockShown(WeekTime),
    /// Which day the owner's calendar shows now, in days since any fixed one; again once that is another one.
    DayShown(u32),
    /// The owner paused lending.
    Paused(Pause),
    /// Takes nothing new and finishes what it has, until [`Input::Resumed`].
    Drained,
    /// The owner ended a pause or a drain.
    Resumed,
    /// The owner keeps a part of the machine back until then.
    Snoozed {
        /// Which.
        resource: Resource,
        /// Until when; a time that has passed ends it.
        until: Time,
    },
    /// A session runs.
    SessionStarted {
        /// Which.
        session: SessionKey,
        /// What is to be known of it.
        facts: SessionFacts,
    },
    /// How far a session is.
    SessionProgressed {
        /// Which.
        session: SessionKey,
        /// Estimated time to its end.
        left: Option<Duration>,
        /// Done, `0.0..=1.0`.
        done: Option<f32>,
    },
    /// Its lease is gone: others do its tasks.
    LeaseLost {
        /// Which.
        session: SessionKey,
    },
    /// Nothing of a session runs any more.
    SessionEnded {
        /// Which.
        session: SessionKey,
    },
    /// A wish was carried out.
    Yielded {
        /// By which session.
        session: SessionKey,
        /// Which wish.
        step: Step,
        /// From the wish until it held.
        took: Duration,
    },
    /// Work was thrown away with a session.
    WorkLost {
        /// Which program's.
        program: String,
        /// How long it had taken.
        time: Duration,
    },
}

/// A pause by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// Until when; until [`Input::Resumed`] if it does not say.
    pub until: Option<Time>,
    /// What happens to what runs.
    pub how: Yield,
}

/// A part of the machine that can be kept back by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Its graphics.
    Graphics,
    /// Its network: nothing new starts for others.
    Network,
}

/// What one sense says. Shares are `0.0..=1.0`; what is not a number counts as not said.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// Nobody has touched the machine for this long.
    Idle {
        /// As far as this source sees.
        source: IdleSource,
        /// How long.
        idle: Duration,
    },
    /// A program asks the system to stay awake: a film, a talk.
    Inhibited(bool),
    /// A program covers the screen.
    FullScreen(bool),
    /// How busy the machine is with others.
    Load {
        /// Share of all cores.
        share: f32,
    },
    /// Memory of the machine.
    Memory {
        /// Share that a program could get.
        free: f32,
        /// Share of time in which somebody waits for memory, where the system tells.
        pressure: Option<f32>,
    },
    /// Where the power comes from.
    Power {
        /// True on battery.
        on_battery: bool,
        /// Charge in percent, if it has a battery.
        charge: Option<u8>,
    },
    /// Whether the network costs by the byte.
    Metered(bool),
    /// The hottest part that tells, in °C.
    Temperature {
        /// °C.
        celsius: f32,
    },
    /// Graphics.
    Graphics {
        /// Share of the time that others keep them busy, where that can be told from our own use.
        busy: Option<f32>,
        /// Free memory of the fullest card, where it is told.
        free_bytes: Option<u64>,
    },
    /// Free space where data lies.
    Disk {
        /// In bytes.
        free_bytes: u64,
    },
    /// Programs of [`crate::NeverWhile::programs`] that run, our own left out.
    Programs(BTreeSet<String>),
}

/// Who tells how long nobody has touched the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdleSource {
    /// GNOME's compositor.
    Mutter,
    /// Another Wayland compositor.
    Wayland,
    /// The X server.
    X11,
    /// macOS.
    Hid,
    /// Windows, in the owner's session.
    Windows,
    /// Logind's hint.
    Logind,
    /// Terminals, also those over SSH.
    Terminal,
}

impl IdleSource {
    /// True for a source that sees keyboard and mouse. The others see a part: they can tell that somebody is there, never
    /// alone that nobody is.
    #[must_use]
    pub const fn sees_all(self) -> bool {
        !matches!(self, Self::Logind | Self::Terminal)
    }
}

/// What is to be known of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionFacts {
    /// Its program, under which times are summed.
    pub program: String,
    /// True if its job is the machine's owner's.
    pub own: bool,
    /// Its use of graphics.
    pub graphics: Graphics,
    /// Whether its processes can be frozen.
    pub freezable: bool,
    /// How long somebody outside waits for its heartbeat; for ever if it owes none.
    pub heartbeat: Option<Duration>,
    /// How long it wants to write what it has: nothing if it ends without a word. The machine may grant less.
    pub grace: Duration,
}

/// Which graphics a session uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Graphics {
    /// None.
    #[default]
    None,
    /// A card that draws no desktop.
    Spare,
    /// The card that draws the desktop.
    Desktop,
}
