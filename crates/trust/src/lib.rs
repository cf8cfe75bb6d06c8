//! gridwell-trust
