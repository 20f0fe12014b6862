//! Tells bytes that are the same as earlier ones without keeping those.

use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};

use crate::jose::base64url;

/// The SHA-256 digest of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; SHA256_OUTPUT_LEN]);

impl Fingerprint {
    pub fn of(bytes: &[u8]) -> Self {
        Self(digest(&SHA256, bytes).as_ref().try_into().unwrap_or_default())
    }

    /// The digest itself.
    pub fn bytes(&self) -> &[u8; SHA256_OUTPUT_LEN] {
        &self.0
    }

    /// The digest that `text` is in strict base64url, if it is one.
    pub fn from_base64url(text: &str) -> Option<Self> {
        base64url::decode(text.as_bytes()).ok()?.try_into().ok().map(Self)
    }

    /// In base64url.
    pub fn base64url(&self) -> String {
        base64url::encode(&self.0)
    }

    /// In hexadecimal.
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bit_makes_another_one() {
        assert!(Fingerprint::of(b"key") == Fingerprint::of(b"key"));
        assert!(Fingerprint::of(b"key") != Fingerprint::of(b"kex"));
        assert!(Fingerprint::of(b"") != Fingerprint::of(b"\0"));
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Fingerprint::of(b"").hex(), empty);
    }

    #[test]
    fn in_base64url() {
        let empty = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
        assert_eq!(Fingerprint::of(b"").base64url(), empty);
        assert_eq!(Fingerprint::from_base64url(empty), Some(Fingerprint::of(b"")));
        // Padding, a bit behind the last byte, a byte less, hexadecimal.
        for text in [
            "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=",
            "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFV",
            "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuA",
            "",
            &Fingerprint::of(b"").hex(),
        ] {
            assert_eq!(Fingerprint::from_base64url(text), None, "{text}");
        }
    }
}
