//! Laws that hold for all inputs.

#![allow(
    clippy::unwrap_used,
    reason = "a case that is not as expected fails the test"
)]

use proptest::prelude::*;
use pythonic::{float, text};

proptest! {
    #[test]
    fn what_python_prints_python_reads(number in any::<f64>()) {
        let read = float::parse(&float::repr(number)).unwrap();
        prop_assert!(read.to_bits() == number.to_bits() || (read.is_nan() && number.is_nan()));
        if let Some(short) = float::shortest_text(number) {
            prop_assert_eq!(float::parse(&short), Some(number));
        }
    }

    #[test]
    fn lowering_twice_is_lowering_once(any_text in any::<String>()) {
        let once = text::lower(&any_text).into_owned();
        prop_assert_eq!(text::lower(&once), once.as_str());
        prop_assert!(any_text.contains(text::strip(&any_text)));
    }
}
