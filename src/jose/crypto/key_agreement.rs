//! Key agreement on elliptic curves, ephemeral to static, and the Concat KDF (RFC 7518 §4.6,
//! RFC 8037 §3.2).

use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey};
use aws_lc_rs::kdf::{SskdfDigestAlgorithmId, get_sskdf_digest_algorithm, sskdf_digest};
use zeroize::Zeroizing;

use crate::jose::algorithm::Curve;
use crate::jose::error::KeyError;
use crate::jose::secret::Secret;

/// A public key as a token or a JWK writes it. That it is a point of its curve is known only where
/// a key has been made of it, or a private key agreed with it.
#[derive(Debug)]
pub struct PublicPoint {
    pub(super) curve: Curve,
    pub(super) encoded: Vec<u8>,
}

/// A private key for key agreement.
pub struct AgreementKey {
    curve: Curve,
    key: PrivateKey,
}

impl PublicPoint {
    /// The point (`x`, `y`) of a curve of RFC 7518 §6.2.1, each coordinate of full length.
    pub fn ec(curve: Curve, x: &[u8], y: &[u8]) -> Self {
        // SEC 1 §2.3.3: an uncompressed point.
        Self { curve, encoded: [&[4], x, y].concat() }
    }

    /// The public key `x` of a curve of RFC 8037 §2.
    pub fn okp(curve: Curve, x: &[u8]) -> Self {
        Self { curve, encoded: x.to_vec() }
    }
}

impl AgreementKey {
    /// The private key `d`, big-endian and of full length, that belongs to `public`.
    pub fn new(d: &[u8], public: &PublicPoint) -> Result<Self, KeyError> {
        let algorithm = match public.curve {
            Curve::P256 => &agreement::ECDH_P256,
            Curve::P384 => &agreement::ECDH_P384,
            Curve::P521 => &agreement::ECDH_P521,
            Curve::X25519 => &agreement::X25519,
            Curve::Ed25519 | Curve::Ed448 => return Err(KeyError::UnknownCurve),
        };
        KeyError::check_length("d", d.len(), public.curve.coordinate_length())?;
        let key = PrivateKey::from_private_key(algorithm, d).map_err(|_| KeyError::Rejected)?;
        let own = key.compute_public_key().map_err(|_| KeyError::Rejected)?;
        // A private key of another public one would decrypt nothing that is meant for it.
        if own.as_ref() != public.encoded {
            return Err(KeyError::Rejected);
        }
        Ok(Self { curve: public.curve, key })
    }

    /// Its curve.
    pub fn curve(&self) -> Curve {
        self.curve
    }

    /// The key of `length` bytes that is agreed on with `peer`. `None` for a point that is not on
    /// the key's own curve, and where a point of low order makes the shared secret zero.
    pub fn agree(
        &self,
        peer: &PublicPoint,
        context: &Context<'_>,
        length: usize,
    ) -> Option<Secret> {
        if peer.curve != self.curve {
            return None;
        }
        let peer = UnparsedPublicKey::new(self.key.algorithm(), &peer.encoded);
        agreement::agree(&self.key, peer, (), |secret| {
            // RFC 8037 §3.2. On the other curves a coordinate of zero is as good as any other: what
            // is refused there is a point that is not on the curve.
            let zero = secret.iter().fold(0, |all, byte| all | byte) == 0;
            if zero && self.curve == Curve::X25519 {
                return Err(());
            }
            concat_kdf(secret, context, length).ok_or(())
        })
        .ok()
    }
}

/// What a derived key is bound to (RFC 7518 §4.6.2).
pub struct Context<'t> {
    /// The algorithm the key is for: `enc`, or `alg` where the key wraps another.
    pub algorithm: &'static str,
    /// `apu`, decoded; empty where the token has none.
    pub party_u: &'t [u8],
    /// `apv`, decoded; empty where the token has none.
    pub party_v: &'t [u8],
}

pub(super) fn concat_kdf(secret: &[u8], context: &Context<'_>, length: usize) -> Option<Secret> {
    let mut info = Vec::new();
    for field in [context.algorithm.as_bytes(), context.party_u, context.party_v] {
        info.extend_from_slice(&u32::try_from(field.len()).ok()?.to_be_bytes());
        info.extend_from_slice(field);
    }
    info.extend_from_slice(&u32::try_from(length.checked_mul(8)?).ok()?.to_be_bytes());
    let hash = get_sskdf_digest_algorithm(SskdfDigestAlgorithmId::Sha256)?;
    let mut key = Zeroizing::new(vec![0; length]);
    sskdf_digest(hash, secret, &info, &mut key).ok()?;
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::base64url;
    use crate::jose::error::MemberFault;

    fn bytes(text: &str) -> Vec<u8> {
        base64url::decode(text.as_bytes()).unwrap_or_default()
    }

    /// RFC 7518 appendix C.
    #[test]
    fn vector_of_rfc_7518() {
        let bob = PublicPoint::ec(
            Curve::P256,
            &bytes("weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ"),
            &bytes("e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck"),
        );
        let alice = PublicPoint::ec(
            Curve::P256,
            &bytes("gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0"),
            &bytes("SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps"),
        );
        let d = bytes("VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw");
        let context = Context { algorithm: "A128GCM", party_u: b"Alice", party_v: b"Bob" };
        let key = AgreementKey::new(&d, &bob);
        let derived = key.as_ref().ok().and_then(|key| key.agree(&alice, &context, 16));
        assert_eq!(derived.as_deref(), Some(&bytes("VqqN6vgjbSBcIijNcacQGg")));

        let other = Context { party_v: b"", ..context };
        let derived = key.ok().and_then(|key| key.agree(&alice, &other, 16));
        assert!(derived.is_some_and(|key| *key != bytes("VqqN6vgjbSBcIijNcacQGg")));
    }

    #[test]
    fn a_private_key_is_of_its_public_one() {
        let point = PublicPoint::okp(Curve::X25519, &[9; 32]);
        let short = KeyError::Member("d", MemberFault::Length { found: 31, wanted: 32 });
        assert_eq!(AgreementKey::new(&[1; 31], &point).err(), Some(short));
        assert_eq!(AgreementKey::new(&[1; 32], &point).err(), Some(KeyError::Rejected));
        let zero = PublicPoint::ec(Curve::P256, &[1; 32], &[1; 32]);
        assert_eq!(AgreementKey::new(&[0; 32], &zero).err(), Some(KeyError::Rejected));
        assert_eq!(AgreementKey::new(&[255; 32], &zero).err(), Some(KeyError::Rejected));
    }

    #[test]
    fn a_short_point_is_refused() {
        let Ok(private) = PrivateKey::from_private_key(&agreement::X25519, &[1; 32]) else {
            unreachable!("any 32 bytes are an X25519 key")
        };
        let key = AgreementKey { curve: Curve::X25519, key: private };
        let context = Context { algorithm: "A128GCM", party_u: b"", party_v: b"" };
        let point = |length| PublicPoint::okp(Curve::X25519, &vec![9; length]);
        assert!(key.agree(&point(32), &context, 16).is_some());
        assert!(key.agree(&point(31), &context, 16).is_none());
    }
}
