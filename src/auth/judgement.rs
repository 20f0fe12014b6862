//! The order of checks: a token at all; the cache of verified tokens; form, type and `alg`; the issuer,
//! and what it asks of the header; keys; signature or decryption. `acceptance` goes on from there. nginx,
//! the inspector, the fuzzers, the corpus tests and the bench drive this machine.

use std::borrow::Cow;
use std::hash::BuildHasher;
use std::rc::Rc;
use std::sync::Arc;

use super::issuer::{Issuer, Issuers};
use super::outcome::Refusal;
use super::policy::{TokenType, Verification};
use super::token_cache::{CacheKey, TokenCache};
use super::verification::{Parsed, VerifiedToken, generations};
use crate::jose::header::Headers;
use crate::jose::key_set::KeySet;

/// How far a token is judged before keys are gathered.
pub enum Judgement<'t> {
    /// Refused, or known to hold under the keys at hand.
    Settled(Result<Rc<VerifiedToken>, Refusal>),
    /// Boxed: the way of a token that comes again stays short.
    NeedsKeys(Box<Pending<'t>>),
}

/// A token that is well-formed, and is to be verified with keys.
pub struct Pending<'t> {
    token: &'t [u8],
    verification: Verification,
    candidate: Candidate<'t>,
    issuer: Option<Rc<Issuer>>,
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
    /// What came of the judgement's lookup in the cache, where it has made one.
    pub lookup: Option<Lookup>,
}

/// Whether the cache has spared a judgement the cryptography.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    Hit,
    Miss,
}

impl<'m, S> Memory<'m, S> {
    pub fn new(cache: Option<&'m mut TokenCache<S>>, headers: &'m mut Headers) -> Self {
        Self { cache, headers, lookup: None }
    }
}

/// Verifies a token with all keys at hand, by the same machine; without `sets` there is no key source. For
/// those that neither keep tokens nor wait for keys.
pub fn verify(
    token: &[u8],
    token_type: TokenType,
    sets: Option<&[Arc<KeySet>]>,
) -> Result<Rc<VerifiedToken>, Refusal> {
    let verification = Verification { token_type, sources: sets.map(|_| 0) };
    let mut headers = Headers::default();
    let mut memory = Memory::<foldhash::quality::RandomState>::new(None, &mut headers);
    match Judgement::begin(Some(token), verification, None, &mut memory, |_| false) {
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
        issuers: Option<&Issuers>,
        memory: &mut Memory<'_, impl BuildHasher>,
        is_current: impl FnOnce(&VerifiedToken) -> bool,
    ) -> Self {
        let Some(token) = token else { return Self::Settled(Err(Refusal::NoToken)) };
        let found = memory.cache.as_ref().map(|cache| cache.get(verification, token));
        memory.lookup = found.is_some().then_some(Lookup::Miss);
        let (key, cached) = found.map_or((None, None), |(key, cached)| (Some(key), cached));
        let (candidate, issuer) = match cached {
            Some(cached) if is_current(&cached) => {
                memory.lookup = Some(Lookup::Hit);
                return Self::Settled(Ok(cached));
            }
            Some(cached) => (Candidate::Cached(cached.clone()), cached.issuer().cloned()),
            None => match Parsed::new(token, verification.token_type, issuers, memory.headers) {
                Ok((parsed, issuer)) => (Candidate::Parsed(parsed), issuer),
                Err(refusal) => return Self::Settled(Err(refusal)),
            },
        };
        let pending = Pending { token, verification, candidate, issuer, key };
        match verification.sources {
            Some(_) => Self::NeedsKeys(Box::new(pending)),
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

    /// The issuer whose keys are wanted, where the location names issuers.
    pub fn issuer(&self) -> Option<&Rc<Issuer>> {
        self.issuer.as_ref()
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
                memory.lookup = Some(Lookup::Hit);
                return Ok(cached);
            }
            Candidate::Cached(_) => {
                Parsed::new(self.token, self.verification.token_type, None, memory.headers)?.0
            }
            Candidate::Parsed(parsed) => parsed,
        };
        let verified = Rc::new(match self.verification.sources {
            Some(_) => parsed.verify(sets, self.issuer)?,
            None => parsed.trust()?,
        });
        if let (Some(key), Some(cache)) = (&self.key, &mut memory.cache) {
            cache.insert(key, verified.clone());
        }
        Ok(verified)
    }
}
