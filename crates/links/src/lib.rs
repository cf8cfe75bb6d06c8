//! gridwell-links
