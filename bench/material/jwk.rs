//! A key of t/data/keys, or a secret that is text.

use ngx_http_auth_jwt_module::jose::base64url;
use serde_json::{Map, Value, json};

use super::Outcome;

/// A private or secret JWK.
pub struct Jwk(pub Map<String, Value>);

impl Jwk {
    pub fn load(name: &str) -> Outcome<Self> {
        let path = format!("{}/t/data/keys/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        Ok(Self(serde_json::from_str(&text)?))
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
