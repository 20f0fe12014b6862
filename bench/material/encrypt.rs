//! A JWE around a JWS, with A256GCM, and its decryption by nothing but the library.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::kdf::{SskdfDigestAlgorithmId, get_sskdf_digest_algorithm, sskdf_digest};
use aws_lc_rs::rsa::{
    OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
};
use ngx_http_auth_jwt_module::jose::base64url;
use serde_json::{Value, json};

use super::jwk::Jwk;
use super::sign::rsa_pair;
use super::{Outcome, encode};

const KEY_LENGTH: usize = 32;
const IV: [u8; 12] = *b"a fresh one?";
const TAG_LENGTH: usize = 16;

/// RFC 7518 §4.6.2: "A256GCM", no party information, 256 bits.
const CONCAT_KDF_INFO: &[u8] = b"\0\0\0\x07A256GCM\0\0\0\0\0\0\0\0\0\0\x01\0";

/// How a token's content key comes to be.
pub enum Encryption {
    Rsa(Jwk),
    Ecdh(Jwk),
}

/// What the second segment and the header hold: the content key, encrypted or agreed on.
struct Wrapped {
    content_key: Vec<u8>,
    encrypted_key: Vec<u8>,
    header: Value,
}

impl Encryption {
    pub fn rsa() -> Outcome<Self> {
        Jwk::load("rsa2048").map(Self::Rsa)
    }

    pub fn ecdh() -> Outcome<Self> {
        Jwk::load("p256").map(Self::Ecdh)
    }

    pub fn key(&self) -> &Jwk {
        match self {
            Self::Rsa(key) | Self::Ecdh(key) => key,
        }
    }

    /// The compact serialization (RFC 7516 §7.1).
    pub fn encrypt(&self, plaintext: &[u8]) -> Outcome<String> {
        let wrapped = self.wrap()?;
        let header = encode(&wrapped.header);
        let (ciphertext, tag) = seal(&wrapped.content_key, header.as_bytes(), plaintext)?;
        let segments = [&wrapped.encrypted_key[..], &IV, &ciphertext, &tag];
        let segments: Vec<_> = segments.iter().map(|bytes| base64url::encode(bytes)).collect();
        Ok(format!("{header}.{}", segments.join(".")))
    }

    /// The decryption of a token of its own, ready to be repeated.
    pub fn decryption(&self, plaintext: &[u8]) -> Outcome<Box<dyn Fn() -> bool>> {
        let Wrapped { content_key, encrypted_key, header } = self.wrap()?;
        let header = encode(&header);
        let (ciphertext, tag) = seal(&content_key, header.as_bytes(), plaintext)?;
        let open = move |key: &[u8]| open(key, header.as_bytes(), &ciphertext, &tag).is_ok();
        Ok(match self {
            Self::Rsa(key) => {
                let key = rsa_decrypting(key)?;
                Box::new(move || {
                    let mut room = vec![0; key.min_output_size()];
                    let key = key.decrypt(&OAEP_SHA256_MGF1SHA256, &encrypted_key, &mut room, None);
                    key.is_ok_and(|key| open(key))
                })
            }
            Self::Ecdh(key) => {
                let own = PrivateKey::from_private_key(&agreement::ECDH_P256, &key.bytes("d")?)?;
                // Agreement is symmetric: the recipient's own point serves as the other one.
                let other = PrivateKey::generate(&agreement::ECDH_P256)?;
                let agreed = agree(&other, own.compute_public_key()?.as_ref())?;
                let other = other.compute_public_key()?;
                let (header, plaintext) = (b"header".to_vec(), plaintext.to_vec());
                let (ciphertext, tag) = seal(&agreed, &header, &plaintext)?;
                Box::new(move || {
                    agree(&own, other.as_ref())
                        .and_then(|key| self::open(&key, &header, &ciphertext, &tag))
                        .is_ok()
                })
            }
        })
    }

    fn wrap(&self) -> Outcome<Wrapped> {
        let kid = self.key().kid()?;
        match self {
            Self::Rsa(key) => {
                let content_key = vec![7; KEY_LENGTH];
                let public = OaepPublicEncryptingKey::new(rsa_private(key)?.public_key())?;
                let mut encrypted_key = vec![0; public.ciphertext_size()];
                public.encrypt(&OAEP_SHA256_MGF1SHA256, &content_key, &mut encrypted_key, None)?;
                let header =
                    json!({"alg": "RSA-OAEP-256", "enc": "A256GCM", "cty": "JWT", "kid": kid});
                Ok(Wrapped { content_key, encrypted_key, header })
            }
            Self::Ecdh(key) => {
                let ephemeral = PrivateKey::generate(&agreement::ECDH_P256)?;
                let point = ephemeral.compute_public_key()?;
                let (x, y) = point.as_ref().split_at(1).1.split_at(KEY_LENGTH);
                let header = json!({
                    "alg": "ECDH-ES", "enc": "A256GCM", "cty": "JWT", "kid": kid,
                    "epk": {
                        "kty": "EC", "crv": "P-256",
                        "x": base64url::encode(x), "y": base64url::encode(y),
                    },
                });
                let content_key = agree(&ephemeral, &key.point()?)?;
                Ok(Wrapped { content_key, encrypted_key: Vec::new(), header })
            }
        }
    }
}

fn rsa_private(key: &Jwk) -> Outcome<PrivateDecryptingKey> {
    let der: Pkcs8V1Der<'_> = rsa_pair(key)?.as_der()?;
    Ok(PrivateDecryptingKey::from_pkcs8(der.as_ref())?)
}

fn rsa_decrypting(key: &Jwk) -> Outcome<OaepPrivateDecryptingKey> {
    Ok(OaepPrivateDecryptingKey::new(rsa_private(key)?)?)
}

fn agree(own: &PrivateKey, point: &[u8]) -> Outcome<Vec<u8>> {
    let peer = UnparsedPublicKey::new(&agreement::ECDH_P256, point);
    agreement::agree(own, peer, "no agreement".into(), |secret| {
        let hash = get_sskdf_digest_algorithm(SskdfDigestAlgorithmId::Sha256);
        let mut key = vec![0; KEY_LENGTH];
        sskdf_digest(hash.ok_or("no SHA-256")?, secret, CONCAT_KDF_INFO, &mut key)?;
        Ok(key)
    })
}

fn seal(key: &[u8], header: &[u8], plaintext: &[u8]) -> Outcome<(Vec<u8>, [u8; TAG_LENGTH])> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key)?);
    let nonce = Nonce::assume_unique_for_key(IV);
    let mut text = plaintext.to_vec();
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(header), &mut text)?;
    Ok((text, tag.as_ref().try_into()?))
}

fn open(key: &[u8], header: &[u8], ciphertext: &[u8], tag: &[u8]) -> Outcome<Vec<u8>> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key)?);
    let nonce = Nonce::assume_unique_for_key(IV);
    let mut plaintext = vec![0; ciphertext.len()];
    key.open_separate_gather(nonce, Aad::from(header), ciphertext, tag, &mut plaintext)?;
    Ok(plaintext)
}
