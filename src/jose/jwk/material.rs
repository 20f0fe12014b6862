//! What a JWK is made of: `kty` and the members that go with it → keys.

use super::members::{has, required_bytes, required_coordinate, required_text};
use crate::jose::algorithm::{Curve, CurveUse, KeyType};
use crate::jose::crypto::{DecryptionKey, PublicPoint, VerificationKey};
use crate::jose::error::{KeyError, MemberFault};
use crate::jose::json::Object;

/// The members beside `n` and `e` that an RSA private key comes with (RFC 7518 §6.3.2).
const RSA_PRIVATE: [&str; 6] = ["d", "p", "q", "dp", "dq", "qi"];

/// The keys that one JWK gives.
pub struct Material {
    pub key_type: KeyType,
    /// The length of an `oct` key, in bytes.
    pub secret_length: Option<usize>,
    pub verification: Option<VerificationKey>,
    pub decryption: Option<DecryptionKey>,
}

/// Which keys are wanted of a JWK; what nobody may use is not built, and its secret not kept.
#[derive(Clone, Copy)]
pub struct Wanted {
    pub verification: bool,
    pub decryption: bool,
}

impl Material {
    /// Reads the members of `jwk`. Public members are judged whatever is wanted, private ones only
    /// where they are needed.
    pub fn of(jwk: &Object, wanted: Wanted) -> Result<Self, KeyError> {
        match &*required_text(jwk, "kty")? {
            "oct" => Self::secret(jwk, wanted),
            "RSA" => Self::rsa(jwk, wanted),
            kty @ ("EC" | "OKP") => {
                let curve = Curve::of(kty, &required_text(jwk, "crv")?);
                Self::elliptic(jwk, curve.ok_or(KeyError::UnknownCurve)?, wanted)
            }
            _ => Err(KeyError::UnknownKeyType),
        }
    }

    fn secret(jwk: &Object, wanted: Wanted) -> Result<Self, KeyError> {
        let secret = required_bytes(jwk, "k")?;
        if secret.is_empty() {
            return Err(KeyError::Member("k", MemberFault::Empty));
        }
        let secret_length = Some(secret.len());
        let verification = wanted.verification.then(|| VerificationKey::hmac(&secret));
        let decryption = if wanted.decryption { DecryptionKey::secret(secret) } else { None };
        Ok(Self { key_type: KeyType::Secret, secret_length, verification, decryption })
    }

    fn rsa(jwk: &Object, wanted: Wanted) -> Result<Self, KeyError> {
        let (n, e) = (required_bytes(jwk, "n")?, required_bytes(jwk, "e")?);
        let verification = VerificationKey::rsa(&n, &e)?;
        // A key of more than two primes must not be used as if it had two (RFC 7518 §6.3.2.7).
        let complete = RSA_PRIVATE.iter().all(|name| has(jwk, name)) && !has(jwk, "oth");
        let decryption = if wanted.decryption && complete {
            let [d, p, q, dp, dq, qi] = RSA_PRIVATE.map(|name| required_bytes(jwk, name));
            Some(DecryptionKey::rsa(&n, &e, &[d?, p?, q?, dp?, dq?, qi?])?)
        } else {
            None
        };
        let verification = wanted.verification.then_some(verification);
        Ok(Self { key_type: KeyType::Rsa, secret_length: None, verification, decryption })
    }

    fn elliptic(jwk: &Object, curve: Curve, wanted: Wanted) -> Result<Self, KeyError> {
        let public = match curve.row().0 {
            CurveUse::Ec => {
                let x = required_coordinate(jwk, "x", curve)?;
                PublicPoint::ec(curve, &x, &required_coordinate(jwk, "y", curve)?)
            }
            CurveUse::OkpSigns | CurveUse::OkpAgrees => {
                let x = required_bytes(jwk, "x")?;
                KeyError::check_length("x", x.len(), curve.coordinate_length())?;
                PublicPoint::okp(curve, &x)
            }
        };
        let verification = VerificationKey::of_point(&public)?.filter(|_| wanted.verification);
        let decryption = if wanted.decryption && curve.agrees() && has(jwk, "d") {
            Some(DecryptionKey::agreement(&required_bytes(jwk, "d")?, &public)?)
        } else {
            None
        };
        Ok(Self { key_type: KeyType::Curve(curve), secret_length: None, verification, decryption })
    }
}
