//! JWK Sets by RFC 7517 and the contract: which keys there are, and what each may serve.

use super::base64url::decode;
use super::json::{Node, Value, object};

/// A usable key.
#[derive(Clone, Debug)]
pub struct Key {
    pub kid: Option<String>,
    pub material: Material,
    alg: Option<String>,
    purpose: Option<String>,
    operations: Option<Vec<String>>,
}

#[derive(Clone, Debug)]
pub enum Material {
    Secret(Vec<u8>),
    /// Big-endian, and whether there is a private part that decrypts.
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
        decrypts: bool,
    },
    Ec {
        curve: String,
        x: Vec<u8>,
        y: Vec<u8>,
        private: bool,
    },
    Okp {
        curve: String,
        x: Vec<u8>,
        private: bool,
    },
}

/// The most keys that are tried for one token, and for one that RSA decrypts.
const MAX_TRIED: usize = 32;
const MAX_TRIED_BY_RSA: usize = 4;

/// The usable keys of a JWK Set, or of a bare JWK; `None` where there is no set or none is left.
pub fn set(json: &[u8]) -> Option<Vec<Key>> {
    let keys: Vec<Key> = entries(json)?.iter().filter_map(key).collect();
    (!keys.is_empty()).then_some(keys)
}

/// The entries of a JWK Set, or the one bare JWK. A byte order mark before it is ignored.
pub fn entries(json: &[u8]) -> Option<Vec<Node>> {
    let document = match json {
        [0xef, 0xbb, 0xbf, rest @ ..] => object(rest)?,
        _ => object(json)?,
    };
    match present(&document, "keys").map(|keys| &keys.value) {
        Some(Value::Array(entries)) => Some(entries.clone()),
        Some(_) => None,
        None => present(&document, "kty").is_some().then(|| vec![document]),
    }
}

/// The member, where it is not `null`.
fn present<'n>(entry: &'n Node, name: &str) -> Option<&'n Node> {
    entry.member(name).filter(|member| !matches!(member.value, Value::Null))
}

/// A member in base64url, which may end in any number of `=`.
fn padded(text: &str) -> Option<Vec<u8>> {
    let end = text.bytes().rposition(|byte| byte != b'=').map_or(0, |last| last + 1);
    decode(&text.as_bytes()[..end])
}

/// The key of a JWK. A private part is taken to be right.
pub fn key(entry: &Node) -> Option<Key> {
    let entry = object(entry.text.as_bytes())?;
    let text = |name| present(&entry, name).map(|node| node.string().map(str::to_owned));
    let bytes = |name| padded(present(&entry, name)?.string()?);
    let has = |name| present(&entry, name).is_some();
    let sized = |name, length| bytes(name).filter(|bytes: &Vec<u8>| bytes.len() == length);
    // A member that is there must be of its type.
    let optional = |name| text(name).map_or(Some(None), |value| value.map(Some));
    let (kid, alg, purpose) = (optional("kid")?, optional("alg")?, optional("use")?);
    let operations = match present(&entry, "key_ops") {
        None => None,
        Some(Node { value: Value::Array(names), .. }) => {
            Some(names.iter().map(|name| name.string().map(str::to_owned)).collect::<Option<_>>()?)
        }
        Some(_) => return None,
    };
    let material = match entry.member("kty")?.string()? {
        "oct" => Material::Secret(bytes("k").filter(|secret| !secret.is_empty())?),
        "RSA" => {
            let (n, e) = (number(bytes("n")?), number(bytes("e")?));
            let odd = |number: &[u8]| number.last().is_some_and(|byte| byte % 2 == 1);
            let good = (2048..=8192).contains(&bits(&n)) && odd(&n) && odd(&e);
            if !good || e == [1] || bits(&e) > 33 {
                return None;
            }
            let whole = ["d", "p", "q", "dp", "dq", "qi"].iter().all(|name| has(name));
            let decrypts = whole && !has("oth");
            Material::Rsa { n, e, decrypts }
        }
        "EC" => {
            let curve = entry.member("crv")?.string()?.to_owned();
            let length = [("P-256", 32), ("P-384", 48), ("P-521", 66)];
            let (_, length) = length.into_iter().find(|(name, _)| *name == curve)?;
            // Leading zero octets may be missing, but not all octets.
            let coordinate = |name| {
                let bytes = bytes(name).filter(|bytes| (1..=length).contains(&bytes.len()))?;
                Some([vec![0; length - bytes.len()], bytes].concat())
            };
            let (x, y) = (coordinate("x")?, coordinate("y")?);
            if !super::signature::on_curve(&curve, &x, &y) {
                return None;
            }
            Material::Ec { curve, x, y, private: has("d") }
        }
        "OKP" => {
            let curve = entry.member("crv")?.string()?.to_owned();
            let length = [("Ed25519", 32), ("Ed448", 57), ("X25519", 32)];
            let (_, length) = length.into_iter().find(|(name, _)| *name == curve)?;
            let x = sized("x", length)?;
            if !super::signature::on_curve(&curve, &x, &[]) {
                return None;
            }
            Material::Okp { curve, x, private: has("d") }
        }
        _ => return None,
    };
    let key = Key { kid, material, alg, purpose, operations };
    let fits = key.alg.as_ref().is_none_or(|alg| key.material.algorithms().contains(&&**alg));
    fits.then_some(key)
}

