//! Harness of the simulated and real grids.
