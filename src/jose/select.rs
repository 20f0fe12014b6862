//! Which keys may be tried for a token, and in which order.

use std::ops::ControlFlow;

use super::algorithm::{ContentEncryption, KeyManagement, Mode, SignatureAlgorithm};
use super::crypto::{DecryptionKey, VerificationKey};
use super::error::{TokenError, Tried};
use super::jwk::Key;
use super::key_set::KeySet;

/// At most this many keys are tried for one token, so that a large set without `kid`s cannot
/// make a forged token expensive.
pub const MAX_TRIED: usize = 32;

/// At most this many where a try is a private operation of RSA, which is slow.
pub const MAX_TRIED_BY_RSA: usize = 4;

/// Tries the keys of `sets`, taken as one union in order, that may verify `algorithm`, until
/// `attempt` gives something.
///
/// With a `kid`: the keys that have it; where none has it, those that have no `kid` at all.
/// Without one: every key.
pub fn try_verification_keys<'k, T>(
    sets: &'k [impl AsRef<KeySet>],
    kid: Option<&str>,
    algorithm: SignatureAlgorithm,
    attempt: impl FnMut(&'k VerificationKey) -> Option<T>,
) -> Result<T, TokenError> {
    let usable = |key: &'k Key| key.for_verification(algorithm);
    let refusal = |tried| TokenError::InvalidSignature(algorithm, tried);
    try_keys(sets, kid, MAX_TRIED, usable, attempt, refusal)
}

/// Tries the keys of `sets` that may decrypt tokens of `algorithm` and `encryption`, by the same rule.
pub fn try_decryption_keys<'k, T>(
    sets: &'k [impl AsRef<KeySet>],
    kid: Option<&str>,
    algorithm: KeyManagement,
    encryption: ContentEncryption,
    attempt: impl FnMut(&'k DecryptionKey) -> Option<T>,
) -> Result<T, TokenError> {
    let limit = match algorithm.mode() {
        Mode::RsaOaep(_) => MAX_TRIED_BY_RSA,
        Mode::Direct | Mode::AesKeyWrap(_) | Mode::AesGcm(_) | Mode::Agreement(_) => MAX_TRIED,
    };
    let usable = |key: &'k Key| key.for_decryption(algorithm, encryption);
    try_keys(sets, kid, limit, usable, attempt, TokenError::DecryptionFailed)
}

