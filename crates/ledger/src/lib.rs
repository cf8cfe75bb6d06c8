//! gridwell-ledger
