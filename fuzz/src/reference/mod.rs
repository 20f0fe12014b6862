//! What `auth_jwt` decides, once more: written for clarity from the module's documented rules, in
//! the order of `docs/reference.md`, with other parsers and other cryptography. It is slow, has no
//! cache, and shares no code with the module.

pub mod base64url;
pub mod encryption;
pub mod holder;
pub mod json;
pub mod keys;
pub mod render;
pub mod rules;
pub mod signature;
pub mod times;
pub mod url;

use std::cell::RefCell;
use std::collections::HashMap;

use base64url::decode;
use json::{Node, object};
use keys::Key;
use rules::{Issuer, Ruling};
use times::Timeliness;

/// `auth_jwt_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Signed,
    Encrypted,
    Nested,
}

/// Everything that a decision depends on.
#[derive(Clone, Debug)]
pub struct Question<'q> {
    pub token: &'q [u8],
    pub token_type: Type,
    /// The documents of all key sources; `None` where none is configured. Issuers have their own.
    pub sources: Option<&'q [Vec<u8>]>,
    /// Since 1970.
    pub now_milliseconds: i64,
    /// In seconds.
    pub leeway: u64,
    /// Issuers and rules.
    pub ruling: Ruling<'q>,
    /// Whether `auth_jwt_require` is met.
    pub requirement_met: bool,
}

/// The word of a token that passes, or is refused, and the name of its issuer once that is proven;
/// behind the word of a rule for a claim stands its status. As [`word`] else.
pub fn ruled(question: &Question<'_>) -> Option<(&'static str, Option<String>)> {
    let mut issuer = None;
    let word = match judge(question, &mut issuer) {
        Ok(()) => "ok",
        Err(Refused(word)) => word,
        Err(CannotTell) => return None,
    };
    Some((word, issuer.map(|issuer| issuer.name.clone())))
}