fn try_keys<'k, K: 'k, T>(
    sets: &'k [impl AsRef<KeySet>],
    kid: Option<&str>,
    limit: usize,
    usable: impl Fn(&'k Key) -> Option<&'k K>,
    mut attempt: impl FnMut(&'k K) -> Option<T>,
    refusal: impl Fn(Tried) -> TokenError,
) -> Result<T, TokenError> {
    let mut tried = 0usize;
    let mut attempt = |key| match usable(key) {
        Some(_) if tried >= limit => ControlFlow::Break(None),
        Some(key) => {
            tried = tried.saturating_add(1);
            attempt(key).map_or(ControlFlow::Continue(()), |done| ControlFlow::Break(Some(done)))
        }
        None => ControlFlow::Continue(()),
    };
    let sets = || sets.iter().map(AsRef::as_ref);
    let flow = match kid {
        Some(kid) => {
            let mut known = false;
            let named = sets().try_for_each(|set| {
                set.with_kid(kid).try_for_each(|key| {
                    known = true;
                    attempt(key)
                })
            });
            match known {
                true => named,
                false => sets().flat_map(KeySet::without_kid).try_for_each(attempt),
            }
        }
        None => sets().flat_map(KeySet::keys).try_for_each(attempt),
    };
    match flow {
        ControlFlow::Break(Some(done)) => Ok(done),
        ControlFlow::Break(None) => Err(refusal(Tried::Only(tried))),
        ControlFlow::Continue(()) if tried == 0 => Err(TokenError::UnknownKey),
        ControlFlow::Continue(()) => Err(refusal(Tried::All)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// A set of `oct` keys; each entry is (`kid`, `alg`).
    fn set(keys: &[(Option<&str>, Option<&str>)]) -> Arc<KeySet> {
        let entries = keys.iter().map(|(kid, alg)| {
            let member = |name, value: &Option<&str>| {
                value.map(|value| format!(",\"{name}\":\"{value}\"")).unwrap_or_default()
            };
            format!("{{\"kty\":\"oct\",\"k\":\"AA\"{}{}}}", member("kid", kid), member("alg", alg))
        });
        parsed(&entries.collect::<Vec<_>>())
    }

    /// The set of these JWKs.
    fn parsed(entries: &[String]) -> Arc<KeySet> {
        let json = format!("{{\"keys\":[{}]}}", entries.join(","));
        match KeySet::parse(json.into_bytes(), |_| ()) {
            Ok(set) => Arc::new(set),
            Err(error) => unreachable!("{error}"),
        }
    }

    /// How many keys are tried, and whether those were all.
    fn tried(sets: &[Arc<KeySet>], kid: Option<&str>) -> (usize, Option<Tried>) {
        let mut count = 0;
        let found = try_verification_keys(sets, kid, SignatureAlgorithm::Hs256, |_| {
            count = usize::saturating_add(count, 1);
            None::<()>
        });
        (count, outcome(found))
    }

    fn outcome(found: Result<(), TokenError>) -> Option<Tried> {
        use TokenError::*;
        match found {
            Err(UnknownKey) => None,
            Err(InvalidSignature(_, tried) | DecryptionFailed(tried)) => Some(tried),
            other => unreachable!("{other:?}: no attempt gives anything"),
        }
    }

    fn count(sets: &[Arc<KeySet>], kid: Option<&str>) -> usize {
        let (count, outcome) = tried(sets, kid);
        assert_eq!(outcome, (count > 0).then_some(Tried::All));
        count
    }

    #[test]
    fn by_kid_over_the_union() {
        let sets = [set(&[(Some("a"), None), (None, None)]), set(&[(Some("a"), None)])];
        assert_eq!(count(&sets, Some("a")), 2);
        assert_eq!(count(&sets, Some("b")), 1, "the key without a kid");
        assert_eq!(count(&sets, None), 3);
    }

    #[test]
    fn never_a_key_of_another_kid() {
        let sets = [set(&[(Some("a"), None)])];
        assert_eq!(count(&sets, Some("b")), 0);
        assert_eq!(count(&sets, Some("A")), 0);
    }

    #[test]
    fn a_kid_whose_key_does_not_fit_is_not_replaced() {
        let sets = [set(&[(Some("a"), Some("HS512")), (None, None)])];
        assert_eq!(count(&sets, Some("a")), 0);
    }

    #[test]
    fn alg_binds() {
        let sets = [set(&[(None, Some("HS256")), (None, Some("HS384")), (None, Some("dir"))])];
        assert_eq!(count(&sets, None), 1);
    }

    #[test]
    fn no_more_than_the_limit() {
        let keys = |number: usize| vec![(None, None); number];
        let all = |sets: &[Arc<KeySet>]| tried(sets, None);
        assert_eq!(all(&[set(&keys(32))]), (MAX_TRIED, Some(Tried::All)));
        for sets in [vec![set(&keys(33))], vec![set(&keys(32)), set(&keys(1))]] {
            assert_eq!(all(&sets), (MAX_TRIED, Some(Tried::Only(MAX_TRIED))));
        }
        // What does not fit is not left out.
        let mut some = keys(32);
        some.push((None, Some("HS512")));
        assert_eq!(all(&[set(&some)]), (MAX_TRIED, Some(Tried::All)));
        let twins = set(&[(Some("a"), None); 40]);
        assert_eq!(tried(&[twins], Some("a")), (MAX_TRIED, Some(Tried::Only(MAX_TRIED))));
    }

    #[test]
    fn decryption_follows_the_same_rule() {
        let key = |kid| format!(r#"{{"kty":"oct","k":"GawgguFyGrWKav7AX4VKUg"{kid}}}"#);
        let mut keys = vec![key(""); 41];
        keys.insert(1, key(r#","kid":"a""#));
        let sets = [parsed(&keys)];
        let count = |kid, algorithm| {
            let mut count = 0;
            let encryption = ContentEncryption::A256Gcm;
            let found = try_decryption_keys(&sets, kid, algorithm, encryption, |_| {
                count = usize::saturating_add(count, 1);
                None::<()>
            });
            (count, outcome(found))
        };
        let limit = (MAX_TRIED, Some(Tried::Only(MAX_TRIED)));
        assert_eq!(count(Some("a"), KeyManagement::A128Kw), (1, Some(Tried::All)));
        assert_eq!(count(Some("b"), KeyManagement::A128Kw), limit);
        assert_eq!(count(None, KeyManagement::A128Kw), limit);
        assert_eq!(count(None, KeyManagement::A256Kw), (0, None));
        assert_eq!(count(None, KeyManagement::Dir), (0, None));
    }

    #[test]
    fn fewer_where_rsa_decrypts() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/t/data/keys/rsa2048.json");
        let key = std::fs::read_to_string(path).unwrap_or_default();
        let set = |count| [parsed(&vec![key.clone(); count])];
        let decrypting = |sets: &[Arc<KeySet>], algorithm| {
            let encryption = ContentEncryption::A128Gcm;
            outcome(try_decryption_keys(sets, None, algorithm, encryption, |_| None::<()>))
        };
        use KeyManagement::*;
        for algorithm in [RsaOaep, RsaOaep256, RsaOaep384, RsaOaep512] {
            assert_eq!(decrypting(&set(4), algorithm), Some(Tried::All));
            assert_eq!(decrypting(&set(5), algorithm), Some(Tried::Only(MAX_TRIED_BY_RSA)));
        }
        let found = try_verification_keys(&set(5), None, SignatureAlgorithm::Rs256, |_| None::<()>);
        assert_eq!(outcome(found), Some(Tried::All), "to verify is cheap");
    }
}
