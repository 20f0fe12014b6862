//! What to look at next, beyond what the module says.

use jiff::Timestamp;
use ngx_http_auth_jwt_module::auth::issuer::Issuer;
use ngx_http_auth_jwt_module::auth::outcome::Refusal;
use ngx_http_auth_jwt_module::auth::policy::TokenType;
use ngx_http_auth_jwt_module::jose::algorithm::{
    ContentEncryption, KeyManagement, SignatureAlgorithm,
};
use ngx_http_auth_jwt_module::jose::base64url;
use ngx_http_auth_jwt_module::jose::claims::Claims;
use ngx_http_auth_jwt_module::jose::compact::{Compact, JwsSegments};
use ngx_http_auth_jwt_module::jose::error::{Malformed, TokenError, Tried};
use ngx_http_auth_jwt_module::jose::header::Header;
use ngx_http_auth_jwt_module::jose::json::Value;
use ngx_http_auth_jwt_module::jose::jwe::Jwe;
use ngx_http_auth_jwt_module::jose::jwk::Key;
use ngx_http_auth_jwt_module::jose::select::{try_decryption_keys, try_verification_keys};

use super::describe;
use super::issuers::Known;
use super::key_sets::KeySets;
use super::rule_hints;
use super::rules::Rules;
use super::time::{rfc3339, span};

/// So many keys are listed.
const LISTED: usize = 20;

/// A token that has been judged.
pub struct Case<'c> {
    pub token: &'c [u8],
    pub token_type: TokenType,
    /// In seconds.
    pub leeway: u64,
    pub now: Timestamp,
    pub keys: Option<&'c KeySets>,
    pub known: Option<&'c Known>,
    /// Whose token it is, once that is verified.
    pub issuer: Option<&'c Issuer>,
    pub rules: &'c Rules,
    pub judged: &'c Result<(), Refusal>,
}

/// What may help; `unmet` are the claims that were required and are not there.
pub fn of(case: &Case<'_>, claims: Option<&Claims>, unmet: &[&str]) -> Vec<String> {
    let time = |name| claims.and_then(|claims| on_time(case, claims, name));
    match case.judged {
        Ok(()) => passed(case, claims),
        Err(Refusal::NoToken) => vec!["what was read is empty".to_owned()],
        Err(Refusal::Token(error)) => refused(case, *error),
        Err(Refusal::Expired) => Vec::from_iter(time("exp")),
        Err(Refusal::NotYetValid) => Vec::from_iter(time("nbf")),
        Err(Refusal::RequirementFailed(_)) => {
            unmet.iter().map(|name| format!("claim {name:?} is missing, empty or 0")).collect()
        }
        Err(refusal) => ruled_out(case, claims, refusal),
    }
}

/// What an issuer or a rule has against the token.
fn ruled_out(case: &Case<'_>, claims: Option<&Claims>, refusal: &Refusal) -> Vec<String> {
    let (issuer, rules) = (case.issuer, case.rules);
    match (refusal, claims) {
        (Refusal::UnknownIssuer | Refusal::AlgorithmNotAllowed | Refusal::WrongTyp, _) => {
            Vec::from_iter(disowned(case, refusal))
        }
        (Refusal::WrongLifetime, Some(claims)) => {
            let now = case.now.as_millisecond() as f64 / 1000.0;
            let of = |issuer| rule_hints::lifetime(claims, issuer, now, case.leeway);
            issuer.map(of).unwrap_or_default()
        }
        (Refusal::WrongAudience, Some(claims)) => vec![rule_hints::audience(claims, rules, issuer)],
        (Refusal::InsufficientScope, Some(claims)) => rule_hints::scope(claims, rules, issuer),
        (Refusal::ClaimMismatch(..), Some(claims)) => {
            Vec::from_iter(rule_hints::claim(claims, rules))
        }
        _ => Vec::new(),
    }
}

/// What an issuer, or each, has against a token before that is verified.
fn disowned(case: &Case<'_>, refusal: &Refusal) -> Option<String> {
    let (opened, known) = (open(case)?, case.known?);
    if *refusal == Refusal::UnknownIssuer {
        return Some(rule_hints::unknown_issuer(opened.claims.as_ref(), known));
    }
    let iss = opened.claims.as_ref()?.value("iss").and_then(Value::as_str);
    let issuer = known.table.find(&iss?)?;
    Some(match refusal {
        Refusal::WrongTyp => rule_hints::typ(&opened.header, issuer),
        _ => rule_hints::algorithm(&opened.header, issuer),
    })
}

