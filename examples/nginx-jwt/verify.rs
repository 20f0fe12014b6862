//! `nginx-jwt verify`

use std::path::PathBuf;
use std::rc::Rc;

use clap::ValueEnum;
use jiff::Timestamp;
use ngx_http_auth_jwt_module::auth::authorization::Scheme;
use ngx_http_auth_jwt_module::auth::binding::Binding;
use ngx_http_auth_jwt_module::auth::challenge::challenge;
use ngx_http_auth_jwt_module::auth::judgement::{Judgement, Memory};
use ngx_http_auth_jwt_module::auth::numeric_date::NumericDate;
use ngx_http_auth_jwt_module::auth::outcome::{Refusal, Verdict};
use ngx_http_auth_jwt_module::auth::policy::{Acceptance, TokenType, Verification};
use ngx_http_auth_jwt_module::auth::render::render;
use ngx_http_auth_jwt_module::auth::require::{self, Failure as Unmet};
use ngx_http_auth_jwt_module::auth::token_cache::TokenCache;
use ngx_http_auth_jwt_module::auth::verification::VerifiedToken;
use ngx_http_auth_jwt_module::jose::claims::Claims;
use ngx_http_auth_jwt_module::jose::header::Headers;

use super::Report;
use super::hints::{self, Case};
use super::input::{Failure, TokenArguments};
use super::issuers::Known;
use super::key_sets::KeySets;
use super::means::ProxyArgument;
use super::pretty::pretty;
use super::rules::{RuleArguments, Rules};
use super::time;

/// Say whether the module would let a token pass, and if not, why
///
/// What follows "status:" is $auth_jwt_status, "issuer:" $auth_jwt_issuer; "log:" and "challenge:" are the line in nginx's error
/// log and the value of WWW-Authenticate.
#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("source").required(true))]
pub struct Arguments {
    #[command(flatten)]
    token: TokenArguments,
    /// A JWK Set or a JWK, as for auth_jwt_key_file; may be given several times
    #[arg(long, value_name = "FILE", group = "source")]
    keys: Vec<PathBuf>,
    /// As a location without any key source: signatures are not verified
    #[arg(long, group = "source")]
    no_keys: bool,
    /// The auth_jwt_issuer blocks of a file: nginx's configuration, or one that holds just blocks;
    /// files that they name are relative to its directory; may be given several times
    #[arg(long, value_name = "FILE", group = "source")]
    issuer_file: Vec<PathBuf>,
    /// A name that auth_jwt_issuers says; all blocks of the files without it; may be given several times
    #[arg(long, value_name = "NAME", requires = "issuer_file", conflicts_with_all = ["keys", "no_keys"])]
    issuer: Vec<String>,
    #[command(flatten)]
    proxy: ProxyArgument,
    /// What auth_jwt_type says
    #[arg(long = "type", value_name = "TYPE", default_value = "signed")]
    token_type: Type,
    /// What auth_jwt_leeway says
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = time::leeway)]
    leeway: u64,
    /// Judge as of this time, such as 2026-01-31T12:00:00Z or 1769860800; now without it
    #[arg(long, value_name = "TIME", value_parser = time::moment)]
    at: Option<Timestamp>,
    #[command(flatten)]
    rules: RuleArguments,
    /// As "auth_jwt_require $jwt_claim_NAME": the claim must be neither empty nor 0
    #[arg(long, value_name = "NAME")]
    require: Vec<String>,
    /// The status where a requirement fails, as error= of auth_jwt_require
    #[arg(long, value_name = "STATUS", default_value = "401", requires = "require")]
    require_error: Error,
    /// The realm of auth_jwt, for the challenge
    #[arg(long, default_value = "api")]
    realm: String,
    /// Show the claims where the token is verified, decrypted ones too
    #[arg(long)]
    claims: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Type {
    Signed,
    Encrypted,
    Nested,
}

#[derive(Clone, Copy, ValueEnum)]
enum Error {
    #[value(name = "401")]
    Unauthorized,
    #[value(name = "403")]
    Forbidden,
}

pub fn run(arguments: &Arguments) -> Result<Report, Failure> {
    let token = arguments.token.read()?;
    let token_type = match arguments.token_type {
        Type::Signed => TokenType::Signed,
        Type::Encrypted => TokenType::Encrypted,
        Type::Nested => TokenType::Nested,
    };
    let now = arguments.at.unwrap_or_else(Timestamp::now);
    let rules = Rules::read(&arguments.rules)?;
    let known = issuers(arguments, token_type)?;
    let mut keys = (!arguments.keys.is_empty()).then(|| KeySets::read(&arguments.keys));

    let verified = verify(&token, token_type, known.as_ref(), &mut keys);
    let judged = verified
        .as_ref()
        .map_err(Refusal::clone)
        .and_then(|verified| accept(verified, now, arguments, &rules, known.is_some()));
    let verdict = Verdict::from(judged.clone());
    let issuer = verified.as_ref().ok().and_then(|verified| verified.issuer());
    let leeway = issuer.and_then(|issuer| issuer.leeway).unwrap_or(arguments.leeway);
    let case = Case {
        token: &token,
        token_type,
        leeway,
        now,
        keys: keys.as_ref(),
        known: known.as_ref(),
        issuer: issuer.map(Rc::as_ref),
        rules: &rules,
        judged: &judged,
    };

    let mut text = format!("status:    {}\n", verdict.word());
    match &judged {
        Ok(()) => {
            text.push_str("http:      passes on to the location\n");
            if let Some(issuer) = issuer {
                text.push_str(&format!("issuer:    {}\n", issuer.name));
            }
        }
        Err(refusal) => text.push_str(&refused(refusal, keys.as_ref(), &arguments.realm, &rules)),
    }
    for notice in keys.iter().flat_map(|keys| &keys.notices) {
        text.push_str(&format!("log:       [notice] {}\n", notice.line));
    }
    let claims = verified.as_ref().ok().map(|verified| verified.token().claims());
    let of_keys = keys.iter().flat_map(|keys| keys.hints.clone());
    for hint in of_keys.chain(hints::of(&case, claims, &unmet(claims, arguments))) {
        text.push_str(&format!("hint:      {hint}\n"));
    }
    if arguments.claims
        && let Some(claims) = claims
    {
        text.push_str(&format!("\n{}", pretty(claims.object().text())));
    }
    Ok(Report { text, good: judged.is_ok() })
}

