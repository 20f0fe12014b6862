//! Any bytes as a path, as a rule for a claim and as the parameters of an issuer's block: nothing
//! panics, a path is one as the reference says and leads where it leads there, and what is read of a
//! block prints back and reads alike.
#![no_main]

use fuzz::reference::json::object;
use fuzz::reference::rules as reference;
use fuzz::reference::rules::{find, parse, print};
use fuzz::ruled::{TIMES, block, parameters};
use ngx_http_auth_jwt_module::auth::claim_path::ClaimPath;
use ngx_http_auth_jwt_module::auth::claim_rule::ClaimRule;
use ngx_http_auth_jwt_module::auth::issuer::{Issuer, Typ};
use ngx_http_auth_jwt_module::auth::issuer_block::{Block, IssuerBlock};
use ngx_http_auth_jwt_module::auth::key_place::{KeyPlace, Remote};
use ngx_http_auth_jwt_module::auth::operand::{NoVariables, Operand};
use ngx_http_auth_jwt_module::auth::require::Failure;
use ngx_http_auth_jwt_module::jose::claims::Claims;

/// Where paths lead.
const CLAIMS: &str =
    r#"{"a":{"b":[1,{"a":"x","a":null},[["y"]]],"":0},"b":["z",null],"a.b":{"[0]":2},"n":null}"#;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let claims = Claims::parse(CLAIMS.into()).expect("claims");
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    for line in &lines {
        if let Ok(text) = std::str::from_utf8(line) {
            path(text, &claims);
        }
        let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        if let [path, operator, values @ ..] = words.as_slice() {
            rule(path, operator, values, &claims);
        }
    }
    let mut read = IssuerBlock::new("b".to_owned());
    for line in &lines {
        let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        if let Err(message) = read.set(&words, TIMES) {
            // The bytes of a configuration are told, but never raw.
            assert!(message.contains("issuer \"b\"") && !message.contains(['\r', '\0']));
        }
    }
    if let Ok(Block { issuer, keys, .. }) = read.finish() {
        again(&issuer, &keys);
    }
});

fn path(text: &str, claims: &Claims) {
    let (found, expected) = (ClaimPath::parse(text), parse(text));
    assert_eq!(found.is_ok(), expected.is_some(), "{text:?}: {found:?}, {expected:?}");
    let (Ok(found), Some(steps)) = (found, expected) else { return };
    assert_eq!(&**found.text(), text);
    let node = object(CLAIMS.as_bytes()).expect("claims");
    let wanted = find(&node, &steps).map(|node| node.text.as_str());
    assert_eq!(found.find(claims).map(|value| value.text()), wanted, "{text:?}");
    for quoted in [false, true] {
        let printed = print(&steps, quoted);
        assert_eq!(parse(&printed), Some(steps.clone()), "{text:?} as {printed:?}");
        let same = ClaimPath::parse(&printed).expect("a path");
        assert_eq!(same.find(claims).map(|value| value.text()), wanted, "{text:?} as {printed:?}");
    }
}

fn rule(path: &[u8], operator: &[u8], values: &[&[u8]], claims: &Claims) {
    let operand = |value: &[u8]| Ok(Operand::Text(value.into()));
    let rule: Result<ClaimRule<NoVariables>, String> =
        ClaimRule::parse(path, operator, values, Failure::Forbidden, operand);
    let is_path = std::str::from_utf8(path).is_ok_and(|path| parse(path).is_some());
    let expected = match (operator, values.len()) {
        (b"=" | b"~" | b"~*", 1) | (b"present" | b"absent", 0) | (b"any" | b"all", 1..) => is_path,
        _ => false,
    };
    // Not every value of `~` is a regular expression.
    let may_fail = matches!(operator, b"~" | b"~*");
    match rule {
        Ok(rule) => {
            assert!(expected && rule.is_fixed());
            let met = rule.is_met(claims, &|none| match *none {});
            let there = rule.path.find(claims).is_some();
            match operator {
                b"present" => assert_eq!(met, there),
                b"absent" => assert_eq!(met, !there),
                _ => assert!(there || !met, "what is not there meets nothing"),
            }
        }
        Err(message) => {
            assert!(!expected || may_fail, "{message}");
            assert!(!message.contains(['\r', '\0']), "{message}");
        }
    }
}

/// The issuer, printed as parameters, reads alike.
fn again(issuer: &Issuer, keys: &[KeyPlace]) {
    let paths = issuer
        .scope_claim
        .as_ref()
        .map(|paths| paths.iter().map(|path| parse(path.text()).expect("a path")).collect());
    let typ = match &issuer.typ {
        Typ::Usual => None,
        Typ::Any => Some(vec!["any".to_owned()]),
        // A type may be called "any", or begin with "application/" once more.
        Typ::Of(types) => Some(types.iter().map(|typ| format!("application/{typ}")).collect()),
    };
    let algorithms = issuer.algorithms.as_ref();
    let mut printed = parameters(&reference::Issuer {
        name: issuer.name.clone(),
        iss: issuer.issuers.clone(),
        audience: issuer.audience.clone(),
        algorithms: algorithms.map(|own| own.iter().map(|one| one.name()).collect()),
        typ: reference::Typ::Usual,
        exp_required: !issuer.may_lack_exp,
        leeway: issuer.leeway,
        max_lifetime: issuer.max_lifetime,
        max_age: issuer.max_age,
        scope_claim: paths,
        sources: vec![],
    });
    printed.retain(|words| words[0] != "key_file");
    printed.extend(keys.iter().filter_map(|place| {
        let (parameter, value) = match place {
            KeyPlace::File(file) => ("key_file", &**file),
            KeyPlace::Remote(remote) => match &**remote {
                Remote::KeySet(url) => ("key_url", url.text()),
                Remote::Discovery(document) if document.fallback.is_none() => {
                    ("config_url", document.url.text())
                }
                // Found by the issuer.
                Remote::Discovery(_) => return None,
            },
        };
        Some(vec![parameter.to_owned(), value.to_owned()])
    }));
    printed.extend(typ.map(|types| [vec!["typ".to_owned()], types].concat()));
    let same = block(&issuer.name, &printed).expect("what was read");
    assert_eq!(same.keys, keys);
    // Paths are printed in a form of their own.
    let plain = |issuer: &Issuer| {
        let paths = issuer
            .scope_claim
            .as_ref()
            .map(|paths| paths.iter().map(|path| parse(path.text())).collect::<Vec<_>>());
        let Issuer { name, issuers, audience, algorithms, typ, may_lack_exp, .. } = issuer;
        let times = (issuer.leeway, issuer.max_lifetime, issuer.max_age);
        format!(
            "{name} {issuers:?} {audience:?} {algorithms:?} {typ:?} {may_lack_exp} {times:?} {paths:?}"
        )
    };
    assert_eq!(plain(&same.issuer), plain(issuer));
}
