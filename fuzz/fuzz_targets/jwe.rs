//! A private key set of the tests, chosen by the first byte together with the type, and any bytes
//! as an encrypted token. Symmetric tokens are compared with the reference, the others must not
//! panic, and say what they say twice.
#![no_main]

use std::sync::LazyLock;

use fuzz::known::SETS;
use fuzz::module::{compare, word};
use fuzz::reference::rules::Ruling;
use fuzz::reference::{Question, Type};

static SOURCES: LazyLock<[[Vec<u8>; 1]; 3]> = LazyLock::new(|| {
    ["jwe_all", "jwe_all_nokid", "nested_all"].map(|name| [SETS[name].to_string().into_bytes()])
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((choice, token)) = data.split_first() else { return };
    let token_type = if choice & 1 == 0 { Type::Encrypted } else { Type::Nested };
    let question = Question {
        token,
        token_type,
        sources: Some(&SOURCES[usize::from(choice >> 1) % 3]),
        now_milliseconds: 1_767_225_600_000,
        leeway: 0,
        ruling: Ruling::default(),
        requirement_met: true,
    };
    let found = compare(&question);
    assert_eq!(word(&question), found, "twice the same");
});
