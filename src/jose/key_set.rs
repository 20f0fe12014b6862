//! A JWK Set (RFC 7517 §5) → its usable keys. The set is read entry by entry: what cannot be used
//! is skipped and told, and never spoils the others.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use zeroize::Zeroizing;

use super::error::{JsonError, KeyError, KeySetError};
use super::json::{Object, Value};
use super::jwk::{Key, member};

/// A skipped entry's `kid` is quoted up to this many characters.
const QUOTED_KID: usize = 64;

/// The usable keys of one JWK Set.
pub struct KeySet {
    keys: Vec<Key>,
    by_kid: HashMap<Box<str>, Vec<usize>, foldhash::quality::RandomState>,
    without_kid: Vec<usize>,
    generation: u64,
}

/// An entry that cannot be used.
#[derive(Debug)]
pub struct Notice {
    position: usize,
    kid: Option<String>,
    reason: KeyError,
}

impl KeySet {
    /// Reads a JWK Set, or a single bare JWK as a set of one. Each entry that cannot be used is
    /// handed to `told`, also where none is left.
    pub fn parse(bytes: Vec<u8>, mut told: impl FnMut(Notice)) -> Result<Self, KeySetError> {
        static GENERATIONS: AtomicU64 = AtomicU64::new(0);
        let bytes = Zeroizing::new(bytes);
        let document = document(&bytes).map_err(KeySetError::Json)?;
        let mut set = Self {
            keys: Vec::new(),
            by_kid: HashMap::default(),
            without_kid: Vec::new(),
            generation: GENERATIONS.fetch_add(1, Ordering::Relaxed),
        };
        match member(&document, "keys") {
            Some(keys) => {
                let entries = keys.elements().ok_or(KeySetError::NoKeys)?;
                for (position, entry) in entries.into_iter().enumerate() {
                    match Key::parse(entry.text()) {
                        Ok(key) => set.add(key),
                        Err(reason) => {
                            told(Notice { position, kid: quoted_kid(entry.member("kid")), reason });
                        }
                    }
                }
            }
            None if member(&document, "kty").is_some() => match Key::from_object(&document) {
                Ok(key) => set.add(key),
                Err(reason) => {
                    told(Notice { position: 0, kid: quoted_kid(document.value("kid")), reason });
                }
            },
            None => return Err(KeySetError::NoKeys),
        }
        if set.keys.is_empty() { Err(KeySetError::Empty) } else { Ok(set) }
    }

    fn add(&mut self, key: Key) {
        let at = self.keys.len();
        match key.kid() {
            Some(kid) => self.by_kid.entry(kid.into()).or_default().push(at),
            None => self.without_kid.push(at),
        }
        self.keys.push(key);
    }

    /// All keys, in the order of the set.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter()
    }

    /// Whether some key has this `kid`.
    pub fn has_kid(&self, kid: &str) -> bool {
        self.by_kid.contains_key(kid)
    }

    /// The keys of this `kid`, in the order of the set.
    pub fn with_kid<'s>(&'s self, kid: &str) -> impl Iterator<Item = &'s Key> + use<'s> {
        let found = self.by_kid.get(kid).map(Vec::as_slice).unwrap_or_default();
        found.iter().filter_map(|at| self.keys.get(*at))
    }

    /// The keys that have no `kid`, in the order of the set.
    pub fn without_kid(&self) -> impl Iterator<Item = &Key> {
        self.without_kid.iter().filter_map(|at| self.keys.get(*at))
    }

    /// A number no other set of this process has: what was verified under one set is not
    /// verified under another.
    pub fn generation(&self) -> u64 {
        self.generation
    }
}

/// The JSON object that `bytes` are, behind a byte order mark if there is one.
pub fn document(bytes: &[u8]) -> Result<Object, JsonError> {
    Object::parse_secret(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
}

fn quoted_kid(kid: Option<Value<'_>>) -> Option<String> {
    let kid = kid?.as_str()?;
    Some(kid.chars().take(QUOTED_KID).flat_map(char::escape_debug).collect())
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {}", self.position)?;
        if let Some(kid) = &self.kid {
            write!(f, " (kid \"{kid}\")")?;
        }
        write!(f, " is not usable: {}", self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OCT: &str = r#"{"kty":"oct","k":"c2VjcmV0","kid":"a"}"#;

    fn set(json: &str) -> Result<KeySet, KeySetError> {
        KeySet::parse(json.as_bytes().to_vec(), |_| ())
    }

    #[test]
    fn one_bad_entry_spoils_nothing() {
        let entries = [
            r#"{"kty":"XYZ","kid":"x"}"#,
            OCT,
            "17",
            r#"{"kty":"oct","k":"c2VjcmV0"}"#,
            r#"{"kty":"oct","k":""}"#,
            r#"{"kty":"oct","k":"c2VjcmV0","alg":"RS256"}"#,
            r#"{"kty":"oct","k":"c2VjcmV0","kid":1}"#,
            r#"{"kty":"oct","kty":"oct","k":"c2VjcmV0"}"#,
        ];
        let json = format!("{{\"keys\":[{}]}}", entries.join(","));
        let mut told = Vec::new();
        let found = KeySet::parse(json.into_bytes(), |notice| told.push(notice.to_string()));
        let Ok(found) = found else { unreachable!("a set with usable keys") };
        assert_eq!(found.keys().count(), 2);
        assert_eq!(found.with_kid("a").count(), 1);
        assert_eq!(found.without_kid().count(), 1);
        assert_eq!(
            told,
            [
                r#"key 0 (kid "x") is not usable: unknown "kty""#,
                "key 2 is not usable: the entry is not a JSON object",
                r#"key 4 is not usable: member "k" is empty"#,
                r#"key 5 is not usable: "alg" does not fit the key"#,
                r#"key 6 is not usable: member "kid" is not a string"#,
                "key 7 is not usable: the entry has a duplicate member",
            ]
        );
    }

    #[test]
    fn a_bare_jwk_is_a_set_of_one() {
        assert_eq!(set(OCT).map(|set| set.keys().count()), Ok(1));
    }

    #[test]
    fn what_is_no_set() {
        let error = |json| set(json).err();
        assert!(matches!(error("[]"), Some(KeySetError::Json(_))));
        assert_eq!(error("{}"), Some(KeySetError::NoKeys));
        assert_eq!(error(r#"{"keys":{}}"#), Some(KeySetError::NoKeys));
        assert_eq!(error(r#"{"keys":[]}"#), Some(KeySetError::Empty));
        assert_eq!(error(r#"{"keys":[{"kty":"XYZ"}]}"#), Some(KeySetError::Empty));
        assert_eq!(error(r#"{"kty":"XYZ"}"#), Some(KeySetError::Empty));
    }

    #[test]
    fn generations_differ() {
        let (one, two) = (set(OCT), set(OCT));
        assert_ne!(one.map(|set| set.generation()), two.map(|set| set.generation()));
    }

    impl fmt::Debug for KeySet {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "KeySet of {}", self.keys.len())
        }
    }
    impl PartialEq for KeySet {
        fn eq(&self, other: &Self) -> bool {
            self.generation == other.generation
        }
    }
}
