//! The compact serialization (RFC 7515 §7.1, RFC 7516 §7.1): a token → its segments, borrowed.

use super::base64url;
use super::error::Malformed;
use super::header::Header;

/// A token split at its dots; nothing is decoded yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compact<'t> {
    Jws(JwsSegments<'t>),
    Jwe(JweSegments<'t>),
}

/// The three segments of a JWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JwsSegments<'t> {
    pub header: &'t [u8],
    pub payload: &'t [u8],
    pub signature: &'t [u8],
    /// The very bytes that are signed: header, dot, payload (RFC 7515 §5.1).
    pub signed: &'t [u8],
}

/// The five segments of a JWE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JweSegments<'t> {
    pub header: &'t [u8],
    /// Encrypted key, initialization vector, ciphertext, tag.
    pub others: [&'t [u8]; 4],
}

impl<'t> Compact<'t> {
    /// Splits `token`; anything but three or five segments is malformed.
    pub fn split(token: &'t [u8]) -> Result<Self, Malformed> {
        let (header, rest) = cut(token).ok_or(Malformed::SegmentCount)?;
        let (second, rest) = cut(rest).ok_or(Malformed::SegmentCount)?;
        let Some((third, rest)) = cut(rest) else {
            let signed_length = header.len().saturating_add(second.len()).saturating_add(1);
            let (signed, _) = token.split_at_checked(signed_length).unwrap_or((token, &[]));
            return Ok(Self::Jws(JwsSegments { header, payload: second, signature: rest, signed }));
        };
        let (ciphertext, tag) = cut(rest).ok_or(Malformed::SegmentCount)?;
        if memchr::memchr(b'.', tag).is_some() {
            return Err(Malformed::SegmentCount);
        }
        Ok(Self::Jwe(JweSegments { header, others: [second, third, ciphertext, tag] }))
    }

    /// Whether every segment is base64url and the first one a JOSE header: what a token of the
    /// wrong type must still be, not to be malformed.
    pub fn check_form(&self) -> Result<(), Malformed> {
        let (header, rest) = match self {
            Self::Jws(jws) => (jws.header, [jws.payload, jws.signature, b"", b""]),
            Self::Jwe(jwe) => (jwe.header, jwe.others),
        };
        for segment in rest {
            base64url::check(segment)?;
        }
        Header::parse(header).map(|_| ())
    }
}

fn cut(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (before, after) = text.split_at_checked(memchr::memchr(b'.', text)?)?;
    Some((before, after.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_dots() {
        let jws = JwsSegments { header: b"aa", payload: b"b", signature: b"ccc", signed: b"aa.b" };
        assert_eq!(Compact::split(b"aa.b.ccc"), Ok(Compact::Jws(jws)));
        let jwe = JweSegments { header: b"a", others: [b"b", b"c", b"d", b"e"] };
        assert_eq!(Compact::split(b"a.b.c.d.e"), Ok(Compact::Jwe(jwe)));
    }

    #[test]
    fn counts_segments() {
        for token in ["", "a", "a.b", "a.b.c.d", "a.b.c.d.e.f", "......"] {
            assert_eq!(Compact::split(token.as_bytes()), Err(Malformed::SegmentCount), "{token:?}");
        }
        assert!(matches!(Compact::split(b".."), Ok(Compact::Jws(_))));
        assert!(matches!(Compact::split(b"...."), Ok(Compact::Jwe(_))));
    }
}
