//! Keys that verify signatures (RFC 7518 §3, RFC 8037 §3.1). Public keys and signatures are public,
//! so only HMAC needs constant time, which aws-lc-rs gives.

use std::sync::OnceLock;

use aws_lc_rs::signature::{
    self, EcdsaVerificationAlgorithm, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents,
};
use aws_lc_rs::{digest, hmac};

use super::key_agreement::PublicPoint;
use crate::jose::algorithm::{Curve, KeyType, Padding, Scheme, Sha2, SignatureAlgorithm};
use crate::jose::error::{KeyError, MemberFault};

/// The modulus sizes allowed, in bits (RFC 7518 §3.3 sets the lower bound, aws-lc-rs the upper one).
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// An exponent has at most this many bits.
const EXPONENT_BITS: usize = 33;

/// What is wrong about an OKP key that is no point.
const X_NOT_ON_CURVE: KeyError = KeyError::Member("x", MemberFault::NotOnCurve);

/// A key that verifies signatures.
pub enum VerificationKey {
    Hmac(Box<HmacKey>),
    Rsa(Box<RsaKey>),
    Ecdsa(Curve, ParsedPublicKey),
    Ed25519(ParsedPublicKey),
    Ed448(Box<crrl::ed448::PublicKey>),
}

/// One secret, prepared for each hash.
pub struct HmacKey {
    sha256: hmac::Key,
    sha384: hmac::Key,
    sha512: hmac::Key,
}

/// aws-lc-rs ties a parsed RSA key to one algorithm; each is made at its first use and kept as long
/// as the key.
pub struct RsaKey {
    components: RsaPublicKeyComponents<Vec<u8>>,
    parsed: [OnceLock<Option<ParsedPublicKey>>; 6],
}

impl VerificationKey {
    /// An HMAC key; `secret` must not be empty.
    pub fn hmac(secret: &[u8]) -> Self {
        Self::Hmac(Box::new(HmacKey {
            sha256: hmac::Key::new(hmac::HMAC_SHA256, secret),
            sha384: hmac::Key::new(hmac::HMAC_SHA384, secret),
            sha512: hmac::Key::new(hmac::HMAC_SHA512, secret),
        }))
    }

    /// An RSA key of modulus `n` and exponent `e`, big-endian.
    pub fn rsa(n: &[u8], e: &[u8]) -> Result<Self, KeyError> {
        let (n, e) = (without_leading_zeros(n), without_leading_zeros(e));
        let bits = bit_length(n);
        if !MODULUS_BITS.contains(&bits) {
            return Err(KeyError::ModulusSize(bits));
        }
        let odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
        if !odd(e) || e == [1] || bit_length(e) > EXPONENT_BITS {
            return Err(KeyError::Exponent);
        }
        if !odd(n) {
            return Err(KeyError::Rejected);
        }
        let key = RsaKey {
            components: RsaPublicKeyComponents { n: n.to_vec(), e: e.to_vec() },
            parsed: Default::default(),
        };
        match key.parsed(Padding::Pkcs1, Sha2::Sha256) {
            Some(_) => Ok(Self::Rsa(Box::new(key))),
            None => Err(KeyError::Rejected),
        }
    }

