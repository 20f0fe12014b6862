//! Whether a bound token is its holder's (certificate, proof, what the request is) against the reference.
#![no_main]

use fuzz::held::compare;
use fuzz::reference::holder::Request;

libfuzzer_sys::fuzz_target!(|request: Request| {
    compare(&request);
});
