//! The keys of the repository's tests, for signing and encrypting: public, and worth nothing.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::reference::base64url::decode;

macro_rules! keys {
    ($($name:literal)*) => {
        [$(($name, include_str!(concat!("../../t/data/keys/", $name, ".json")))),*]
    };
}

/// Each kind of key by its name, some twice.
const TEXTS: [(&str, &str); 20] = keys!(
    "hs256" "hs384" "hs512" "hs_short" "p256" "p256_other" "p384" "p521" "ed25519" "ed25519_other"
    "ed448" "enc16" "enc16_other" "enc24" "enc32" "enc48" "enc64" "x25519" "rsa2048" "rsa2048_other"
);

static KEYS: LazyLock<Vec<Map<String, Value>>> = LazyLock::new(|| {
    TEXTS.iter().map(|(_, text)| serde_json::from_str(text).expect("a JWK")).collect()
});

/// The private JWK of that number.
pub fn jwk(number: usize) -> &'static Map<String, Value> {
    &KEYS[number % KEYS.len()]
}

/// A member of it, decoded.
pub fn member(number: usize, name: &str) -> Option<Vec<u8>> {
    decode(jwk(number).get(name)?.as_str()?.as_bytes())
}

/// The JWK Sets of the tests, by name.
pub static SETS: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../t/data/key_sets.json")).expect("an object of sets")
});
