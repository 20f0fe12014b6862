//! Which rule of an issuer or of a location fails, and what the token has instead.

use ngx_http_auth_jwt_module::auth::issuer::{Issuer, Typ};
use ngx_http_auth_jwt_module::auth::numeric_date::issued_at;
use ngx_http_auth_jwt_module::auth::operand::{NoVariables, Operand};
use ngx_http_auth_jwt_module::auth::scope_rule::{self, Match};
use ngx_http_auth_jwt_module::jose::claims::Claims;
use ngx_http_auth_jwt_module::jose::header::Header;
use ngx_http_auth_jwt_module::jose::json::Value;

use super::issuers::Known;
use super::pretty::one_line;
use super::rules::{self, Rules};
use super::time::{rfc3339, span};

/// So many issuers are listed.
const LISTED: usize = 20;

/// Longer values are cut. In characters.
const LONGEST: usize = 200;

/// No issuer has this `iss`.
pub fn unknown_issuer(claims: Option<&Claims>, known: &Known) -> String {
    let all = known.all_iss();
    let more = match all.len().checked_sub(LISTED) {
        None | Some(0) => String::new(),
        Some(more) => format!(" and {more} more"),
    };
    let listed = quoted(all.iter().take(LISTED).map(|iss| iss.as_bytes()));
    format!("{}, known are {listed}{more}", member(claims, "iss"))
}

/// The issuer's tokens are not signed so.
pub fn algorithm(header: &Header, issuer: &Issuer) -> String {
    let allowed = issuer.algorithms.iter().flatten().map(|algorithm| algorithm.name().as_bytes());
    let alg = shown(header.object().value("alg"));
    format!("the header says \"alg\" is {alg}, issuer {:?} allows {}", issuer.name, quoted(allowed))
}

pub fn typ(header: &Header, issuer: &Issuer) -> String {
    let allowed = match &issuer.typ {
        Typ::Usual => "none, \"JWT\" and \"at+jwt\"".to_owned(),
        Typ::Any => "any".to_owned(),
        Typ::Of(types) => quoted(types.iter().map(|typ| typ.as_bytes())),
    };
    let typ = shown(header.object().value("typ"));
    format!("the header says \"typ\" is {typ}, issuer {:?} allows {allowed}", issuer.name)
}

/// `now` and `leeway` in seconds.
pub fn lifetime(claims: &Claims, issuer: &Issuer, now: f64, leeway: u64) -> Vec<String> {
    let mut hints = Vec::new();
    let name = &issuer.name;
    let seconds = |claim| claims.value(claim).and_then(Value::number);
    let exp = seconds("exp");
    let iat = issued_at(claims).and_then(|_| seconds("iat"));
    if exp.is_none() && (!issuer.may_lack_exp || issuer.max_lifetime.is_some()) {
        hints.push(format!("{}, issuer {name:?} asks for it", member(Some(claims), "exp")));
    }
    if iat.is_none() && (issuer.max_lifetime.is_some() || issuer.max_age.is_some()) {
        let iat = member(Some(claims), "iat");
        hints.push(format!("{iat}, issuer {name:?} asks for a number"));
    }
    if let (Some(exp), Some(iat), Some(longest)) = (exp, iat, issuer.max_lifetime)
        && exp - iat > longest as f64
    {
        let (life, longest) = (span(exp - iat), span(longest as f64));
        hints.push(format!("\"exp\" is {life} after \"iat\", issuer {name:?} allows {longest}"));
    }
    if let (Some(iat), Some(oldest)) = (iat, issuer.max_age) {
        let moment = rfc3339(&iat.to_string()).unwrap_or_else(|| iat.to_string());
        let (age, oldest) = (now - iat, oldest as f64);
        let with_leeway = match leeway {
            0 => String::new(),
            leeway => format!(" and a leeway of {}", span(leeway as f64)),
        };
        if age > oldest + leeway as f64 {
            let (age, oldest) = (span(age), span(oldest));
            hints.push(format!("\"iat\" is {moment}, {age} before the time judged by, issuer {name:?} allows {oldest}{with_leeway}"));
        } else if age < -(leeway as f64) {
            let age = span(age);
            hints.push(format!("\"iat\" is {moment}, {age} after the time judged by{with_leeway}"));
        }
    }
    hints
}

