//! `cnf` of a token (RFC 7800 §3.1) → what it is bound to.

use crate::jose::claims::Claims;
use crate::jose::crypto::Fingerprint;

/// What a token is bound to.
#[derive(Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// `cnf` is no object, or names neither.
    Unknown,
    Bound {
        certificate: Option<Member>,
        key: Option<Member>,
    },
}

/// A member of `cnf`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    Digest(Fingerprint),
    /// Nothing can prove it.
    Malformed,
}

impl Confirmation {
    /// What the token of these claims is bound to, if it is bound.
    pub fn of(claims: &Claims) -> Option<Self> {
        claims.value("cnf").map(|_| Self::Unknown)
    }
}
