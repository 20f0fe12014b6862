//! Project Wycheproof's vectors for what encrypted tokens are made of. What we refuse though it is
//! valid, or may be, is written down here; an unexpected pass fails too.

use std::fmt::Debug;

use ::wycheproof::{EllipticCurve, HashFunction, TestResult, aead, ecdh, keywrap, rsa_oaep, xdh};
use aws_lc_rs::agreement::{self, PrivateKey};
use zeroize::Zeroizing;

use super::decryption::{DecryptionKey, EncryptedKey, KeyParameters};
use super::key_agreement::{AgreementKey, Context, PublicPoint, concat_kdf};
use super::{aes_cbc_hmac, aes_gcm, aes_key_wrap};
use crate::jose::algorithm::{ContentEncryption, Curve, KeyManagement};
use crate::jose::secret::Secret;

const CONTEXT: Context<'_> = Context { algorithm: "A128GCM", party_u: b"", party_v: b"" };

/// How many vectors passed and how many were refused; what was wrong is told at the end.
#[derive(Default)]
struct Tally {
    passed: usize,
    refused: usize,
    wrong: Vec<String>,
}

impl Tally {
    /// `found` is what we make of a vector, `expected` what it says, unless it is an `exception`.
    fn judge(
        &mut self,
        name: impl Debug,
        result: TestResult,
        exception: bool,
        found: Option<Secret>,
        expected: &[u8],
    ) {
        let passes = result == TestResult::Valid || result == TestResult::Acceptable;
        let right = match found {
            Some(found) => passes && !exception && *found == expected,
            None => !passes || exception,
        };
        if !right {
            self.wrong.push(format!("{name:?}: {result:?}, exception {exception}"));
        } else if passes && !exception {
            self.passed = self.passed.saturating_add(1);
        } else {
            self.refused = self.refused.saturating_add(1);
        }
    }

    fn end(&self, passed: usize, refused: usize) {
        assert!(self.wrong.is_empty(), "{} wrong: {:#?}", self.wrong.len(), self.wrong);
        assert_eq!((self.passed, self.refused), (passed, refused));
    }
}

fn ready<T, E: Debug>(loaded: Result<T, E>) -> T {
    match loaded {
        Ok(set) => set,
        Err(error) => unreachable!("{error:?}"),
    }
}

/// The vectors of RFC 3394 §4 are among them.
#[test]
fn aes_key_wrap_of_each_size() {
    let mut tally = Tally::default();
    for group in ready(keywrap::TestSet::load(keywrap::TestName::AesKeyWrap)).test_groups {
        for test in group.tests {
            // RFC 3394 wraps no key of 64 bits.
            let exception = test.flags.contains(&keywrap::TestFlag::ShortKey);
            let found = aes_key_wrap::unwrap(&test.key, &test.ct);
            tally.judge(test.tc_id, test.result, exception, found, &test.pt);
            let valid = test.result == TestResult::Valid;
            for bit in (0..test.ct.len() * 8).filter(|_| valid) {
                let mut flipped = test.ct.to_vec();
                if let Some(byte) = flipped.get_mut(bit / 8) {
                    *byte ^= 1 << (bit % 8);
                }
                let found = aes_key_wrap::unwrap(&test.key, &flipped);
                assert!(found.is_none(), "{}: bit {bit}", test.tc_id);
            }
        }
    }
    tally.end(36, 129);
}

#[test]
fn aes_gcm_and_aes_cbc_with_hmac() {
    use aead::TestName::*;
    let mut tally = Tally::default();
    for name in [AesGcm, Aes128CbcHmacSha256, Aes192CbcHmacSha384, Aes256CbcHmacSha512] {
        let open = if name == AesGcm { aes_gcm::open } else { aes_cbc_hmac::open };
        for group in ready(aead::TestSet::load(name)).test_groups {
            // JWE has initialization vectors of 96 bits for GCM, and no others.
            let exception = name == AesGcm && group.nonce_size != 96;
            for test in group.tests {
                let found = open(&test.key, &test.nonce, &test.aad, &test.ct, &test.tag);
                tally.judge((name, test.tc_id), test.result, exception, found, &test.pt);
                for short in [0, 4, 8, 12, 15] {
                    let tag = test.tag.get(..short).unwrap_or_default();
                    let found = open(&test.key, &test.nonce, &test.aad, &test.ct, tag);
                    assert!(found.is_none(), "{name:?} {}: a short tag", test.tc_id);
                }
            }
        }
    }
    tally.end(317, 281);
}

