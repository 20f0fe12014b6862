//! Strict base64url (RFC 4648 §5 without padding, as RFC 7515 §2 asks): no `=`, no white space,
//! no bit set behind the last whole byte.

use base64_simd::URL_SAFE_NO_PAD;

use super::error::Malformed;

/// Decodes `text`.
pub fn decode(text: &[u8]) -> Result<Vec<u8>, Malformed> {
    URL_SAFE_NO_PAD.decode_to_vec(text).map_err(|_| Malformed::Base64)
}

/// Whether `text` can be decoded.
pub fn check(text: &[u8]) -> Result<(), Malformed> {
    URL_SAFE_NO_PAD.check(text).map_err(|_| Malformed::Base64)
}

/// Encodes `bytes`.
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose;

    use super::*;

    #[test]
    fn refuses_what_is_not_strict() {
        // Padding, the standard alphabet, white space, a lone sextet, non-zero trailing bits.
        for text in ["Zg==", "+/+/", "Zm9v\n", " Zm9v", "Zm 9v", "Z", "Zh", "Zm9", "é"] {
            assert_eq!(decode(text.as_bytes()), Err(Malformed::Base64), "{text:?}");
        }
    }

    /// All lengths around the widths of vectors, and every byte in every place.
    #[test]
    fn agrees_with_another_decoder() {
        let agrees = |text: &[u8]| {
            let expected = general_purpose::URL_SAFE_NO_PAD.decode(text).ok();
            assert_eq!(decode(text).ok(), expected, "{}", text.escape_ascii());
            assert_eq!(check(text).is_ok(), expected.is_some(), "{}", text.escape_ascii());
        };
        for length in (0..=36).chain(70..=76) {
            let bytes: Vec<u8> = (0..length).map(|at: u8| at.wrapping_mul(151) ^ length).collect();
            let text = encode(&bytes);
            assert_eq!(text, general_purpose::URL_SAFE_NO_PAD.encode(&bytes));
            agrees(text.as_bytes());
            for at in 0..text.len() {
                let mut mutant = text.clone().into_bytes();
                for byte in 0..=u8::MAX {
                    if let Some(place) = mutant.get_mut(at) {
                        *place = byte;
                    }
                    agrees(&mutant);
                }
            }
            agrees(text.split_at(text.len() / 2).0.as_bytes());
        }
    }
}
