//! Signatures by RustCrypto, most of them through `jsonwebtoken`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Once;

use jsonwebtoken::crypto::{rust_crypto, verify};
use jsonwebtoken::{Algorithm, DecodingKey};
use p521::ecdsa::signature::Verifier;

use super::base64url::encode;
use super::keys::{Key, Material};

/// Makes `jsonwebtoken` use RustCrypto: the module's own build brings aws-lc along.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        rust_crypto::DEFAULT_PROVIDER.install_default().expect("nobody has chosen before");
    });
}

/// Whether `signature` is that of `message` by `key`, which may serve `alg`.
pub fn is_valid(key: &Key, alg: &str, message: &[u8], signature: &[u8]) -> bool {
    install();
    let decoding = match &key.material {
        Material::Ec { curve, x, y, .. } if curve == "P-521" => {
            return es512(x, y, message, signature);
        }
        Material::Okp { curve, x, .. } if curve == "Ed448" => {
            let key = crrl::ed448::PublicKey::decode(x);
            return key.is_some_and(|key| key.verify_raw(signature, message));
        }
        Material::Secret(secret) => Ok(DecodingKey::from_secret(secret)),
        Material::Rsa { n, e, .. } => Ok(DecodingKey::from_rsa_raw_components(n, e)),
        Material::Ec { x, y, .. } => DecodingKey::from_ec_components(&encode(x), &encode(y)),
        Material::Okp { x, .. } => DecodingKey::from_ed_components(&encode(x)),
    };
    let alg = if alg == "Ed25519" { "EdDSA" } else { alg };
    let (Ok(key), Ok(algorithm)) = (decoding, alg.parse::<Algorithm>()) else { return false };
    verify(&encode(signature), message, &key, algorithm).unwrap_or(false)
}

fn es512(x: &[u8], y: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = p521::ecdsa::VerifyingKey::from_sec1_bytes(&point(x, y));
    let signature = p521::ecdsa::Signature::from_slice(signature);
    matches!((key, signature), (Ok(key), Ok(signature)) if key.verify(message, &signature).is_ok())
}

/// Whether a public key is a point of its curve. That takes long, and most keys come again.
pub fn on_curve(curve: &str, x: &[u8], y: &[u8]) -> bool {
    type Points = HashMap<(String, Vec<u8>), bool>;
    thread_local! {
        static POINTS: RefCell<Points> = RefCell::default();
    }
    POINTS.with_borrow_mut(|points| {
        if points.len() > 4096 {
            points.clear();
        }
        let at = (curve.to_owned(), point(x, y));
        *points.entry(at).or_insert_with(|| is_point(curve, x, y))
    })
}

fn is_point(curve: &str, x: &[u8], y: &[u8]) -> bool {
    match curve {
        "P-256" => p256::PublicKey::from_sec1_bytes(&point(x, y)).is_ok(),
        "P-384" => p384::PublicKey::from_sec1_bytes(&point(x, y)).is_ok(),
        "P-521" => p521::PublicKey::from_sec1_bytes(&point(x, y)).is_ok(),
        "Ed25519" => {
            ed25519_dalek::VerifyingKey::from_bytes(&x.try_into().unwrap_or_default()).is_ok()
        }
        "Ed448" => crrl::ed448::PublicKey::decode(x).is_some(),
        _ => true,
    }
}

/// SEC 1 §2.3.3: an uncompressed point.
fn point(x: &[u8], y: &[u8]) -> Vec<u8> {
    [&[4], x, y].concat()
}
