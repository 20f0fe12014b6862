//! A JWE of every algorithm the module decrypts (RFC 7516 §5.1, RFC 7518 §4 and §5).

use aws_lc_rs::aead::{AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey};
use aws_lc_rs::cipher::{
    self, EncryptingKey, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::kdf::{SskdfDigestAlgorithmId, get_sskdf_digest_algorithm, sskdf_digest};
use aws_lc_rs::key_wrap::{self, AesKek, KeyWrap};
use aws_lc_rs::rsa::{
    self, OaepAlgorithm, OaepPublicEncryptingKey, PublicEncryptingKey, PublicKeyComponents,
};
use aws_lc_rs::{hmac, rand};
use ngx_http_auth_jwt_module::jose::algorithm::{
    ContentEncryption, Curve, KeyManagement, KeyManagement::*,
};
use ngx_http_auth_jwt_module::jose::base64url::encode;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::input::Failure;
use super::jwk::Jwk;

type Secret = Zeroizing<Vec<u8>>;

/// How the content key goes to the recipient: header members, and the second segment.
struct Delivery {
    content_key: Secret,
    encrypted_key: Vec<u8>,
    parameters: Map<String, Value>,
}

/// The compact JWE of `plaintext`; `header` lacks only what the algorithm adds.
pub fn encrypt(
    algorithm: KeyManagement,
    encryption: ContentEncryption,
    key: &Jwk,
    mut header: Map<String, Value>,
    plaintext: &[u8],
) -> Result<String, Failure> {
    let delivery = deliver(algorithm, encryption, key)?;
    header.extend(delivery.parameters);
    let header = encode(serde_json::to_string(&header)?.as_bytes());
    let (iv, ciphertext, tag) = seal(&delivery.content_key, encryption, &header, plaintext)?;
    let parts = [&delivery.encrypted_key, &iv, &ciphertext, &tag].map(|part| encode(part));
    Ok([header, parts.join(".")].join("."))
}

fn deliver(
    algorithm: KeyManagement,
    encryption: ContentEncryption,
    key: &Jwk,
) -> Result<Delivery, Failure> {
    let random_key = || random(encryption.key_length());
    let mut parameters = Map::new();
    let (content_key, encrypted_key) = match algorithm {
        Dir => (sized(key.bytes("k")?, encryption.key_length())?, Vec::new()),
        A128Kw | A192Kw | A256Kw => {
            let wrapping_key = wrapping_key(algorithm, key)?;
            let content_key = random_key()?;
            let wrapped = wrap(&wrapping_key, &content_key)?;
            (content_key, wrapped)
        }
        A128GcmKw | A192GcmKw | A256GcmKw => {
            let wrapping_key = wrapping_key(algorithm, key)?;
            let content_key = random_key()?;
            let (iv, wrapped, tag) = seal_gcm(&wrapping_key, &[], &content_key)?;
            parameters.insert("iv".into(), encode(&iv).into());
            parameters.insert("tag".into(), encode(&tag).into());
            (content_key, wrapped)
        }
        RsaOaep => oaep(&rsa::OAEP_SHA1_MGF1SHA1, key, random_key()?)?,
        RsaOaep256 => oaep(&rsa::OAEP_SHA256_MGF1SHA256, key, random_key()?)?,
        RsaOaep384 => oaep(&rsa::OAEP_SHA384_MGF1SHA384, key, random_key()?)?,
        RsaOaep512 => oaep(&rsa::OAEP_SHA512_MGF1SHA512, key, random_key()?)?,
        EcdhEs | EcdhEsA128Kw | EcdhEsA192Kw | EcdhEsA256Kw => {
            let (purpose, length) = match algorithm.wrapping_key_length() {
                Some(length) => (algorithm.name(), length),
                None => (encryption.name(), encryption.key_length()),
            };
            let (agreed, epk) = agree(key, purpose, length)?;
            parameters.insert("epk".into(), epk);
            if algorithm == EcdhEs {
                (agreed, Vec::new())
            } else {
                let content_key = random_key()?;
                let wrapped = wrap(&agreed, &content_key)?;
                (content_key, wrapped)
            }
        }
    };
    Ok(Delivery { content_key, encrypted_key, parameters })
}

fn wrapping_key(algorithm: KeyManagement, key: &Jwk) -> Result<Secret, Failure> {
    sized(key.bytes("k")?, algorithm.wrapping_key_length().unwrap_or_default())
}

fn sized(key: Secret, length: usize) -> Result<Secret, Failure> {
    if key.len() == length {
        return Ok(key);
    }
    Err(format!("the key has {} bytes, {length} are needed", key.len()).into())
}

pub fn random(length: usize) -> Result<Secret, Failure> {
    let mut bytes = Zeroizing::new(vec![0; length]);
    rand::fill(&mut bytes).map_err(|_| "no randomness")?;
    Ok(bytes)
}

/// RFC 7518 §4.3.
fn oaep(
    algorithm: &'static OaepAlgorithm,
    key: &Jwk,
    content_key: Secret,
) -> Result<(Secret, Vec<u8>), Failure> {
    let components = PublicKeyComponents { n: key.bytes("n")?, e: key.bytes("e")? };
    let wrong = "not a valid RSA key";
    let public: PublicEncryptingKey = components.try_into().map_err(|_| wrong)?;
    let public = OaepPublicEncryptingKey::new(public).map_err(|_| wrong)?;
    let mut encrypted = vec![0; public.ciphertext_size()];
    let encrypted = public.encrypt(algorithm, &content_key, &mut encrypted, None);
    let encrypted = encrypted.map_err(|_| "RSA could not encrypt")?.to_vec();
    Ok((content_key, encrypted))
}

/// RFC 7518 §4.6: the agreed key of `length` bytes, and `epk`.
fn agree(key: &Jwk, purpose: &str, length: usize) -> Result<(Secret, Value), Failure> {
    let curve = key.curve();
    let algorithm = match curve {
        Some(Curve::P256) => &agreement::ECDH_P256,
        Some(Curve::P384) => &agreement::ECDH_P384,
        Some(Curve::P521) => &agreement::ECDH_P521,
        _ => &agreement::X25519,
    };
    let point = match curve {
        Some(Curve::X25519) => key.bytes("x")?.to_vec(),
        _ => key.point()?,
    };
    let wrong = "not a valid public key of its curve";
    let ephemeral = PrivateKey::generate(algorithm).map_err(|_| "no randomness")?;
    let public = ephemeral.compute_public_key().map_err(|_| wrong)?;
    let derive = |secret: &[u8]| concat_kdf(secret, purpose, length);
    let peer = UnparsedPublicKey::new(algorithm, &point);
    let agreed = agreement::agree(&ephemeral, peer, Failure::from(wrong), derive)?;
    let crv = key.text("crv").unwrap_or_default();
    Ok((agreed, public_members(curve, crv, public.as_ref())))
}

/// The public JWK of a point, uncompressed, or of an X25519 key.
pub fn public_members(curve: Option<Curve>, crv: &str, public: &[u8]) -> Value {
    match (curve, public.split_first()) {
        (Some(Curve::P256 | Curve::P384 | Curve::P521), Some((_, point))) => {
            let (x, y) = point.split_at_checked(point.len() / 2).unwrap_or_default();
            json!({"kty": "EC", "crv": crv, "x": encode(x), "y": encode(y)})
        }
        _ => json!({"kty": "OKP", "crv": crv, "x": encode(public)}),
    }
}

/// RFC 7518 §4.6.2, without `apu` and `apv`.
fn concat_kdf(secret: &[u8], purpose: &str, length: usize) -> Result<Secret, Failure> {
    let mut info = u32::try_from(purpose.len())?.to_be_bytes().to_vec();
    info.extend_from_slice(purpose.as_bytes());
    info.extend_from_slice(&[0; 8]);
    info.extend_from_slice(&u32::try_from(length.saturating_mul(8))?.to_be_bytes());
    let hash = get_sskdf_digest_algorithm(SskdfDigestAlgorithmId::Sha256).ok_or("no SHA-256")?;
    let mut key = Zeroizing::new(vec![0; length]);
    sskdf_digest(hash, secret, &info, &mut key).map_err(|_| "no key could be derived")?;
    Ok(key)
}

/// RFC 3394 §2.2.1.
fn wrap(key: &[u8], content_key: &[u8]) -> Result<Vec<u8>, Failure> {
    let failed = "the key could not be wrapped";
    let cipher = match key.len() {
        16 => &key_wrap::AES_128,
        24 => return wrap_with_192_bits(key, content_key),
        _ => &key_wrap::AES_256,
    };
    let mut wrapped = vec![0; content_key.len().saturating_add(8)];
    let kek = AesKek::new(cipher, key).map_err(|_| failed)?;
    kek.wrap(content_key, &mut wrapped).map_err(|_| failed)?;
    Ok(wrapped)
}

/// Over the block cipher: aws-lc-rs wraps with 128 and 256 bits only.
fn wrap_with_192_bits(key: &[u8], content_key: &[u8]) -> Result<Vec<u8>, Failure> {
    let failed = "the key could not be wrapped";
    let cipher = UnboundCipherKey::new(&cipher::AES_192, key).map_err(|_| failed)?;
    let cipher = EncryptingKey::ecb(cipher).map_err(|_| failed)?;
    let mut integrity = [0xa6; 8];
    let mut blocks = content_key.to_vec();
    let mut step: u64 = 0;
    for _ in 0..6 {
        for register in blocks.chunks_exact_mut(8) {
            step = step.saturating_add(1);
            let mut block = [integrity.as_slice(), register].concat();
            cipher.less_safe_encrypt(&mut block, EncryptionContext::None).map_err(|_| failed)?;
            let (high, low) = block.split_first_chunk::<8>().ok_or(failed)?;
            integrity = (u64::from_be_bytes(*high) ^ step).to_be_bytes();
            register.copy_from_slice(low);
        }
    }
    Ok([integrity.as_slice(), &blocks].concat())
}

/// Initialization vector, ciphertext and tag.
type Sealed = (Vec<u8>, Vec<u8>, Vec<u8>);

fn seal(
    key: &[u8],
    encryption: ContentEncryption,
    header: &str,
    plaintext: &[u8],
) -> Result<Sealed, Failure> {
    use ContentEncryption::*;
    let additional_data = header.as_bytes();
    match encryption {
        A128Gcm | A192Gcm | A256Gcm => seal_gcm(key, additional_data, plaintext),
        A128CbcHs256 => {
            seal_cbc(&cipher::AES_128, hmac::HMAC_SHA256, key, additional_data, plaintext)
        }
        A192CbcHs384 => {
            seal_cbc(&cipher::AES_192, hmac::HMAC_SHA384, key, additional_data, plaintext)
        }
        A256CbcHs512 => {
            seal_cbc(&cipher::AES_256, hmac::HMAC_SHA512, key, additional_data, plaintext)
        }
    }
}

fn seal_gcm(key: &[u8], additional_data: &[u8], plaintext: &[u8]) -> Result<Sealed, Failure> {
    let failed = "AES-GCM could not encrypt";
    let cipher = match key.len() {
        16 => &AES_128_GCM,
        24 => &AES_192_GCM,
        _ => &AES_256_GCM,
    };
    let mut iv = [0; 12];
    rand::fill(&mut iv).map_err(|_| failed)?;
    let key = LessSafeKey::new(UnboundKey::new(cipher, key).map_err(|_| failed)?);
    let mut content = plaintext.to_vec();
    let nonce = Nonce::assume_unique_for_key(iv);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(additional_data), &mut content);
    Ok((iv.to_vec(), content, tag.map_err(|_| failed)?.as_ref().to_vec()))
}

