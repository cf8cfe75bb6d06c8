//! Looks at the machine: what it has, which tools are installed, how busy others keep it, how fast it is.
//!
//! Floor 2. [`probe`] fills [`gridwell_model::Hardware`]; [`Sampler`] measures [`gridwell_model::Load`] every few seconds;
//! [`Senses`] say what its owner does, for the engine of courtesy; [`benchmark`] scores the processor, [`scene_refers`] asks
//! Blender about a scene, [`EnergyMeter`] reads what processors took. It decides nothing, and what cannot be
//! found out about the machine stays empty or 0. Everything read from the system or from a program's output is bounded before it is parsed.

mod ask;
mod benchmark;
mod bounded;
mod cgroup;
mod disk;
mod energy;
mod gpu;
mod host;
mod networks;
mod power;
mod sample;
mod scene;
mod senses;
mod tools;
mod usage;
mod wake;

pub use benchmark::{REFERENCE_ROUNDS_PER_SEC, benchmark};
pub use energy::{EnergyMeter, NoEnergy};
pub use host::probe;
pub use networks::{Network, networks};
pub use power::{Awake, Departure, Hold, Power, PowerNews, SleepError, keep_awake, power, sleep, usual_sleep};
pub use sample::Sampler;
pub use scene::scene_refers;
pub use senses::{Around, Sense, SenseKind, Senses, Unavailable};
pub use tools::{Identity, ToolCache};
pub use wake::wake_points;
