//! A JWK to mint with, private members included: chosen from files, never printed.

use std::path::PathBuf;

use ngx_http_auth_jwt_module::jose::algorithm::{
    Curve, KeyAlgorithm, KeyManagement, KeyType, SignatureAlgorithm,
};
use ngx_http_auth_jwt_module::jose::jwk;
use ngx_http_auth_jwt_module::jose::key_set;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::input::{self, Failure};

/// A JWK, and whether it came alone.
#[derive(Clone)]
pub struct Jwk {
    members: Map<String, Value>,
    bare: bool,
}

/// All keys of `files`, in order.
pub fn read(files: &[PathBuf]) -> Result<Vec<Jwk>, Failure> {
    let mut found = Vec::new();
    for file in files {
        let wrong = || format!("\"{}\" is neither a JWK Set nor a JWK", file.display());
        let document = key_set::document(&input::read(file)?).map_err(|_| wrong())?;
        let document: Value = serde_json::from_str(document.text()).map_err(|_| wrong())?;
        let listed = document.get("keys").filter(|keys| !keys.is_null()).cloned();
        let bare = listed.is_none();
        let entries = listed.unwrap_or_else(|| vec![document].into());
        for entry in entries.as_array().ok_or_else(wrong)? {
            let members = entry.as_object().ok_or_else(wrong)?.clone();
            found.push(Jwk { members, bare });
        }
    }
    Ok(found)
}

/// The first key of that `kid` (a key that came alone needs none) that may serve `algorithm`.
pub fn pick<'k>(
    keys: &'k [Jwk],
    kid: Option<&str>,
    fits: impl Fn(&Jwk) -> bool,
) -> Option<&'k Jwk> {
    let named = |key: &&Jwk| kid.is_none() || key.text("kid") == kid || key.bare;
    keys.iter().filter(named).find(|key| fits(key))
}

impl Jwk {
    pub fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name)?.as_str()
    }

    pub fn bytes(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let text = self.text(name).ok_or_else(|| format!("the JWK has no \"{name}\""))?;
        let bytes = jwk::decode(text);
        Ok(Zeroizing::new(bytes.map_err(|_| format!("\"{name}\" of the JWK is not base64url"))?))
    }

    /// `x` and `y` as an uncompressed point (SEC 1 §2.3.3), leading zero octets put back.
    pub fn point(&self) -> Result<Vec<u8>, Failure> {
        let length = self.curve().map_or(0, Curve::coordinate_length);
        let mut point = vec![4];
        for name in ["x", "y"] {
            let bytes = self.bytes(name)?;
            point.resize(point.len().saturating_add(length.saturating_sub(bytes.len())), 0);
            point.extend_from_slice(&bytes);
        }
        Ok(point)
    }

    pub fn curve(&self) -> Option<Curve> {
        Curve::of(self.text("kty")?, self.text("crv")?)
    }

    /// `alg`, where we serve it.
    pub fn algorithm(&self) -> Option<KeyAlgorithm> {
        KeyAlgorithm::from_name(self.text("alg")?)
    }

    /// Whether the key is of the kind that signs by `algorithm`, and bound to no other.
    pub fn signs(&self, algorithm: SignatureAlgorithm) -> bool {
        let key_type = match self.text("kty") {
            Some("oct") => Some(KeyType::Secret),
            Some("RSA") => Some(KeyType::Rsa),
            _ => self.curve().map(KeyType::Curve),
        };
        let fits = key_type.is_some_and(|key_type| algorithm.takes(key_type));
        fits && self.algorithm().is_none_or(|own| own == KeyAlgorithm::Signature(algorithm))
    }

    /// Whether the key is of the kind that encrypts by `algorithm`, and bound to no other.
    pub fn encrypts(&self, algorithm: KeyManagement) -> bool {
        use KeyManagement::*;
        let fits = match algorithm {
            Dir | A128Kw | A192Kw | A256Kw | A128GcmKw | A192GcmKw | A256GcmKw => {
                self.text("kty") == Some("oct")
            }
            RsaOaep | RsaOaep256 | RsaOaep384 | RsaOaep512 => self.text("kty") == Some("RSA"),
            EcdhEs | EcdhEsA128Kw | EcdhEsA192Kw | EcdhEsA256Kw => matches!(
                self.curve(),
                Some(Curve::P256 | Curve::P384 | Curve::P521 | Curve::X25519)
            ),
        };
        fits && self.algorithm().is_none_or(|own| match own {
            KeyAlgorithm::KeyManagement(own) => own == algorithm,
            KeyAlgorithm::ContentEncryption(_) => algorithm == Dir,
            KeyAlgorithm::Signature(_) => false,
        })
    }
}
