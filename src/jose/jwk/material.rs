//! What a JWK is made of: `kty` and the members that go with it → keys.

use super::members::{has, required_bytes, required_coordinate, required_octets, required_text};
use crate::jose::algorithm::{Curve, KeyAlgorithm, KeyManagement::*, SignatureAlgorithm::*};
use crate::jose::crypto::{DecryptionKey, PublicPoint, RsaPrivateMembers, VerificationKey};
use crate::jose::error::{KeyError, MemberFault};
use crate::jose::json::Object;

/// The members beside `n`, `e` and `d` that an RSA private key comes with (RFC 7518 §6.3.2).
const RSA_FACTORS: [&str; 5] = ["p", "q", "dp", "dq", "qi"];

/// The keys that one JWK gives.
pub struct Material {
    pub kind: Kind,
    pub verification: Option<VerificationKey>,
    pub decryption: Option<DecryptionKey>,
}

/// Which keys are wanted of a JWK; what nobody may use is not built, and its secret not kept.
#[derive(Clone, Copy)]
pub struct Wanted {
    pub verification: bool,
    pub decryption: bool,
}

/// What decides which algorithms a key may name.
#[derive(Clone, Copy)]
pub enum Kind {
    Secret { octets: usize },
    Rsa,
    Curve(Curve),
}

impl Material {
    /// Reads the members of `jwk`. Public members are judged whatever is wanted, private ones only
    /// where they are needed.
    pub fn of(jwk: &Object, wanted: Wanted) -> Result<Self, KeyError> {
        match &*required_text(jwk, "kty")? {
            "oct" => Self::secret(jwk, wanted),
            "RSA" => Self::rsa(jwk, wanted),
            "EC" => {
                let crv = required_text(jwk, "crv")?;
                Self::ec(jwk, Curve::from_ec_name(&crv).ok_or(KeyError::UnknownCurve)?, wanted)
            }
            "OKP" => {
                let crv = required_text(jwk, "crv")?;
                Self::okp(jwk, Curve::from_okp_name(&crv).ok_or(KeyError::UnknownCurve)?, wanted)
            }
            _ => Err(KeyError::UnknownKeyType),
        }
    }

    fn secret(jwk: &Object, wanted: Wanted) -> Result<Self, KeyError> {
        let secret = required_bytes(jwk, "k")?;
        if secret.is_empty() {
            return Err(KeyError::Member("k", MemberFault::Empty));
        }
        let kind = Kind::Secret { octets: secret.len() };
        let verification =
            wanted.verification.then(|| VerificationKey::hmac(&secret)).transpose()?;
        let decryption = if wanted.decryption { DecryptionKey::secret(secret) } else { None };
        Ok(Self { kind, verification, decryption })
    }

    fn rsa(jwk: &Object, wanted: Wanted) -> Result<Self, KeyError> {
        let (n, e) = (required_bytes(jwk, "n")?, required_bytes(jwk, "e")?);
        let verification = VerificationKey::rsa(&n, &e)?;
        // A key of more than two primes must not be used as if it had two (RFC 7518 §6.3.2.7).
        let complete = RSA_FACTORS.iter().all(|name| has(jwk, name)) && !has(jwk, "oth");
        let decryption = if wanted.decryption && has(jwk, "d") && complete {
            let private = RsaPrivateMembers {
                d: required_bytes(jwk, "d")?,
                p: required_bytes(jwk, "p")?,
                q: required_bytes(jwk, "q")?,
                dp: required_bytes(jwk, "dp")?,
                dq: required_bytes(jwk, "dq")?,
                qi: required_bytes(jwk, "qi")?,
            };
            Some(DecryptionKey::rsa(&n, &e, &private)?)
        } else {
            None
        };
        let verification = wanted.verification.then_some(verification);
        Ok(Self { kind: Kind::Rsa, verification, decryption })
    }

    fn ec(jwk: &Object, curve: Curve, wanted: Wanted) -> Result<Self, KeyError> {
        let x = required_coordinate(jwk, "x", curve)?;
        let y = required_coordinate(jwk, "y", curve)?;
        let verification = VerificationKey::ec(curve, &x, &y)?;
        let decryption = agreement(jwk, curve, wanted, || PublicPoint::ec(curve, &x, &y))?;
        let verification = wanted.verification.then_some(verification);
        Ok(Self { kind: Kind::Curve(curve), verification, decryption })
    }

    fn okp(jwk: &Object, curve: Curve, wanted: Wanted) -> Result<Self, KeyError> {
        let x = required_octets(jwk, "x", curve)?;
        let (verification, decryption) = match curve {
            Curve::Ed25519 => (Some(VerificationKey::ed25519(&x)?), None),
            Curve::Ed448 => (Some(VerificationKey::ed448(&x)?), None),
            _ => (None, agreement(jwk, curve, wanted, || PublicPoint::x25519(&x))?),
        };
        let verification = verification.filter(|_| wanted.verification);
        Ok(Self { kind: Kind::Curve(curve), verification, decryption })
    }
}

fn agreement(
    jwk: &Object,
    curve: Curve,
    wanted: Wanted,
    public: impl FnOnce() -> PublicPoint,
) -> Result<Option<DecryptionKey>, KeyError> {
    if !wanted.decryption || !has(jwk, "d") {
        return Ok(None);
    }
    let d = required_octets(jwk, "d", curve)?;
    DecryptionKey::agreement(&d, &public()).map(Some)
}

impl Kind {
    /// Whether a key of this kind may name `algorithm`.
    pub fn fits(self, algorithm: KeyAlgorithm) -> bool {
        match (self, algorithm) {
            (Self::Secret { .. }, KeyAlgorithm::Signature(Hs256 | Hs384 | Hs512)) => true,
            (Self::Secret { .. }, KeyAlgorithm::ContentEncryption(_)) => true,
            (Self::Secret { .. }, KeyAlgorithm::KeyManagement(management)) => matches!(
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
