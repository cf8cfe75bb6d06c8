//! gridwell-net
