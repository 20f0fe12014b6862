//! Verified tokens of one worker, so that a token that comes again is not verified again.
//!
//! It is invisible but for the time it saves: an entry is found by the exact bytes of the token and what
//! its verification depends on, and counts only under the very key sets it was verified with.
//! `exp`, `nbf` and requirements are judged anew each time. Failures are not kept.
//!
//! A token is kept when it is seen for the second time: those that come only once push nothing out,
//! and cost no more than without a cache.

use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};
use std::rc::Rc;

use quick_cache::unsync::Cache;
use quick_cache::{Equivalent, Weighter};

use super::admission::AdmissionFilter;
use super::policy::{TokenType, Verification};
use super::verification::VerifiedToken;

/// What an entry takes beside its texts, in bytes: structures, allocations, its place in tables.
const OVERHEAD: usize = 512;

/// A member of a parsed object takes this much beside its text, in bytes.
const PER_MEMBER: usize = 64;

/// An entry larger than this part of the cache is not kept.
const LARGEST_PART: usize = 16;

/// An entry of ordinary size, for an estimate of how many there will be. In bytes. Twice as many
/// tokens are remembered that were seen once.
const ORDINARY: usize = 2048;

/// So much of a signature is hashed. In bytes of the token.
const HASHED: usize = 64;

/// A bounded cache of verified tokens.
pub struct TokenCache<S = foldhash::quality::RandomState> {
    entries: Cache<Entry, Rc<VerifiedToken>, Weight, Hashed>,
    hasher: S,
    filter: AdmissionFilter,
    largest: usize,
}

struct Entry {
    hash: u64,
    verification: Verification,
    token: Box<[u8]>,
}

/// By what a token is found: the keyed hash of its end, what its verification depends on, and all of its bytes.
#[derive(Clone, Copy)]
pub struct CacheKey<'t> {
    hash: u64,
    verification: Verification,
    token: &'t [u8],
    /// Whether it is kept, or was seen before.
    seen: bool,
}

#[derive(Clone)]
struct Weight;

impl TokenCache {
    /// A cache of at most `size` bytes.
    pub fn new(size: usize) -> Self {
        Self::with_hasher(size, foldhash::quality::RandomState::default())
    }
}

impl<S: BuildHasher> TokenCache<S> {
    /// A cache that hashes with `hasher`.
    pub fn with_hasher(size: usize, hasher: S) -> Self {
        let count = size.checked_div(ORDINARY).unwrap_or_default().max(1);
        let filter = AdmissionFilter::new(count.saturating_mul(2));
        let capacity = size.saturating_sub(filter.size());
        let entries =
            Cache::with(count, capacity as u64, Weight, Hashed::default(), Default::default());
        let largest = size.checked_div(LARGEST_PART).unwrap_or_default();
        Self { entries, hasher, filter, largest }
    }

    /// The token, if it is kept; whether it holds depends on the key sets. The key is what
    /// [`TokenCache::insert`] of the same cache wants.
    pub fn get<'t>(
        &self,
        verification: Verification,
        token: &'t [u8],
    ) -> (CacheKey<'t>, Option<Rc<VerifiedToken>>) {
        let hash = self.hasher.hash_one((hashed_part(token, verification), verification));
        let mut key = CacheKey { hash, verification, token, seen: false };
        let kept = self.entries.get(&key).cloned();
        // Asked here, memory has the time of the cryptography to answer.
        key.seen = kept.is_some() || self.filter.contains(hash);
        (key, kept)
    }

    /// Keeps a verified token, unless it is too large or comes for the first time, as far as is
    /// remembered.
    pub fn insert(&mut self, key: &CacheKey<'_>, verified: Rc<VerifiedToken>) {
        let CacheKey { hash, verification, token, seen } = *key;
        if !seen {
            self.filter.remember(hash);
        } else if size(token.len(), &verified) <= self.largest {
            self.entries.insert(Entry { hash, verification, token: token.into() }, verified);
        }
    }

    /// How much is kept, in bytes.
    pub fn size(&self) -> u64 {
        self.entries.weight().saturating_add(self.filter.size() as u64)
    }
}

