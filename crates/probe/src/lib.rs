//! gridwell-probe
