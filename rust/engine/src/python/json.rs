//! Text as Python's `json.dumps` writes it.

use std::fmt::Write as _;

/// Appends a JSON string, in ASCII alone.
///
/// # Examples
///
/// ```
/// use sortition_engine::python::json::push_string;
///
/// let mut json = String::new();
/// push_string(&mut json, "é\n🙂");
/// assert_eq!(json, r#""\u00e9\n\ud83d\ude42""#);
/// ```
pub fn push_string(json: &mut String, text: &str) {
    json.push('"');
    let mut plain_from = 0;
    for (at, character) in text.char_indices() {
        if matches!(character, ' '..='~') && character != '"' && character != '\\' {
            continue;
        }
        json.push_str(text.get(plain_from..at).unwrap_or_default());
        plain_from = at + character.len_utf8();
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\u{8}' => json.push_str("\\b"),
            '\u{c}' => json.push_str("\\f"),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    // Writing to a string cannot fail.
                    let _ = write!(json, "\\u{unit:04x}");
                }
            }
        }
    }
    json.push_str(text.get(plain_from..).unwrap_or_default());
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::push_string;

    #[test]
    fn escapes_what_is_not_plain_ascii() {
        let mut json = String::new();
        push_string(&mut json, "a\"b\\c\u{0}\u{1f}\u{7f}\u{8}\u{c}\r\t~ ");
        assert_eq!(json, r#""a\"b\\c\u0000\u001f\u007f\b\f\r\t~ ""#);
    }
}
