//! gridwell-sched
