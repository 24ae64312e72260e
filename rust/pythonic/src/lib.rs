//! Python's own behaviour in Rust.
//!
//! The platforms define their rules by what Python does: their published SDKs compare `str(value)`,
//! read numbers with `float(text)`, lower text with `str.lower` and search with `re.search`. Rust's
//! own functions give other answers for some texts. The functions here give the answers of `CPython`
//! 3.11, character by character; the tests of the bindings compare them with the real ones.
//!
//! | Module | In Python |
//! | --- | --- |
//! | [`text`] | `str.lower`, `str.strip`, `str.isspace`, the decimal digits of every script |
//! | [`float`] | `float(text)`, `repr(number)` |
//! | [`integer`] | `int(text)` |
//! | [`json`] | `json.dumps(value)`, numbers of `json.loads` |
//! | [`pattern`] | `re.search(pattern, text)` |

#![forbid(unsafe_code)]

pub mod float;
pub mod integer;
pub mod json;
pub mod pattern;
pub mod text;
mod unicode;