#[test]
fn x25519() {
    let mut tally = Tally::default();
    for group in ready(xdh::TestSet::load(xdh::TestName::X25519)).test_groups {
        for test in group.tests {
            let private =
                ready(PrivateKey::from_private_key(&agreement::X25519, &test.private_key));
            let point = |x: &[u8]| PublicPoint::okp(Curve::X25519, x);
            let public = point(ready(private.compute_public_key()).as_ref());
            let key = ready(AgreementKey::new(&test.private_key, &public));
            let found = key.agree(&point(&test.public_key), &CONTEXT, 16);
            let expected = concat_kdf(&test.shared_secret, &CONTEXT, 16).unwrap_or_default();
            // RFC 7748 §6.1.
            let exception = test.flags.contains(&xdh::TestFlag::ZeroSharedSecret);
            tally.judge(test.tc_id, test.result, exception, found, &expected);
        }
    }
    tally.end(487, 31);
}

#[test]
fn ecdh_on_each_curve() {
    use ecdh::TestName::*;
    let mut tally = Tally::default();
    for name in [EcdhSecp256r1Ecpoint, EcdhSecp384r1Ecpoint, EcdhSecp521r1Ecpoint] {
        for group in ready(ecdh::TestSet::load(name)).test_groups {
            let (curve, algorithm) = match group.curve {
                EllipticCurve::Secp256r1 => (Curve::P256, &agreement::ECDH_P256),
                EllipticCurve::Secp384r1 => (Curve::P384, &agreement::ECDH_P384),
                _ => (Curve::P521, &agreement::ECDH_P521),
            };
            let length = curve.coordinate_length();
            let point = |bytes: &[u8]| match bytes.split_first() {
                Some((4, coordinates)) if coordinates.len() == 2 * length => {
                    let (x, y) = coordinates.split_at(length);
                    Some(PublicPoint::ec(curve, x, y))
                }
                // A JWK knows no other form of a point.
                _ => None,
            };
            for test in group.tests {
                let number: Vec<u8> =
                    test.private_key.iter().copied().skip_while(|byte| *byte == 0).collect();
                let d = [vec![0; length - number.len()], number].concat();
                let private = ready(PrivateKey::from_private_key(algorithm, &d));
                let Some(public) = point(ready(private.compute_public_key()).as_ref()) else {
                    unreachable!("aws-lc-rs writes uncompressed points")
                };
                let key = ready(AgreementKey::new(&d, &public));
                let peer = point(&test.public_key);
                let found = peer.as_ref().and_then(|peer| key.agree(peer, &CONTEXT, 16));
                let expected = concat_kdf(&test.shared_secret, &CONTEXT, 16).unwrap_or_default();
                tally.judge((name, test.tc_id), test.result, peer.is_none(), found, &expected);
            }
        }
    }
    tally.end(1733, 73);
}

#[test]
fn rsa_oaep_with_each_hash() {
    use rsa_oaep::TestName::*;
    let mut tally = Tally::default();
    for name in [
        Rsa2048Sha1Mgf1Sha1,
        Rsa2048Sha256Mgf1Sha256,
        Rsa2048Sha384Mgf1Sha384,
        Rsa2048Sha512Mgf1Sha512,
        Rsa2048Sha256Mgf1Sha1,
        Rsa3072Sha256Mgf1Sha256,
        Rsa3072Sha512Mgf1Sha512,
        Rsa4096Sha256Mgf1Sha256,
        Rsa4096Sha512Mgf1Sha512,
    ] {
        for group in ready(rsa_oaep::TestSet::load(name)).test_groups {
            let algorithm = match group.hash {
                HashFunction::Sha1 => KeyManagement::RsaOaep,
                HashFunction::Sha2_256 => KeyManagement::RsaOaep256,
                HashFunction::Sha2_384 => KeyManagement::RsaOaep384,
                _ => KeyManagement::RsaOaep512,
            };
            let key = &group.key;
            let private = [&key.d, &key.p, &key.q, &key.d1, &key.d2, &key.c]
                .map(|number| Zeroizing::new(number.to_vec()));
            let key = DecryptionKey::rsa(&key.n, &key.e, &private);
            let Ok(key) = key else { unreachable!("{name:?}: {:?}", key.err()) };
            for test in group.tests {
                // JWE has no labels, and one hash for both purposes.
                let exception = !test.label.is_empty() || group.hash != group.mgf_hash;
                let encrypted = EncryptedKey {
                    algorithm,
                    encryption: ContentEncryption::A128Gcm,
                    parameters: KeyParameters::None,
                    bytes: test.ct.to_vec(),
                };
                let found = key.decrypt(&encrypted);
                tally.judge((name, test.tc_id), test.result, exception, found, &test.pt);
            }
        }
    }
    tally.end(80, 234);
}
