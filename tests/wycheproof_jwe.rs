//! Project Wycheproof's vectors for JWE (t/data/wycheproof_jwe.json; its source is named there).
//! Most plaintexts are no claims, so they are decrypted without being read.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ngx_http_auth_jwt_module::jose::compact::Compact;
use ngx_http_auth_jwt_module::jose::error::{Malformed, TokenError, Tried};
use ngx_http_auth_jwt_module::jose::jwe::Jwe;
use ngx_http_auth_jwt_module::jose::key_set::KeySet;
use serde::Deserialize;
use serde_json::value::RawValue;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Never served, whatever the key says.
const RSA1_5: TokenError = TokenError::UnsupportedAlgorithm;
/// Nothing is decompressed.
const ZIP: TokenError = TokenError::Malformed(Malformed::HeaderExtension("zip"));

/// The valid vectors that we refuse on purpose.
const EXCEPTIONS: [(u16, TokenError); 9] = [
    (100, RSA1_5),
    (101, RSA1_5),
    (102, RSA1_5),
    (103, RSA1_5),
    (104, RSA1_5),
    (105, RSA1_5),
    (112, RSA1_5),
    (128, RSA1_5),
    (135, ZIP),
];

/// The groups whose key we do not take, because its `alg` is RSA1_5.
const KEYS_REFUSED: [&str; 2] = ["jwe_rsa1_5", "rfc_7520 RSA1_5"];

#[derive(Deserialize)]
struct Vectors {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    name: String,
    jwk: Box<RawValue>,
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    id: u16,
    valid: bool,
    plaintext_hex: Option<String>,
    token: Option<String>,
    /// The token is that of an earlier test,
    of: Option<u16>,
    /// with these segments replaced,
    #[serde(default)]
    with: BTreeMap<usize, String>,
    /// and without this one.
    drop_segment: Option<usize>,
    #[serde(default)]
    flags: Vec<String>,
}

impl Test {
    fn token(&self, earlier: &HashMap<u16, String>) -> Outcome<String> {
        let base = self.of.and_then(|of| earlier.get(&of));
        let base = self.token.as_ref().or(base).ok_or("no token")?;
        let mut segments: Vec<&str> = base.split('.').collect();
        for (at, segment) in &self.with {
            *segments.get_mut(*at).ok_or("no such segment")? = segment;
        }
        if let Some(at) = self.drop_segment {
            segments.get(at).ok_or("no such segment")?;
            segments.remove(at);
        }
        Ok(segments.join("."))
    }

    /// Whether `refusal` is one for an invalid test to have.
    fn admits(&self, refusal: TokenError) -> bool {
        match self.flags.first().map(String::as_str) {
            Some("JsonSerialization") => refusal == Malformed::SegmentCount.into(),
            Some("WrongCipher") => refusal == TokenError::UnknownKey,
            Some("Pkcs15WithOaepKey" | "ModifiedPkcs15Padding") => refusal == RSA1_5,
            Some("Pkcs5Padding") => refusal == TokenError::DecryptionFailed(Tried::All),
            _ => true,
        }
    }
}

fn decrypt(token: &str, keys: Option<&Arc<KeySet>>) -> Result<String, TokenError> {
    let Compact::Jwe(segments) = Compact::split(token.as_bytes())? else {
        return Err(TokenError::WrongType);
    };
    let jwe = Jwe::parse(segments)?;
    let (_, plaintext) = jwe.decrypt(keys.map_or(&[], std::slice::from_ref))?.into_parts();
    Ok(plaintext.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[test]
fn vectors_of_wycheproof() -> Outcome<()> {
    let path = format!("{}/t/data/wycheproof_jwe.json", env!("CARGO_MANIFEST_DIR"));
    let vectors: Vectors = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    let exceptions = HashMap::from(EXCEPTIONS);
    let (mut tokens, mut wrong, mut keys_refused) = (HashMap::new(), Vec::new(), Vec::new());
    let (mut decrypted, mut excepted, mut invalid, mut unexpected) = (0_u32, 0_u32, 0_u32, 0_u32);
    for group in &vectors.groups {
        let keys = KeySet::parse(group.jwk.get().as_bytes().to_vec(), |_| ()).map(Arc::new);
        if keys.is_err() {
            keys_refused.push(group.name.as_str());
        }
        for test in &group.tests {
            let token = test.token(&tokens)?;
            let found = decrypt(&token, keys.as_ref().ok());
            let (right, count) = match (test.valid, exceptions.get(&test.id), &found) {
                (true, None, Ok(hex)) => (Some(hex) == test.plaintext_hex.as_ref(), &mut decrypted),
                (true, Some(refusal), Err(found)) => (refusal == found, &mut excepted),
                (false, None, Err(refusal)) => (test.admits(*refusal), &mut invalid),
                _ => (false, &mut unexpected),
            };
            *count = count.saturating_add(1);
            if !right {
                wrong.push(format!("{} of {}: {found:?}", test.id, group.name));
            }
            assert_eq!(tokens.insert(test.id, token), None, "one test of each id");
        }
    }
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), tokens.len(), wrong.join("\n"));
    assert_eq!((decrypted, excepted, invalid, unexpected), (56, 9, 74, 0));
    assert_eq!(keys_refused, KEYS_REFUSED);
    Ok(())
}
