//! Decisions of server-side A/B tests.

#![forbid(unsafe_code)]

pub mod hash;
pub mod python;
pub mod vwo;
