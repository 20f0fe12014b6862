//! The `Authorization` header (RFC 6750 §2.1, RFC 9110 §11.4) → the token.

/// The token of `Authorization: Bearer <token>`. The scheme's case does not matter, one or more
/// spaces follow it. Another scheme, or nothing behind it, is no token.
pub fn token(authorization: &[u8]) -> Option<&[u8]> {
    let ([scheme @ .., b' '], rest) = authorization.split_first_chunk::<7>()? else { return None };
    // This bit is all that letters of either case differ in, and what has it is a small letter only
    // where it was one or its capital.
    if scheme.map(|byte| byte | 0x20) != *b"bearer" {
        return None;
    }
    let token = rest.trim_ascii();
    if token.is_empty() { None } else { Some(token) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_token() {
        for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c", "Bearer a.b.c "] {
            assert_eq!(token(value.as_bytes()), Some(&b"a.b.c"[..]), "{value:?}");
        }
        // What is inside the token is judged later.
        assert_eq!(token(b"Bearer a b"), Some(&b"a b"[..]));
    }

    #[test]
    fn no_other_byte_is_taken_for_a_letter() {
        for at in 0..b"Bearer ".len() {
            for byte in 0..=u8::MAX {
                let mut value = *b"Bearer a.b.c";
                if let Some(place) = value.get_mut(at) {
                    *place = byte;
                }
                let expected = value.eq_ignore_ascii_case(b"Bearer a.b.c");
                assert_eq!(token(&value).is_some(), expected, "{}", value.escape_ascii());
            }
        }
    }

    #[test]
    fn anything_else_is_no_token() {
        for value in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer   ",
            "Bearera.b.c",
            "Basic YTpi",
            "Bearer\ta",
            "Bearer\0a",
        ] {
            assert_eq!(token(value.as_bytes()), None, "{value:?}");
        }
    }
}
