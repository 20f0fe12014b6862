//! A JWK Set (RFC 7517 §5) → its usable keys. The set is read entry by entry: what cannot be used
//! is skipped with a notice, and never spoils the others; a short secret has a notice, too.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use zeroize::Zeroizing;

use super::error::{JsonError, KeyError, KeySetError};
use super::json::{Object, Value};
use super::jwk::{Key, ShortSecret, member};

/// The `kid` of an entry is quoted up to this many characters.
const QUOTED_KID: usize = 64;

/// The usable keys of one JWK Set.
pub struct KeySet {
    keys: Vec<Key>,
    by_kid: HashMap<Box<str>, Vec<usize>, foldhash::quality::RandomState>,
    without_kid: Vec<usize>,
    generation: u64,
}

/// What an operator is to know of an entry. Never a secret.
#[derive(Debug)]
pub struct Notice {
    position: usize,
    kid: Option<String>,
    /// An entry with an error is skipped; one whose secret is short serves all the same.
    remark: Result<ShortSecret, KeyError>,
}

impl KeySet {
    /// Reads a JWK Set, or a single bare JWK as a set of one. `on_notice` is called for each
    /// entry that cannot be used, also where none is left, and for each secret that is short.
    pub fn parse(bytes: Vec<u8>, on_notice: impl FnMut(Notice)) -> Result<Self, KeySetError> {
        Self::read(bytes, Ok, on_notice)
    }

    /// Reads what a URL has answered, as [`KeySet::parse`] does. A symmetric key is skipped: what a URL tells
    /// is no secret.
    pub fn parse_public(
        bytes: Vec<u8>,
        on_notice: impl FnMut(Notice),
    ) -> Result<Self, KeySetError> {
        let public = |key: Key| if key.is_symmetric() { Err(KeyError::Symmetric) } else { Ok(key) };
        Self::read(bytes, public, on_notice)
    }

    fn read(
        bytes: Vec<u8>,
        allow: impl Fn(Key) -> Result<Key, KeyError>,
        mut on_notice: impl FnMut(Notice),
    ) -> Result<Self, KeySetError> {
        static GENERATIONS: AtomicU64 = AtomicU64::new(0);
        let bytes = Zeroizing::new(bytes);
        let document = document(&bytes).map_err(KeySetError::Json)?;
        let mut keys = Vec::new();
        let mut take = |position, kid: Option<Value<'_>>, key: Result<Key, KeyError>| {
            let key = key.and_then(&allow);
            let remark = key.as_ref().map(Key::short_secret).map_err(|error| *error);
            if let Some(remark) = remark.transpose() {
                on_notice(Notice { position, kid: quoted_kid(kid), remark });
            }
            keys.extend(key.ok());
        };
        match member(&document, "keys") {
            Some(entries) => {
                let entries = entries.elements().ok_or(KeySetError::NoKeys)?;
                for (position, entry) in entries.into_iter().enumerate() {
                    take(position, entry.member("kid"), Key::parse(entry.text()));
                }
            }
            None if member(&document, "kty").is_some() => {
                take(0, document.value("kid"), Key::from_object(&document));
            }
            None => return Err(KeySetError::NoKeys),
        }
        if keys.is_empty() {
            return Err(KeySetError::Empty);
        }
        let (mut by_kid, mut without_kid) = (HashMap::default(), Vec::new());
        for (at, key) in keys.iter().enumerate() {
            match key.kid() {
                Some(kid) => by_kid.entry(kid.into()).or_insert_with(Vec::new).push(at),
                None => without_kid.push(at),
            }
        }
        let generation = GENERATIONS.fetch_add(1, Ordering::Relaxed);
        Ok(Self { keys, by_kid, without_kid, generation })
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

impl Notice {
    /// Whether the entry is skipped.
    pub fn skips(&self) -> bool {
        self.remark.is_err()
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {}", self.position)?;
        if let Some(kid) = &self.kid {
            write!(f, " (kid \"{kid}\")")?;
        }
        match &self.remark {
            Err(reason) => write!(f, " is not usable: {reason}"),
            Ok(short) => write!(f, " has {short}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::base64url;

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
            r#"{"kty":"OKP","crv":"Ed25519","x":"AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#,
        ];
        let json = format!("{{\"keys\":[{}]}}", entries.join(","));
        let mut notices = Vec::new();
        let found = KeySet::parse(json.into_bytes(), |notice| notices.push(notice.to_string()));
        let Ok(found) = found else { unreachable!("a set with usable keys") };
        assert_eq!(found.keys().count(), 2);
        assert_eq!(found.with_kid("a").count(), 1);
        assert_eq!(found.without_kid().count(), 1);
        assert_eq!(
            notices,
            [
                r#"key 0 (kid "x") is not usable: unknown "kty""#,
                r#"key 1 (kid "a") has a secret of 6 octets, 32 at least are advised (RFC 7518 section 3.2)"#,
                "key 2 is not usable: the entry is not a JSON object",
                "key 3 has a secret of 6 octets, 32 at least are advised (RFC 7518 section 3.2)",
                r#"key 4 is not usable: member "k" is empty"#,
                r#"key 5 is not usable: "alg" does not fit the key"#,
                r#"key 6 is not usable: member "kid" is not a string"#,
                "key 7 is not usable: the entry has a duplicate member",
                r#"key 8 is not usable: member "x" is not on the curve"#,
            ]
        );
    }

    /// A bare JWK is a set of one.
    #[test]
    fn a_short_secret_has_a_notice_and_serves() {
        let notices = |jwk: String| {
            let mut notices = Vec::new();
            let set = KeySet::parse(jwk.into_bytes(), |notice| {
                notices.push((notice.skips(), notice.to_string()));
            });
            assert_eq!(set.map(|set| set.keys().count()), Ok(1));
            notices
        };
        let jwk = |octets: usize, members: &str| {
            let k = base64url::encode(&vec![7; octets]);
            format!(r#"{{"kty":"oct","k":"{k}"{members}}}"#)
        };
        for (octets, members, advice) in [
            (8, "", "32 at least are advised"),
            (31, r#","use":"sig""#, "32 at least are advised"),
            (31, r#","alg":"HS256""#, "HS256 asks for 32 at least"),
            (47, r#","alg":"HS384""#, "HS384 asks for 48 at least"),
            (63, r#","alg":"HS512""#, "HS512 asks for 64 at least"),
        ] {
            let expected =
                format!("key 0 has a secret of {octets} octets, {advice} (RFC 7518 section 3.2)");
            assert_eq!(notices(jwk(octets, members)), [(false, expected)]);
        }
        for (octets, members) in [
            (32, ""),
            (32, r#","alg":"HS256""#),
            (48, r#","alg":"HS384""#),
            (64, r#","alg":"HS512""#),
            (16, r#","use":"enc""#),
            (16, r#","key_ops":["decrypt"]"#),
            (16, r#","alg":"A128KW""#),
            (16, r#","alg":"dir""#),
        ] {
            assert_eq!(notices(jwk(octets, members)), [], "{octets}{members}");
        }
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
}
