//! Proofs made for tests, with the private keys of `t/data/keys`.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, RsaEncoding, RsaKeyPair};

use crate::jose::algorithm::{Curve, Padding, Scheme, Sha2, SignatureAlgorithm};
use crate::jose::base64url;
use crate::jose::crypto::Fingerprint;
use crate::jose::json::{Object, Value};
use crate::jose::thumbprint::thumbprint;

/// Who signs proofs with one key.
pub struct Minter {
    pub algorithm: SignatureAlgorithm,
    /// The public key.
    pub jwk: String,
    key: Object,
}

impl Minter {
    /// One with a key for `algorithm`.
    pub fn new(algorithm: SignatureAlgorithm) -> Self {
        let (name, public) = match algorithm.scheme() {
            Scheme::Hmac(_) => ("hs256", &["kty", "k"][..]),
            Scheme::Rsa(..) => ("rsa2048", &["kty", "n", "e"][..]),
            Scheme::Ecdsa(Curve::P256, _) => ("p256", &["kty", "crv", "x", "y"][..]),
            Scheme::Ecdsa(Curve::P384, _) => ("p384", &["kty", "crv", "x", "y"][..]),
            Scheme::Ecdsa(..) => ("p521", &["kty", "crv", "x", "y"][..]),
            Scheme::EdDsa([Curve::Ed448]) => ("ed448", &["kty", "crv", "x"][..]),
            Scheme::EdDsa(_) => ("ed25519", &["kty", "crv", "x"][..]),
        };
        let path = format!("{}/t/data/keys/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let Ok(key) = Object::parse(std::fs::read(&path).unwrap_or_default()) else {
            unreachable!("{path}")
        };
        let value = |name: &str| key.value(name).map(Value::text).unwrap_or_default();
        let members = public.iter().map(|name| format!("\"{name}\":{}", value(name)));
        let jwk = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
        Self { algorithm, jwk, key }
    }

    /// The thumbprint of its key.
    pub fn thumbprint(&self) -> Fingerprint {
        let jwk = Object::parse(self.jwk.clone().into_bytes()).ok();
        match jwk.and_then(|jwk| thumbprint(&jwk).ok()) {
            Some(thumbprint) => thumbprint,
            None => unreachable!("{}", self.jwk),
        }
    }

    /// A proof of these claims.
    pub fn proof(&self, claims: &str) -> Vec<u8> {
        let (alg, jwk) = (self.algorithm.name(), &self.jwk);
        self.jws(&format!(r#"{{"typ":"dpop+jwt","alg":"{alg}","jwk":{jwk}}}"#), claims)
    }

    /// A JWS of any header and payload.
    pub fn jws(&self, header: &str, payload: &str) -> Vec<u8> {
        let parts = [header, payload].map(|part| base64url::encode(part.as_bytes()));
        let signed = parts.join(".");
        let Some(signature) = self.sign(signed.as_bytes()) else {
            unreachable!("{} signs", self.algorithm.name())
        };
        format!("{signed}.{}", base64url::encode(&signature)).into_bytes()
    }

    fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        Some(match self.algorithm.scheme() {
            Scheme::Hmac(_) => return None,
            Scheme::Rsa(padding, hash) => {
                let pair = self.rsa_pair()?;
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding(padding, hash), &random, message, &mut signature).ok()?;
                signature
            }
            Scheme::Ecdsa(curve, _) => {
                let algorithm = match curve {
                    Curve::P256 => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
                    Curve::P384 => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
                    _ => &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
                };
                let point = [vec![4], self.bytes("x")?, self.bytes("y")?].concat();
                let d = self.bytes("d")?;
                let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &d, &point);
                pair.ok()?.sign(&random, message).ok()?.as_ref().to_vec()
            }
            Scheme::EdDsa([Curve::Ed448]) => {
                let key = crrl::ed448::PrivateKey::from_seed(&self.bytes("d")?);
                key.sign_raw(message).to_vec()
            }
            Scheme::EdDsa(_) => {
                let (d, x) = (self.bytes("d")?, self.bytes("x")?);
                let pair = Ed25519KeyPair::from_seed_and_public_key(&d, &x).ok()?;
                pair.sign(message).as_ref().to_vec()
            }
        })
    }

    fn rsa_pair(&self) -> Option<RsaKeyPair> {
        RsaKeyPair::from_components(&KeyPairComponents {
            public_key: PublicKeyComponents { n: self.bytes("n")?, e: self.bytes("e")? },
            d: self.bytes("d")?,
            p: self.bytes("p")?,
            q: self.bytes("q")?,
            dP: self.bytes("dp")?,
            dQ: self.bytes("dq")?,
            qInv: self.bytes("qi")?,
        })
        .ok()
    }

    fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        base64url::decode(self.key.value(name)?.as_str()?.as_bytes()).ok()
    }
}

fn encoding(padding: Padding, hash: Sha2) -> &'static dyn RsaEncoding {
    match (padding, hash) {
        (Padding::Pkcs1, Sha2::Sha256) => &signature::RSA_PKCS1_SHA256,
        (Padding::Pkcs1, Sha2::Sha384) => &signature::RSA_PKCS1_SHA384,
        (Padding::Pkcs1, Sha2::Sha512) => &signature::RSA_PKCS1_SHA512,
        (Padding::Pss, Sha2::Sha256) => &signature::RSA_PSS_SHA256,
        (Padding::Pss, Sha2::Sha384) => &signature::RSA_PSS_SHA384,
        (Padding::Pss, Sha2::Sha512) => &signature::RSA_PSS_SHA512,
    }
}
