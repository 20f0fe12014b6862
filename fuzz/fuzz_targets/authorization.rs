//! The first half of the input as a value of `Authorization`, the second as a realm: which token
//! there is, that no realm breaks out of its challenge, and which values `auth_jwt_require` takes.
#![no_main]

use ngx_http_auth_jwt_module::auth::bearer;
use ngx_http_auth_jwt_module::auth::challenge::challenge;
use ngx_http_auth_jwt_module::auth::outcome::ErrorCode;
use ngx_http_auth_jwt_module::auth::require;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let (authorization, realm) = data.split_at(data.len() / 2);
    for value in [data, authorization] {
        assert_eq!(bearer::token(value), expected(value));
    }
    assert_eq!(require::met(data), !(data.is_empty() || data == b"0"));
    let scopes: Vec<&[u8]> = authorization.split(|byte| *byte == b',').collect();
    let errors = [None, Some(ErrorCode::InvalidToken), Some(ErrorCode::InsufficientScope)];
    for (error, scopes) in errors.iter().flat_map(|error| [(*error, &[][..]), (*error, &scopes)]) {
        let value = challenge(realm, error, scopes);
        assert!(!value.iter().any(u8::is_ascii_control), "{value:?}");
        let rest = value.strip_prefix(b"Bearer realm=").expect("a realm");
        let (found, rest) = quoted(rest).expect("a quoted string");
        let space = |byte: &u8| if byte.is_ascii_control() { b' ' } else { *byte };
        assert_eq!(found, realm.iter().map(space).collect::<Vec<_>>());
        let name = match error {
            None => "",
            Some(ErrorCode::InvalidToken) => ", error=\"invalid_token\"",
            Some(ErrorCode::InsufficientScope) => ", error=\"insufficient_scope\"",
        };
        let rest = rest.strip_prefix(name.as_bytes()).expect("the error");
        let told = match error {
            Some(ErrorCode::InvalidToken) => &[],
            None | Some(ErrorCode::InsufficientScope) => scopes,
        };
        if told.is_empty() {
            assert_eq!(rest, b"");
            continue;
        }
        let rest = rest.strip_prefix(b", scope=").expect("scopes");
        let (found, rest) = quoted(rest).expect("a quoted string");
        assert_eq!(found, told.join(&b' ').iter().map(space).collect::<Vec<_>>());
        assert_eq!(rest, b"");
    }
});

/// `Bearer`, spaces, the token.
fn expected(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at(value.iter().position(|byte| *byte == b' ')?);
    let token = rest.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"bearer") && !token.is_empty()).then_some(token)
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
