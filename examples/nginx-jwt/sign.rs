//! Signatures of every algorithm the module verifies (RFC 7518 §3, RFC 8037 §3.1).

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair};
use ngx_http_auth_jwt_module::jose::algorithm::{
    Curve, Padding::*, Scheme, Sha2::*, SignatureAlgorithm,
};

use super::input::Failure;
use super::jwk::Jwk;

/// The signature of `message` by `key`, whose kind fits `algorithm`.
pub fn sign(algorithm: SignatureAlgorithm, key: &Jwk, message: &[u8]) -> Result<Vec<u8>, Failure> {
    match algorithm.scheme() {
        Scheme::Hmac(Sha256) => hmac(hmac::HMAC_SHA256, key, message),
        Scheme::Hmac(Sha384) => hmac(hmac::HMAC_SHA384, key, message),
        Scheme::Hmac(Sha512) => hmac(hmac::HMAC_SHA512, key, message),
        Scheme::Rsa(Pkcs1, Sha256) => rsa(&signature::RSA_PKCS1_SHA256, key, message),
        Scheme::Rsa(Pkcs1, Sha384) => rsa(&signature::RSA_PKCS1_SHA384, key, message),
        Scheme::Rsa(Pkcs1, Sha512) => rsa(&signature::RSA_PKCS1_SHA512, key, message),
        Scheme::Rsa(Pss, Sha256) => rsa(&signature::RSA_PSS_SHA256, key, message),
        Scheme::Rsa(Pss, Sha384) => rsa(&signature::RSA_PSS_SHA384, key, message),
        Scheme::Rsa(Pss, Sha512) => rsa(&signature::RSA_PSS_SHA512, key, message),
        Scheme::Ecdsa(curve, _) => match curve {
            Curve::P256 => ecdsa(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, key, message),
            Curve::P384 => ecdsa(&signature::ECDSA_P384_SHA384_FIXED_SIGNING, key, message),
            Curve::P521 => ecdsa(&signature::ECDSA_P521_SHA512_FIXED_SIGNING, key, message),
            _ => Err("no curve of ECDSA".into()),
        },
        Scheme::EdDsa(_) => eddsa(key, message),
    }
}

fn hmac(hash: hmac::Algorithm, key: &Jwk, message: &[u8]) -> Result<Vec<u8>, Failure> {
    Ok(hmac::sign(&hmac::Key::new(hash, &key.bytes("k")?), message).as_ref().to_vec())
}

fn rsa(
    padding: &'static dyn signature::RsaEncoding,
    key: &Jwk,
    message: &[u8],
) -> Result<Vec<u8>, Failure> {
    let components = KeyPairComponents {
        public_key: PublicKeyComponents { n: key.bytes("n")?, e: key.bytes("e")? },
        d: key.bytes("d")?,
        p: key.bytes("p")?,
        q: key.bytes("q")?,
        dP: key.bytes("dp")?,
        dQ: key.bytes("dq")?,
        qInv: key.bytes("qi")?,
    };
    let pair = KeyPair::from_components(&components).map_err(|_| "not a valid RSA private key")?;
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(padding, &SystemRandom::new(), message, &mut signature)
        .map_err(|_| "RSA could not sign")?;
    Ok(signature)
}

fn ecdsa(
    algorithm: &'static signature::EcdsaSigningAlgorithm,
    key: &Jwk,
    message: &[u8],
) -> Result<Vec<u8>, Failure> {
    // SEC 1 §2.3.3: an uncompressed point.
    let point = key.point()?;
    let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &key.bytes("d")?, &point)
        .map_err(|_| "not a valid EC private key")?;
    let signature = pair.sign(&SystemRandom::new(), message).map_err(|_| "ECDSA could not sign")?;
    Ok(signature.as_ref().to_vec())
}

fn eddsa(key: &Jwk, message: &[u8]) -> Result<Vec<u8>, Failure> {
    let seed = key.bytes("d")?;
    if key.curve() == Some(Curve::Ed448) {
        let key = crrl::ed448::PrivateKey::decode(&seed).ok_or("not a valid Ed448 private key")?;
        return Ok(key.sign_raw(message).to_vec());
    }
    let pair = Ed25519KeyPair::from_seed_and_public_key(&seed, &key.bytes("x")?)
        .map_err(|_| "not a valid Ed25519 private key")?;
    Ok(pair.sign(message).as_ref().to_vec())
}
