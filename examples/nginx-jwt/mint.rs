//! `nginx-jwt mint`

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use ngx_http_auth_jwt_module::jose::algorithm::{
    ContentEncryption, KeyAlgorithm, KeyManagement, SignatureAlgorithm,
};
use ngx_http_auth_jwt_module::jose::base64url::encode;
use serde_json::{Map, Value};

use super::Report;
use super::encrypt::encrypt;
use super::input::{self, Failure};
use super::jwk::{self, Jwk};
use super::sign::sign;
use super::time;

/// Mint a test token: signed, encrypted, or signed and then encrypted
///
/// "iat" is now and "exp" in an hour, unless the claims say otherwise. "nginx-jwt keygen" makes keys.
#[derive(clap::Args)]
pub struct Arguments {
    /// A JWK Set or a JWK: private to sign, public or private to encrypt; may be given several times
    #[arg(long, value_name = "FILE", required = true)]
    key: Vec<PathBuf>,
    /// Which key of a JWK Set; written into the header
    #[arg(long, value_name = "ID")]
    kid: Option<String>,
    /// Such as RS256, or RSA-OAEP to encrypt; by default what the key says
    #[arg(long)]
    alg: Option<String>,
    /// The content encryption of an encrypted token [default: A256GCM]
    #[arg(long)]
    enc: Option<String>,
    /// Encrypt a signed token, which --sign-alg and --sign-kid speak of
    #[arg(long)]
    nested: bool,
    /// The algorithm of the inner token; by default what the first key that signs says
    #[arg(long, value_name = "ALG", requires = "nested")]
    sign_alg: Option<String>,
    /// Which key signs the inner token
    #[arg(long, value_name = "ID", requires = "nested")]
    sign_kid: Option<String>,
    /// All claims, as a JSON object or the name of a file that holds it
    #[arg(long, value_name = "JSON|FILE")]
    claims: Option<String>,
    /// A claim that is a string
    #[arg(long, value_name = "NAME=TEXT")]
    claim: Vec<String>,
    /// Any other claim, such as 'groups=["staff","dev"]'
    #[arg(long, value_name = "NAME=JSON")]
    claim_json: Vec<String>,
    /// "exp" from now on, such as 15m, or -5m for an expired token, or never [default: 1h]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = lifetime)]
    expires_in: Option<Lifetime>,
}

#[derive(Clone, Copy)]
enum Lifetime {
    Seconds(i64),
    Never,
}

fn lifetime(text: &str) -> Result<Lifetime, String> {
    if text == "never" { Ok(Lifetime::Never) } else { time::duration(text).map(Lifetime::Seconds) }
}

pub fn run(arguments: &Arguments) -> Result<Report, Failure> {
    let keys = jwk::read(&arguments.key)?;
    let (alg, kid) = (arguments.alg.as_deref(), arguments.kid.as_deref());
    let claims = serde_json::to_string(&claims(arguments)?)?;
    let algorithm = match alg {
        Some(name) => named(name)?,
        None => {
            let key = jwk::pick(&keys, kid, |key| {
                !arguments.nested || key.algorithm().is_some_and(encrypts)
            });
            let own = key.ok_or_else(|| no_key(kid, ""))?.algorithm();
            own.ok_or("the key says no alg: --alg is needed")?
        }
    };
    let token = match algorithm {
        KeyAlgorithm::Signature(_) if arguments.nested => {
            return Err("--alg is that of the encryption with --nested; see --sign-alg".into());
        }
        KeyAlgorithm::Signature(_) if arguments.enc.is_some() => {
            return Err("--enc goes with an --alg that encrypts".into());
        }
        KeyAlgorithm::Signature(algorithm) => signed(&keys, kid, algorithm, claims.as_bytes())?,
        KeyAlgorithm::KeyManagement(management) => {
            encrypted(&keys, arguments, management, None, &claims)?
        }
        KeyAlgorithm::ContentEncryption(own) => {
            encrypted(&keys, arguments, KeyManagement::Dir, Some(own), &claims)?
        }
    };
    Ok(Report { text: format!("{token}\n"), good: true })
}

fn encrypts(algorithm: KeyAlgorithm) -> bool {
    !matches!(algorithm, KeyAlgorithm::Signature(_))
}

fn named(name: &str) -> Result<KeyAlgorithm, Failure> {
    let found = KeyAlgorithm::from_name(name);
    Ok(found.ok_or_else(|| format!("the module does not serve alg \"{name}\""))?)
}