fn passed(case: &Case<'_>, claims: Option<&Claims>) -> Vec<String> {
    let mut hints = Vec::new();
    if case.keys.is_none() {
        hints.push("without a key source nobody has verified the signature".to_owned());
    }
    if claims.is_some_and(|claims| claims.value("cnf").is_some()) {
        hints.push(
            "\"cnf\" binds it to its holder, and no request is here to prove that".to_owned(),
        );
    }
    let expires = claims.and_then(|claims| on_time(case, claims, "exp"));
    hints.push(expires.unwrap_or_else(|| "without \"exp\" it never expires".to_owned()));
    hints
}

fn on_time(case: &Case<'_>, claims: &Claims, name: &str) -> Option<String> {
    let text = claims.value(name)?.text();
    let away = text.parse::<f64>().ok()? - case.now.as_millisecond() as f64 / 1000.0;
    let side = if away > 0.0 { "after" } else { "before" };
    let moment = rfc3339(text).unwrap_or_else(|| text.to_owned());
    let now = rfc3339(&case.now.as_second().to_string()).unwrap_or_default();
    let leeway = match case.leeway {
        0 => String::new(),
        leeway => format!(", with a leeway of {}", span(leeway as f64)),
    };
    Some(format!("\"{name}\" is {moment}, {} {side} the time judged by, {now}{leeway}", span(away)))
}

fn refused(case: &Case<'_>, error: TokenError) -> Vec<String> {
    match error {
        TokenError::Malformed(reason) => Vec::from_iter(malformed(case.token, reason)),
        TokenError::WrongType => vec![wrong_type(case)],
        TokenError::UnsupportedAlgorithm => unsupported(case),
        TokenError::UnknownKey => unknown_key(case),
        TokenError::InvalidSignature(_, all) | TokenError::DecryptionFailed(all) => {
            tried(case, all)
        }
    }
}

fn malformed(token: &[u8], reason: Malformed) -> Option<String> {
    let dots = token.iter().filter(|byte| **byte == b'.').count();
    let foreign = token
        .iter()
        .find(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')));
    match (reason, foreign) {
        (Malformed::SegmentCount | Malformed::Base64, Some(foreign)) => Some(format!(
            "the token holds '{}', which base64url has not: was it copied whole, and alone?",
            foreign.escape_ascii()
        )),
        (Malformed::SegmentCount, None) => Some(format!(
            "the token has {} segments; a JWS has three, a JWE five",
            dots.saturating_add(1)
        )),
        (Malformed::NumericDate(name), _) => {
            Some(format!("\"{name}\" is to be a number: seconds since 1970, without quotes"))
        }
        _ => None,
    }
}

fn wrong_type(case: &Case<'_>) -> String {
    let asked = match case.token_type {
        TokenType::Signed => "signed",
        TokenType::Encrypted => "encrypted",
        TokenType::Nested => "nested",
    };
    match Compact::split(case.token) {
        Ok(Compact::Jwe(_)) => format!(
            "this is a JWE; \"auth_jwt_type {asked}\" takes none, \"encrypted\" or \"nested\" does"
        ),
        _ => format!("this is a JWS; \"auth_jwt_type {asked}\" takes none, \"signed\" does"),
    }
}

/// What the header of the token, or of the one inside it, says of itself.
struct Naming {
    inner: bool,
    kid: Option<String>,
    alg: String,
    enc: Option<String>,
}

/// What can be read of a token, verified or not.
struct Opened {
    /// That of the token, or the inner one where the outer could be decrypted.
    header: Header,
    is_inner: bool,
    claims: Option<Claims>,
}

fn open(case: &Case<'_>) -> Option<Opened> {
    let claims = |payload: &[u8]| Claims::parse_secret(payload).ok();
    let signed = |jws: JwsSegments<'_>, is_inner| {
        let payload = base64url::decode(jws.payload).ok();
        let header = Header::parse(jws.header).ok()?;
        Some(Opened { header, is_inner, claims: payload.and_then(|payload| claims(&payload)) })
    };
    match Compact::split(case.token).ok()? {
        Compact::Jws(jws) => signed(jws, false),
        Compact::Jwe(jwe) => {
            let header = Header::parse(jwe.header).ok()?;
            let outer = |claims| Some(Opened { header, is_inner: false, claims });
            let sets = case.keys.and_then(|keys| keys.sets.as_deref()).unwrap_or_default();
            let decrypted = Jwe::parse(jwe).ok().and_then(|jwe| jwe.decrypt(sets).ok());
            let plaintext = decrypted.map(|decrypted| decrypted.into_parts().1);
            match (plaintext, case.token_type) {
                (None, _) => outer(None),
                (Some(plaintext), TokenType::Nested) => match Compact::split(&plaintext).ok()? {
                    Compact::Jws(inner) => signed(inner, true),
                    Compact::Jwe(_) => None,
                },
                (Some(plaintext), _) => outer(claims(&plaintext)),
            }
        }
    }
}

