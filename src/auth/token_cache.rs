//! Verified tokens of one worker, so that a token that comes again is not verified again.
//!
//! It is invisible but for the time it saves: an entry is found by the exact bytes of the token,
//! the key sources and the policy, and counts only under the very key sets it was verified with.
//! `exp`, `nbf` and requirements are judged anew each time. Failures are not kept.
//!
//! A token is kept when it is seen for the second time: those that come only once push nothing out,
//! and cost no more than without a cache.

use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};
use std::rc::Rc;
use std::sync::Arc;

use quick_cache::unsync::Cache;
use quick_cache::{Equivalent, Weighter};
use smallvec::SmallVec;

use super::check::Verified;
use super::policy::Policy;
use super::seen_once::SeenOnce;
use crate::jose::key_set::KeySet;

/// What an entry takes beside its texts, in bytes: structures, allocations, its place in tables.
const OVERHEAD: usize = 512;

/// A member of a parsed object takes this much beside its text, in bytes.
const PER_MEMBER: usize = 64;

/// An entry larger than this part of the cache is not kept.
const LARGEST_PART: usize = 16;

/// An entry of ordinary size, for an estimate of how many there will be. In bytes. Twice as many
/// tokens are remembered that were seen once.
const ORDINARY: usize = 2048;

/// What is known of a token that was verified.
pub struct Known {
    /// Of the key sets it was verified with.
    generations: SmallVec<[u64; 1]>,
    verified: Verified,
}

/// Under what a token was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Terms {
    /// Which list of key sources.
    pub sources: u64,
    pub policy: Policy,
}

/// A bounded cache of verified tokens.
pub struct TokenCache<S = foldhash::quality::RandomState> {
    entries: Cache<Key, Rc<Known>, Weight, Hashed>,
    hasher: S,
    seen_once: SeenOnce,
    largest: usize,
}

struct Key {
    hash: u64,
    terms: Terms,
    token: Box<[u8]>,
}

/// A token that has been looked for, by its keyed hash and by all of its bytes.
#[derive(Clone, Copy)]
pub struct Sought<'t> {
    hash: u64,
    terms: Terms,
    token: &'t [u8],
    /// Whether something is known of it, or it was seen before.
    familiar: bool,
}

#[derive(Clone)]
struct Weight;

impl Known {
    /// What a token has proven to be under `sets`.
    pub fn new(sets: &[Arc<KeySet>], verified: Verified) -> Self {
        Self { generations: generations(sets).collect(), verified }
    }

    /// What was verified.
    pub fn verified(&self) -> &Verified {
        &self.verified
    }

    /// Whether it was verified with these very key sets, told by their [`generations`].
    pub fn holds_under(&self, generations: impl IntoIterator<Item = u64>) -> bool {
        self.generations.iter().copied().eq(generations)
    }

    /// With a token of so many bytes.
    fn size(&self, token: usize) -> usize {
        let texts = token.saturating_add(self.verified.token().text_length());
        let members = self.verified.token().member_count().saturating_mul(PER_MEMBER);
        texts.saturating_add(members).saturating_add(OVERHEAD)
    }
}

/// What tells key sets from all others, in their order.
pub fn generations(sets: &[Arc<KeySet>]) -> impl Iterator<Item = u64> {
    sets.iter().map(|set| set.generation())
}

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
        let seen_once = SeenOnce::new(count.saturating_mul(2));
        let capacity = size.saturating_sub(seen_once.size());
        let entries =
            Cache::with(count, capacity as u64, Weight, Hashed::default(), Default::default());
        let largest = size.checked_div(LARGEST_PART).unwrap_or_default();
        Self { entries, hasher, seen_once, largest }
    }

    /// What is known of `token` under `terms`; whether it holds depends on the key sets. What has been
    /// looked for is what [`TokenCache::insert`] of the same cache wants.
    pub fn get<'t>(&self, terms: Terms, token: &'t [u8]) -> (Sought<'t>, Option<Rc<Known>>) {
        let hash = self.hasher.hash_one((token, terms));
        let mut sought = Sought { hash, terms, token, familiar: false };
        let known = self.entries.get(&sought).cloned();
        // Asked here, memory has the time of the cryptography to answer.
        sought.familiar = known.is_some() || self.seen_once.contains(hash);
        (sought, known)
    }

    /// Keeps what has been found out, unless it is too large or the token comes for the first time, as
    /// far as is remembered.
    pub fn insert(&mut self, sought: &Sought<'_>, known: Rc<Known>) {
        let Sought { hash, terms, token, familiar } = *sought;
        if !familiar {
            self.seen_once.remember(hash);
        } else if known.size(token.len()) <= self.largest {
            self.entries.insert(Key { hash, terms, token: token.into() }, known);
        }
    }

    /// How much is kept, in bytes.
    pub fn size(&self) -> u64 {
        self.entries.weight().saturating_add(self.seen_once.size() as u64)
    }
}

impl Weighter<Key, Rc<Known>> for Weight {
    fn weight(&self, key: &Key, known: &Rc<Known>) -> u64 {
        known.size(key.token.len()) as u64
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.terms == other.terms && self.token == other.token
    }
}

impl Eq for Key {}

