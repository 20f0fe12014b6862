//! The first half of the input as a value of `Authorization`, the second as a realm: which token
//! there is, that no realm breaks out of its challenge, and which values `auth_jwt_require` takes.
#![no_main]

use ngx_http_auth_jwt_module::auth::authorization::{self, Scheme};
use ngx_http_auth_jwt_module::auth::challenge::challenge;
use ngx_http_auth_jwt_module::auth::outcome::ErrorCode;
use ngx_http_auth_jwt_module::auth::require;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let (authorization, realm) = data.split_at(data.len() / 2);
    for value in [data, authorization] {
        assert_eq!(authorization::bearer(value), expected(value, b"bearer"));
        assert_eq!(authorization::dpop(value), expected(value, b"dpop"));
    }
    assert_eq!(require::met(data), !(data.is_empty() || data == b"0"));
    let scopes: Vec<&[u8]> = authorization.split(|byte| *byte == b',').collect();
    let errors = [
        None,
        Some(ErrorCode::InvalidToken),
        Some(ErrorCode::InsufficientScope),
        Some(ErrorCode::InvalidDpopProof),
    ];
    // The URL of metadata, which is text.
    let metadata = std::str::from_utf8(authorization).ok();
    let cases =
        errors.iter().flat_map(|error| [(*error, &[][..], None), (*error, &scopes, metadata)]);
    let cases = cases.flat_map(|case| [(Scheme::Bearer, case), (Scheme::Dpop, case)]);
    for (scheme, (error, scopes, metadata)) in cases {
        let value = challenge(scheme, realm, error, scopes, metadata);
        assert!(!value.iter().any(u8::is_ascii_control), "{value:?}");
        let head: &[u8] = match scheme {
            Scheme::Bearer => b"Bearer realm=",
            Scheme::Dpop => b"DPoP realm=",
        };
        let rest = value.strip_prefix(head).expect("a realm");
        let (found, rest) = quoted(rest).expect("a quoted string");
        let space = |byte: &u8| if byte.is_ascii_control() { b' ' } else { *byte };
        assert_eq!(found, realm.iter().map(space).collect::<Vec<_>>());
        let name = match error {
            None => "",
            Some(ErrorCode::InvalidToken) => ", error=\"invalid_token\"",
            Some(ErrorCode::InsufficientScope) => ", error=\"insufficient_scope\"",
            Some(ErrorCode::InvalidDpopProof) => ", error=\"invalid_dpop_proof\"",
        };
        let rest = rest.strip_prefix(name.as_bytes()).expect("the error");
        let told = match error {
            Some(ErrorCode::InvalidToken | ErrorCode::InvalidDpopProof) => &[],
            None | Some(ErrorCode::InsufficientScope) => scopes,
        };
        let told = (!told.is_empty()).then(|| told.join(&b' '));
        let mut rest = rest;
        for (name, told) in [
            (&b", scope="[..], told),
            (b", resource_metadata=", metadata.map(|url| url.as_bytes().to_vec())),
        ] {
            let Some(told) = told else { continue };
            let (found, after) =
                quoted(rest.strip_prefix(name).expect("a parameter")).expect("a quoted string");
            assert_eq!(found, told.iter().map(space).collect::<Vec<_>>());
            rest = after;
        }
        let algorithms: &[u8] = match scheme {
            Scheme::Bearer => b"",
            Scheme::Dpop => b", algs=\"RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519 Ed448\"",
        };
        assert_eq!(rest, algorithms);
    }
});

/// The scheme, spaces, the token.
fn expected<'v>(value: &'v [u8], wanted: &[u8]) -> Option<&'v [u8]> {
    let (scheme, rest) = value.split_at(value.iter().position(|byte| *byte == b' ')?);
    let is_space = |byte: &u8| *byte == b' ';
    let start = rest.iter().take_while(|byte| is_space(byte)).count();
    let end = rest.len() - rest.iter().rev().take_while(|byte| is_space(byte)).count();
    let token = rest.get(start..end).unwrap_or_default();
    (scheme.eq_ignore_ascii_case(wanted) && !token.is_empty()).then_some(token)
}

/// RFC 9110 §5.6.4: the text of a quoted string, and what follows it.
fn quoted(value: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut bytes = value.strip_prefix(b"\"")?.iter();
    let mut text = Vec::new();
    loop {
        match bytes.next()? {
            b'"' => return Some((text, bytes.as_slice())),
            b'\\' => text.push(*bytes.next()?),
            byte => text.push(*byte),
        }
    }
}
