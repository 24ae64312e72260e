//! `float(text)`, `repr(float)` and `str(int(float))`.

use std::borrow::Cow;

use crate::text::{decimal_digit, is_space};

/// The result of `float(text)`, or `None` if it raises `ValueError`.
///
/// White space around the number, underscores between digits, decimal digits of every script,
/// `inf`, `infinity` and `nan` are read, in any case.
///
/// # Examples
///
/// ```
/// use pythonic::float::parse;
///
/// assert_eq!(parse(" 1_000.5 "), Some(1000.5));
/// assert_eq!(parse("１２"), Some(12.0));
/// assert_eq!(parse("0x10"), None);
/// ```
#[must_use]
pub fn parse(text: &str) -> Option<f64> {
    // Python looks at Unicode only in text that is not all ASCII; in ASCII text the separators
    // U+001C to U+001F are no white space.
    let ascii: Cow<'_, str> = if text.is_ascii() {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.chars().map(as_ascii).collect())
    };
    let number = ascii.trim_matches(|character| matches!(character, '\t'..='\r' | ' '));
    if number.contains('_') {
        return parse_plain(&without_underscores(number)?);
    }
    parse_plain(number)
}

/// `repr(number)`, which is also `str(number)`.
///
/// # Examples
///
/// ```
/// use pythonic::float::repr;
///
/// assert_eq!(repr(1e16), "1e+16");
/// assert_eq!(repr(0.00001), "1e-05");
/// assert_eq!(repr(2.0), "2.0");
/// ```
#[must_use]
pub fn repr(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    // Both languages print the shortest digits that read back as the same number.
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = number.to_string();
        return if plain.contains('.') {
            plain
        } else {
            plain + ".0"
        };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

/// `str(int(number))` for a number without a fraction, else `repr(number)`; `None` where Python
/// raises because the number is not finite.
///
/// # Examples
///
/// ```
/// use pythonic::float::shortest_text;
///
/// assert_eq!(shortest_text(1e3).as_deref(), Some("1000"));
/// assert_eq!(shortest_text(0.5).as_deref(), Some("0.5"));
/// assert_eq!(shortest_text(f64::NAN), None);
/// ```
#[must_use]
pub fn shortest_text(number: f64) -> Option<String> {
    if !number.is_finite() {
        return None;
    }
    if number.fract() != 0.0 {
        return Some(repr(number));
    }
    // Adding zero turns -0.0 into 0.0: an integer has no negative zero.
    Some(format!("{:.0}", number + 0.0))
}

fn as_ascii(character: char) -> char {
    if character.is_ascii() {
        return character;
    }
    if is_space(character) {
        return ' ';
    }
    // '?' stands for what no number contains, as in Python.
    decimal_digit(character).map_or('?', |digit| char::from(b'0' + digit))
}

/// The number without its underscores; `None` where one does not stand between two digits.
fn without_underscores(number: &str) -> Option<String> {
    let bytes = number.as_bytes();
    let is_digit_at = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_digit);
    for (index, &byte) in bytes.iter().enumerate() {
        if byte == b'_' {
            let previous = index.checked_sub(1)?;
            if !is_digit_at(previous) || !is_digit_at(index + 1) {
                return None;
            }
        }
    }
    Some(number.replace('_', ""))
}

/// Both languages read the same plain numbers, and round them the same way.
fn parse_plain(number: &str) -> Option<f64> {
    number.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_python_reads() {
        for (text, number) in [
            ("1", 1.0),
            ("+1", 1.0),
            ("-1", -1.0),
            ("1.", 1.0),
            (".5", 0.5),
            ("1e5", 1e5),
            ("1E+5", 1e5),
            ("1_0", 10.0),
            ("1e1_0", 1e10),
            ("\u{3000}1\u{a0}", 1.0),
            ("\u{85}1", 1.0),
            ("\t\n\u{b}\u{c}\r 1", 1.0),
            ("\u{661}_\u{662}", 12.0),
            ("1e400", f64::INFINITY),
            ("infinity", f64::INFINITY),
            ("-InF", f64::NEG_INFINITY),
            ("0.1", 0.1),
            ("100000000000000000000", 1e20),
        ] {
            assert_eq!(parse(text), Some(number), "{text:?}");
        }
        assert!(parse("-nan").is_some_and(f64::is_nan));
    }

    #[test]
    fn refuses_what_python_refuses() {
        for text in [
            "",
            " ",
            ".",
            "e5",
            "1e",
            "1__0",
            "_1",
            "1_",
            "1_.0",
            "1._0",
            "0x10",
            "1 0",
            "1,5",
            "\u{1c}1",
            "\u{1c}\u{661}",
            "\u{200b}1",
            "1\0",
            "+-1",
            "infin",
            "١٢x",
            "½",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn prints_what_python_prints() {
        for (number, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.5, "1.5"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (0.0001, "0.0001"),
            (0.000_123, "0.000123"),
            (0.000_01, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (5e-324, "5e-324"),
            (1.797_693_134_862_315_7e308, "1.7976931348623157e+308"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(repr(number), text);
        }
    }

    #[test]
    fn an_integral_number_loses_its_point() {
        for (number, text) in [
            (-0.0, "0"),
            (12.0, "12"),
            (-3.0, "-3"),
            (1e22, "10000000000000000000000"),
            (1e23, "99999999999999991611392"),
            (2.5, "2.5"),
            (1e-7, "1e-07"),
        ] {
            assert_eq!(shortest_text(number).as_deref(), Some(text));
        }
        assert_eq!(shortest_text(f64::INFINITY), None);
    }
}
