//! Which keys may be tried for a token, and in which order.

use super::algorithm::{ContentEncryption, KeyManagement, SignatureAlgorithm};
use super::crypto::{DecryptionKey, VerificationKey};
use super::jwk::Key;
use super::key_set::KeySet;

/// At most this many keys are tried for one token, so that a large set without `kid`s cannot
/// make a forged token expensive.
pub const MAX_TRIED: usize = 32;

/// The keys of `sets`, taken as one union in order, that may verify `algorithm`.
///
/// With a `kid`: the keys that have it; where none has it, those that have no `kid` at all.
/// Without one: every key.
pub fn verification_keys<'k>(
    sets: &'k [impl AsRef<KeySet>],
    kid: Option<&'k str>,
    algorithm: SignatureAlgorithm,
) -> impl Iterator<Item = &'k VerificationKey> {
    candidates(sets, kid).filter_map(move |key| key.for_verification(algorithm)).take(MAX_TRIED)
}

/// The keys of `sets` that may decrypt tokens of `algorithm` and `encryption`, by the same rule.
pub fn decryption_keys<'k>(
    sets: &'k [impl AsRef<KeySet>],
    kid: Option<&'k str>,
    algorithm: KeyManagement,
    encryption: ContentEncryption,
) -> impl Iterator<Item = &'k DecryptionKey> {
    candidates(sets, kid)
        .filter_map(move |key| key.for_decryption(algorithm, encryption))
        .take(MAX_TRIED)
}

fn candidates<'k>(
    sets: &'k [impl AsRef<KeySet>],
    kid: Option<&'k str>,
) -> impl Iterator<Item = &'k Key> {
    let sets = sets.iter().map(AsRef::as_ref);
    let known = kid.filter(|kid| sets.clone().any(|set| set.has_kid(kid)));
    let all = kid.is_none().then(|| sets.clone().flat_map(KeySet::keys));
    let named = known.map(|kid| sets.clone().flat_map(move |set| set.with_kid(kid)));
    let nameless = (kid.is_some() && known.is_none()).then(|| sets.flat_map(KeySet::without_kid));
    let all = all.into_iter().flatten();
    all.chain(named.into_iter().flatten()).chain(nameless.into_iter().flatten())
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
        verification_keys(sets, kid, SignatureAlgorithm::Hs256).count()
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
            decryption_keys(&sets, kid, algorithm, ContentEncryption::A256Gcm).count()
        };
        assert_eq!(count(Some("a"), KeyManagement::A128Kw), 1);
        assert_eq!(count(Some("b"), KeyManagement::A128Kw), MAX_TRIED);
        assert_eq!(count(None, KeyManagement::A128Kw), MAX_TRIED);
        assert_eq!(count(None, KeyManagement::A256Kw), 0);
        assert_eq!(count(None, KeyManagement::Dir), 0);
    }
}