/// What of a token is hashed. A verified JWS ends in its signature, which tells it from others: whoever
/// makes tokens of one end is their issuer, and slows down none but its own. Of any other token a client
/// chooses all bytes.
fn hashed_part(token: &[u8], verification: Verification) -> &[u8] {
    match verification {
        Verification { token_type: TokenType::Signed, sources: Some(_) } => {
            token.last_chunk::<HASHED>().map_or(token, |end| end.as_slice())
        }
        Verification { token_type: TokenType::Signed, sources: None }
        | Verification { token_type: TokenType::Encrypted | TokenType::Nested, .. } => token,
    }
}

/// What an entry takes with a token of so many bytes, about. In bytes.
fn size(token: usize, verified: &VerifiedToken) -> usize {
    let texts = token.saturating_add(verified.token().text_length());
    let members = verified.token().member_count().saturating_mul(PER_MEMBER);
    texts.saturating_add(members).saturating_add(OVERHEAD)
}

impl Weighter<Entry, Rc<VerifiedToken>> for Weight {
    fn weight(&self, entry: &Entry, verified: &Rc<VerifiedToken>) -> u64 {
        size(entry.token.len(), verified) as u64
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.verification == other.verification && self.token == other.token
    }
}

impl Eq for Entry {}

impl Equivalent<Entry> for CacheKey<'_> {
    fn equivalent(&self, entry: &Entry) -> bool {
        self.hash == entry.hash
            && self.verification == entry.verification
            && *self.token == *entry.token
    }
}

impl Hash for Entry {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Hash for CacheKey<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// A token is hashed once; the cache takes that as it is.
type Hashed = BuildHasherDefault<AsItIs>;

#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    /// Not called: what is hashed here are whole hashes.
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::verification::Parsed;
    use crate::jose::base64url;
    use crate::jose::header::Headers;

    const VERIFICATION: Verification =
        Verification { token_type: TokenType::Signed, sources: Some(1) };

    /// A token that a configuration without keys takes on trust.
    fn token(number: usize) -> Vec<u8> {
        let payload = base64url::encode(format!("{{\"sub\":\"{number}\"}}").as_bytes());
        format!("eyJhbGciOiJIUzI1NiJ9.{payload}.").into_bytes()
    }

    fn verified(token: &[u8]) -> Rc<VerifiedToken> {
        let parsed = Parsed::new(token, TokenType::Signed, None, &mut Headers::default());
        match parsed.and_then(|(parsed, _)| parsed.trust()) {
            Ok(verified) => Rc::new(verified),
            Err(refusal) => unreachable!("{refusal}"),
        }
    }

    fn get<S: BuildHasher>(
        cache: &TokenCache<S>,
        verification: Verification,
        token: &[u8],
    ) -> Option<Rc<VerifiedToken>> {
        cache.get(verification, token).1
    }

    fn see<S: BuildHasher>(cache: &mut TokenCache<S>, token: &[u8]) {
        let (key, _) = cache.get(VERIFICATION, token);
        cache.insert(&key, verified(token));
    }

    /// It is kept when it is seen again.
    fn keep<S: BuildHasher>(cache: &mut TokenCache<S>, token: &[u8]) {
        see(cache, token);
        see(cache, token);
    }

    fn sub(verified: &VerifiedToken) -> Option<&str> {
        verified.token().claims().value("sub").map(|value| value.text())
    }

    #[test]
    fn found_by_token_and_verification() {
        let mut cache = TokenCache::new(1 << 20);
        keep(&mut cache, &token(1));
        assert!(get(&cache, VERIFICATION, &token(1)).is_some());
        assert!(get(&cache, VERIFICATION, &token(2)).is_none());
        for sources in [None, Some(2)] {
            assert!(get(&cache, Verification { sources, ..VERIFICATION }, &token(1)).is_none());
        }
        let token_type = TokenType::Nested;
        assert!(get(&cache, Verification { token_type, ..VERIFICATION }, &token(1)).is_none());
    }