impl Equivalent<Key> for Sought<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.hash == key.hash && self.terms == key.terms && *self.token == *key.token
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Hash for Sought<'_> {
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
    use crate::auth::check::{Keys, Parsed};
    use crate::jose::base64url;
    use crate::jose::header::Headers;

    const TERMS: Terms = Terms {
        sources: 1,
        policy: Policy { token_type: super::super::policy::TokenType::Signed, leeway: 0 },
    };

    /// A token that a configuration without keys takes on trust.
    fn token(number: usize) -> Vec<u8> {
        let payload = base64url::encode(format!("{{\"sub\":\"{number}\"}}").as_bytes());
        format!("eyJhbGciOiJIUzI1NiJ9.{payload}.").into_bytes()
    }

    fn known(token: &[u8]) -> Rc<Known> {
        let parsed = Parsed::new(token, Policy::default(), &mut Headers::default());
        match parsed.and_then(|parsed| parsed.verify(Keys::None)) {
            Ok(verified) => Rc::new(Known::new(&[], verified)),
            Err(refusal) => unreachable!("{refusal}"),
        }
    }

    fn get<S: BuildHasher>(cache: &TokenCache<S>, terms: Terms, token: &[u8]) -> Option<Rc<Known>> {
        cache.get(terms, token).1
    }

    fn see<S: BuildHasher>(cache: &mut TokenCache<S>, token: &[u8]) {
        let (sought, _) = cache.get(TERMS, token);
        cache.insert(&sought, known(token));
    }

    /// It is kept when it is seen again.
    fn keep<S: BuildHasher>(cache: &mut TokenCache<S>, token: &[u8]) {
        see(cache, token);
        see(cache, token);
    }

    fn sub(known: &Known) -> Option<&str> {
        known.verified().token().claims().value("sub").map(|value| value.text())
    }

    #[test]
    fn found_by_token_sources_and_policy() {
        let mut cache = TokenCache::new(1 << 20);
        keep(&mut cache, &token(1));
        assert!(get(&cache, TERMS, &token(1)).is_some());
        assert!(get(&cache, TERMS, &token(2)).is_none());
        assert!(get(&cache, Terms { sources: 2, ..TERMS }, &token(1)).is_none());
        let policy = Policy { leeway: 1, ..TERMS.policy };
        assert!(get(&cache, Terms { policy, ..TERMS }, &token(1)).is_none());
    }

    #[test]
    fn kept_when_it_is_seen_again() {
        let mut cache = TokenCache::new(1 << 20);
        see(&mut cache, &token(1));
        assert!(get(&cache, TERMS, &token(1)).is_none());
        see(&mut cache, &token(1));
        assert!(get(&cache, TERMS, &token(1)).is_some());
        // One that is there is replaced at once, whatever has been seen since.
        cache.seen_once = SeenOnce::new(1);
        let newer = known(&token(1));
        let token = token(1);
        let (sought, _) = cache.get(TERMS, &token);
        cache.insert(&sought, newer.clone());
        let found = get(&cache, TERMS, &token);
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
            let found = get(&cache, TERMS, &token(number));
            let expected = format!("\"{number}\"");
            assert_eq!(found.as_deref().and_then(sub), Some(expected.as_str()));
        }
        assert!(get(&cache, TERMS, &token(20)).is_none());
    }

    #[test]
    fn other_keys_end_it() {
        let set = || {
            let json = br#"{"kty":"oct","k":"AA"}"#.to_vec();
            KeySet::parse(json, |_| ()).map(Arc::new)
        };
        let (Ok(one), Ok(same_bytes_read_anew)) = (set(), set()) else { unreachable!("a key set") };
        let token = token(1);
        let parsed = Parsed::new(&token, Policy::default(), &mut Headers::default());
        let Ok(verified) = parsed.and_then(|parsed| parsed.verify(Keys::None)) else {
            unreachable!("a token")
        };
        let known = Known::new(std::slice::from_ref(&one), verified);
        let holds_under = |sets: &[Arc<KeySet>]| known.holds_under(generations(sets));
        assert!(holds_under(std::slice::from_ref(&one)));
        assert!(!holds_under(std::slice::from_ref(&same_bytes_read_anew)));
        assert!(!holds_under(&[one, same_bytes_read_anew]));
        assert!(!holds_under(&[]));
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
        assert!(get(&cache, TERMS, &large).is_none());
    }

    #[test]
    fn a_flood_does_not_push_out_what_is_hot() {
        let mut cache = TokenCache::new(1 << 20);
        let hot: Vec<_> = (0..100).map(token).collect();
        let (mut hits, mut asked) = (0u32, 0u32);
        for round in 0..30_000usize {
            let cold = token(1_000 + round);
            if get(&cache, TERMS, &cold).is_none() {
                see(&mut cache, &cold);
            }
            let Some(hot) = hot.get(round * 7919 % 100) else { unreachable!("a hundred") };
            asked += 1;
            match get(&cache, TERMS, hot) {
                Some(_) => hits += 1,
                None => see(&mut cache, hot),
            }
        }
        assert!(hits * 100 >= asked * 95, "{hits} of {asked}");
    }

    /// Takes a while: `cargo test --release --no-default-features -- --ignored million`.
    #[test]
    #[ignore = "a million tokens"]
    fn a_flood_of_a_million_does_not_push_out_what_is_hot() {
        let mut cache = TokenCache::new(16 << 20);
        let hot: Vec<_> = (0..100).map(token).collect();
        let (mut hits, mut asked) = (0u32, 0u32);
        for round in 0..1_000_000usize {
            let cold = token(1_000 + round);
            assert!(get(&cache, TERMS, &cold).is_none());
            see(&mut cache, &cold);
            let Some(hot) = hot.get(round * 7919 % 100) else { unreachable!("a hundred") };
            asked += 1;
            match get(&cache, TERMS, hot) {
                Some(_) => hits += 1,
                None => see(&mut cache, hot),
            }
        }
        println!("{hits} of {asked} hits, {} bytes", cache.size());
        assert!(hits >= asked / 100 * 95, "{hits} of {asked}");
        assert!(cache.size() <= 16 << 20);
    }
}
