//! A DPoP proof (RFC 9449 §4.2, §4.3).

use std::fmt;

use super::algorithm::{Scheme, SignatureAlgorithm};

/// Why a proof is refused by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofError {
    NotAJws,
}

/// The algorithms that proofs may be signed with: all that we serve but the symmetric ones.
pub fn algorithms() -> impl Iterator<Item = SignatureAlgorithm> {
    SignatureAlgorithm::all()
        .map(|(_, algorithm)| algorithm)
        .filter(|algorithm| is_allowed(*algorithm))
}

fn is_allowed(algorithm: SignatureAlgorithm) -> bool {
    match algorithm.scheme() {
        Scheme::Hmac(_) => false,
        Scheme::Rsa(..) | Scheme::Ecdsa(..) | Scheme::EdDsa(_) => true,
    }
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAJws => "it is not a JWS",
        })
    }
}
