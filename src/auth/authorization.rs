//! The `Authorization` header (RFC 6750 §2.1, RFC 9449 §7.1, RFC 9110 §11.4) → the token.

/// How a token is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Bearer,
    /// With a proof that the key is at hand that the token is bound to.
    Dpop,
}

impl Scheme {
    /// Its name, as challenges have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
        }
    }
}

/// The token of `Authorization: Bearer <token>`. The scheme's case does not matter, one or more
/// spaces follow it. Another scheme, or nothing behind it, is no token.
pub fn bearer(authorization: &[u8]) -> Option<&[u8]> {
    token(authorization, b"bearer")
}

/// As [`bearer`], of `Authorization: DPoP <token>`.
pub fn dpop(authorization: &[u8]) -> Option<&[u8]> {
    token(authorization, b"dpop")
}

/// `wanted` in small letters.
fn token<'a, const LENGTH: usize>(
    authorization: &'a [u8],
    wanted: &[u8; LENGTH],
) -> Option<&'a [u8]> {
    let (scheme, rest) = authorization.split_first_chunk::<LENGTH>()?;
    let rest = rest.strip_prefix(b" ")?;
    // This bit is all that letters of either case differ in, and what has it is a small letter only
    // where it was one or its capital.
    if scheme.map(|byte| byte | 0x20) != *wanted {
        return None;
    }
    // Spaces alone: other white space is the token's, and malformed.
    let is_text = |byte: &u8| *byte != b' ';
    let (start, end) = (rest.iter().position(is_text)?, rest.iter().rposition(is_text)?);
    rest.get(start..=end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_token() {
        for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c", "Bearer a.b.c "] {
            assert_eq!(bearer(value.as_bytes()), Some(&b"a.b.c"[..]), "{value:?}");
            assert_eq!(dpop(value.as_bytes()), None, "{value:?}");
        }
        for value in ["DPoP a.b.c", "dpop a.b.c", "DPOP   a.b.c", "DPoP a.b.c "] {
            assert_eq!(dpop(value.as_bytes()), Some(&b"a.b.c"[..]), "{value:?}");
            assert_eq!(bearer(value.as_bytes()), None, "{value:?}");
        }
        // What is inside the token is judged later.
        for token in ["a b", "\ta.b.c", "a.b.c\t", "\x0ca.b.c", "a.b.c\r"] {
            assert_eq!(bearer(format!("Bearer  {token} ").as_bytes()), Some(token.as_bytes()));
        }
    }

    #[test]
    fn no_other_byte_is_taken_for_a_letter() {
        for (good, token) in
            [(&b"Bearer a.b.c"[..], bearer as fn(&[u8]) -> Option<&[u8]>), (b"DPoP a.b.c", dpop)]
        {
            let end = good.len().saturating_sub(b"a.b.c".len());
            for at in 0..end {
                for byte in 0..=u8::MAX {
                    let mut value = good.to_vec();
                    if let Some(place) = value.get_mut(at) {
                        *place = byte;
                    }
                    let expected = value.eq_ignore_ascii_case(good);
                    assert_eq!(token(&value).is_some(), expected, "{}", value.escape_ascii());
                }
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
            "DPoP",
            "DPoP ",
            "DPoPa.b.c",
            "DPoP\ta",
        ] {
            assert_eq!(bearer(value.as_bytes()), None, "{value:?}");
            assert_eq!(dpop(value.as_bytes()), None, "{value:?}");
        }
    }
}
