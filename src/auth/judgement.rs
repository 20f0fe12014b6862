//! The order of checks, and the only place that knows it: a token at all; the cache of verified
//! tokens; form, type and `alg`; the issuer, and what it asks of the header; keys; signature or
//! decryption; times; audience, scopes, claims; requirements. nginx, the inspector, the fuzzers, the
//! corpus tests and the bench drive this machine.

use std::borrow::Cow;
use std::hash::BuildHasher;
use std::rc::Rc;
use std::sync::Arc;

use super::audience;
use super::issuer::{Issuer, Issuers};
use super::numeric_date::{NumericDate, Timeliness};
use super::operand::NoVariables;
use super::outcome::Refusal;
use super::policy::{Acceptance, Rules, TokenType, Verification};
use super::require::Failure;
use super::scope_rule;
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
        let (key, cached) = found.map_or((None, None), |(key, cached)| (Some(key), cached));
        match cached {
            Some(cached) if is_current(&cached) => Self::Settled(Ok(cached)),
            cached => Self::miss(token, verification, issuers, memory, key, cached),
        }
    }

    /// Out of line: a token that comes again does not need it.
    #[inline(never)]
    fn miss(
        token: &'t [u8],
        verification: Verification,
        issuers: Option<&Issuers>,
        memory: &mut Memory<'_, impl BuildHasher>,
        key: Option<CacheKey<'t>>,
        cached: Option<Rc<VerifiedToken>>,
    ) -> Self {
        let (candidate, issuer) = match cached {
            Some(cached) => (Candidate::Cached(cached.clone()), cached.issuer().cloned()),
            None => match parse(token, verification, issuers, memory.headers) {
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

/// Form, header and type; then whose token it claims to be.
fn parse<'t>(
    token: &'t [u8],
    verification: Verification,
    issuers: Option<&Issuers>,
    headers: &mut Headers,
) -> Result<(Parsed<'t>, Option<Rc<Issuer>>), Refusal> {
    let mut parsed = Parsed::new(token, verification.token_type, headers)?;
    let issuer = issuers.map(|issuers| parsed.claimed_issuer(issuers)).transpose()?;
    Ok((parsed, issuer))
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
                return Ok(cached);
            }
            Candidate::Cached(_) => {
                Parsed::new(self.token, self.verification.token_type, memory.headers)?
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

impl VerifiedToken {
    /// Judges times, then the rules of issuer and location, then requirements, which `requirements`
    /// evaluates only now; `evaluate` gives the text of a value with variables.
    pub fn accept<'a, V>(
        &self,
        acceptance: Acceptance<'a, V>,
        now: NumericDate,
        evaluate: impl Fn(&'a V) -> &'a [u8],
        requirements: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<Accepted, Refusal> {
        let leeway = self.issuer().and_then(|issuer| issuer.leeway).unwrap_or(acceptance.leeway);
        match self.validity().at(now, leeway) {
            Timeliness::Valid => {}
            Timeliness::Expired => return Err(Refusal::Expired),
            Timeliness::NotYetValid => return Err(Refusal::NotYetValid),
        }
        if let Some(rules) = acceptance.rules {
            self.judge_rules(&rules, now, leeway, &evaluate)?;
        }
        requirements().map_err(Refusal::RequirementFailed)?;
        Ok(Accepted(()))
    }

    /// As [`VerifiedToken::accept`], where no value has variables.
    pub fn accept_fixed(
        &self,
        acceptance: Acceptance<'_, NoVariables>,
        now: NumericDate,
        requirements: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<Accepted, Refusal> {
        self.accept(acceptance, now, |none| match *none {}, requirements)
    }

    /// Lifetime and age, audience, scopes, claims. What depends on the token alone is judged once.
    #[inline(never)]
    fn judge_rules<'a, V>(
        &self,
        rules: &Rules<'a, V>,
        now: NumericDate,
        leeway: u64,
        evaluate: &impl Fn(&'a V) -> &'a [u8],
    ) -> Result<(), Refusal> {
        let (claims, issuer) = (self.token().claims(), self.issuer());
        let known = self.keeps(rules.id);
        if let Some(issuer) = issuer {
            if !known {
                issuer.judge_lifetime(claims, self.validity())?;
            }
            issuer.judge_age(claims, now, leeway)?;
        }
        if known && rules.are_fixed {
            return Ok(());
        }
        let is_for = match (rules.audience, issuer) {
            (Some(own), _) => audience::is_for(claims, own.iter().map(|own| own.text(evaluate))),
            (None, Some(issuer)) => issuer.has_audience(claims),
            (None, None) => true,
        };
        if !is_for {
            return Err(Refusal::WrongAudience);
        }
        if !rules.scopes.is_empty() {
            let paths = issuer.and_then(|issuer| issuer.scope_claim.as_deref());
            let granted = scope_rule::granted(claims, paths);
            if !rules.scopes.iter().all(|rule| rule.is_met(&granted, evaluate)) {
                return Err(Refusal::InsufficientScope);
            }
        }
        if let Some(failed) = rules.claims.iter().find(|rule| !rule.is_met(claims, evaluate)) {
            return Err(Refusal::ClaimMismatch(failed.failure, failed.path.text().clone()));
        }
        if !known {
            self.remember_kept(rules.id);
        }
        Ok(())
    }
}
