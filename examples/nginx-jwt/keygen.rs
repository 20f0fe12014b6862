//! `nginx-jwt keygen`

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::agreement::{self, PrivateKey};
use aws_lc_rs::encoding::{AsBigEndian, AsDer, Curve25519SeedBin, EcPrivateKeyBin, Pkcs8V1Der};
use aws_lc_rs::rsa::{self, KeySize};
use clap::ValueEnum;
use ngx_http_auth_jwt_module::jose::algorithm::{
    ContentEncryption, Curve, KeyAlgorithm, KeyManagement, Scheme,
};
use ngx_http_auth_jwt_module::jose::base64url::encode;
use serde_json::{Map, Value, json};

use super::Report;
use super::encrypt::{public_members, random};
use super::input::Failure;

/// The members of a JWK that nobody else may know (RFC 7518 §6, RFC 8037 §2).
const SECRET: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "k"];

/// Make a key: the private JWK for who signs or decrypts, the public JWK Set for the other side
///
/// nginx needs the public set to verify signatures, and the private JWK to decrypt; a secret for
/// HMAC or AES is the same on both sides. Files that exist are never overwritten.
#[derive(clap::Args)]
pub struct Arguments {
    /// What the key is for, such as ES256, HS512, RSA-OAEP-256, ECDH-ES+A128KW, dir
    #[arg(long)]
    alg: String,
    /// The content encryption that a key for "dir" is for [default: A256GCM]
    #[arg(long)]
    enc: Option<String>,
    /// The curve of a key for EdDSA (Ed25519, Ed448) or ECDH-ES (P-256, P-384, P-521, X25519)
    /// [default: the first]
    #[arg(long, value_name = "CURVE")]
    crv: Option<String>,
    /// The size of an RSA key
    #[arg(long, default_value = "2048")]
    bits: Bits,
    /// The key's name; random without it
    #[arg(long, value_name = "ID")]
    kid: Option<String>,
    /// Write the private JWK there, readable for the owner alone; without it to standard output
    #[arg(long, value_name = "FILE")]
    private: Option<PathBuf>,
    /// Write the public JWK Set there
    #[arg(long, value_name = "FILE")]
    public: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Bits {
    #[value(name = "2048")]
    B2048,
    #[value(name = "3072")]
    B3072,
    #[value(name = "4096")]
    B4096,
    #[value(name = "8192")]
    B8192,
}

pub fn run(arguments: &Arguments) -> Result<Report, Failure> {
    let algorithm = KeyAlgorithm::from_name(&arguments.alg)
        .ok_or_else(|| format!("the module does not serve alg \"{}\"", arguments.alg))?;
    let mut jwk = generate(algorithm, arguments)?;
    let usage = match algorithm {
        KeyAlgorithm::Signature(_) => "sig",
        KeyAlgorithm::KeyManagement(_) | KeyAlgorithm::ContentEncryption(_) => "enc",
    };
    let kid = match &arguments.kid {
        Some(kid) => kid.clone(),
        None => encode(&random(6)?),
    };
    jwk.insert("kid".into(), kid.into());
    jwk.insert("alg".into(), arguments.alg.as_str().into());
    jwk.insert("use".into(), usage.into());

    if let Some(file) = &arguments.public {
        if jwk.contains_key("k") {
            return Err("a secret has no public half: both sides need the key itself".into());
        }
        let public: Map<String, Value> =
            jwk.clone().into_iter().filter(|(name, _)| !SECRET.contains(&name.as_str())).collect();
        write(file, 0o644, &json!({"keys": [public]}))?;
    }
    let text = match &arguments.private {
        Some(file) => {
            write(file, 0o600, &Value::Object(jwk))?;
            String::new()
        }
        None => format!("{:#}\n", Value::Object(jwk)),
    };
    Ok(Report { text, good: true })
}

fn write(file: &Path, mode: u32, json: &Value) -> Result<(), Failure> {
    let failed = |error| format!("\"{}\": {error}", file.display());
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(mode).open(file).map_err(failed)?;
    Ok(file.write_all(format!("{json:#}\n").as_bytes())?)
}

fn generate(algorithm: KeyAlgorithm, arguments: &Arguments) -> Result<Map<String, Value>, Failure> {
    use KeyManagement::*;
    let crv = arguments.crv.as_deref();
    let asked = match &arguments.enc {
        Some(name) => ContentEncryption::from_name(name)
            .ok_or_else(|| format!("the module does not serve enc \"{name}\""))?,
        None => ContentEncryption::A256Gcm,
    };
    match algorithm {
        KeyAlgorithm::Signature(signature) => match signature.scheme() {
            Scheme::Hmac(hash) => secret(hash.length()),
            Scheme::Rsa(..) => rsa(arguments.bits),
            Scheme::Ecdsa(curve, _) => pair(curve.name()),
            Scheme::EdDsa([curve]) => pair(curve.name()),
            Scheme::EdDsa(curves) => {
                let names: Vec<_> = curves.iter().map(|curve| curve.name()).collect();
                pair(one_of(crv, &names)?)
            }
        },
        KeyAlgorithm::KeyManagement(management) => match management {
            Dir => secret(asked.key_length()),
            RsaOaep | RsaOaep256 | RsaOaep384 | RsaOaep512 => rsa(arguments.bits),
            EcdhEs | EcdhEsA128Kw | EcdhEsA192Kw | EcdhEsA256Kw => {
                pair(one_of(crv, &["P-256", "P-384", "P-521", "X25519"])?)
            }
            A128Kw | A192Kw | A256Kw | A128GcmKw | A192GcmKw | A256GcmKw => {
                secret(management.wrapping_key_length().unwrap_or_default())
            }
        },
        KeyAlgorithm::ContentEncryption(own) => secret(own.key_length()),
    }
}

fn one_of(asked: Option<&str>, names: &[&'static str]) -> Result<&'static str, Failure> {
    let found = names.iter().find(|name| asked.is_none_or(|asked| asked == **name));
    Ok(*found.ok_or_else(|| format!("--crv must be one of {}", names.join(", ")))?)
}

fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(members) = value { members } else { Map::new() }
}

fn secret(length: usize) -> Result<Map<String, Value>, Failure> {
    Ok(object(json!({"kty": "oct", "k": encode(&random(length)?)})))
}

/// A private key of an elliptic curve.
fn pair(crv: &str) -> Result<Map<String, Value>, Failure> {
    let failed = "no key could be made";
    let curve = Curve::from_name(crv);
    let agreement = match curve {
        Some(Curve::P256) => &agreement::ECDH_P256,
        Some(Curve::P384) => &agreement::ECDH_P384,
        Some(Curve::P521) => &agreement::ECDH_P521,
        Some(Curve::X25519) => &agreement::X25519,
        _ => return edwards(crv),
    };
    let key = PrivateKey::generate(agreement).map_err(|_| failed)?;
    let public = key.compute_public_key().map_err(|_| failed)?;
    let d = if curve == Some(Curve::X25519) {
        let d: Curve25519SeedBin<'_> = key.as_be_bytes().map_err(|_| failed)?;
        encode(d.as_ref())
    } else {
        let d: EcPrivateKeyBin<'_> = key.as_be_bytes().map_err(|_| failed)?;
        encode(d.as_ref())
    };
    let mut jwk = object(public_members(curve, crv, public.as_ref()));
    jwk.insert("d".into(), d.into());
    Ok(jwk)
}

/// Ed25519 or Ed448: any seed is a key (RFC 8032 §5.1.5, §5.2.5).
fn edwards(crv: &str) -> Result<Map<String, Value>, Failure> {
    let (seed, x) = if crv == "Ed448" {
        let seed = random(57)?;
        let key = crrl::ed448::PrivateKey::from_seed(&seed);
        (seed, key.public_key.encode().to_vec())
    } else {
        use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
        let seed = random(32)?;
        let key = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| "no key could be made")?;
        let x = key.public_key().as_ref().to_vec();
        (seed, x)
    };
    Ok(object(json!({"kty": "OKP", "crv": crv, "x": encode(&x), "d": encode(&seed)})))
}

fn rsa(bits: Bits) -> Result<Map<String, Value>, Failure> {
    let size = match bits {
        Bits::B2048 => KeySize::Rsa2048,
        Bits::B3072 => KeySize::Rsa3072,
        Bits::B4096 => KeySize::Rsa4096,
        Bits::B8192 => KeySize::Rsa8192,
    };
    let key = rsa::KeyPair::generate(size).map_err(|_| "no key could be made")?;
    let der: Pkcs8V1Der<'_> = key.as_der().map_err(|_| "no key could be made")?;
    let members = rsa_members(der.as_ref()).ok_or("the key could not be read")?;
    let mut jwk = object(json!({"kty": "RSA"}));
    jwk.extend(members.map(|(name, number)| (name.into(), encode(number).into())));
    Ok(jwk)
}

/// The numbers of a PKCS #8 `PrivateKeyInfo` of an `RSAPrivateKey` (RFC 5208 §5, RFC 8017 A.1.2).
fn rsa_members(pkcs8: &[u8]) -> Option<[(&'static str, &[u8]); 8]> {
    let (info, _) = der(pkcs8)?;
    let (_version, rest) = der(info)?;
    let (_algorithm, rest) = der(rest)?;
    let (key, _) = der(rest)?;
    let (numbers, _) = der(key)?;
    let (_version, mut rest) = der(numbers)?;
    let mut members = ["n", "e", "d", "p", "q", "dp", "dq", "qi"].map(|name| (name, &[][..]));
    for (_, number) in &mut members {
        let (bytes, behind) = der(rest)?;
        // A leading zero only keeps the number positive.
        *number = bytes.strip_prefix(&[0]).unwrap_or(bytes);
        rest = behind;
    }
    Some(members)
}

/// The content of the first DER value, and what follows it.
fn der(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_tag, rest) = bytes.split_first()?;
    let (first, mut rest) = rest.split_first()?;
    let mut length = usize::from(*first);
    if length >= 0x80 {
        let (long, behind) = rest.split_at_checked(length.checked_sub(0x80)?)?;
        length = long
            .iter()
            .try_fold(0_usize, |sum, byte| sum.checked_mul(256)?.checked_add(usize::from(*byte)))?;
        rest = behind;
    }
    rest.split_at_checked(length)
}
