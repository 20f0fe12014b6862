//! Signatures: made, and verified by nothing but the library.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, ParsedPublicKey, RsaEncoding, RsaKeyPair,
    RsaParameters, RsaPublicKeyComponents,
};
use aws_lc_rs::{hmac, signature::VerificationAlgorithm};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Outcome;
use super::jwk::Jwk;

#[expect(clippy::large_enum_variant, reason = "there is one of them")]
pub enum Signer {
    Hmac(hmac::Key),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

#[expect(clippy::large_enum_variant, reason = "there is one of them")]
pub enum Verifier {
    Hmac(hmac::Key),
    Public(ParsedPublicKey),
}

impl Signer {
    pub fn new(algorithm: &str, key: &Jwk) -> Outcome<Self> {
        let ecdsa = |algorithm| -> Outcome<Self> {
            let (d, point) = (key.bytes("d")?, key.point()?);
            Ok(Self::Ecdsa(EcdsaKeyPair::from_private_key_and_public_key(algorithm, &d, &point)?))
        };
        Ok(match algorithm {
            "HS256" => Self::Hmac(hmac::Key::new(hmac::HMAC_SHA256, &key.bytes("k")?)),
            "RS256" => Self::Rsa(rsa_pair(key)?, &signature::RSA_PKCS1_SHA256),
            "PS256" => Self::Rsa(rsa_pair(key)?, &signature::RSA_PSS_SHA256),
            "ES256" => ecdsa(&signature::ECDSA_P256_SHA256_FIXED_SIGNING)?,
            "ES384" => ecdsa(&signature::ECDSA_P384_SHA384_FIXED_SIGNING)?,
            "EdDSA" => Self::Ed25519(Ed25519KeyPair::from_seed_and_public_key(
                &key.bytes("d")?,
                &key.bytes("x")?,
            )?),
            _ => return Err("an algorithm that is not measured".into()),
        })
    }

    pub fn sign(&self, message: &[u8]) -> Outcome<Vec<u8>> {
        let random = SystemRandom::new();
        Ok(match self {
            Self::Hmac(key) => hmac::sign(key, message).as_ref().to_vec(),
            Self::Rsa(pair, padding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*padding, &random, message, &mut signature)?;
                signature
            }
            Self::Ecdsa(pair) => pair.sign(&random, message)?.as_ref().to_vec(),
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        })
    }

    /// The secret itself, or the public key in PEM.
    pub fn verification_key(&self, key: &Jwk) -> Outcome<Vec<u8>> {
        let der: PublicKeyX509Der<'_> = match self {
            Self::Hmac(_) => return key.bytes("k"),
            Self::Rsa(pair, _) => pair.public_key().as_der()?,
            Self::Ecdsa(pair) => pair.public_key().as_der()?,
            Self::Ed25519(pair) => pair.public_key().as_der()?,
        };
        let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
        for line in STANDARD.encode(der.as_ref()).as_bytes().chunks(64) {
            pem.push_str(std::str::from_utf8(line)?);
            pem.push('\n');
        }
        pem.push_str("-----END PUBLIC KEY-----\n");
        Ok(pem.into_bytes())
    }
}

impl Verifier {
    pub fn new(algorithm: &str, key: &Jwk) -> Outcome<Self> {
        let rsa = |parameters: &'static RsaParameters| -> Outcome<Self> {
            let components = RsaPublicKeyComponents { n: key.bytes("n")?, e: key.bytes("e")? };
            Ok(Self::Public(components.to_parsed_public_key(parameters)?))
        };
        let point = |parameters: &'static dyn VerificationAlgorithm, bytes: Vec<u8>| {
            ParsedPublicKey::new(parameters, bytes).map(Self::Public)
        };
        Ok(match algorithm {
            "HS256" => Self::Hmac(hmac::Key::new(hmac::HMAC_SHA256, &key.bytes("k")?)),
            "RS256" => rsa(&signature::RSA_PKCS1_2048_8192_SHA256)?,
            "PS256" => rsa(&signature::RSA_PSS_2048_8192_SHA256)?,
            "ES256" => point(&signature::ECDSA_P256_SHA256_FIXED, key.point()?)?,
            "ES384" => point(&signature::ECDSA_P384_SHA384_FIXED, key.point()?)?,
            "EdDSA" => point(&signature::ED25519, key.bytes("x")?)?,
            _ => return Err("an algorithm that is not measured".into()),
        })
    }

    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Hmac(key) => hmac::verify(key, message, signature).is_ok(),
            Self::Public(key) => key.verify_sig(message, signature).is_ok(),
        }
    }
}

pub fn rsa_pair(key: &Jwk) -> Outcome<RsaKeyPair> {
    Ok(RsaKeyPair::from_components(&KeyPairComponents {
        public_key: PublicKeyComponents { n: key.bytes("n")?, e: key.bytes("e")? },
        d: key.bytes("d")?,
        p: key.bytes("p")?,
        q: key.bytes("q")?,
        dP: key.bytes("dp")?,
        dQ: key.bytes("dq")?,
        qInv: key.bytes("qi")?,
    })?)
}
