//! gridwell-job