fn no_key(kid: Option<&str>, alg: &str) -> Failure {
    let kid = kid.map(|kid| format!(" of kid {kid:?}")).unwrap_or_default();
    let alg = if alg.is_empty() { String::new() } else { format!(" for {alg}") };
    format!("there is no key{kid}{alg}").into()
}

fn signed(
    keys: &[Jwk],
    kid: Option<&str>,
    algorithm: SignatureAlgorithm,
    claims: &[u8],
) -> Result<String, Failure> {
    let name = SignatureAlgorithm::all().find(|row| row.1 == algorithm).map_or("", |row| row.0);
    let key = jwk::pick(keys, kid, |key| key.signs(algorithm)).ok_or_else(|| no_key(kid, name))?;
    let header = serde_json::to_string(&header(name, kid.or(key.text("kid"))))?;
    let message = [encode(header.as_bytes()), encode(claims)].join(".");
    let signature = sign(algorithm, key, message.as_bytes())?;
    Ok([message, encode(&signature)].join("."))
}

fn encrypted(
    keys: &[Jwk],
    arguments: &Arguments,
    algorithm: KeyManagement,
    own: Option<ContentEncryption>,
    claims: &str,
) -> Result<String, Failure> {
    let encryption = match &arguments.enc {
        Some(name) => ContentEncryption::from_name(name)
            .ok_or_else(|| format!("the module does not serve enc \"{name}\""))?,
        None => own.unwrap_or(ContentEncryption::A256Gcm),
    };
    let kid = arguments.kid.as_deref();
    let key = jwk::pick(keys, kid, |key| key.encrypts(algorithm))
        .ok_or_else(|| no_key(kid, algorithm.name()))?;
    let mut header = header(algorithm.name(), kid.or(key.text("kid")));
    header.insert("enc".into(), encryption.name().into());
    let plaintext = if arguments.nested {
        header.insert("cty".into(), "JWT".into());
        inner(keys, arguments, claims)?
    } else {
        claims.to_owned()
    };
    encrypt(algorithm, encryption, key, header, plaintext.as_bytes())
}

/// The token that a nested one holds.
fn inner(keys: &[Jwk], arguments: &Arguments, claims: &str) -> Result<String, Failure> {
    let kid = arguments.sign_kid.as_deref();
    let of = |algorithm| match algorithm {
        Some(KeyAlgorithm::Signature(algorithm)) => Some(algorithm),
        _ => None,
    };
    let algorithm = match &arguments.sign_alg {
        Some(name) => of(Some(named(name)?)).ok_or("--sign-alg does not sign")?,
        None => jwk::pick(keys, kid, |key| of(key.algorithm()).is_some())
            .and_then(|key| of(key.algorithm()))
            .ok_or("no key says that it signs: --sign-alg is needed")?,
    };
    signed(keys, kid, algorithm, claims.as_bytes())
}

fn header(alg: &str, kid: Option<&str>) -> Map<String, Value> {
    let mut header = Map::new();
    header.insert("typ".into(), "JWT".into());
    header.insert("alg".into(), alg.into());
    header.extend(kid.map(|kid| ("kid".into(), kid.into())));
    header
}

fn claims(arguments: &Arguments) -> Result<Map<String, Value>, Failure> {
    let now = Timestamp::now().as_second();
    let mut claims = Map::new();
    claims.insert("iat".into(), now.into());
    if let Lifetime::Seconds(seconds) = arguments.expires_in.unwrap_or(Lifetime::Seconds(3600)) {
        claims.insert("exp".into(), now.saturating_add(seconds).into());
    }
    if let Some(given) = &arguments.claims {
        let json = match given.trim_start().starts_with('{') {
            true => given.clone().into_bytes(),
            false => input::read(Path::new(given))?.to_vec(),
        };
        let given: Map<String, Value> =
            serde_json::from_slice(&json).map_err(|error| format!("--claims: {error}"))?;
        // The option is the more explicit of the two.
        let exp = claims.remove("exp");
        claims.extend(given);
        if let Some(exp) = exp
            && (arguments.expires_in.is_some() || !claims.contains_key("exp"))
        {
            claims.insert("exp".into(), exp);
        }
    }
    for claim in &arguments.claim {
        let (name, text) = split(claim)?;
        claims.insert(name.into(), text.into());
    }
    for claim in &arguments.claim_json {
        let (name, json) = split(claim)?;
        let value = serde_json::from_str(json);
        claims.insert(name.into(), value.map_err(|error| format!("claim \"{name}\": {error}"))?);
    }
    Ok(claims)
}

fn split(claim: &str) -> Result<(&str, &str), Failure> {
    claim.split_once('=').ok_or_else(|| format!("\"{claim}\" is not NAME=VALUE").into())
}