/// The word of `$auth_jwt_status`; `None` where the reference cannot tell: it does no asymmetric
/// decryption, and leaves rounding at the bounds of `exp` and `nbf` alone.
pub fn word(question: &Question<'_>) -> Option<&'static str> {
    ruled(question).map(|(word, _)| word)
}

enum Stop {
    Refused(&'static str),
    CannotTell,
}
use Stop::{CannotTell, Refused};

const MALFORMED: Stop = Refused("malformed_token");

/// `proven` is the issuer whose key has made the token.
fn judge<'q>(question: &Question<'q>, proven: &mut Option<&'q Issuer>) -> Result<(), Stop> {
    if question.token.is_empty() {
        return Err(Refused("no_token"));
    }
    let segments: Vec<&[u8]> = question.token.split(|byte| *byte == b'.').collect();
    let asked_for = if question.token_type == Type::Signed { 3 } else { 5 };
    if ![3, 5].contains(&segments.len()) {
        return Err(MALFORMED);
    }
    let header = header(segments[0]).ok_or(MALFORMED)?;
    let decoded: Option<Vec<Vec<u8>>> = segments.iter().map(|segment| decode(segment)).collect();
    if segments.len() != asked_for {
        return Err(if decoded.is_some() { Refused("wrong_type") } else { MALFORMED });
    }
    let ruling = &question.ruling;
    let mut issuer: Option<&'q Issuer> = None;
    let claims = if question.token_type == Type::Signed {
        if !keys::is_signature(text(&header, "alg")) {
            return Err(Refused("unsupported_algorithm"));
        }
        decoded.ok_or(MALFORMED)?;
        match (ruling.issuers, question.sources) {
            (None, None) => decode(segments[1]).ok_or(MALFORMED)?,
            (None, Some(sources)) => verify(question.token, |_, _| union(sources))?,
            (Some(issuers), _) => verify(question.token, |header, payload| {
                let owner = own(issuers, payload)?;
                issuer = Some(owner);
                rules::judge_header(owner, header, true).map_err(Refused)?;
                union(&owner.sources)
            })?,
        }
    } else {
        let (alg, enc) = (text(&header, "alg"), header.member("enc").ok_or(MALFORMED)?);
        if !keys::is_encryption(alg, enc.string().unwrap_or_default()) {
            return Err(Refused("unsupported_algorithm"));
        }
        check_parameters(&header).ok_or(MALFORMED)?;
        let decoded = decoded.ok_or(MALFORMED)?;
        let keys = match ruling.issuers {
            Some([only]) => union(&only.sources)?,
            Some(_) => return Err(CannotTell),
            None => union(question.sources.ok_or(Refused("keys_unavailable"))?)?,
        };
        let plaintext = decrypt(&header, segments[0], &decoded, &keys)?;
        match question.token_type {
            Type::Nested => {
                std::str::from_utf8(&plaintext).map_err(|_| MALFORMED)?;
                verify(&plaintext, |header, payload| {
                    if let Some(issuers) = ruling.issuers {
                        let owner = own(issuers, payload)?;
                        issuer = Some(owner);
                        rules::judge_header(owner, header, true).map_err(Refused)?;
                    }
                    Ok(keys.clone())
                })?
            }
            _ => {
                if let Some(issuers) = ruling.issuers {
                    let owner = own(issuers, &plaintext)?;
                    issuer = Some(owner);
                    rules::judge_header(owner, &header, false).map_err(Refused)?;
                }
                plaintext
            }
        }
    };
    let claims = object(&claims).ok_or(MALFORMED)?;
    let leeway = issuer.and_then(|issuer| issuer.leeway).unwrap_or(question.leeway);
    let timely = times::judge(&claims, question.now_milliseconds, leeway);
    // What is malformed is never proven to be anybody's.
    *proven = issuer.filter(|_| timely != Timeliness::Malformed);
    match timely {
        Timeliness::Malformed => return Err(MALFORMED),
        Timeliness::Expired => return Err(Refused("expired")),
        Timeliness::NotYetValid => return Err(Refused("not_yet_valid")),
        Timeliness::Close => return Err(CannotTell),
        Timeliness::Valid => {}
    }
    rules::judge(ruling, issuer, &claims, question.now_milliseconds, leeway)
        .map_err(|failed| failed.map_or(CannotTell, Refused))?;
    if question.requirement_met { Ok(()) } else { Err(Refused("requirement_failed")) }
}

/// The issuer of a token of that payload.
fn own<'q>(issuers: &'q [Issuer], payload: &[u8]) -> Result<&'q Issuer, Stop> {
    let claims = object(payload).ok_or(MALFORMED)?;
    rules::issuer_of(issuers, &claims).ok_or(Refused("unknown_issuer"))
}

fn header(segment: &[u8]) -> Option<Node> {
    let header = object(&decode(segment)?)?;
    header.member("alg")?;
    let strings = ["alg", "kid", "enc", "typ", "cty"];
    let refused = ["crit", "b64", "zip"];
    let right_type = |name| header.member(name).is_none_or(|node: &Node| node.string().is_some());
    let good = strings.into_iter().all(right_type)
        && refused.into_iter().all(|name| header.member(name).is_none());
    good.then_some(header)
}

fn text<'h>(header: &'h Node, name: &str) -> &'h str {
    header.member(name).and_then(Node::string).unwrap_or_default()
}

fn kid(header: &Node) -> Option<&str> {
    header.member("kid").and_then(Node::string)
}

/// The keys of all sources, in order. Points of curves take long to check: the reference too
/// remembers what it has read.
fn union(sources: &[Vec<u8>]) -> Result<Vec<Key>, Stop> {
    thread_local! {
        static SETS: RefCell<HashMap<Vec<u8>, Option<Vec<Key>>>> = RefCell::default();
    }
    let sets: Option<Vec<Vec<Key>>> = SETS.with_borrow_mut(|sets| {
        if sets.len() > 256 {
            sets.clear();
        }
        let read = |source: &Vec<u8>| {
            sets.entry(source.clone()).or_insert_with(|| keys::set(source)).clone()
        };
        sources.iter().map(read).collect()
    });
    sets.map(|sets| sets.concat()).ok_or(Refused("keys_unavailable"))
}

