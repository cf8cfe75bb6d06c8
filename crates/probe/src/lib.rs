//! Looks at the machine: what it has, which tools are installed, how busy others keep it, how fast it is.
//!
//! Floor 2. [`probe`] fills [`gridwell_model::Hardware`]; [`Sampler`] measures [`gridwell_model::Load`] every few seconds;
//! [`benchmark`] scores the processor. It decides nothing, and nothing here ever fails: what cannot be found out stays
//! empty or 0. Everything read from the system or from a program's output is bounded before it is parsed.

mod benchmark;
mod bounded;
mod cgroup;
mod disk;
mod gpu;
mod host;
mod networks;
mod power;
mod sample;
mod tools;
mod usage;
mod wake;

pub use benchmark::{REFERENCE_ROUNDS_PER_SEC, benchmark};
pub use host::probe;
pub use networks::{Network, networks};
pub use power::{Departure, Hold, Power, PowerNews, power};
pub use sample::Sampler;
pub use tools::{Identity, ToolCache};
pub use wake::wake_points;
