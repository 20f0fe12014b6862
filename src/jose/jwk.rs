//! One JSON Web Key (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2) → a key ready for use.

use jsonwebtoken::jwk::{KeyOperations, PublicKeyUse};
use serde::de::DeserializeOwned;

use super::algorithm::{Curve, KeyAlgorithm, KeyManagement, SignatureAlgorithm};
use super::base64url;
use super::crypto::VerificationKey;
use super::error::{JsonError, KeyError};
use super::json::{Object, Value};

/// A usable key.
pub struct Key {
    kid: Option<Box<str>>,
    algorithm: Option<KeyAlgorithm>,
    verifies: bool,
    material: Material,
}

enum Material {
    Verification(VerificationKey),
    /// An X25519 key: it serves key agreement only, never a signature.
    KeyAgreement,
}

impl Key {
    /// Reads the JWK `text`.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let jwk = Object::parse(text.as_bytes().to_vec()).map_err(KeyError::Json)?;
        Self::from_object(&jwk)
    }

    /// Reads a JWK whose JSON has been read.
    pub fn from_object(jwk: &Object) -> Result<Self, KeyError> {
        let kid = optional_text(jwk, "kid")?;
        let algorithm = match optional_text(jwk, "alg")? {
            Some(name) => Some(KeyAlgorithm::from_name(&name).ok_or(KeyError::UnknownAlgorithm)?),
            None => None,
        };
        let signs = match optional::<PublicKeyUse>(jwk, "use")? {
            Some(purpose) => purpose == PublicKeyUse::Signature,
            None => true,
        };
        let verifies = match optional::<Vec<KeyOperations>>(jwk, "key_ops")? {
            Some(operations) => operations.contains(&KeyOperations::Verify),
            None => true,
        };
        let (material, kind) = material(jwk)?;
        if algorithm.is_some_and(|algorithm| !kind.fits(algorithm)) {
            return Err(KeyError::UnfitAlgorithm);
        }
        Ok(Self { kid, algorithm, verifies: signs && verifies, material })
    }

    /// The key's `kid`.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The key, if its type, curve, `alg`, `use` and `key_ops` let it verify `algorithm`.
    pub fn for_verification(&self, algorithm: SignatureAlgorithm) -> Option<&VerificationKey> {
        let bound_elsewhere =
            self.algorithm.is_some_and(|own| own != KeyAlgorithm::Signature(algorithm));
        match &self.material {
            Material::Verification(key)
                if self.verifies && !bound_elsewhere && key.serves(algorithm) =>
            {
                Some(key)
            }
            _ => None,
        }
    }
}

/// What decides which algorithms a key may name.
#[derive(Clone, Copy)]
enum Kind {
    Secret,
    Rsa,
    Curve(Curve),
}

impl Kind {
    fn fits(self, algorithm: KeyAlgorithm) -> bool {
        use KeyManagement::*;
        use SignatureAlgorithm::*;
        match (self, algorithm) {
            (Self::Secret, KeyAlgorithm::Signature(Hs256 | Hs384 | Hs512)) => true,
            (Self::Secret, KeyAlgorithm::ContentEncryption(_)) => true,
            (Self::Secret, KeyAlgorithm::KeyManagement(management)) => matches!(
                management,
                Dir | A128Kw | A192Kw | A256Kw | A128GcmKw | A192GcmKw | A256GcmKw
            ),
            (Self::Rsa, KeyAlgorithm::Signature(signature)) => {
                matches!(signature, Rs256 | Rs384 | Rs512 | Ps256 | Ps384 | Ps512)
            }
            (Self::Rsa, KeyAlgorithm::KeyManagement(management)) => {
                matches!(management, RsaOaep | RsaOaep256 | RsaOaep384 | RsaOaep512)
            }
            (Self::Curve(curve), KeyAlgorithm::Signature(signature)) => matches!(
                (curve, signature),
                (Curve::P256, Es256)
                    | (Curve::P384, Es384)
                    | (Curve::P521, Es512)
                    | (Curve::Ed25519, EdDsa | Ed25519)
                    | (Curve::Ed448, EdDsa | Ed448)
            ),
            (Self::Curve(curve), KeyAlgorithm::KeyManagement(management)) => {
                matches!(curve, Curve::P256 | Curve::P384 | Curve::P521 | Curve::X25519)
                    && matches!(management, EcdhEs | EcdhEsA128Kw | EcdhEsA192Kw | EcdhEsA256Kw)
            }
            _ => false,
        }
    }
}

fn material(jwk: &Object) -> Result<(Material, Kind), KeyError> {
    let kty = required_text(jwk, "kty")?;
    let (key, kind) = match &*kty {
        "oct" => (VerificationKey::hmac(&required_bytes(jwk, "k")?)?, Kind::Secret),
        "RSA" => {
            let (n, e) = (required_bytes(jwk, "n")?, required_bytes(jwk, "e")?);
            (VerificationKey::rsa(&n, &e)?, Kind::Rsa)
        }
        "EC" => {
            let crv = required_text(jwk, "crv")?;
            let curve = Curve::from_ec_name(&crv).ok_or(KeyError::UnknownCurve)?;
            let x = required_coordinate(jwk, "x", curve)?;
            let y = required_coordinate(jwk, "y", curve)?;
            (VerificationKey::ec(curve, &x, &y)?, Kind::Curve(curve))
        }
        "OKP" => {
            let crv = required_text(jwk, "crv")?;
            let curve = Curve::from_okp_name(&crv).ok_or(KeyError::UnknownCurve)?;
            let x = required_coordinate(jwk, "x", curve)?;
            let key = match curve {
                Curve::Ed25519 => VerificationKey::ed25519(&x)?,
                Curve::Ed448 => VerificationKey::ed448(&x)?,
                _ => return Ok((Material::KeyAgreement, Kind::Curve(curve))),
            };
            (key, Kind::Curve(curve))
        }
        _ => return Err(KeyError::UnknownKeyType),
    };
    Ok((Material::Verification(key), kind))
}

fn optional<T: DeserializeOwned>(jwk: &Object, name: &'static str) -> Result<Option<T>, KeyError> {
    let parse = |value: Value<'_>| serde_json::from_str(value.text());
    jwk.value(name).map(parse).transpose().map_err(|_| KeyError::Member(name))
}

fn optional_text(jwk: &Object, name: &'static str) -> Result<Option<Box<str>>, KeyError> {
    let text = |value: Value<'_>| value.as_str().map(|text| text.into_owned().into_boxed_str());
    jwk.value(name).map(|value| text(value).ok_or(KeyError::Member(name))).transpose()
}

fn required_text(jwk: &Object, name: &'static str) -> Result<Box<str>, KeyError> {
    optional_text(jwk, name)?.ok_or(KeyError::Member(name))
}

fn required_bytes(jwk: &Object, name: &'static str) -> Result<Vec<u8>, KeyError> {
    let text = required_text(jwk, name)?;
    base64url::decode(text.as_bytes()).map_err(|_| KeyError::Member(name))
}

fn required_coordinate(
    jwk: &Object,
    name: &'static str,
    curve: Curve,
) -> Result<Vec<u8>, KeyError> {
    let bytes = required_bytes(jwk, name)?;
    if bytes.len() == curve.coordinate_length() { Ok(bytes) } else { Err(KeyError::Member(name)) }
}

impl From<JsonError> for KeyError {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}
