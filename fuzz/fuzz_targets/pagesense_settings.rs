//! A settings document of PageSense, as bytes that anybody may have sent.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sortition_engine::pagesense::settings::Settings;

fuzz_target!(|document: &[u8]| {
    let problems = match Settings::compile(document) {
        Ok(settings) => settings.problems().to_vec(),
        Err(problems) => {
            assert!(!problems.is_empty(), "a refusal says why");
            problems
        }
    };
    for problem in problems {
        assert!(!problem.to_string().is_empty());
    }
});