    #[test]
    fn kept_when_it_is_seen_again() {
        let mut cache = TokenCache::new(1 << 20);
        see(&mut cache, &token(1));
        assert!(get(&cache, VERIFICATION, &token(1)).is_none());
        see(&mut cache, &token(1));
        assert!(get(&cache, VERIFICATION, &token(1)).is_some());
        // One that is there is replaced at once, whatever has been seen since.
        cache.filter = AdmissionFilter::new(1);
        let newer = verified(&token(1));
        let token = token(1);
        let (key, _) = cache.get(VERIFICATION, &token);
        cache.insert(&key, newer.clone());
        let found = get(&cache, VERIFICATION, &token);
        assert!(found.is_some_and(|found| Rc::ptr_eq(&found, &newer)));
    }

    #[test]
    fn equal_hashes_are_told_apart_by_the_token() {
        #[derive(Clone, Default)]
        struct Constant;
        impl Hasher for Constant {
            fn finish(&self) -> u64 {
                7
            }
            fn write(&mut self, _: &[u8]) {}
        }
        let hasher = std::hash::BuildHasherDefault::<Constant>::default();
        let mut cache = TokenCache::with_hasher(1 << 20, hasher);
        for number in 0..20 {
            keep(&mut cache, &token(number));
        }
        for number in 0..20 {
            let found = get(&cache, VERIFICATION, &token(number));
            let expected = format!("\"{number}\"");
            assert_eq!(found.as_deref().and_then(sub), Some(expected.as_str()));
        }
        assert!(get(&cache, VERIFICATION, &token(20)).is_none());
    }

    #[test]
    fn memory_is_bounded_and_what_is_too_large_is_not_kept() {
        let size = 1 << 20;
        let mut cache = TokenCache::new(size);
        for number in 0..10_000 {
            keep(&mut cache, &token(number));
        }
        assert!(cache.size() <= size as u64);
        assert!(cache.size() > size as u64 / 2, "the room is used");
        let payload =
            base64url::encode(format!("{{\"x\":\"{}\"}}", "x".repeat(size / 16)).as_bytes());
        let large = format!("eyJhbGciOiJIUzI1NiJ9.{payload}.").into_bytes();
        keep(&mut cache, &large);
        assert!(get(&cache, VERIFICATION, &large).is_none());
    }

    /// Hot tokens, each asked for beside a token that comes only once, in a cache of `size` bytes.
    fn flood(size: usize, rounds: usize) {
        let mut cache = TokenCache::new(size);
        let hot: Vec<_> = (0..100).map(token).collect();
        let mut hits = 0usize;
        for round in 0..rounds {
            let cold = token(round.saturating_add(1_000));
            assert!(get(&cache, VERIFICATION, &cold).is_none());
            see(&mut cache, &cold);
            let Some(hot) = hot.get(round.wrapping_mul(7919).rem_euclid(100)) else {
                unreachable!("a hundred")
            };
            match get(&cache, VERIFICATION, hot) {
                Some(_) => hits = hits.saturating_add(1),
                None => see(&mut cache, hot),
            }
        }
        println!("{hits} of {rounds} hits, {} bytes", cache.size());
        assert!(hits.saturating_mul(100) >= rounds.saturating_mul(95), "{hits} of {rounds}");
        assert!(cache.size() <= size as u64);
    }

    #[test]
    fn a_flood_does_not_push_out_what_is_hot() {
        flood(1 << 20, 30_000);
    }

    /// Takes a while: `cargo test --release --no-default-features -- --ignored million`.
    #[test]
    #[ignore = "a million tokens"]
    fn a_flood_of_a_million_does_not_push_out_what_is_hot() {
        flood(16 << 20, 1_000_000);
    }
}
