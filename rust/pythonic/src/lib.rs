//! Python's own behaviour in Rust.
//!
//! The platforms define their rules by what Python does: their published SDKs compare `str(value)`,
//! read numbers with `float(text)`, lower text with `str.lower` and search with `re.search`. Rust's
//! own functions give other answers for some texts. The functions here give the answers of `CPython`
//! 3.11, character by character; the tests of the bindings compare them with the real ones.
//!
//! # Which Python
//!
//! The answers are those of 3.11, in whatever version of Python the module runs: a decision is the
//! same everywhere. Two things have changed since:
//!
//! - Unicode. The tables are those of Unicode 14.0, which Python 3.11 has; 3.12 has 15.0, 3.13 has 15.1
//!   and 3.14 has 16.0. A character that came later is no letter, digit or white space here and has no
//!   other case, in [`text`], [`float`], [`integer`] and [`pattern`]. A later Python knows it, and so
//!   does the engine in plain Python there.
//! - Patterns. Later versions refuse a few that 3.11 compiles, such as the number of a group with an
//!   underscore, and read a few that it refuses, such as `\z`.
//!
//! The tables are made by `unicode/generate.py`, which looks at how Python 3.11 behaves.
//!
//! # Modules
//!
//! | Module | In Python |
//! | --- | --- |
//! | [`text`] | `str.lower`, `str.strip`, `str.isspace`, the decimal digits of every script |
//! | [`float`] | `float(text)`, `repr(number)` |
//! | [`integer`] | `int(text)` |
//! | [`json`] | `json.dumps(value)`, numbers of `json.loads` |
//! | [`pattern`] | `re.search(pattern, text)` |
//!
//! # Bounds
//!
//! No text, however made, makes a function here panic, overflow the stack or take more than linear
//! time, but for a search, which takes its steps from a [`pattern::Budget`]. What is beyond a bound is
//! refused or given up, and the answer says so.

#![forbid(unsafe_code)]

pub mod float;
pub mod integer;
pub mod json;
pub mod pattern;
pub mod text;
mod unicode;
