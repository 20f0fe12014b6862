//! Tells bytes that are the same as earlier ones without keeping those.

use std::hash::{Hash, Hasher};

use aws_lc_rs::digest::{Digest, SHA256, digest};

/// The SHA-256 digest of some bytes.
#[derive(Clone, Copy)]
pub struct Fingerprint(Digest);

impl Fingerprint {
    pub fn of(bytes: &[u8]) -> Self {
        Self(digest(&SHA256, bytes))
    }
}

impl PartialEq for Fingerprint {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_ref() == other.0.as_ref()
    }
}

impl Eq for Fingerprint {}

impl Hash for Fingerprint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_ref().hash(state);
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
    }
}