/// The token is for another audience than the location's, or the issuer's.
pub fn audience(claims: &Claims, rules: &Rules, issuer: Option<&Issuer>) -> String {
    let wanted = match (&rules.audience, issuer.and_then(|issuer| issuer.audience.as_ref())) {
        (Some(own), _) => quoted(own.iter().map(rules::text)),
        (None, Some(own)) => quoted(own.iter().map(|own| own.as_bytes())),
        (None, None) => String::new(),
    };
    format!("{}, asked for is {wanted}", member(Some(claims), "aud"))
}

pub fn scope(claims: &Claims, rules: &Rules, issuer: Option<&Issuer>) -> Vec<String> {
    let paths = issuer.and_then(|issuer| issuer.scope_claim.as_deref());
    let granted = scope_rule::granted(claims, paths);
    let names: Vec<String> = match paths {
        Some(paths) => paths.iter().map(|path| path.text().to_string()).collect(),
        None => scope_rule::CLAIMS.map(str::to_owned).into(),
    };
    let there = match paths {
        Some(paths) => paths.iter().position(|path| path.find(claims).is_some()),
        None => scope_rule::CLAIMS
            .iter()
            .position(|name| claims.value(name).is_some_and(|value| !value.is_null())),
    };
    let has = match there.and_then(|at| names.get(at)) {
        None => {
            let names = names.iter().map(|name| name.as_bytes());
            format!("there is no {}", quoted(names).replace(", ", " and no "))
        }
        Some(name) if granted.is_empty() => format!("\"{name}\" has no scope"),
        Some(name) => {
            format!("\"{name}\" has {}", quoted(granted.iter().map(|scope| scope.as_bytes())))
        }
    };
    let is_granted = |scope: &&Operand<NoVariables>| {
        granted.iter().any(|granted| granted.as_bytes() == rules::text(scope))
    };
    let none = |none: &NoVariables| -> &[u8] { match *none {} };
    let failed = rules.scopes.iter().filter(|rule| !rule.is_met(&granted, &none));
    let hint = |rule: &scope_rule::ScopeRule<NoVariables>| {
        let missing = rule.scopes.iter().filter(|scope| !is_granted(scope)).map(rules::text);
        match (rule.matches, rule.scopes.len()) {
            (Match::Any, 2..) => format!("{has}, one of {} is missing", quoted(missing)),
            _ => format!("{has}, {} is missing", quoted(missing)),
        }
    };
    failed.map(hint).collect()
}

/// The first rule for a claim that fails.
pub fn claim(claims: &Claims, rules: &Rules) -> Option<String> {
    let none = |none: &NoVariables| -> &[u8] { match *none {} };
    let mut all = rules.claims.iter().zip(&rules.typed);
    let (rule, typed) = all.find(|(rule, _)| !rule.is_met(claims, &none))?;
    let value = match rule.path.find(claims) {
        Some(value) => shown(Some(value)),
        None => "missing or null".to_owned(),
    };
    Some(format!("claim \"{}\" is {value}, the rule is {typed:?}", rule.path.text()))
}

/// `"NAME" is VALUE`.
fn member(claims: Option<&Claims>, name: &str) -> String {
    format!("\"{name}\" is {}", shown(claims.and_then(|claims| claims.value(name))))
}

/// A value as it was written, in one line.
fn shown(value: Option<Value<'_>>) -> String {
    let Some(value) = value else { return "missing".to_owned() };
    let line = one_line(value.text());
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

fn quoted<'t>(texts: impl Iterator<Item = &'t [u8]>) -> String {
    let quoted = texts.map(|text| format!("{:?}", String::from_utf8_lossy(text)));
    quoted.collect::<Vec<_>>().join(", ")
}