/// RFC 7518 §5.2.2.1: the first half of the key authenticates, the second encrypts.
fn seal_cbc(
    cipher: &'static cipher::Algorithm,
    hash: hmac::Algorithm,
    key: &[u8],
    additional_data: &[u8],
    plaintext: &[u8],
) -> Result<Sealed, Failure> {
    let failed = "AES-CBC could not encrypt";
    let half = key.len() / 2;
    let (authentication_key, encryption_key) = key.split_at_checked(half).ok_or(failed)?;
    let mut iv = [0; 16];
    rand::fill(&mut iv).map_err(|_| failed)?;
    let key = UnboundCipherKey::new(cipher, encryption_key).map_err(|_| failed)?;
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).map_err(|_| failed)?;
    let mut ciphertext = plaintext.to_vec();
    let context = EncryptionContext::Iv128(FixedLength::from(&iv));
    key.less_safe_encrypt(&mut ciphertext, context).map_err(|_| failed)?;

    let bits = u64::try_from(additional_data.len())?.saturating_mul(8);
    let mut context = hmac::Context::with_key(&hmac::Key::new(hash, authentication_key));
    for part in [additional_data, &iv, &ciphertext, &bits.to_be_bytes()] {
        context.update(part);
    }
    let tag = context.sign().as_ref().get(..half).ok_or(failed)?.to_vec();
    Ok((iv.to_vec(), ciphertext, tag))
}
