//! Tokens of other implementations (t/data, minted by t/interop), through the order of checks as
//! a request takes it.

use std::collections::HashMap;
use std::sync::Arc;

use ngx_http_auth_jwt_module::auth::judgement::{Accepted, verify};
use ngx_http_auth_jwt_module::auth::numeric_date::NumericDate;
use ngx_http_auth_jwt_module::auth::outcome::{Refusal, Verdict};
use ngx_http_auth_jwt_module::auth::policy::{Acceptance, TokenType};
use ngx_http_auth_jwt_module::jose::base64url;
use ngx_http_auth_jwt_module::jose::compact::Compact;
use ngx_http_auth_jwt_module::jose::error::TokenError;
use ngx_http_auth_jwt_module::jose::jws::Jws;
use ngx_http_auth_jwt_module::jose::key_set::KeySet;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// 2026-01-01, in the middle of the corpora's times.
const NOW: i64 = 1_767_225_600;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[derive(Deserialize)]
struct Case {
    name: String,
    jwks: Option<Box<RawValue>>,
    jwks_ref: Option<String>,
    token: String,
    status: Option<String>,
    #[serde(default)]
    status_any: Vec<String>,
}

struct Corpus(HashMap<String, Box<RawValue>>);

fn load<T: DeserializeOwned>(name: &str) -> Outcome<T> {
    let path = format!("{}/t/data/{name}", env!("CARGO_MANIFEST_DIR"));
    Ok(serde_json::from_str(&std::fs::read_to_string(path)?)?)
}

impl Corpus {
    fn new() -> Outcome<Self> {
        Ok(Self(load("key_sets.json")?))
    }

    /// The word of `$auth_jwt_status` for the case.
    fn judge(&self, case: &Case) -> Outcome<&'static str> {
        let named = case.jwks_ref.as_ref().and_then(|name| self.0.get(name));
        let json = case.jwks.as_ref().or(named).ok_or("no key set")?;
        let keys = KeySet::parse(json.get().as_bytes().to_vec(), |_| ());
        let keys = keys.map_err(|error| error.to_string())?;
        Ok(Verdict::from(accept(&case.token, keys)).word())
    }
}

fn accept(token: &str, keys: KeySet) -> Result<Accepted, Refusal> {
    let verified = verify(token.as_bytes(), TokenType::Signed, Some(&[Arc::new(keys)]))?;
    verified.accept(Acceptance::default(), NumericDate::new(NOW, 0), || Ok(()))
}

fn each(name: &str, right: impl Fn(&Case, &str) -> bool) -> Outcome<()> {
    let corpus = Corpus::new()?;
    let cases: Vec<Case> = load(name)?;
    assert!(cases.len() > 10, "{name} is a corpus");
    let mut wrong = Vec::new();
    for case in &cases {
        let word = corpus.judge(case)?;
        if !right(case, word) {
            wrong.push(format!("{}: {word}, not {:?}", case.name, case.status));
        }
    }
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    Ok(())
}

#[test]
fn valid_tokens_pass() -> Outcome<()> {
    each("jws_valid.json", |_, word| word == "ok")
}

#[test]
fn odd_but_legal_tokens_pass() -> Outcome<()> {
    each("jws_edge_valid.json", |_, word| word == "ok")
}

#[test]
fn bad_tokens_are_refused_for_the_right_reason() -> Outcome<()> {
    each("jws_invalid.json", |case, word| {
        case.status.as_deref() == Some(word) || case.status_any.iter().any(|any| any == word)
    })
}

#[derive(Deserialize)]
struct Vector {
    source: String,
    jwk: Box<RawValue>,
    token: String,
    payload_only: bool,
    /// `none` is the one algorithm of the RFCs that is never served.
    alg: String,
}

/// RFC 7515 appendix A, RFC 7520 §4, RFC 8037 A.4. Where the payload is no JSON only the signature
/// is on trial, and a flipped bit must fail.
#[test]
fn vectors_of_the_rfcs() -> Outcome<()> {
    let vectors: Vec<Vector> = load("rfc_vectors.json")?;
    assert!(vectors.len() >= 8);
    for vector in &vectors {
        let sets = [Arc::new(
            KeySet::parse(vector.jwk.get().as_bytes().to_vec(), |_| ())
                .map_err(|error| format!("{}: {error}", vector.source))?,
        )];
        let verify = |token: &str| {
            let Compact::Jws(segments) = Compact::split(token.as_bytes())? else {
                unreachable!("a JWS")
            };
            Jws::parse(segments)?.verify(&sets)
        };
        let verified = verify(&vector.token);
        if vector.alg == "none" {
            let unsupported = Some(TokenError::UnsupportedAlgorithm);
            assert_eq!(verified.err(), unsupported, "{}", vector.source);
            continue;
        }
        let right_payload = match &verified {
            Ok(_) => !vector.payload_only,
            Err(error) => vector.payload_only && format!("{error:?}").contains("Payload"),
        };
        assert!(right_payload, "{}: {verified:?}", vector.source);

        let mut parts: Vec<String> = vector.token.split('.').map(str::to_owned).collect();
        let payload = parts.get_mut(1).ok_or("a payload")?;
        let mut bytes = base64url::decode(payload.as_bytes()).map_err(|_| "base64url")?;
        *bytes.first_mut().ok_or("an empty payload")? ^= 1;
        *payload = base64url::encode(&bytes);
        let flipped = format!("{:?}", verify(&parts.join(".")).err());
        assert!(flipped.contains("InvalidSignature"), "{}: {flipped}", vector.source);
    }
    Ok(())
}
