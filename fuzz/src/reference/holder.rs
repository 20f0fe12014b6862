//! Whether a token is its holder's: RFC 8705 §3 and RFC 9449 §4.3, read once more.

use sha2::{Digest, Sha256};

use super::base64url::{decode, encode};
use super::json::{Node, object};
use super::times::{self, Bound, Timeliness};
use super::{header, keys, signature, text, url};

/// `auth_jwt_certificate` and `auth_jwt_dpop`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Off,
    Optional,
    Required,
}

/// A request with a token, and what its location asks for.
#[derive(Clone, Debug)]
pub struct Request {
    pub token: Vec<u8>,
    /// The claims of the token.
    pub claims: String,
    pub certificate_mode: Mode,
    pub proof_mode: Mode,
    /// In seconds, as is the leeway.
    pub window: u64,
    pub leeway: u64,
    pub now_milliseconds: i64,
    /// `None`: the token is not from `Authorization`.
    pub scheme: Option<&'static str>,
    pub certificate: Option<Vec<u8>>,
    /// The headers `DPoP`.
    pub proofs: Vec<Vec<u8>>,
    pub method: String,
    pub base: Vec<u8>,
    pub path: Vec<u8>,
    /// Whether the proof has not been seen before, and there is room to remember it.
    pub is_first: bool,
}

/// The word for the request; `None` where rounding decides.
pub fn word(request: &Request) -> Option<&'static str> {
    let (certificate_mode, proof_mode) = (request.certificate_mode, request.proof_mode);
    if certificate_mode == Mode::Off && proof_mode == Mode::Off {
        return Some("ok");
    }
    let claims = object(request.claims.as_bytes()).expect("claims");
    let cnf = claims.member("cnf");
    let member = |name| cnf?.member(name);
    let (x5t, jkt) = (member("x5t#S256"), member("jkt"));
    if cnf.is_some() && x5t.is_none() && jkt.is_none() {
        return Some("proof_missing");
    }
    if certificate_mode == Mode::Required && x5t.is_none() {
        return Some("proof_missing");
    }
    if let Some(x5t) = x5t.filter(|_| certificate_mode != Mode::Off) {
        let text = request.certificate.as_deref().unwrap_or_default();
        if text.iter().all(u8::is_ascii_whitespace) {
            return Some("proof_missing");
        }
        let der = certificate(text);
        if der.is_none_or(|der| digest(&der) != thumbprint_of(x5t).unwrap_or_default()) {
            return Some("wrong_certificate");
        }
    }
    let came_as_dpop = request.scheme == Some("DPoP");
    match jkt {
        _ if proof_mode == Mode::Off => Some("ok"),
        None if proof_mode == Mode::Required => Some("proof_missing"),
        None if came_as_dpop && request.proofs.is_empty() => Some("proof_missing"),
        None if came_as_dpop => Some("invalid_proof"),
        None => Some("ok"),
        Some(_) if request.scheme == Some("Bearer") => Some("proof_missing"),
        Some(jkt) => match (&request.proofs[..], thumbprint_of(jkt)) {
            ([], _) => Some("proof_missing"),
            ([proof], Some(jkt)) => match is_proof(proof, &jkt, request) {
                Some(false) => Some("invalid_proof"),
                None => None,
                Some(true) if request.is_first => Some("ok"),
                Some(true) => Some("invalid_proof"),
            },
            _ => Some("invalid_proof"),
        },
    }
}

/// A SHA-256 in base64url.
fn thumbprint_of(node: &Node) -> Option<Vec<u8>> {
    decode(node.string()?.as_bytes()).filter(|bytes| bytes.len() == 32)
}

