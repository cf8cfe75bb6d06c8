//! gridwell-serve
