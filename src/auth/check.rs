//! The order of checks, top to bottom: form, keys, decryption, signature, times, requirements.
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
use crate::jose::header::Headers;
use crate::jose::jwe::Jwe;
use crate::jose::jws::{self, Jws};
use crate::jose::key_set::KeySet;

/// The keys a location verifies with.
#[derive(Clone, Copy)]
pub enum Keys<'k> {
    /// The location names no key source: a signature is not verified, and nothing is decrypted.
    None,
    /// The union of the location's sources, in order.
    Sets(&'k [Arc<KeySet>]),
}

/// A token whose form, header and type are right. Judged before any key is had, so that a broken
/// key source cannot turn a bad token into a server error.
#[derive(Debug)]
pub struct Parsed<'t>(Form<'t>);

#[derive(Debug)]
enum Form<'t> {
    Signed(Jws<'t>),
    Encrypted(Box<Jwe<'t>>),
    Nested(Box<Jwe<'t>>),
}

/// A token that is proven genuine, and when it holds. It can be kept: nothing in it depends on the
/// moment or on the request.
#[derive(Debug)]
pub struct Verified {
    token: jws::Verified,
    validity: Validity,
    /// Nothing says who made it: it was encrypted with a public key, and is not signed.
    is_anybodys: bool,
}

/// The proof that a token has passed everything.
#[derive(Debug)]
pub struct Accepted(());

impl<'t> Parsed<'t> {
    /// Splits the token and reads its header, unless that is among `headers`.
    pub fn new(token: &'t [u8], policy: Policy, headers: &mut Headers) -> Result<Self, Refusal> {
        Ok(Self(match (Compact::split(token)?, policy.token_type) {
            (Compact::Jws(segments), TokenType::Signed) => {
                Form::Signed(Jws::parse_with(segments, headers)?)
            }
            (Compact::Jwe(segments), TokenType::Encrypted) => {
                Form::Encrypted(Box::new(Jwe::parse(segments)?))
            }
            (Compact::Jwe(segments), TokenType::Nested) => {
                Form::Nested(Box::new(Jwe::parse(segments)?))
            }
            (other, _) => {
                other.check_form()?;
                return Err(TokenError::WrongType.into());
            }
        }))
    }

    /// The token's `kid`; of a JWE that of the outer header.
    pub fn kid(&self) -> Option<Cow<'_, str>> {
        match &self.0 {
            Form::Signed(jws) => jws.header().kid(),
            Form::Encrypted(jwe) | Form::Nested(jwe) => jwe.header().kid(),
        }
    }

    /// Decrypts the token, verifies its signature, or both; then reads `exp` and `nbf`.
    pub fn verify(self, keys: Keys<'_>) -> Result<Verified, Refusal> {
        let is_anybodys = match &self.0 {
            Form::Signed(_) | Form::Nested(_) => false,
            Form::Encrypted(jwe) => jwe.algorithm().is_by_public_key(),
        };
        let token = match (self.0, keys) {
            (Form::Signed(jws), Keys::None) => jws.without_keys()?,
            (Form::Signed(jws), Keys::Sets(sets)) => jws.verify(sets)?,
            (Form::Encrypted(_) | Form::Nested(_), Keys::None) => {
                return Err(Refusal::KeysUnavailable);
            }
            (Form::Encrypted(jwe), Keys::Sets(sets)) => {
                jws::Verified::encrypted(jwe.decrypt(sets)?)?
            }
            (Form::Nested(jwe), Keys::Sets(sets)) => {
                jws::Verified::nested(jwe.decrypt(sets)?, sets)?
            }
        };
        let validity = Validity::of(token.claims())?;
        Ok(Verified { token, validity, is_anybodys })
    }
}

impl Verified {
    /// The token.
    pub fn token(&self) -> &jws::Verified {
        &self.token
    }

    /// Whether anybody could have made it: it was encrypted with a public key, and is not signed.
    pub fn is_anybodys(&self) -> bool {
        self.is_anybodys
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
        match verified.validity.at(now, policy.leeway) {
            Timeliness::Valid => {}
            Timeliness::Expired => return Err(Refusal::Expired),
            Timeliness::NotYetValid => return Err(Refusal::NotYetValid),
        }
        requirements().map_err(Refusal::RequirementFailed)?;
        Ok(Self(()))
    }
}
