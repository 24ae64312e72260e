//! Python's own behaviour, where the platforms' rules are defined by it.
//!
//! The published SDKs compare `str(value)`, read numbers with `float(text)` and lower text with
//! `str.lower`. These functions answer as `CPython` 3.11 does, character by character; the
//! pure-Python engine, which has the real ones, is what they are tested against.

pub mod float;
pub mod integer;
pub mod json;
pub mod pattern;
pub mod text;
mod unicode;