/// The issuers, where they are the key source.
fn issuers(arguments: &Arguments, token_type: TokenType) -> Result<Option<Known>, Failure> {
    let means = arguments.proxy.read()?;
    if arguments.issuer_file.is_empty() {
        return match means.proxy {
            Some(_) => Err("--proxy is for the keys of --issuer-file".into()),
            None => Ok(None),
        };
    }
    let known = Known::read(&arguments.issuer_file, &arguments.issuer, means)?;
    match token_type {
        TokenType::Encrypted | TokenType::Nested if known.list.len() > 1 => {
            Err("several issuers, but one only with \"encrypted\" or \"nested\": such a token does not say whose it is; choose by --issuer".into())
        }
        TokenType::Signed | TokenType::Encrypted | TokenType::Nested => Ok(Some(known)),
    }
}

/// The verified token; the keys of its issuer are read into `keys`.
fn verify(
    token: &[u8],
    token_type: TokenType,
    known: Option<&Known>,
    keys: &mut Option<KeySets>,
) -> Result<Rc<VerifiedToken>, Refusal> {
    let token = (!token.is_empty()).then_some(token);
    let sources = (keys.is_some() || known.is_some()).then_some(0);
    let verification = Verification { token_type, sources };
    let cache: Option<&mut TokenCache> = None;
    let headers = &mut Headers::default();
    let mut memory = Memory::new(cache, headers);
    let table = known.map(|known| &known.table);
    match Judgement::begin(token, verification, table, &mut memory, |_| false) {
        Judgement::Settled(verified) => verified,
        Judgement::NeedsKeys(pending) => {
            if let (Some(known), Some(issuer)) = (known, pending.issuer()) {
                *keys = Some(KeySets::of_block(&issuer.name, known.places(issuer)));
            }
            let sets = keys.as_ref().and_then(|keys| keys.sets.as_deref());
            pending.with_keys(sets.ok_or(Refusal::KeysUnavailable)?, &mut memory)
        }
    }
}

fn accept(
    verified: &VerifiedToken,
    now: Timestamp,
    arguments: &Arguments,
    rules: &Rules,
    with_issuers: bool,
) -> Result<(), Refusal> {
    let milliseconds = now.as_millisecond();
    let rest = u32::try_from(milliseconds.rem_euclid(1000)).unwrap_or_default();
    let now = NumericDate::new(milliseconds.div_euclid(1000), rest);
    let requirements = || match unmet(Some(verified.token().claims()), arguments).is_empty() {
        true => Ok(()),
        false => Err(match arguments.require_error {
            Error::Unauthorized => Unmet::Unauthorized,
            Error::Forbidden => Unmet::Forbidden,
        }),
    };
    let rules = if with_issuers { Some(rules.with_issuers()) } else { rules.of_location() };
    let acceptance = Acceptance { leeway: arguments.leeway, rules, binding: Binding::OFF };
    verified.accept_fixed(acceptance, now, requirements).map(|_| ())
}

/// The claims that are asked for and not there.
fn unmet<'a>(claims: Option<&Claims>, arguments: &'a Arguments) -> Vec<&'a str> {
    let value = |name: &str| {
        let object = claims?.object();
        object.value(name).or_else(|| object.value_ignoring_case(name)).map(render)
    };
    let is_unmet = |name: &&str| !require::met(&value(name).unwrap_or_default());
    arguments.require.iter().map(String::as_str).filter(is_unmet).collect()
}

fn refused(refusal: &Refusal, keys: Option<&KeySets>, realm: &str, rules: &Rules) -> String {
    let mut text = format!("http:      {}\n", refusal.status());
    if refusal.is_the_clients() {
        let value = challenge(
            Scheme::Bearer,
            realm.as_bytes(),
            refusal.error_code(),
            &rules.all_scopes(),
            None,
        );
        text.push_str(&format!("challenge: {}\n", String::from_utf8_lossy(&value)));
    }
    match keys.and_then(|keys| keys.error.as_ref()) {
        _ if refusal.is_the_clients() => text.push_str(&format!("log:       [info] {refusal}\n")),
        Some(error) => text.push_str(&format!("log:       [error] {error}\n")),
        None => {
            text.push_str("log:       [error] no key source to decrypt the JWT with\n");
        }
    }
    text
}
