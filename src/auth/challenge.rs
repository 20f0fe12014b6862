//! The value of `WWW-Authenticate` (RFC 6750 §3, RFC 9110 §11.6.1).

use super::outcome::ErrorCode;

/// `Bearer realm="..."`, with the error behind it where there is one. In the realm `"` and `\` are
/// escaped, and control characters become spaces.
pub fn challenge(realm: &[u8], error: Option<ErrorCode>) -> Vec<u8> {
    let mut value = b"Bearer realm=\"".to_vec();
    for byte in realm {
        match byte {
            b'"' | b'\\' => value.extend([b'\\', *byte]),
            0..=0x1f | 0x7f => value.push(b' '),
            _ => value.push(*byte),
        }
    }
    value.extend_from_slice(match error {
        None => b"\"",
        Some(ErrorCode::InvalidToken) => b"\", error=\"invalid_token\"",
        Some(ErrorCode::InsufficientScope) => b"\", error=\"insufficient_scope\"",
    });
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(realm: &str, error: Option<ErrorCode>) -> String {
        String::from_utf8(challenge(realm.as_bytes(), error)).unwrap_or_default()
    }

    #[test]
    fn with_and_without_error() {
        assert_eq!(text("closed site", None), r#"Bearer realm="closed site""#);
        assert_eq!(text("", None), r#"Bearer realm="""#);
        let invalid = text("a", Some(ErrorCode::InvalidToken));
        assert_eq!(invalid, r#"Bearer realm="a", error="invalid_token""#);
        let scope = text("a", Some(ErrorCode::InsufficientScope));
        assert_eq!(scope, r#"Bearer realm="a", error="insufficient_scope""#);
    }

    #[test]
    fn the_realm_cannot_break_out() {
        assert_eq!(text("a\"b\\c\r\nd\u{7f}é", None), "Bearer realm=\"a\\\"b\\\\c  d é\"");
    }
}
