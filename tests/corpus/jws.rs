//! Signed tokens.

use ngx_http_auth_jwt_module::jose::base64url;
use ngx_http_auth_jwt_module::jose::compact::Compact;
use ngx_http_auth_jwt_module::jose::error::TokenError;
use ngx_http_auth_jwt_module::jose::jws::Jws;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Outcome, each, is_named, key_set, load};

#[test]
fn valid_tokens_pass() -> Outcome<()> {
    each("jws_valid.json", 10, |_, word| word == "ok")
}

#[test]
fn odd_but_legal_tokens_pass() -> Outcome<()> {
    each("jws_edge_valid.json", 10, |_, word| word == "ok")
}

#[test]
fn bad_tokens_are_refused_for_the_right_reason() -> Outcome<()> {
    each("jws_invalid.json", 10, is_named)
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
        let sets = [key_set(&vector.jwk).map_err(|error| format!("{}: {error}", vector.source))?];
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
