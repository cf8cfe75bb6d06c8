//! gridwell-worker
