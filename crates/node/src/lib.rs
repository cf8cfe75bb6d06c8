//! gridwell-node
