//! gridwell-store
