//! Encrypted tokens.

use std::collections::BTreeSet;
use std::sync::Arc;

use ngx_http_auth_jwt_module::auth::judgement::verify;
use ngx_http_auth_jwt_module::auth::outcome::{Refusal, Verdict};
use ngx_http_auth_jwt_module::auth::policy::TokenType;
use ngx_http_auth_jwt_module::jose::base64url;
use ngx_http_auth_jwt_module::jose::compact::Compact;
use ngx_http_auth_jwt_module::jose::error::{Malformed, TokenError};
use ngx_http_auth_jwt_module::jose::jwe::Jwe;
use ngx_http_auth_jwt_module::jose::key_set::KeySet;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Case, KeySets, Outcome, accept, assert_none, each, is_named, key_set, load};

/// The plaintext of `token`, whatever it is.
fn decrypt(token: &str, keys: &Arc<KeySet>) -> Result<Vec<u8>, TokenError> {
    match Compact::split(token.as_bytes())? {
        Compact::Jwe(segments) => {
            let decrypted = Jwe::parse(segments)?.decrypt(std::slice::from_ref(keys))?;
            Ok(decrypted.into_parts().1.to_vec())
        }
        Compact::Jws(_) => Err(TokenError::WrongType),
    }
}

#[test]
fn valid_tokens_decrypt_to_their_claims() -> Outcome<()> {
    let keys = KeySets::load()?;
    let cases: Vec<Case> = load("jwe_valid.json")?;
    let (mut wrong, mut pairs) = (Vec::new(), BTreeSet::new());
    for case in &cases {
        pairs.insert((case.alg.clone(), case.enc.clone()));
        let verified = match keys.accept(case)? {
            Ok(verified) => verified,
            Err(refusal) => {
                wrong.push(format!("{}: {refusal}", case.name));
                continue;
            }
        };
        let verified = verified.token();
        let claims = verified.claims().object().text();
        if Some(serde_json::from_str(claims)?) != case.claims {
            wrong.push(format!("{}: other claims", case.name));
        }
        if verified.payload() != case.inner.as_deref().unwrap_or(claims) {
            wrong.push(format!("{}: other payload", case.name));
        }
        let outer = case.token.split('.').next().map(|header| base64url::decode(header.as_bytes()));
        if outer != Some(Ok(verified.header().object().text().as_bytes().to_vec())) {
            wrong.push(format!("{}: not the outer header", case.name));
        }
    }
    assert_none(&wrong, cases.len());
    assert_eq!(pairs.len(), 15 * 6, "each algorithm with each content encryption");
    Ok(())
}

#[test]
fn bad_tokens_are_refused_for_the_right_reason() -> Outcome<()> {
    each("jwe_invalid.json", 1000, is_named)
}

/// For each algorithm and each encryption one token: no bit of any segment may be flipped. Of the
/// header not every byte, for most give no header at all: the others are in `jwe_invalid.json`.
#[test]
fn no_flipped_bit_passes() -> Outcome<()> {
    let keys = KeySets::load()?;
    let cases: Vec<Case> = load("jwe_valid.json")?;
    let (mut algorithms, mut encryptions) = (BTreeSet::new(), BTreeSet::new());
    for case in cases.iter().filter(|case| case.claims.is_some() && case.token.len() < 2000) {
        if !algorithms.insert(&case.alg) & !encryptions.insert(&case.enc) {
            continue;
        }
        let keys = keys.of(case)?;
        let parts: Vec<&str> = case.token.split('.').collect();
        let whole = parts.iter().map(|part| base64url::decode(part.as_bytes()));
        let whole: Vec<Vec<u8>> = whole.collect::<Result<_, _>>().map_err(|_| "base64url")?;
        // RSA is slow; there every bit of the key is one number anyway.
        let step = if case.alg.starts_with("RSA") { 61 } else { 1 };
        for (at, part) in whole.iter().enumerate() {
            for bit in (0..part.len() * 8).step_by(step) {
                let mut flipped = whole.clone();
                *flipped.get_mut(at).and_then(|part| part.get_mut(bit / 8)).ok_or("a byte")? ^=
                    1 << (bit % 8);
                let token: Vec<String> =
                    flipped.iter().map(|part| base64url::encode(part)).collect();
                let found = decrypt(&token.join("."), &keys);
                let right = match found {
                    Err(TokenError::DecryptionFailed(_)) => true,
                    Err(_) => at == 0,
                    Ok(_) => false,
                };
                assert!(right, "{}: bit {bit} of segment {at}: {found:?}", case.name);
            }
        }
    }
    assert_eq!((algorithms.len(), encryptions.len()), (15, 6));
    Ok(())
}

#[derive(Deserialize)]
struct Vector {
    source: String,
    jwk: Box<RawValue>,
    token: String,
    plaintext: String,
    /// The algorithms of the RFCs that are never served.
    #[serde(default)]
    must_refuse: bool,
    status: Option<String>,
}

/// RFC 7516 appendix A, RFC 7519 A.1, RFC 7520 §5.
#[test]
fn vectors_of_the_rfcs() -> Outcome<()> {
    let vectors: Vec<Vector> = load("rfc_jwe_vectors.json")?;
    assert!(vectors.len() >= 13);
    for vector in &vectors {
        let keys = key_set(&vector.jwk)?;
        if vector.must_refuse {
            let verdict = Verdict::from(accept(&vector.token, TokenType::Encrypted, keys));
            assert_eq!(Some(verdict.word()), vector.status.as_deref(), "{}", vector.source);
        } else {
            let plaintext = decrypt(&vector.token, &keys);
            let expected = Ok(vector.plaintext.clone().into_bytes());
            assert_eq!(plaintext, expected, "{}", vector.source);
        }
    }
    Ok(())
}

/// Private keys also verify by their public part, and a malformed token never asks for a key.
#[test]
fn what_no_key_can_change() -> Outcome<()> {
    let keys = KeySets::load()?;
    let cases: Vec<Case> = load("jwe_valid.json")?;
    let case = cases.first().ok_or("a case")?;
    for (token_type, refusal) in [
        (TokenType::Signed, Refusal::Token(TokenError::WrongType)),
        (TokenType::Encrypted, Refusal::KeysUnavailable),
        (TokenType::Nested, Refusal::KeysUnavailable),
    ] {
        let refused = |token: &[u8]| verify(token, token_type, None).err();
        assert_eq!(refused(case.token.as_bytes()), Some(refusal));
        let malformed = Refusal::Token(TokenError::Malformed(Malformed::SegmentCount));
        assert_eq!(refused(b"a.b"), Some(malformed));
    }
    let nested = accept(&case.token, TokenType::Nested, keys.of(case)?).err();
    assert_eq!(nested, Some(Refusal::Token(TokenError::Malformed(Malformed::Nested))));
    Ok(())
}
