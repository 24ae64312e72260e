//! A text that is read as a number, lowered and stripped as Python does it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pythonic::{float, integer, text};

fuzz_target!(|input: &[u8]| {
    let Ok(input) = std::str::from_utf8(input) else {
        return;
    };
    let lowered = text::lower(input);
    assert_eq!(text::lower(&lowered), lowered);
    assert_eq!(text::strip(text::strip(input)), text::strip(input));
    if let Some(number) = float::parse(input) {
        let read = float::parse(&float::repr(number));
        assert!(read.is_some_and(|read| read.to_bits() == number.to_bits() || read.is_nan()));
    }
    if let Some(number) = integer::parse(input) {
        assert_eq!(integer::parse(&number.to_string()), Some(number));
        assert!(
            float::parse(input).is_some(),
            "what is an integer is a number"
        );
    }
});
