//! Mints a token, to try a configuration out.
//!
//! ```text
//! cargo run --no-default-features --example mint -- --key FILE [options]
//!
//!   --key FILE               a JWK or JWK Set with a secret or an RSA private key, or a private key
//!                            in DER (name ending in .der; --alg is then needed)
//!   --kid ID                 which key of the set; written into the token's header
//!   --alg NAME               such as RS256; by default what the JWK says
//!   --claim NAME=TEXT        a claim that is a string
//!   --claim-json NAME=JSON   any other claim: --claim-json 'groups=["staff","dev"]'
//!   --expires-in TIME        "exp" from now on: 90s, 15m, 1h, 7d, or -5m for an expired token; default 1h
//! ```

use std::error::Error;
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fs, io};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, AlgorithmFamily, EncodingKey, Header, encode};
use serde_json::{Map, Value};

type Failure = Box<dyn Error>;

/// What was asked for on the command line.
struct Wish {
    key: String,
    kid: Option<String>,
    algorithm: Option<Algorithm>,
    claims: Map<String, Value>,
    /// Seconds from now; negative for the past.
    expires_in: i64,
}

fn main() -> Result<(), Failure> {
    let wish = read_arguments(env::args().skip(1))?;
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;

    let (key, mut header) = if wish.key.ends_with(".der") {
        let algorithm = wish.algorithm.ok_or("--alg is needed with a .der file")?;
        (key_from_der(&fs::read(&wish.key)?, algorithm)?, Header::new(algorithm))
    } else {
        let document = serde_json::from_slice(&fs::read(&wish.key)?)?;
        key_from_jwk(pick(&document, wish.kid.as_deref())?, wish.algorithm)?
    };
    header.kid = wish.kid.or(header.kid);

    let mut claims = Map::new();
    claims.insert("iat".into(), now.into());
    claims.insert("exp".into(), now.saturating_add(wish.expires_in).into());
    claims.extend(wish.claims);
    println!("{}", encode(&header, &claims, &key)?);
    Ok(())
}

fn read_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Wish, Failure> {
    let (mut key, mut kid, mut algorithm) = (None, None, None);
    let mut claims = Map::new();
    let mut expires_in = 3600;

    while let Some(option) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{option}: a value is missing"))?;
        match option.as_str() {
            "--key" => key = Some(value),
            "--kid" => kid = Some(value),
            "--alg" => algorithm = Some(value.parse()?),
            "--claim" => {
                let (name, text) = split(&value)?;
                claims.insert(name.into(), text.into());
            }
            "--claim-json" => {
                let (name, json) = split(&value)?;
                claims.insert(name.into(), serde_json::from_str(json)?);
            }
            "--expires-in" => expires_in = seconds(&value)?,
            _ => return Err(format!("unknown option {option}").into()),
        }
    }
    let key = key.ok_or("--key FILE is needed")?;
    Ok(Wish { key, kid, algorithm, claims, expires_in })
}

fn split(claim: &str) -> Result<(&str, &str), Failure> {
    claim.split_once('=').ok_or_else(|| format!("\"{claim}\" is not NAME=VALUE").into())
}

/// `15m`, `-5m`, `1h` → seconds; a bare number is seconds.
fn seconds(time: &str) -> Result<i64, Failure> {
    let units = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];
    let (number, unit) = units
        .iter()
        .find_map(|(name, unit)| time.strip_suffix(name).map(|number| (number, *unit)))
        .unwrap_or((time, 1));
    let number: i64 = number.parse().map_err(|_| format!("\"{time}\" is no time"))?;
    Ok(number.saturating_mul(unit))
}

/// The key of a JWK Set that has the `kid`, the first where none is asked for; or the bare JWK.
fn pick<'a>(document: &'a Value, kid: Option<&str>) -> Result<&'a Value, Failure> {
    let Some(keys) = document.get("keys").and_then(Value::as_array) else {
        return Ok(document);
    };
    keys.iter()
        .find(|key| kid.is_none() || key.get("kid").and_then(Value::as_str) == kid)
        .ok_or_else(|| "the JWK Set has no such key".into())
}

fn key_from_jwk(
    jwk: &Value,
    algorithm: Option<Algorithm>,
) -> Result<(EncodingKey, Header), Failure> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let algorithm = match (algorithm, text("alg")) {
        (Some(algorithm), _) => algorithm,
        (None, Some(name)) => name.parse()?,
        (None, None) => return Err("the JWK says no alg: --alg is needed".into()),
    };
    let key = match text("kty") {
        Some("oct") => EncodingKey::from_secret(&member(jwk, "k")?),
        Some("RSA") => EncodingKey::from_rsa_der(&rsa_private_key(jwk)?),
        _ => return Err("of JWKs, only oct and RSA are taken here: use a .der file".into()),
    };
    let mut header = Header::new(algorithm);
    header.kid = text("kid").map(Into::into);
    Ok((key, header))
}

fn key_from_der(der: &[u8], algorithm: Algorithm) -> Result<EncodingKey, Failure> {
    match algorithm.family() {
        AlgorithmFamily::Rsa => Ok(EncodingKey::from_rsa_der(der)),
        AlgorithmFamily::Ec => Ok(EncodingKey::from_ec_der(der)),
        AlgorithmFamily::Ed => Ok(EncodingKey::from_ed_der(der)),
        AlgorithmFamily::Hmac => Err("an HMAC secret has no DER form: use a JWK".into()),
    }
}

fn member(jwk: &Value, name: &str) -> Result<Vec<u8>, Failure> {
    let text = jwk.get(name).and_then(Value::as_str);
    let text = text.ok_or_else(|| format!("the JWK has no \"{name}\": is it a public key?"))?;
    Ok(URL_SAFE_NO_PAD.decode(text)?)
}

/// The members of an RSA JWK as an `RSAPrivateKey` in DER (RFC 8017, appendix A.1.2).
fn rsa_private_key(jwk: &Value) -> Result<Vec<u8>, Failure> {
    let mut numbers = der(0x02, &[0])?;
    for name in ["n", "e", "d", "p", "q", "dp", "dq", "qi"] {
        // A leading zero keeps the number positive.
        let number = [vec![0], member(jwk, name)?].concat();
        let zeros = number.windows(2).take_while(|pair| matches!(pair, [0, 0..=0x7f])).count();
        numbers.extend(der(0x02, number.get(zeros..).unwrap_or_default())?);
    }
    Ok(der(0x30, &numbers)?)
}

/// One DER value: tag, length, content.
fn der(tag: u8, content: &[u8]) -> io::Result<Vec<u8>> {
    let length = u16::try_from(content.len()).map_err(io::Error::other)?.to_be_bytes();
    let head = match length {
        [0, short @ 0..=0x7f] => vec![tag, short],
        [0, low] => vec![tag, 0x81, low],
        [high, low] => vec![tag, 0x82, high, low],
    };
    Ok([head.as_slice(), content].concat())
}