fn digest(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

/// The checks of RFC 9449 §4.3, but for what the server remembers; `None` where rounding decides.
fn is_proof(proof: &[u8], jkt: &[u8], request: &Request) -> Option<bool> {
    let Some(claims) = verified(proof, jkt) else { return Some(false) };
    let text = |name| claims.member(name).and_then(Node::string);
    let (Some(jti), Some(htm), Some(htu), Some(ath)) =
        (text("jti"), text("htm"), text("htu"), text("ath"))
    else {
        return Some(false);
    };
    let expected = url::join(&request.base, &request.path).flatten();
    if jti.is_empty()
        || htm != request.method
        || ath != encode(&digest(&request.token))
        || expected.is_none()
        || url::url(htu.as_bytes()) != expected
    {
        return Some(false);
    }
    let Some(Some(issued)) = times::date(&claims, "iat") else { return Some(false) };
    let now = (i128::from(request.now_milliseconds) * 1_000_000, true);
    // A day at the most.
    let reach = (i128::from(request.window) + i128::from(request.leeway)).min(86_400) * 1_000_000_000;
    let bounds = [times::at_most(issued, now, reach), times::at_most(now, issued, reach)];
    if bounds.iter().any(|bound| matches!(bound, Bound::Broken)) {
        return Some(false);
    }
    match times::judge(&claims, request.now_milliseconds, request.leeway) {
        Timeliness::Malformed | Timeliness::Expired | Timeliness::NotYetValid => Some(false),
        Timeliness::Close => None,
        Timeliness::Valid if bounds.iter().any(|bound| matches!(bound, Bound::Close)) => None,
        Timeliness::Valid => Some(true),
    }
}

/// The claims of a well-formed proof that the key in it has signed, which has this thumbprint.
fn verified(proof: &[u8], jkt: &[u8]) -> Option<Node> {
    let segments: Vec<&[u8]> = proof.split(|byte| *byte == b'.').collect();
    let [first, payload, last] = segments[..] else { return None };
    let (header, body, given) = (header(first)?, decode(payload)?, decode(last)?);
    let alg = text(&header, "alg");
    if text(&header, "typ") != "dpop+jwt" || !keys::is_signature(alg) || alg.starts_with("HS") {
        return None;
    }
    let jwk = header.member("jwk")?;
    let jwk = object(jwk.text.as_bytes())?;
    let private = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
    if private.iter().any(|name| jwk.member(name).is_some()) || thumbprint(&jwk)? != jkt {
        return None;
    }
    let key = [keys::key(&jwk)?];
    let key = *keys::verifying(&key, None, alg).first()?;
    let message = [first, b".", payload].concat();
    signature::is_valid(key, alg, &message, &given).then(|| object(&body))?
}

/// RFC 7638 §3: the members that the key type requires, by name, as the key has them.
pub fn thumbprint(jwk: &Node) -> Option<Vec<u8>> {
    let kty = jwk.member("kty")?.string()?;
    let names = match kty {
        "EC" => &["crv", "kty", "x", "y"][..],
        "OKP" => &["crv", "kty", "x"],
        "RSA" => &["e", "kty", "n"],
        _ => return None,
    };
    let mut members = Vec::new();
    for name in names {
        let value = jwk.member(name)?.string()?;
        let known = match *name {
            "kty" => true,
            "crv" if kty == "EC" => ["P-256", "P-384", "P-521"].contains(&value),
            "crv" => ["Ed25519", "Ed448", "X25519"].contains(&value),
            _ => decode(value.as_bytes()).is_some(),
        };
        members.push(known.then(|| format!("\"{name}\":\"{value}\""))?);
    }
    Some(digest(format!("{{{}}}", members.join(",")).as_bytes()))
}

/// The DER of the certificate that begins a text in PEM, which may be percent-encoded.
fn certificate(text: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(&unescaped(text)).into_owned();
    let space = ['\t', '\n', '\u{c}', '\r', ' '];
    let text = text.trim_start_matches(space).strip_prefix("-----BEGIN CERTIFICATE-----")?;
    let (base64, _) = text.split_once("-----END CERTIFICATE-----")?;
    let base64: String = base64.chars().filter(|char| !space.contains(char)).collect();
    if base64.len() % 4 != 0 || base64.contains(['-', '_']) {
        return None;
    }
    let base64 = base64.replace('+', "-").replace('/', "_");
    let bare = base64.strip_suffix("==").or(base64.strip_suffix('=')).unwrap_or(&base64);
    decode(bare.as_bytes()).filter(|der| !der.is_empty())
}

/// `%41` is `A`; what is no escape stays.
fn unescaped(mut text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let [first, rest @ ..] = text {
        let digit = |at: usize| (*rest.get(at)? as char).to_digit(16);
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                text = &rest[2..];
            }
            _ => {
                bytes.push(*first);
                text = rest;
            }
        }
    }
    bytes
}
