//! gridwell-api
