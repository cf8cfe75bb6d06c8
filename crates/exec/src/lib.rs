//! gridwell-exec
