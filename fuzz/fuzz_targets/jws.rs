//! A key set of the tests, chosen by the first byte, and any bytes as a signed token.
#![no_main]

use std::sync::LazyLock;

use fuzz::known::SETS;
use fuzz::module::compare;
use fuzz::reference::rules::Ruling;
use fuzz::reference::{Question, Type};

/// RSA keys beyond 4096 bits are more than the reference reads, and slow.
static SOURCES: LazyLock<Vec<[Vec<u8>; 1]>> = LazyLock::new(|| {
    let sets = SETS.iter().filter(|(name, _)| *name != "rsa8192");
    sets.map(|(_, set)| [set.to_string().into_bytes()]).collect()
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((set, token)) = data.split_first() else { return };
    compare(&Question {
        token,
        token_type: Type::Signed,
        sources: Some(&SOURCES[usize::from(*set) % SOURCES.len()]),
        now_milliseconds: 1_767_225_600_000,
        leeway: 0,
        ruling: Ruling::default(),
        requirement_met: true,
    });
});
