//! What a request brings to prove that a token is its holder's.

use std::borrow::Cow;

use crate::auth::authorization::Scheme;
use crate::jose::crypto::Fingerprint;

/// The values of the header `DPoP`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented<'r> {
    None,
    One(&'r [u8]),
    Several,
}

/// What became of the record of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    First,
    /// It has been recorded before.
    Seen,
    /// It may have been: its record may be gone.
    Unknown,
    /// The memory is full, or there is none.
    NoRoom,
}

/// What a request brings. Beside the scheme nothing is asked for unless the token is bound, or must be.
pub trait Holder {
    /// The scheme of `Authorization`; `None` where the token is from elsewhere.
    fn scheme(&self) -> Option<Scheme>;

    /// The client certificate as text: PEM, perhaps percent-encoded. An empty one is none.
    fn certificate(&self) -> Option<Cow<'_, [u8]>>;

    /// `DPoP`
    fn proof(&self) -> Presented<'_>;

    /// The token, as it was sent.
    fn token(&self) -> &[u8];

    /// The method, as the client sent it.
    fn method(&self) -> &[u8];

    /// Scheme and authority of the URL that the client has asked for, perhaps with a path before that of
    /// the request.
    fn base(&self) -> Cow<'_, [u8]>;

    /// The path, as the client sent it, with its query or without.
    fn path(&self) -> &[u8];

    /// Records the proof `id`, which was made at `issued`, in seconds since the epoch, as is `now`, and counts for
    /// `reach` seconds. Asked last, once everything else about the proof is right.
    fn first_use(&self, id: Fingerprint, issued: u64, reach: u64, now: u64) -> Use;
}

/// Who brings nothing.
pub struct Nobody;

impl Holder for Nobody {
    fn scheme(&self) -> Option<Scheme> {
        None
    }

    fn certificate(&self) -> Option<Cow<'_, [u8]>> {
        None
    }

    fn proof(&self) -> Presented<'_> {
        Presented::None
    }

    fn token(&self) -> &[u8] {
        b""
    }

    fn method(&self) -> &[u8] {
        b""
    }

    fn base(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(b"")
    }

    fn path(&self) -> &[u8] {
        b""
    }

    fn first_use(&self, _: Fingerprint, _: u64, _: u64, _: u64) -> Use {
        Use::NoRoom
    }
}
