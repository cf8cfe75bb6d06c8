//! gridwell-cli
