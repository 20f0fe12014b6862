//! The order of checks, and the only place that knows it: a token at all; form, type and `alg`; the
//! cache of verified tokens; keys; signature or decryption; times; requirements. nginx, the inspector,
//! the fuzzers, the corpus tests and the bench drive this machine.

use std::borrow::Cow;
use std::hash::BuildHasher;
use std::rc::Rc;
use std::sync::Arc;

use super::numeric_date::{NumericDate, Timeliness};
use super::outcome::Refusal;
use super::policy::{Acceptance, TokenType, Verification};
use super::require::Failure;
use super::token_cache::{CacheKey, TokenCache};
use super::verification::{Parsed, VerifiedToken, generations};
use crate::jose::header::Headers;
use crate::jose::key_set::KeySet;

/// How far a token is judged before keys are gathered.
pub enum Judgement<'t> {
    /// Refused, or known to hold under the keys at hand.
    Settled(Result<Rc<VerifiedToken>, Refusal>),
    NeedsKeys(Pending<'t>),
}

/// A token that is well-formed, and is to be verified with keys.
pub struct Pending<'t> {
    token: &'t [u8],
    verification: Verification,
    candidate: Candidate<'t>,
    /// By what it is kept, where there is a cache.
    key: Option<CacheKey<'t>>,
}

enum Candidate<'t> {
    /// It was verified before, under keys that may have changed.
    Cached(Rc<VerifiedToken>),
    Parsed(Parsed<'t>),
}

/// What is remembered from token to token.
pub struct Memory<'m, S = foldhash::quality::RandomState> {
    pub cache: Option<&'m mut TokenCache<S>>,
    pub headers: &'m mut Headers,
}

/// The proof that a token has passed everything.
#[derive(Debug)]
pub struct Accepted(());

/// Verifies a token with all keys at hand, by the same machine; without `sets` there is no key source. For
/// those that neither keep tokens nor wait for keys.
pub fn verify(
    token: &[u8],
    token_type: TokenType,
    sets: Option<&[Arc<KeySet>]>,
) -> Result<Rc<VerifiedToken>, Refusal> {
    let verification = Verification { token_type, sources: sets.map(|_| 0) };
    let mut memory =
        Memory::<foldhash::quality::RandomState> { cache: None, headers: &mut Headers::default() };
    match Judgement::begin(Some(token), verification, &mut memory, |_| false) {
        Judgement::Settled(verified) => verified,
        Judgement::NeedsKeys(pending) => pending.with_keys(sets.unwrap_or_default(), &mut memory),
    }
}

impl<'t> Judgement<'t> {
    /// Judges what can be judged without gathering keys. `is_current` tells whether a token that was
    /// verified before holds under the keys at hand, as far as that is known.
    pub fn begin(
        token: Option<&'t [u8]>,
        verification: Verification,
        memory: &mut Memory<'_, impl BuildHasher>,
        is_current: impl FnOnce(&VerifiedToken) -> bool,
    ) -> Self {
        let Some(token) = token else { return Self::Settled(Err(Refusal::NoToken)) };
        let found = memory.cache.as_ref().map(|cache| cache.get(verification, token));
        let (key, cached) = found.map_or((None, None), |(key, cached)| (Some(key), cached));
        match cached {
            Some(cached) if is_current(&cached) => Self::Settled(Ok(cached)),
            cached => Self::miss(token, verification, memory, key, cached),
        }
    }

    /// Out of line: a token that comes again does not need it.
    #[inline(never)]
    fn miss(
        token: &'t [u8],
        verification: Verification,
        memory: &mut Memory<'_, impl BuildHasher>,
        key: Option<CacheKey<'t>>,
        cached: Option<Rc<VerifiedToken>>,
    ) -> Self {
        let candidate = match cached {
            Some(cached) => Candidate::Cached(cached),
            None => match Parsed::new(token, verification.token_type, memory.headers) {
                Ok(parsed) => Candidate::Parsed(parsed),
                Err(refusal) => return Self::Settled(Err(refusal)),
            },
        };
        let pending = Pending { token, verification, candidate, key };
        match verification.sources {
            Some(_) => Self::NeedsKeys(pending),
            None => Self::Settled(pending.with_keys(&[], memory)),
        }
    }
}

impl<'t> Pending<'t> {
    /// The token itself.
    pub fn token(&self) -> &'t [u8] {
        self.token
    }

    /// The token's `kid`; of a JWE that of the outer header.
    pub fn kid(&self) -> Option<Cow<'_, str>> {
        match &self.candidate {
            Candidate::Cached(cached) => cached.token().header().kid(),
            Candidate::Parsed(parsed) => parsed.kid(),
        }
    }

    /// Verifies the token with `sets`, unless that was done before with the very same.
    #[inline(never)]
    pub fn with_keys(
        self,
        sets: &[Arc<KeySet>],
        memory: &mut Memory<'_, impl BuildHasher>,
    ) -> Result<Rc<VerifiedToken>, Refusal> {
        let parsed = match self.candidate {
            Candidate::Cached(cached) if cached.holds_under(generations(sets)) => {
                return Ok(cached);
            }
            Candidate::Cached(_) => {
                Parsed::new(self.token, self.verification.token_type, memory.headers)?
            }
            Candidate::Parsed(parsed) => parsed,
        };
        let verified = Rc::new(match self.verification.sources {
            Some(_) => parsed.verify(sets)?,
            None => parsed.trust()?,
        });
        if let (Some(key), Some(cache)) = (&self.key, &mut memory.cache) {
            cache.insert(key, verified.clone());
        }
        Ok(verified)
    }
}

impl VerifiedToken {
    /// Judges times and then requirements, which `requirements` evaluates only now.
    pub fn accept(
        &self,
        acceptance: Acceptance,
        now: NumericDate,
        requirements: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<Accepted, Refusal> {
        match self.validity().at(now, acceptance.leeway) {
            Timeliness::Valid => {}
            Timeliness::Expired => return Err(Refusal::Expired),
            Timeliness::NotYetValid => return Err(Refusal::NotYetValid),
        }
        requirements().map_err(Refusal::RequirementFailed)?;
        Ok(Accepted(()))
    }
}
