//! A pattern, a line feed, and the text to search, as bytes that anybody may have sent.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pythonic::pattern::{Budget, Pattern, Search};

fuzz_target!(|input: &[u8]| {
    let Ok(input) = std::str::from_utf8(input) else {
        return;
    };
    let (pattern, text) = input.split_once('\n').unwrap_or((input, ""));
    let Ok(pattern) = Pattern::compile(pattern) else {
        return;
    };
    let budget = Budget::default();
    let found = pattern.search(text, &budget);
    let again = Budget::default();
    assert_eq!(found, pattern.search(text, &again));
    assert_eq!(budget.spent(), again.spent());
    if found != Search::GivenUp {
        assert!(budget.spent() > 0);
    }
});
