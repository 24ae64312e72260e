//! A settings document of PageSense, as bytes that anybody may have sent.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sortition_engine::pagesense::settings::Settings;

fuzz_target!(|document: &[u8]| {
    let problems = match Settings::compile(document) {
        Ok(settings) => settings.problems().clone(),
        Err(problems) => {
            assert!(!problems.is_empty(), "a refusal says why");
            problems
        }
    };
    assert!(
        problems.first().len() <= problems.count(),
        "each is counted"
    );
    for problem in problems.first() {
        assert!(!problem.to_string().is_empty());
    }
});
