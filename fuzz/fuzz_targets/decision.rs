//! Whole decisions (token, type, key sources, clock, leeway, requirement) against the reference.
#![no_main]

use fuzz::module::compare;
use fuzz::plan::Case;

libfuzzer_sys::fuzz_target!(|case: Case| {
    compare(&case.question());
});
