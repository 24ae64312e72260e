//! VWO FullStack.

pub mod allocation;
pub mod bucket;
pub mod visitor;