/// What the header says that was at fault.
fn naming(case: &Case<'_>) -> Option<Naming> {
    let Opened { header, is_inner, .. } = open(case)?;
    let text = |name| header.object().value(name).and_then(Value::as_str);
    let (kid, enc) = (header.kid().map(Into::into), text("enc").map(Into::into));
    Some(Naming { inner: is_inner, kid, alg: text("alg").unwrap_or_default().into(), enc })
}

impl Naming {
    fn said(&self) -> String {
        let whose = if self.inner { "the inner header" } else { "the header" };
        let enc = self.enc.as_ref().map(|enc| format!(", enc {enc:?}")).unwrap_or_default();
        let kid = describe::kid(self.kid.as_deref());
        format!("{whose} says alg {:?}{enc}, {kid}", self.alg)
    }
}

fn unsupported(case: &Case<'_>) -> Vec<String> {
    let list = |names: Vec<&str>| names.join(", ");
    let Some(naming) = naming(case) else { return Vec::new() };
    let mut hints = vec![naming.said()];
    hints.push(match naming.enc {
        None => {
            format!("served are {}", list(SignatureAlgorithm::all().map(|row| row.0).collect()))
        }
        Some(_) => format!(
            "served are {}; with {}",
            list(KeyManagement::all().map(|row| row.0).collect()),
            list(ContentEncryption::all().map(|row| row.0).collect())
        ),
    });
    hints
}

fn unknown_key(case: &Case<'_>) -> Vec<String> {
    let mut hints: Vec<String> = naming(case).iter().map(Naming::said).collect();
    let sets = case.keys.and_then(|keys| keys.sets.as_deref()).unwrap_or_default();
    let keys: Vec<&Key> = sets.iter().flat_map(|set| set.keys()).collect();
    for key in keys.iter().take(LISTED) {
        hints.push(format!("a key has {}, {}", describe::kid(key.kid()), describe::serves(key)));
    }
    if keys.len() > LISTED {
        hints.push(format!("and {} keys more", keys.len().saturating_sub(LISTED)));
    }
    hints
}

fn tried(case: &Case<'_>, all: Tried) -> Vec<String> {
    let Some(naming) = naming(case) else { return Vec::new() };
    let sets = case.keys.and_then(|keys| keys.sets.as_deref()).unwrap_or_default();
    let (kid, enc) = (naming.kid.as_deref(), naming.enc.as_deref());
    let management = KeyManagement::from_name(&naming.alg);
    let mut count: usize = 0;
    let mut counted = || -> Option<()> {
        count = count.saturating_add(1);
        None
    };
    let what = match (management, enc.and_then(ContentEncryption::from_name)) {
        (Some(alg), Some(enc)) => {
            let _ = try_decryption_keys(sets, kid, alg, enc, |_| counted());
            "none decrypts it"
        }
        _ => {
            if let Some(alg) = SignatureAlgorithm::from_name(&naming.alg) {
                let _ = try_verification_keys(sets, kid, alg, |_| counted());
            }
            "none has signed it as it is"
        }
    };
    let keys = if count == 1 { "key fits" } else { "keys fit" };
    let limit = if all == Tried::All { "" } else { ", at which the module stops" };
    vec![naming.said(), format!("{count} {keys}{limit}; {what}")]
}
