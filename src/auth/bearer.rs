//! The `Authorization` header (RFC 6750 §2.1, RFC 9110 §11.4) → the token.

/// The token of `Authorization: Bearer <token>`. The scheme's case does not matter, one or more
/// spaces follow it. Another scheme, or nothing behind it, is no token.
pub fn token(authorization: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = authorization.split_at_checked(b"Bearer".len())?;
    if !scheme.eq_ignore_ascii_case(b"Bearer") || rest.first() != Some(&b' ') {
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
    fn anything_else_is_no_token() {
        for value in
            ["", "Bearer", "Bearer ", "Bearer   ", "Bearera.b.c", "Basic YTpi", "Bearer\ta"]
        {
            assert_eq!(token(value.as_bytes()), None, "{value:?}");
        }
    }
}