    /// The key that is `point`; `None` where nothing is signed with its curve.
    pub fn of_point(point: &PublicPoint) -> Result<Option<Self>, KeyError> {
        let PublicPoint { curve, encoded } = point;
        let ecdsa = |algorithm: &'static EcdsaVerificationAlgorithm| {
            let key = ParsedPublicKey::new(algorithm, encoded);
            key.map(|key| Self::Ecdsa(*curve, key)).map_err(|_| KeyError::NotOnCurve)
        };
        Ok(Some(match curve {
            Curve::P256 => ecdsa(&signature::ECDSA_P256_SHA256_FIXED)?,
            Curve::P384 => ecdsa(&signature::ECDSA_P384_SHA384_FIXED)?,
            Curve::P521 => ecdsa(&signature::ECDSA_P521_SHA512_FIXED)?,
            // RFC 8032 §5.1.5.
            Curve::Ed25519 => {
                // aws-lc looks at the point only when it verifies.
                crrl::ed25519::Point::decode(encoded).ok_or(X_NOT_ON_CURVE)?;
                let key = ParsedPublicKey::new(&signature::ED25519, encoded);
                Self::Ed25519(key.map_err(|_| KeyError::Rejected)?)
            }
            // RFC 8032 §5.2.5.
            Curve::Ed448 => {
                let key = crrl::ed448::PublicKey::decode(encoded).ok_or(X_NOT_ON_CURVE)?;
                Self::Ed448(Box::new(key))
            }
            Curve::X25519 => return Ok(None),
        }))
    }

    /// Whether a key of this type and curve may serve `algorithm` at all.
    pub fn serves(&self, algorithm: SignatureAlgorithm) -> bool {
        algorithm.takes(match self {
            Self::Hmac(_) => KeyType::Secret,
            Self::Rsa(_) => KeyType::Rsa,
            Self::Ecdsa(curve, _) => KeyType::Curve(*curve),
            Self::Ed25519(_) => KeyType::Curve(Curve::Ed25519),
            Self::Ed448(_) => KeyType::Curve(Curve::Ed448),
        })
    }

    /// Whether `signature` is that of `message`; `false` also where the key does not serve
    /// `algorithm`.
    pub fn verify(&self, algorithm: SignatureAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        if !self.serves(algorithm) {
            return false;
        }
        match (algorithm.scheme(), self) {
            (Scheme::Hmac(hash), Self::Hmac(key)) => key.verify(hash, message, signature),
            (Scheme::Rsa(padding, hash), Self::Rsa(key)) => {
                let parsed = key.parsed(padding, hash);
                parsed.is_some_and(|parsed| verify_hashed(parsed, hash, message, signature))
            }
            (Scheme::Ecdsa(_, hash), Self::Ecdsa(_, key)) => {
                verify_hashed(key, hash, message, signature)
            }
            (Scheme::EdDsa(_), Self::Ed25519(key)) => key.verify_sig(message, signature).is_ok(),
            (Scheme::EdDsa(_), Self::Ed448(key)) => verify_ed448(key, message, signature),
            (Scheme::Hmac(_) | Scheme::Rsa(..) | Scheme::Ecdsa(..) | Scheme::EdDsa(_), _) => false,
        }
    }
}

impl HmacKey {
    fn verify(&self, hash: Sha2, message: &[u8], tag: &[u8]) -> bool {
        let key = match hash {
            Sha2::Sha256 => &self.sha256,
            Sha2::Sha384 => &self.sha384,
            Sha2::Sha512 => &self.sha512,
        };
        hmac::verify(key, message, tag).is_ok()
    }
}

impl RsaKey {
    fn parsed(&self, padding: Padding, hash: Sha2) -> Option<&ParsedPublicKey> {
        use {Padding::*, Sha2::*};
        let (slot, parameters): (usize, &'static RsaParameters) = match (padding, hash) {
            (Pkcs1, Sha256) => (0, &signature::RSA_PKCS1_2048_8192_SHA256),
            (Pkcs1, Sha384) => (1, &signature::RSA_PKCS1_2048_8192_SHA384),
            (Pkcs1, Sha512) => (2, &signature::RSA_PKCS1_2048_8192_SHA512),
            (Pss, Sha256) => (3, &signature::RSA_PSS_2048_8192_SHA256),
            (Pss, Sha384) => (4, &signature::RSA_PSS_2048_8192_SHA384),
            (Pss, Sha512) => (5, &signature::RSA_PSS_2048_8192_SHA512),
        };
        let parse = || self.components.to_parsed_public_key(parameters).ok();
        self.parsed.get(slot)?.get_or_init(parse).as_ref()
    }
}

/// Hashes by itself, which is a little less work than to let the library's signature do it.
fn verify_hashed(key: &ParsedPublicKey, hash: Sha2, message: &[u8], signature: &[u8]) -> bool {
    let hash = match hash {
        Sha2::Sha256 => &digest::SHA256,
        Sha2::Sha384 => &digest::SHA384,
        Sha2::Sha512 => &digest::SHA512,
    };
    key.verify_digest_sig(&digest::digest(hash, message), signature).is_ok()
}

#[inline(never)]
fn verify_ed448(key: &crrl::ed448::PublicKey, message: &[u8], signature: &[u8]) -> bool {
    key.verify_raw(signature, message)
}

/// A big-endian number without the zero bytes that some write in front of it.
pub(super) fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.split_at(zeros).1
}

/// The bits of a big-endian number without leading zero bytes.
fn bit_length(number: &[u8]) -> usize {
    let first = number.first().map_or(0, |byte| byte.leading_zeros() as usize);
    number.len().saturating_mul(8).saturating_sub(first)
}
