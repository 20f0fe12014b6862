//! Tokens signed and encrypted as a case asks for. Whatever does not go together (an HMAC by an EC
//! key) gives garbage, which is a case too. An input always gives the same token.

use std::cell::RefCell;
use std::collections::HashMap;

use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use p521::ecdsa::signature::RandomizedSigner;
use p521::elliptic_curve::rand_core::{CryptoRng, Error, RngCore, impls};

use crate::known;
use crate::reference::base64url::encode;
use crate::reference::{encryption, signature};

/// As many signatures are remembered.
const REMEMBERED: usize = 4096;

thread_local! {
    /// Signing takes long, and most messages come again.
    static SIGNED: RefCell<HashMap<(usize, String, String), String>> = RefCell::default();
}

/// `header` and `payload` as a JWS, signed by key `number` as `alg` says.
pub fn jws(header: &[u8], payload: &[u8], number: usize, alg: &str) -> String {
    let message = format!("{}.{}", encode(header), encode(payload));
    let at = (number, alg.to_owned(), message.clone());
    let known = SIGNED.with_borrow(|signed| signed.get(&at).cloned());
    let signature = known.unwrap_or_else(|| sign(&message, number, alg));
    SIGNED.with_borrow_mut(|signed| {
        if signed.len() == REMEMBERED {
            signed.clear();
        }
        signed.insert(at, signature.clone());
    });
    format!("{message}.{signature}")
}

fn sign(message: &str, number: usize, alg: &str) -> String {
    let jwk = known::jwk(number);
    let text = |name: &str| jwk.get(name).and_then(|value| value.as_str()).unwrap_or_default();
    let bytes = |name| known::member(number, name).unwrap_or_default();
    signature::install();
    let key = match (text("kty"), text("crv")) {
        ("oct", _) => EncodingKey::from_secret(&bytes("k")),
        ("RSA", _) => return by_rsa(&EncodingKey::from_rsa_der(&rsa_der(number)), message, alg),
        ("EC", "P-256") => pkcs8(p256::SecretKey::from_slice(&bytes("d")).ok()),
        ("EC", "P-384") => pkcs8(p384::SecretKey::from_slice(&bytes("d")).ok()),
        ("EC", "P-521") => {
            let key = p521::ecdsa::SigningKey::from_slice(&bytes("d")).expect("a scalar");
            let signature: p521::ecdsa::Signature =
                key.sign_with_rng(&mut Counting(1), message.as_bytes());
            return encode(&signature.to_bytes());
        }
        ("OKP", "Ed25519") => {
            // RFC 8410 §7: the seed, twice wrapped.
            let head = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
            EncodingKey::from_ed_der(&[&head[..], &bytes("d")].concat())
        }
        ("OKP", "Ed448") => {
            let key = crrl::ed448::PrivateKey::from_seed(&bytes("d"));
            return encode(&key.sign_raw(message.as_bytes()));
        }
        _ => return encode(b"no signature"),
    };
    by(&key, message, if alg == "Ed25519" { "EdDSA" } else { alg })
}

fn by(key: &EncodingKey, message: &str, alg: &str) -> String {
    let algorithm = alg.parse::<Algorithm>();
    let signature = algorithm.and_then(|alg| crypto::sign(message.as_bytes(), key, alg));
    signature.unwrap_or_else(|_| encode(&[0x5a; 64]))
}

/// RustCrypto takes forty milliseconds here, aws-lc one. The salt of RSASSA-PSS is the one random
/// thing in a case; nothing depends on it.
fn by_rsa(key: &EncodingKey, message: &str, alg: &str) -> String {
    let algorithm = alg.parse::<Algorithm>();
    let signer =
        algorithm.and_then(|alg| (crypto::aws_lc::DEFAULT_PROVIDER.signer_factory)(&alg, key));
    let signature = signer.ok().and_then(|signer| signer.try_sign(message.as_bytes()).ok());
    encode(&signature.unwrap_or(vec![0x5a; 256]))
}

fn pkcs8(key: Option<impl p256::pkcs8::EncodePrivateKey>) -> EncodingKey {
    let der = key.and_then(|key| key.to_pkcs8_der().ok());
    EncodingKey::from_ec_der(der.expect("a scalar").as_bytes())
}

/// An `RSAPrivateKey` (RFC 8017, appendix A.1.2).
fn rsa_der(number: usize) -> Vec<u8> {
    let members = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];
    let integer =
        |name| der(2, &[vec![0], known::member(number, name).unwrap_or_default()].concat());
    der(0x30, &[der(2, &[0]), members.map(integer).concat()].concat())
}

/// Tag, length, content; integers without superfluous zeros.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let zeros = content.windows(2).take_while(|pair| tag == 2 && pair[0] == 0 && pair[1] < 0x80);
    let content = &content[zeros.count()..];
    let length = (content.len() as u16).to_be_bytes();
    let head = match length {
        [0, short @ 0..=0x7f] => vec![tag, short],
        [0, low] => vec![tag, 0x81, low],
        [high, low] => vec![tag, 0x82, high, low],
    };
    [head, content.to_vec()].concat()
}

/// What a JWE is made with.
pub struct Encryption<'e> {
    pub alg: &'e str,
    pub enc: &'e str,
    /// The key that wraps, or is, the content key.
    pub number: usize,
    /// The other members of the header, each with a comma in front.
    pub members: &'e str,
}

/// `plaintext` as a JWE. Other algorithms than the symmetric ones give five segments of garbage.
pub fn jwe(plaintext: &[u8], how: &Encryption<'_>) -> String {
    let Encryption { alg, enc, number, members } = how;
    let secret = known::member(*number, "k").unwrap_or_else(|| vec![7; 16]);
    let length = crate::reference::keys::content_key_length(enc);
    let content_key = match *alg {
        "dir" => secret.clone(),
        _ => (0..length as u8).collect(),
    };
    let fits = [16, 24, 32].contains(&secret.len());
    let (encrypted_key, parameters) = match *alg {
        "dir" => (vec![], String::new()),
        _ if !fits => (vec![1; 24], String::new()),
        _ if alg.ends_with("GCMKW") => {
            let iv = [9; 12];
            let (key, tag) =
                encryption::gcm_seal(&secret, &iv, &content_key, b"").unwrap_or_default();
            (key, format!(r#","iv":"{}","tag":"{}""#, encode(&iv), encode(&tag)))
        }
        _ => (encryption::wrap(&secret, &content_key).unwrap_or_default(), String::new()),
    };
    let header = format!(r#"{{"alg":"{alg}","enc":"{enc}"{parameters}{members}}}"#);
    let header = encode(header.as_bytes());
    let iv = vec![3; if enc.ends_with("GCM") { 12 } else { 16 }];
    let sealed = match content_key.len() == length {
        true => encryption::seal(enc, &content_key, &iv, plaintext, header.as_bytes()),
        false => None,
    };
    let (ciphertext, tag) = sealed.unwrap_or((plaintext.to_vec(), vec![0; 16]));
    let rest = [encrypted_key, iv, ciphertext, tag].map(|segment| encode(&segment));
    format!("{header}.{}", rest.join("."))
}

/// Anything but random: these signatures shall be the same each time.
struct Counting(u64);

impl CryptoRng for Counting {}

impl RngCore for Counting {
    fn next_u32(&mut self) -> u32 {
        self.next_u64() as u32
    }

    fn next_u64(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        impls::fill_bytes_via_next(self, bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}
