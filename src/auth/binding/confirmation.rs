//! `cnf` of a token (RFC 7800 §3.1) → what it is bound to.

use crate::jose::claims::Claims;
use crate::jose::crypto::Fingerprint;
use crate::jose::json::{Kind, Value};

/// What a token is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// `cnf` is no object, or has neither of the members below.
    Unknown,
    Bound {
        /// `x5t#S256` (RFC 8705 §3.1).
        certificate: Option<Member>,
        /// `jkt` (RFC 9449 §6.1).
        key: Option<Member>,
    },
}

/// A member of `cnf`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    Digest(Fingerprint),
    /// It is no SHA-256 in base64url: nothing can prove it.
    Malformed,
}

impl Confirmation {
    /// What a token of these claims is bound to; `None` where there is no `cnf`.
    pub fn of(claims: &Claims) -> Option<Self> {
        claims.value("cnf").map(Self::read)
    }

    #[cold]
    fn read(cnf: Value<'_>) -> Self {
        if cnf.kind() != Kind::Object {
            return Self::Unknown;
        }
        let member = |name| cnf.member(name).map(Member::read);
        match (member("x5t#S256"), member("jkt")) {
            (None, None) => Self::Unknown,
            (certificate, key) => Self::Bound { certificate, key },
        }
    }
}

impl Member {
    fn read(value: Value<'_>) -> Self {
        let digest = value.as_str().and_then(|text| Fingerprint::from_base64url(&text));
        digest.map_or(Self::Malformed, Self::Digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Option<Confirmation> {
        match Claims::parse(json.as_bytes().to_vec()) {
            Ok(claims) => Confirmation::of(&claims),
            Err(error) => unreachable!("{json}: {error}"),
        }
    }

    fn digest(text: &str) -> Option<Member> {
        Fingerprint::from_base64url(text).map(Member::Digest)
    }

    const ONE: &str = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0";
    const OTHER: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

    #[test]
    fn what_a_token_is_bound_to() {
        let (one, other) = (digest(ONE), digest(OTHER));
        assert!(one.is_some() && other.is_some() && one != other);
        let bound = |certificate, key| Some(Confirmation::Bound { certificate, key });
        // RFC 8705 A, RFC 9449 §6.1.
        let cnf = |members: String| of(&format!(r#"{{"sub":"a","cnf":{{{members}}}}}"#));
        assert_eq!(cnf(format!(r#""x5t#S256":"{ONE}""#)), bound(one, None));
        assert_eq!(cnf(format!(r#""jkt":"{OTHER}""#)), bound(None, other));
        assert_eq!(cnf(format!(r#""jkt":"{OTHER}","x5t#S256":"{ONE}""#)), bound(one, other));
        assert_eq!(cnf(format!(r#""\u006akt":"{OTHER}","kid":"a""#)), bound(None, other));
        // Of a deeper member that is there twice the last counts.
        assert_eq!(cnf(format!(r#""jkt":"{ONE}","\u006akt":"{OTHER}""#)), bound(None, other));
        assert_eq!(cnf(format!(r#""kid":"a","kid":"b","jkt":"{ONE}""#)), bound(None, one));
        assert_eq!(of(r#"{"sub":"a"}"#), None);
    }

    #[test]
    fn what_names_nothing() {
        for cnf in [
            "null",
            "[]",
            "{}",
            "1",
            "true",
            r#""jkt""#,
            r#"{"kid":"a"}"#,
            r#"{"jwk":{"kty":"oct","k":"AA"}}"#,
            r#"{"JKT":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}"#,
            r#"{"x5t#s256":"A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"}"#,
        ] {
            let json = format!(r#"{{"cnf":{cnf}}}"#);
            assert_eq!(of(&json), Some(Confirmation::Unknown), "{json}");
        }
    }

    #[test]
    fn what_nothing_can_prove() {
        let padded = format!(r#""{ONE}=""#);
        // The last is the example of RFC 8705 §3.1, whose last character has bits that no digest has.
        for value in [
            "null",
            "1",
            "\"\"",
            "{}",
            "[]",
            "\"AA\"",
            &padded,
            r#""bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2""#,
        ] {
            let json = format!(r#"{{"cnf":{{"x5t#S256":{value}}}}}"#);
            let expected = Confirmation::Bound { certificate: Some(Member::Malformed), key: None };
            assert_eq!(of(&json), Some(expected), "{json}");
        }
    }
}
