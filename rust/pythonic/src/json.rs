//! Strings as Python's `json.dumps` writes them, and numbers as `json.loads` reads them.

use std::fmt::Write as _;

use crate::float;

/// The most digits of an integer that Python reads or writes.
const MOST_DIGITS: usize = 4300;

/// Whether Python reads this number of a JSON text as an integer.
#[must_use]
pub fn is_integer(number: &str) -> bool {
    !number.contains(['.', 'e', 'E'])
}

/// The digits of an integer as Python prints them: there is no negative zero.
#[must_use]
pub fn integer_text(number: &str) -> &str {
    match number {
        "-0" => "0",
        digits => digits,
    }
}

/// `str(number)` of a number that Python has read; `None` for one that is too large for it.
///
/// # Examples
///
/// ```
/// use pythonic::json::number_text;
///
/// assert_eq!(number_text("-0").as_deref(), Some("0"));
/// assert_eq!(number_text("1E2").as_deref(), Some("100.0"));
/// assert_eq!(number_text("1e400"), None);
/// ```
#[must_use]
pub fn number_text(number: &str) -> Option<String> {
    if is_integer(number) {
        let digits = number.trim_start_matches('-').len();
        return (digits <= MOST_DIGITS).then(|| integer_text(number).to_owned());
    }
    let read = number.parse().ok().filter(|read: &f64| read.is_finite());
    read.map(float::repr)
}

/// Appends a JSON string, in ASCII alone.
///
/// # Examples
///
/// ```
/// use pythonic::json::push_string;
///
/// let mut json = String::new();
/// push_string(&mut json, "é\n🙂");
/// assert_eq!(json, r#""\u00e9\n\ud83d\ude42""#);
/// ```
pub fn push_string(json: &mut String, text: &str) {
    json.push('"');
    // Nearly every text is one of these.
    if text.bytes().all(is_plain) {
        json.push_str(text);
        json.push('"');
        return;
    }
    let mut plain_from = 0;
    for (at, character) in text.char_indices() {
        if u8::try_from(character).is_ok_and(is_plain) {
            continue;
        }
        json.push_str(text.get(plain_from..at).unwrap_or_default());
        plain_from = at + character.len_utf8();
        push_character(json, character);
    }
    json.push_str(text.get(plain_from..).unwrap_or_default());
    json.push('"');
}

fn push_character(json: &mut String, character: char) {
    match character {
        '"' => json.push_str("\\\""),
        '\\' => json.push_str("\\\\"),
        '\n' => json.push_str("\\n"),
        '\r' => json.push_str("\\r"),
        '\t' => json.push_str("\\t"),
        '\u{8}' => json.push_str("\\b"),
        '\u{c}' => json.push_str("\\f"),
        ' '..='~' => json.push(character),
        _ => {
            for unit in character.encode_utf16(&mut [0; 2]) {
                push_unit(json, *unit);
            }
        }
    }
}

fn push_unit(json: &mut String, unit: u16) {
    // Writing to a string cannot fail.
    let _ = write!(json, "\\u{unit:04x}");
}

/// Appends a JSON string of UTF-16 units, in ASCII alone. Halves of surrogate pairs stay what they
/// are.
///
/// # Examples
///
/// ```
/// use pythonic::json::push_utf16;
///
/// let mut json = String::new();
/// push_utf16(&mut json, [0x61, 0xd800, 0xe9]);
/// assert_eq!(json, r#""a\ud800\u00e9""#);
/// ```
pub fn push_utf16(json: &mut String, units: impl IntoIterator<Item = u16>) {
    json.push('"');
    for character in char::decode_utf16(units) {
        match character {
            Ok(character) => push_character(json, character),
            Err(half) => push_unit(json, half.unpaired_surrogate()),
        }
    }
    json.push('"');
}

/// Whether it stands for itself in a JSON string.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
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
