//! A settings document, or another text of a platform, as JSON.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use crate::problem::{Consequence, Place, Problem};

/// How deep a document may be nested.
const MOST_LEVELS: usize = 127;

/// The document as JSON.
///
/// # Errors
///
/// The problem of a document that is not JSON in UTF-8, or nested too deep.
pub(crate) fn parse(document: &[u8]) -> Result<Value, Problem> {
    let refused = |wanted: &str, found: String| {
        Place::Document.problem(wanted, found, Consequence::DocumentRefused)
    };
    let Ok(text) = std::str::from_utf8(document) else {
        return Err(refused("JSON in UTF-8", "other bytes".to_owned()));
    };
    if text.contains("$serde_json::private::") {
        // The JSON library would take an object with such a key for something else.
        return Err(refused(
            "JSON",
            "a key that the JSON library keeps to itself".to_owned(),
        ));
    }
    serde_json::from_str(text).map_err(|error| {
        if error.to_string().starts_with("recursion limit exceeded") {
            return refused(&format!("at most {MOST_LEVELS} levels"), "more".to_owned());
        }
        let (line, column) = (error.line(), error.column());
        refused(
            "JSON",
            format!("text that is not, at line {line} column {column}"),
        )
    })
}

/// Whether Python would call this value true.
pub(crate) fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(boolean) => *boolean,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

/// The texts of a document, each kept once, while it is compiled.
#[derive(Debug, Default)]
pub(crate) struct Texts(HashSet<Arc<str>>);

impl Texts {
    /// This text: the same one each time.
    pub(crate) fn share(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let shared: Arc<str> = text.into();
        self.0.insert(Arc::clone(&shared));
        shared
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Texts;

    #[test]
    fn a_text_is_kept_once() {
        let mut texts = Texts::default();
        let first = texts.share("Control");
        assert!(Arc::ptr_eq(&first, &texts.share("Control")));
        assert!(!Arc::ptr_eq(&first, &texts.share("control")));
        assert_eq!(&*first, "Control");
    }
}