impl Material {
    /// Every name that the `alg` of a key of this kind may have.
    fn algorithms(&self) -> Vec<&'static str> {
        match self {
            Self::Secret(_) => [&SECRET_SIGNATURES[..], &SECRET_MANAGEMENT, &ENCRYPTIONS].concat(),
            Self::Rsa { .. } => [&RSA_SIGNATURES[..], &RSA_MANAGEMENT].concat(),
            Self::Ec { .. } => [&self.signatures()[..], &AGREEMENT].concat(),
            Self::Okp { curve, .. } if curve == "X25519" => AGREEMENT.to_vec(),
            Self::Okp { .. } => self.signatures(),
        }
    }

    fn signatures(&self) -> Vec<&'static str> {
        match self {
            Self::Secret(_) => SECRET_SIGNATURES.to_vec(),
            Self::Rsa { .. } => RSA_SIGNATURES.to_vec(),
            Self::Ec { curve, .. } | Self::Okp { curve, .. } => match &**curve {
                "P-256" => vec!["ES256"],
                "P-384" => vec!["ES384"],
                "P-521" => vec!["ES512"],
                "Ed25519" => vec!["EdDSA", "Ed25519"],
                "Ed448" => vec!["EdDSA", "Ed448"],
                _ => vec![],
            },
        }
    }
}

const SECRET_SIGNATURES: [&str; 3] = ["HS256", "HS384", "HS512"];
const SECRET_MANAGEMENT: [&str; 7] =
    ["dir", "A128KW", "A192KW", "A256KW", "A128GCMKW", "A192GCMKW", "A256GCMKW"];
const RSA_SIGNATURES: [&str; 6] = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
const RSA_MANAGEMENT: [&str; 4] = ["RSA-OAEP", "RSA-OAEP-256", "RSA-OAEP-384", "RSA-OAEP-512"];
const AGREEMENT: [&str; 4] = ["ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW"];
const ENCRYPTIONS: [&str; 6] =
    ["A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512", "A128GCM", "A192GCM", "A256GCM"];

/// Whether `alg` is one that a JWS may have.
pub fn is_signature(alg: &str) -> bool {
    let edwards = ["EdDSA", "Ed25519", "Ed448"];
    let curves = ["ES256", "ES384", "ES512"];
    SECRET_SIGNATURES.contains(&alg)
        || RSA_SIGNATURES.contains(&alg)
        || curves.contains(&alg)
        || edwards.contains(&alg)
}

