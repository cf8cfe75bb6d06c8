//! Harness of the simulated and real grids.
//!
//! [`sim`] runs many peers in one thread, with made-up links and time, from one seed.

pub mod sim;