/// The payload of a JWS that one of the keys has signed, which `keys` gives for header and payload.
fn verify(
    jws: &[u8],
    keys: impl FnOnce(&Node, &[u8]) -> Result<Vec<Key>, Stop>,
) -> Result<Vec<u8>, Stop> {
    let segments: Vec<&[u8]> = jws.split(|byte| *byte == b'.').collect();
    let [first, payload, signature] = segments[..] else { return Err(MALFORMED) };
    let header = header(first).ok_or(MALFORMED)?;
    let alg = text(&header, "alg");
    if !keys::is_signature(alg) {
        return Err(Refused("unsupported_algorithm"));
    }
    let (body, signature) = decode(payload).zip(decode(signature)).ok_or(MALFORMED)?;
    let keys = keys(&header, &body)?;
    let candidates = keys::verifying(&keys, kid(&header), alg);
    if candidates.is_empty() {
        return Err(Refused("unknown_key"));
    }
    let message = [first, b".", payload].concat();
    match candidates.iter().any(|key| signature::is_valid(key, alg, &message, &signature)) {
        true => Ok(body),
        false => Err(Refused("invalid_signature")),
    }
}

/// RFC 7518 §4.6.1 and §4.7.1: the members that `alg` needs are there, and of their form.
fn check_parameters(header: &Node) -> Option<()> {
    let bytes = |node: &Node| decode(node.string()?.as_bytes());
    let sized = |node: Option<&Node>, length| (bytes(node?)?.len() == length).then_some(());
    let alg = text(header, "alg");
    if alg.ends_with("GCMKW") {
        sized(header.member("iv"), 12)?;
        sized(header.member("tag"), 16)?;
    }
    if alg.starts_with("ECDH-ES") {
        for name in ["apu", "apv"] {
            header.member(name).map_or(Some(vec![]), bytes)?;
        }
        let epk = header.member("epk")?;
        let length = match (epk.member("kty")?.string()?, epk.member("crv")?.string()?) {
            ("EC", "P-256") | ("OKP", "X25519") => 32,
            ("EC", "P-384") => 48,
            ("EC", "P-521") => 66,
            _ => return None,
        };
        sized(epk.member("x"), length)?;
        if text(epk, "kty") == "EC" {
            sized(epk.member("y"), length)?;
        }
    }
    Some(())
}

fn decrypt(
    header: &Node,
    additional_data: &[u8],
    segments: &[Vec<u8>],
    keys: &[Key],
) -> Result<Vec<u8>, Stop> {
    let (alg, enc) = (text(header, "alg"), text(header, "enc"));
    let [_, encrypted_key, iv, ciphertext, tag] = segments else { return Err(MALFORMED) };
    let candidates = keys::decrypting(keys, kid(header), alg, enc);
    if candidates.is_empty() {
        return Err(Refused("unknown_key"));
    }
    let open = |key: &Key| {
        let keys::Material::Secret(secret) = &key.material else { return Err(CannotTell) };
        let bytes = |name| decode(text(header, name).as_bytes()).unwrap_or_default();
        let content_key = match alg {
            "dir" => encrypted_key.is_empty().then(|| secret.clone()),
            _ if alg.ends_with("GCMKW") => {
                encryption::gcm_open(secret, &bytes("iv"), (encrypted_key, &bytes("tag")), b"")
            }
            _ => encryption::unwrap(secret, encrypted_key),
        };
        let content_key = content_key.filter(|key| key.len() == keys::content_key_length(enc));
        let sealed = (&ciphertext[..], &tag[..]);
        Ok(content_key.and_then(|key| encryption::open(enc, &key, iv, sealed, additional_data)))
    };
    for key in candidates {
        if let Some(plaintext) = open(key)? {
            return Ok(plaintext);
        }
    }
    Err(Refused("decryption_failed"))
}
