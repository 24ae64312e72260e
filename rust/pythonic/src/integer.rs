//! `int(text)`.

use crate::text::{decimal_digit, is_space};

/// The most digits that Python reads.
const MOST_DIGITS: usize = 4300;

/// What `int(text)` reads, or `None` where it raises `ValueError`. Beyond 64 bits it is the largest
/// or smallest number of 64 bits.
///
/// White space around the number, a sign, underscores between digits and decimal digits of every
/// script are read.
///
/// # Examples
///
/// ```
/// use pythonic::integer::parse;
///
/// assert_eq!(parse(" +1_000 "), Some(1000));
/// assert_eq!(parse("１２"), Some(12));
/// assert_eq!(parse("1.0"), None);
/// ```
#[must_use]
pub fn parse(text: &str) -> Option<i64> {
    // Of ASCII, the separators U+001C to U+001F are no white space here.
    let number = text.trim_matches(|character| match character {
        '\t'..='\r' | ' ' => true,
        other => !other.is_ascii() && is_space(other),
    });
    let (is_negative, digits) = match number.strip_prefix(['+', '-']) {
        Some(digits) => (number.starts_with('-'), digits),
        None => (false, number),
    };
    let mut value: i64 = 0;
    let mut count = 0;
    let mut may_be_separator = false;
    for character in digits.chars() {
        if character == '_' && may_be_separator {
            may_be_separator = false;
            continue;
        }
        let digit = i64::from(decimal_digit(character)?);
        let signed = if is_negative { -digit } else { digit };
        value = value.saturating_mul(10).saturating_add(signed);
        count += 1;
        may_be_separator = true;
    }
    (may_be_separator && count <= MOST_DIGITS).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_python_reads() {
        for (text, number) in [
            ("1", 1),
            ("+01", 1),
            ("-1", -1),
            ("\t\n1 ", 1),
            ("1_0", 10),
            ("\u{3000}\u{661}\u{85}", 1),
            ("99999999999999999999", i64::MAX),
            ("-99999999999999999999", i64::MIN),
        ] {
            assert_eq!(parse(text), Some(number), "{text:?}");
        }
        assert_eq!(parse(&"0".repeat(MOST_DIGITS)), Some(0));
    }

    #[test]
    fn refuses_what_python_refuses() {
        for text in [
            "", " ", "+", "1.0", "1e2", "_1", "1_", "1__0", "+ 1", "--1", "0x1", "\u{1c}1", "½",
            "AND",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
        assert_eq!(parse(&"1".repeat(MOST_DIGITS + 1)), None);
    }
}
