//! `str.isspace`, `str.strip`, `str.lower` and the decimal digits of all scripts.

use std::borrow::Cow;

use crate::unicode::{CASE_IGNORABLE, CASED, DIGIT_ZEROS, LONG_LOWERCASE, LOWERCASE, SPACES};

const CAPITAL_SIGMA: char = 'Σ';
const SMALL_SIGMA: char = 'σ';
const FINAL_SIGMA: char = 'ς';

/// `character.isspace()`.
#[must_use]
pub fn is_space(character: char) -> bool {
    is_in(SPACES, character)
}

/// `text.strip()`.
///
/// # Examples
///
/// ```
/// use pythonic::text::strip;
///
/// // Rust's own `trim` leaves the information separators in place.
/// assert_eq!(strip("\u{1c} Ann \u{3000}"), "Ann");
/// ```
#[must_use]
pub fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// The value of a decimal digit of any script, `0..=9`; `None` for any other character.
#[must_use]
pub fn decimal_digit(character: char) -> Option<u8> {
    let code = u32::from(character);
    let following = DIGIT_ZEROS.partition_point(|&zero| zero <= code);
    let zero = DIGIT_ZEROS.get(following.checked_sub(1)?)?;
    u8::try_from(code - zero).ok().filter(|&digit| digit <= 9)
}

/// `text.lower()`.
///
/// # Examples
///
/// ```
/// use pythonic::text::lower;
///
/// assert_eq!(lower("ΟΔΟΣ"), "οδος");
/// assert_eq!(lower("STRASSE"), "strasse");
/// ```
#[must_use]
pub fn lower(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Cow::Owned(text.to_ascii_lowercase());
        }
        return Cow::Borrowed(text);
    }
    let mut lowered = String::with_capacity(text.len());
    for (start, character) in text.char_indices() {
        if character == CAPITAL_SIGMA {
            let end = start + character.len_utf8();
            lowered.push(if is_final_sigma(&text[..start], &text[end..]) {
                FINAL_SIGMA
            } else {
                SMALL_SIGMA
            });
        } else {
            push_lower(&mut lowered, character);
        }
    }
    Cow::Owned(lowered)
}

/// Whether a capital sigma between these two texts ends a word.
fn is_final_sigma(before: &str, after: &str) -> bool {
    let stands_aside = |character: &char| is_in(CASE_IGNORABLE, *character);
    let cased = |character: char| is_in(CASED, character);
    let previous = before.chars().rev().find(|c| !stands_aside(c));
    let next = after.chars().find(|c| !stands_aside(c));
    previous.is_some_and(cased) && !next.is_some_and(cased)
}

fn push_lower(lowered: &mut String, character: char) {
    if character.is_ascii() {
        lowered.push(character.to_ascii_lowercase());
        return;
    }
    let code = u32::from(character);
    if let Some((_, long)) = LONG_LOWERCASE.iter().find(|(other, _)| *other == code) {
        lowered.push_str(long);
        return;
    }
    lowered.push(lower_one(character).unwrap_or(character));
}

fn lower_one(character: char) -> Option<char> {
    let code = u32::from(character);
    let following = LOWERCASE.partition_point(|&(first, ..)| first <= code);
    let &(first, last, step, distance) = LOWERCASE.get(following.checked_sub(1)?)?;
    if code > last || (code - first) % step != 0 {
        return None;
    }
    char::from_u32(code.checked_add_signed(distance)?)
}

fn is_in(ranges: &[(u32, u32)], character: char) -> bool {
    let code = u32::from(character);
    let following = ranges.partition_point(|&(first, _)| first <= code);
    following
        .checked_sub(1)
        .and_then(|index| ranges.get(index))
        .is_some_and(|&(_, last)| code <= last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lowers_as_python_lowers() {
        for (text, lowered) in [
            ("VWO", "vwo"),
            ("Straße", "straße"),
            ("ÄÖÜ", "äöü"),
            ("İ", "i\u{307}"),
            ("ẞ", "ß"),
            ("ΑΣ", "ας"),
            ("ΑΣΑ", "ασα"),
            ("Σ", "σ"),
            ("Α\u{ad}Σ.", "α\u{ad}ς."),
            ("Α:Σ", "α:ς"),
            ("Ⅷ", "ⅷ"),
            ("Ꭰ", "ꭰ"),
            ("𐐀", "𐐨"),
            ("漢字🙂", "漢字🙂"),
        ] {
            assert_eq!(lower(text), lowered, "{text}");
        }
    }

    #[test]
    fn strips_what_python_calls_white_space() {
        assert_eq!(strip("\u{1c}\u{1f}\u{85}\u{a0} a \u{2028}\u{3000}\n"), "a");
        assert_eq!(strip("\u{200b}a\u{feff}"), "\u{200b}a\u{feff}");
        assert_eq!(strip(" \t"), "");
    }

    #[test]
    fn digits_of_every_script_have_their_value() {
        assert_eq!(decimal_digit('7'), Some(7));
        assert_eq!(decimal_digit('٣'), Some(3));
        assert_eq!(decimal_digit('９'), Some(9));
        assert_eq!(decimal_digit('𝟡'), Some(9));
        for character in ['a', '½', '²', '一', '\u{0}', '/', ':'] {
            assert_eq!(decimal_digit(character), None, "{character}");
        }
    }
}
