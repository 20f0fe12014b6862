//! Which keys may be tried for a token, and in which order.

use std::ops::ControlFlow;

use super::algorithm::{ContentEncryption, KeyManagement, SignatureAlgorithm};
use super::crypto::{DecryptionKey, VerificationKey};
use super::jwk::Key;
use super::key_set::KeySet;

/// At most this many keys are tried for one token, so that a large set without `kid`s cannot
/// make a forged token expensive.
pub const MAX_TRIED: usize = 32;

/// Why no key has done it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// There is none that may be tried.
    NoKey,
    NoneDid,
}

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
) -> Result<T, Missed> {
    try_keys(sets, kid, |key| key.for_verification(algorithm), attempt)
}

/// Tries the keys of `sets` that may decrypt tokens of `algorithm` and `encryption`, by the same rule.
pub fn try_decryption_keys<'k, T>(
    sets: &'k [impl AsRef<KeySet>],
    kid: Option<&str>,
    algorithm: KeyManagement,
    encryption: ContentEncryption,
    attempt: impl FnMut(&'k DecryptionKey) -> Option<T>,
) -> Result<T, Missed> {
    try_keys(sets, kid, |key| key.for_decryption(algorithm, encryption), attempt)
}

fn try_keys<'k, K: 'k, T>(
    sets: &'k [impl AsRef<KeySet>],
    kid: Option<&str>,
    usable: impl Fn(&'k Key) -> Option<&'k K>,
    mut attempt: impl FnMut(&'k K) -> Option<T>,
) -> Result<T, Missed> {
    let mut tried = 0usize;
    let mut attempt = |key| match usable(key) {
        Some(_) if tried >= MAX_TRIED => ControlFlow::Break(None),
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
        _ if tried == 0 => Err(Missed::NoKey),
        _ => Err(Missed::NoneDid),
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
        let json = format!("{{\"keys\":[{}]}}", entries.collect::<Vec<_>>().join(","));
        match KeySet::parse(json.into_bytes(), |_| ()) {
            Ok(set) => Arc::new(set),
            Err(error) => unreachable!("{error}"),
        }
    }

    fn count(sets: &[Arc<KeySet>], kid: Option<&str>) -> usize {
        let mut count = 0;
        let found = try_verification_keys(sets, kid, SignatureAlgorithm::Hs256, |_| {
            count = usize::saturating_add(count, 1);
            None::<()>
        });
        assert_eq!(found, Err(if count == 0 { Missed::NoKey } else { Missed::NoneDid }));
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
        let sets = [set(&[(None, None); 40])];
        assert_eq!(count(&sets, None), MAX_TRIED);
    }

    #[test]
    fn decryption_follows_the_same_rule() {
        let key = r#"{"kty":"oct","k":"GawgguFyGrWKav7AX4VKUg""#;
        let many = [format!("{key}}}"), format!(r#"{key},"kid":"a"}}"#)].join(",");
        let json = format!("{{\"keys\":[{many}{}]}}", format!(",{key}}}").repeat(40));
        let Ok(set) = KeySet::parse(json.into_bytes(), |_| ()) else { unreachable!("good keys") };
        let sets = [Arc::new(set)];
        let count = |kid, algorithm| {
            let mut count = 0;
            let encryption = ContentEncryption::A256Gcm;
            let found = try_decryption_keys(&sets, kid, algorithm, encryption, |_| {
                count = usize::saturating_add(count, 1);
                None::<()>
            });
            assert_eq!(found, Err(if count == 0 { Missed::NoKey } else { Missed::NoneDid }));
            count
        };
        assert_eq!(count(Some("a"), KeyManagement::A128Kw), 1);
        assert_eq!(count(Some("b"), KeyManagement::A128Kw), MAX_TRIED);
        assert_eq!(count(None, KeyManagement::A128Kw), MAX_TRIED);
        assert_eq!(count(None, KeyManagement::A256Kw), 0);
        assert_eq!(count(None, KeyManagement::Dir), 0);
    }
}
