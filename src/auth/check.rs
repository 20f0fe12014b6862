//! The order of checks, top to bottom: form, keys, signature, times, requirements.
//!
//! Each step is a type that only the step before can make: [`Parsed`] → [`Verified`] (once the
//! shell has the keys) → [`Accepted`].

use std::borrow::Cow;
use std::sync::Arc;

use super::numeric_date::{NumericDate, Timeliness, Validity};
use super::outcome::Refusal;
use super::policy::{Policy, TokenType};
use super::require::Failure;
use crate::jose::compact::Compact;
use crate::jose::error::TokenError;
use crate::jose::jws::{Jws, Verified};
use crate::jose::key_set::KeySet;

/// The keys a location verifies with.
#[derive(Clone, Copy)]
pub enum Keys<'k> {
    /// The location names no key source: a signature is not verified.
    None,
    /// The union of the location's sources, in order.
    Sets(&'k [Arc<KeySet>]),
}

/// A token whose form, header and type are right. Judged before any key is had, so that a broken
/// key source cannot turn a bad token into a server error.
#[derive(Debug)]
pub struct Parsed<'t>(Jws<'t>);

/// The proof that a token has passed everything.
#[derive(Debug)]
pub struct Accepted(());

impl<'t> Parsed<'t> {
    /// Splits the token and reads its header.
    pub fn new(token: &'t [u8], policy: Policy) -> Result<Self, Refusal> {
        match (Compact::split(token)?, policy.token_type) {
            (Compact::Jws(segments), TokenType::Signed) => Ok(Self(Jws::parse(segments)?)),
            (other @ Compact::Jwe(_), TokenType::Signed) => {
                other.check_form()?;
                Err(TokenError::WrongType.into())
            }
        }
    }

    /// The token's `kid`.
    pub fn kid(&self) -> Option<Cow<'_, str>> {
        self.0.header().kid()
    }

    /// Verifies the signature.
    pub fn verify(self, keys: Keys<'_>) -> Result<Verified, Refusal> {
        Ok(match keys {
            Keys::None => self.0.without_keys()?,
            Keys::Sets(sets) => self.0.verify(sets)?,
        })
    }
}

impl Accepted {
    /// Judges times and then requirements, which `requirements` evaluates only now.
    pub fn new(
        verified: &Verified,
        policy: Policy,
        now: NumericDate,
        requirements: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<Self, Refusal> {
        match Validity::of(verified.claims())?.at(now, policy.leeway) {
            Timeliness::Valid => {}
            Timeliness::Expired => return Err(Refusal::Expired),
            Timeliness::NotYetValid => return Err(Refusal::NotYetValid),
        }
        requirements().map_err(Refusal::RequirementFailed)?;
        Ok(Self(()))
    }
}
