//! Tokens of other implementations (t/data, minted by t/interop), through the order of checks as
//! a request takes it.

mod jwe;
mod jws;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use ngx_http_auth_jwt_module::auth::judgement::verify;
use ngx_http_auth_jwt_module::auth::numeric_date::NumericDate;
use ngx_http_auth_jwt_module::auth::outcome::{Refusal, Verdict};
use ngx_http_auth_jwt_module::auth::policy::{Acceptance, TokenType};
use ngx_http_auth_jwt_module::auth::verification::VerifiedToken;
use ngx_http_auth_jwt_module::jose::key_set::KeySet;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// 2026-01-01, in the middle of the corpora's times.
const NOW: i64 = 1_767_225_600;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// A token, the keys it is judged with, and what must come of it.
#[derive(Deserialize)]
struct Case {
    name: String,
    jwks: Option<Box<RawValue>>,
    jwks_ref: Option<String>,
    token: String,
    /// What `auth_jwt_type` says; the corpora of JWS do not name it.
    #[serde(default = "signed", rename = "type")]
    token_type: String,
    #[serde(default)]
    alg: String,
    #[serde(default)]
    enc: String,
    claims: Option<serde_json::Value>,
    inner: Option<String>,
    status: Option<String>,
    #[serde(default)]
    status_any: Vec<String>,
}

/// The key sets that cases name.
struct KeySets(HashMap<String, Box<RawValue>>);

fn signed() -> String {
    "signed".to_owned()
}

fn load<T: DeserializeOwned>(name: &str) -> Outcome<T> {
    let path = format!("{}/t/data/{name}", env!("CARGO_MANIFEST_DIR"));
    Ok(serde_json::from_str(&std::fs::read_to_string(path)?)?)
}

fn key_set(json: &RawValue) -> Outcome<Arc<KeySet>> {
    let keys = KeySet::parse(json.get().as_bytes().to_vec(), |_| ());
    Ok(Arc::new(keys.map_err(|error| error.to_string())?))
}

impl KeySets {
    fn load() -> Outcome<Self> {
        Ok(Self(load("key_sets.json")?))
    }

    fn of(&self, case: &Case) -> Outcome<Arc<KeySet>> {
        let named = case.jwks_ref.as_ref().and_then(|name| self.0.get(name));
        key_set(case.jwks.as_ref().or(named).ok_or("no key set")?)
    }

    fn accept(&self, case: &Case) -> Outcome<Result<Rc<VerifiedToken>, Refusal>> {
        let token_type = match &*case.token_type {
            "signed" => TokenType::Signed,
            "encrypted" => TokenType::Encrypted,
            "nested" => TokenType::Nested,
            other => return Err(format!("{}: type {other}", case.name).into()),
        };
        Ok(accept(&case.token, token_type, self.of(case)?))
    }
}

fn accept(
    token: &str,
    token_type: TokenType,
    keys: Arc<KeySet>,
) -> Result<Rc<VerifiedToken>, Refusal> {
    let verified = verify(token.as_bytes(), token_type, Some(&[keys]))?;
    verified.accept_fixed(Acceptance::without_rules(0), NumericDate::new(NOW, 0), || Ok(()))?;
    Ok(verified)
}

/// Judges each case of a corpus of more than `least`; the word of `$auth_jwt_status` must be right.
fn each(name: &str, least: usize, right: impl Fn(&Case, &str) -> bool) -> Outcome<()> {
    let keys = KeySets::load()?;
    let cases: Vec<Case> = load(name)?;
    assert!(cases.len() > least, "{name} is a corpus");
    let mut wrong = Vec::new();
    for case in &cases {
        let word = Verdict::from(keys.accept(case)?).word();
        if !right(case, word) {
            wrong.push(format!("{}: {word}, not {:?}", case.name, case.status));
        }
    }
    assert_none(&wrong, cases.len());
    Ok(())
}

fn assert_none(wrong: &[String], count: usize) {
    assert!(wrong.is_empty(), "{} of {count} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Whether the word is one that the case names.
fn is_named(case: &Case, word: &str) -> bool {
    case.status.as_deref() == Some(word) || case.status_any.iter().any(|any| any == word)
}
