//! A key of t/data/keys, or a secret that is text.

use ngx_http_auth_jwt_module::jose::base64url;
use serde_json::{Map, Value, json};

use super::Outcome;

/// Those of t/data/keys that are measured with.
const KEYS: [(&str, &str); 7] = [
    ("hs512", include_str!("../../t/data/keys/hs512.json")),
    ("rsa2048", include_str!("../../t/data/keys/rsa2048.json")),
    ("rsa2048_other", include_str!("../../t/data/keys/rsa2048_other.json")),
    ("p256", include_str!("../../t/data/keys/p256.json")),
    ("p256_other", include_str!("../../t/data/keys/p256_other.json")),
    ("p384", include_str!("../../t/data/keys/p384.json")),
    ("ed25519", include_str!("../../t/data/keys/ed25519.json")),
];

/// A private or secret JWK.
pub struct Jwk(pub Map<String, Value>);

impl Jwk {
    pub fn load(name: &str) -> Outcome<Self> {
        let (_, text) = KEYS.iter().find(|(key, _)| *key == name).ok_or("an unknown key")?;
        Ok(Self(serde_json::from_str(text)?))
    }

    /// A secret that can be written into a configuration as it is.
    pub fn of_text(kid: &str, secret: &str) -> Self {
        let k = base64url::encode(secret.as_bytes());
        let members = json!({"kty": "oct", "kid": kid, "k": k});
        Self(members.as_object().cloned().unwrap_or_default())
    }

    pub fn kid(&self) -> Outcome<&str> {
        self.0.get("kid").and_then(Value::as_str).ok_or_else(|| "a key without kid".into())
    }

    /// A member's bytes.
    pub fn bytes(&self, name: &str) -> Outcome<Vec<u8>> {
        let text = self.0.get(name).and_then(Value::as_str).ok_or("a member is missing")?;
        base64url::decode(text.as_bytes()).map_err(|_| "a member is no base64url".into())
    }

    /// SEC 1 §2.3.3: an uncompressed point.
    pub fn point(&self) -> Outcome<Vec<u8>> {
        Ok([vec![4], self.bytes("x")?, self.bytes("y")?].concat())
    }

    /// Without its private members, for signatures.
    pub fn public(&self) -> Value {
        let mut members = self.0.clone();
        for name in ["d", "p", "q", "dp", "dq", "qi"] {
            members.remove(name);
        }
        members.insert("use".into(), "sig".into());
        Value::Object(members)
    }

    /// With its private members, for decryption.
    pub fn private(&self) -> Value {
        let mut members = self.0.clone();
        members.insert("use".into(), "enc".into());
        Value::Object(members)
    }
}