/// Whether `alg` and `enc` are those that a JWE may have.
pub fn is_encryption(alg: &str, enc: &str) -> bool {
    let managed = [&SECRET_MANAGEMENT[..], &RSA_MANAGEMENT, &AGREEMENT].concat();
    managed.contains(&alg) && ENCRYPTIONS.contains(&enc)
}

impl Key {
    fn allows(&self, purpose: &str, operations: &[&str]) -> bool {
        let allowed = |own: &Vec<String>| own.iter().any(|own| operations.contains(&&**own));
        self.purpose.as_ref().is_none_or(|own| own == purpose)
            && self.operations.as_ref().is_none_or(allowed)
    }

    fn verifies(&self, alg: &str) -> bool {
        self.alg.as_ref().is_none_or(|own| own == alg)
            && self.allows("sig", &["verify"])
            && self.material.signatures().contains(&alg)
    }

    fn decrypts(&self, alg: &str, enc: &str) -> bool {
        let bound = match self.alg.as_deref() {
            None => true,
            Some(own) => own == alg || alg == "dir" && own == enc,
        };
        bound
            && match &self.material {
                Material::Secret(secret) if alg == "dir" => {
                    secret.len() == content_key_length(enc) && self.allows("enc", &["decrypt"])
                }
                Material::Secret(secret) => {
                    Some(secret.len()) == wrapping_key_length(alg)
                        && self.allows("enc", &["decrypt", "unwrapKey"])
                }
                Material::Rsa { decrypts, .. } => {
                    *decrypts
                        && RSA_MANAGEMENT.contains(&alg)
                        && self.allows("enc", &["decrypt", "unwrapKey"])
                }
                Material::Ec { private, .. } | Material::Okp { private, .. } => {
                    *private
                        && self.material.algorithms().contains(&alg)
                        && AGREEMENT.contains(&alg)
                        && self.allows("enc", &["deriveKey", "deriveBits"])
                }
            }
    }
}

/// The keys to try for a JWS.
pub fn verifying<'k>(keys: &'k [Key], kid: Option<&str>, alg: &str) -> Vec<&'k Key> {
    let all = named(keys, kid).into_iter();
    all.filter(|key| key.verifies(alg)).take(MAX_TRIED).collect()
}

/// The keys to try for a JWE.
pub fn decrypting<'k>(keys: &'k [Key], kid: Option<&str>, alg: &str, enc: &str) -> Vec<&'k Key> {
    let all = named(keys, kid).into_iter();
    let most = if RSA_MANAGEMENT.contains(&alg) { MAX_TRIED_BY_RSA } else { MAX_TRIED };
    all.filter(|key| key.decrypts(alg, enc)).take(most).collect()
}

/// With a `kid` the keys that have it; where none has it, those that have none; without one all.
fn named<'k>(keys: &'k [Key], kid: Option<&str>) -> Vec<&'k Key> {
    let Some(kid) = kid else { return keys.iter().collect() };
    let having = |wanted: Option<&str>| -> Vec<&'k Key> {
        keys.iter().filter(|key| key.kid.as_deref() == wanted).collect()
    };
    let found = having(Some(kid));
    if found.is_empty() { having(None) } else { found }
}

/// In bytes.
pub fn content_key_length(enc: &str) -> usize {
    match enc {
        "A128GCM" => 16,
        "A192GCM" => 24,
        "A256GCM" | "A128CBC-HS256" => 32,
        "A192CBC-HS384" => 48,
        _ => 64,
    }
}

fn wrapping_key_length(alg: &str) -> Option<usize> {
    match alg {
        "A128KW" | "A128GCMKW" => Some(16),
        "A192KW" | "A192GCMKW" => Some(24),
        "A256KW" | "A256GCMKW" => Some(32),
        _ => None,
    }
}

fn number(bytes: Vec<u8>) -> Vec<u8> {
    bytes.into_iter().skip_while(|byte| *byte == 0).collect()
}

fn bits(number: &[u8]) -> usize {
    number.first().map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}
