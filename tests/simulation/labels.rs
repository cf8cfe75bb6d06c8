//! The fifty label scenarios, a hundred times each.
