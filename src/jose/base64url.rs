//! Strict base64url (RFC 4648 §5 without padding, as RFC 7515 §2 asks): no `=`, no white space,
//! no bit set behind the last whole byte.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The text is not base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidBase64Url;

/// Decodes `text`.
pub fn decode(text: &[u8]) -> Result<Vec<u8>, InvalidBase64Url> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidBase64Url)
}

/// Encodes `bytes`.
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_what_it_encodes() {
        for bytes in [&b""[..], b"f", b"fo", b"foo", &[0xff, 0xfe, 0xfb]] {
            assert_eq!(decode(encode(bytes).as_bytes()).as_deref(), Ok(bytes));
        }
    }

    #[test]
    fn refuses_what_is_not_strict() {
        // Padding, the standard alphabet, white space, a lone sextet, non-zero trailing bits.
        for text in ["Zg==", "+/+/", "Zm9v\n", " Zm9v", "Zm 9v", "Z", "Zh", "Zm9", "é"] {
            assert_eq!(decode(text.as_bytes()), Err(InvalidBase64Url), "{text:?}");
        }
    }
}
