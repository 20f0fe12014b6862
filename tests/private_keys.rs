//! JWKs: which of their members matter, and what a key may serve.

use std::sync::Arc;

use ngx_http_auth_jwt_module::jose::algorithm::{
    ContentEncryption::{self, *},
    KeyManagement::{self, *},
    SignatureAlgorithm,
};
use ngx_http_auth_jwt_module::jose::base64url;
use ngx_http_auth_jwt_module::jose::compact::Compact;
use ngx_http_auth_jwt_module::jose::error::{KeyError, MemberFault, TokenError};
use ngx_http_auth_jwt_module::jose::jwk::Key;
use ngx_http_auth_jwt_module::jose::jws::Jws;
use ngx_http_auth_jwt_module::jose::key_set::KeySet;
use serde_json::{Map, Value, json};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const ALGORITHMS: [KeyManagement; 15] = [
    Dir,
    A128Kw,
    A192Kw,
    A256Kw,
    A128GcmKw,
    A192GcmKw,
    A256GcmKw,
    RsaOaep,
    RsaOaep256,
    RsaOaep384,
    RsaOaep512,
    EcdhEs,
    EcdhEsA128Kw,
    EcdhEsA192Kw,
    EcdhEsA256Kw,
];

const ENCRYPTIONS: [ContentEncryption; 6] =
    [A128CbcHs256, A192CbcHs384, A256CbcHs512, A128Gcm, A192Gcm, A256Gcm];

fn load(name: &str) -> Outcome<Map<String, Value>> {
    let path = format!("{}/t/data/keys/{name}.json", env!("CARGO_MANIFEST_DIR"));
    Ok(serde_json::from_str(&std::fs::read_to_string(path)?)?)
}

/// The key `name` with some members changed; `null` removes one.
fn key(name: &str, changes: Value) -> Outcome<Result<Key, KeyError>> {
    let mut jwk = load(name)?;
    for (name, value) in changes.as_object().into_iter().flatten() {
        if value.is_null() {
            jwk.remove(name);
        } else {
            jwk.insert(name.clone(), value.clone());
        }
    }
    Ok(Key::parse(&Value::Object(jwk).to_string()))
}

fn served(key: &Key) -> Vec<KeyManagement> {
    let serves = |algorithm: &KeyManagement| {
        ENCRYPTIONS.iter().any(|enc| key.for_decryption(*algorithm, *enc).is_some())
    };
    ALGORITHMS.into_iter().filter(serves).collect()
}

fn verifies(key: &Key) -> bool {
    use SignatureAlgorithm::*;
    [Hs256, Rs256, Ps512, Es256, Es384, Es512, Ed25519, Ed448]
        .into_iter()
        .any(|algorithm| key.for_verification(algorithm).is_some())
}

/// What the changed key decrypts, and whether it verifies.
fn uses(name: &str, changes: Value) -> Outcome<(Vec<KeyManagement>, bool)> {
    let key = key(name, changes)?.map_err(|error| format!("{name}: {error}"))?;
    Ok((served(&key), verifies(&key)))
}

const OAEP: [KeyManagement; 4] = [RsaOaep, RsaOaep256, RsaOaep384, RsaOaep512];
const ECDH: [KeyManagement; 4] = [EcdhEs, EcdhEsA128Kw, EcdhEsA192Kw, EcdhEsA256Kw];

#[test]
fn type_and_size_decide() -> Outcome<()> {
    assert_eq!(uses("enc16", json!({}))?, (vec![Dir, A128Kw, A128GcmKw], true));
    assert_eq!(uses("enc24", json!({}))?, (vec![Dir, A192Kw, A192GcmKw], true));
    assert_eq!(uses("enc32", json!({}))?, (vec![Dir, A256Kw, A256GcmKw], true));
    assert_eq!(uses("enc48", json!({}))?, (vec![Dir], true));
    assert_eq!(uses("enc64", json!({}))?, (vec![Dir], true));
    assert_eq!(uses("hs_short", json!({}))?, (vec![], true));
    assert_eq!(uses("rsa2048", json!({}))?, (OAEP.to_vec(), true));
    assert_eq!(uses("rsa4096", json!({}))?, (OAEP.to_vec(), true));
    assert_eq!(uses("rsa8192", json!({}))?, (OAEP.to_vec(), true));
    for name in ["p256", "p384", "p521"] {
        assert_eq!(uses(name, json!({}))?, (ECDH.to_vec(), true), "{name}");
    }
    assert_eq!(uses("x25519", json!({}))?, (ECDH.to_vec(), false));
    assert_eq!(uses("ed25519", json!({}))?, (vec![], true));
    assert_eq!(uses("ed448", json!({}))?, (vec![], true));

    let key = key("enc32", json!({}))?.map_err(|error| error.to_string())?;
    let direct: Vec<_> =
        ENCRYPTIONS.into_iter().filter(|enc| key.for_decryption(Dir, *enc).is_some()).collect();
    assert_eq!(direct, [A128CbcHs256, A256Gcm]);
    Ok(())
}

#[test]
fn alg_use_and_key_ops_bind() -> Outcome<()> {
    assert_eq!(uses("enc32", json!({"alg": "A256KW"}))?, (vec![A256Kw], false));
    assert_eq!(uses("enc32", json!({"alg": "A128KW"}))?, (vec![], false));
    assert_eq!(uses("enc32", json!({"alg": "dir"}))?, (vec![Dir], false));
    assert_eq!(uses("enc32", json!({"alg": "A256GCM"}))?, (vec![Dir], false));
    assert_eq!(uses("enc32", json!({"alg": "A128GCM"}))?, (vec![], false));
    assert_eq!(uses("enc32", json!({"alg": "HS256"}))?, (vec![], true));
    assert_eq!(uses("rsa2048", json!({"alg": "RSA-OAEP"}))?, (vec![RsaOaep], false));
    assert_eq!(uses("rsa2048", json!({"alg": "RS256"}))?, (vec![], true));
    assert_eq!(uses("p256", json!({"alg": "ECDH-ES"}))?, (vec![EcdhEs], false));
    assert_eq!(uses("p256", json!({"use": "sig"}))?, (vec![], true));
    assert_eq!(uses("p256", json!({"use": "enc"}))?, (ECDH.to_vec(), false));
    assert_eq!(uses("p256", json!({"key_ops": ["deriveBits"]}))?, (ECDH.to_vec(), false));
    assert_eq!(uses("p256", json!({"key_ops": ["decrypt"]}))?, (vec![], false));
    assert_eq!(uses("rsa2048", json!({"key_ops": ["unwrapKey"]}))?, (OAEP.to_vec(), false));
    assert_eq!(uses("enc16", json!({"key_ops": ["unwrapKey"]}))?, (vec![A128Kw, A128GcmKw], false));

    // `A256GCM` binds to itself, not to all encryptions of its size.
    let key = key("enc32", json!({"alg": "A256GCM"}))?.map_err(|error| error.to_string())?;
    assert!(key.for_decryption(Dir, A256Gcm).is_some());
    assert!(key.for_decryption(Dir, A128CbcHs256).is_none());
    Ok(())
}

#[test]
fn without_its_private_members_a_key_verifies() -> Outcome<()> {
    for member in ["d", "p", "q", "dp", "dq", "qi"] {
        assert_eq!(uses("rsa2048", json!({ member: null }))?, (vec![], true), "{member}");
    }
    // More primes than two.
    assert_eq!(uses("rsa2048", json!({"oth": []}))?, (vec![], true));
    for name in ["p256", "p384", "p521"] {
        assert_eq!(uses(name, json!({"d": null}))?, (vec![], true), "{name}");
    }
    assert_eq!(uses("x25519", json!({"d": null}))?, (vec![], false));
    Ok(())
}

#[test]
fn malformed_private_members_spoil_the_key() -> Outcome<()> {
    for member in ["d", "p", "q", "dp", "dq", "qi"] {
        for (value, fault) in
            [(json!(1), MemberFault::NotAString), (json!("*"), MemberFault::NotBase64Url)]
        {
            let error = key("rsa2048", json!({ member: value }))?.err();
            assert_eq!(error, Some(KeyError::Member(member, fault)));
        }
        let error = key("rsa2048", json!({ member: "AQAB" }))?.err();
        assert_eq!(error, Some(KeyError::Rejected), "{member}");
        let error = key("rsa2048", json!({ member: "" }))?.err();
        assert_eq!(error, Some(KeyError::Rejected), "{member}");
    }
    for (name, wanted) in [("p256", 32), ("p384", 48), ("p521", 66), ("x25519", 32)] {
        for (value, fault) in [
            (json!(1), MemberFault::NotAString),
            (json!("*"), MemberFault::NotBase64Url),
            (json!(""), MemberFault::Length { found: 0, wanted }),
            (json!("AQAB"), MemberFault::Length { found: 3, wanted }),
        ] {
            let error = key(name, json!({"d": value}))?.err();
            assert_eq!(error, Some(KeyError::Member("d", fault)), "{name}");
        }
    }
    // The private key of another public one.
    for member in ["n", "p"] {
        let other = load("rsa2048_other")?.remove(member);
        let error = key("rsa2048", json!({ member: other }))?.err();
        assert_eq!(error, Some(KeyError::Rejected), "{member}");
    }
    let other = load("p256_other")?.remove("d");
    assert_eq!(key("p256", json!({"d": other}))?.err(), Some(KeyError::Rejected));
    let x25519_d = load("x25519")?.remove("d");
    assert_eq!(key("x25519", json!({"x": x25519_d}))?.err(), Some(KeyError::Rejected));
    Ok(())
}

/// A secret that nobody may use is not read.
#[test]
fn private_members_count_only_where_they_are_used() -> Outcome<()> {
    assert_eq!(uses("rsa2048", json!({"d": 1, "use": "sig"}))?, (vec![], true));
    assert_eq!(uses("p256", json!({"d": 1, "alg": "ES256"}))?, (vec![], true));
    assert_eq!(uses("ed25519", json!({"d": 1}))?, (vec![], true));
    let empty = key("enc16", json!({"k": "", "use": "enc"}))?.err();
    assert_eq!(empty, Some(KeyError::Member("k", MemberFault::Empty)));
    Ok(())
}

#[test]
fn rsa_sizes_and_exponents() -> Outcome<()> {
    for (name, bits) in
        [("rsa1024", 1024), ("rsa2047", 2047), ("rsa9000", 9000), ("rsa16384", 16384)]
    {
        for changes in
            [json!({}), json!({"d": null}), json!({"use": "enc"}), json!({"alg": "PS256"})]
        {
            let error = key(name, changes)?.err();
            assert_eq!(error, Some(KeyError::ModulusSize(bits)), "{name}");
            let text = format!("an RSA modulus of {bits} bits, 2048 to 8192 are allowed");
            assert_eq!(error.map(|error| error.to_string()), Some(text));
        }
    }
    let modulus = base64url::encode(&[&[1][..], &[0xff; 1024]].concat());
    let error = key("rsa8192", json!({"n": modulus, "d": null}))?.err();
    assert_eq!(error, Some(KeyError::ModulusSize(8193)));

    // 3 and one of 33 bits; 1, even ones and one of 34 bits; leading zeros do not count.
    for e in ["Aw", "AAAAAAAAAAM", "Af____8", "AQAB"] {
        assert!(key("rsa2048", json!({"e": e, "d": null}))?.is_ok(), "{e}");
    }
    for e in ["AQ", "", "AA", "Ag", "AQAA", "Av____8", "A_____8", "AQAAAAAAAAAB"] {
        let error = key("rsa2048", json!({"e": e, "d": null}))?.err();
        assert_eq!(error, Some(KeyError::Exponent), "{e}");
    }
    Ok(())
}

/// What is read leniently: the key is that of the strict text, private members included.
#[test]
fn as_issuers_write_them() -> Outcome<()> {
    let padded = |name: &str, members: &[&str]| -> Outcome<Value> {
        let jwk = load(name)?;
        let text = |member: &&str| {
            let text = jwk.get(*member).and_then(Value::as_str).unwrap_or_default();
            ((*member).to_owned(), json!(format!("{text}==")))
        };
        Ok(members.iter().map(text).collect::<Map<_, _>>().into())
    };
    let changes = padded("rsa2048", &["n", "e", "d", "p", "q", "dp", "dq", "qi"])?;
    assert_eq!(uses("rsa2048", changes)?, (OAEP.to_vec(), true));
    for (name, verifies) in [("p256", true), ("p384", true), ("p521", true), ("x25519", false)] {
        let members: &[&str] = if verifies { &["x", "y", "d"] } else { &["x", "d"] };
        assert_eq!(uses(name, padded(name, members)?)?, (ECDH.to_vec(), verifies), "{name}");
    }
    assert_eq!(uses("enc16", padded("enc16", &["k"])?)?.0, [Dir, A128Kw, A128GcmKw]);

    // `null` is no member.
    let null = |name: &str, member: &str| -> Outcome<Result<Key, KeyError>> {
        let mut jwk = load(name)?;
        jwk.insert(member.to_owned(), Value::Null);
        Ok(Key::parse(&Value::Object(jwk).to_string()))
    };
    for member in ["use", "key_ops", "alg", "kid", "oth", "x5c"] {
        let key = null("rsa2048", member)?.map_err(|error| format!("{member}: {error}"))?;
        assert_eq!((served(&key), verifies(&key)), (OAEP.to_vec(), true), "{member}");
    }
    for member in ["d", "p", "q", "dp", "dq", "qi"] {
        let key = null("rsa2048", member)?.map_err(|error| format!("{member}: {error}"))?;
        assert_eq!((served(&key), verifies(&key)), (vec![], true), "{member}");
    }
    for member in ["kty", "n", "e"] {
        let error = null("rsa2048", member)?.err();
        assert_eq!(error, Some(KeyError::Member(member, MemberFault::Missing)));
    }
    Ok(())
}

#[derive(serde::Deserialize)]
struct ShortCoordinates {
    name: String,
    jwk: Value,
    full: Value,
    token: String,
}

/// Leading zero octets are put back, and nothing else is.
#[test]
fn coordinates_without_leading_zeros() -> Outcome<()> {
    let path = format!("{}/t/data/short_coordinates.json", env!("CARGO_MANIFEST_DIR"));
    let rows: Vec<ShortCoordinates> = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    assert_eq!(rows.len(), 6);
    for ShortCoordinates { name, jwk, full, token } in rows {
        assert_ne!(jwk, full, "{name}");
        for jwk in [&jwk, &full] {
            let set = KeySet::parse(jwk.to_string().into_bytes(), |_| ())
                .map_err(|error| format!("{name}: {error}"))?;
            let sets = [Arc::new(set)];
            let verify = |token: &str| match Compact::split(token.as_bytes()) {
                Ok(Compact::Jws(segments)) => Jws::parse(segments)?.verify(&sets).map(|_| ()),
                _ => unreachable!("a JWS"),
            };
            assert_eq!(verify(&token), Ok(()), "{name}");
            let mallory = base64url::encode(br#"{"sub":"mallory"}"#);
            let parts: Vec<&str> = token.split('.').collect();
            let [header, _, signature] = parts[..] else { unreachable!("a JWS") };
            let forged = verify(&[header, &mallory, signature].join("."));
            assert!(matches!(forged, Err(TokenError::InvalidSignature(..))), "{name}: {forged:?}");
        }
        // A zero too many, and an octet that was none.
        let text = |jwk: &Value| jwk["x"].as_str().unwrap_or_default().to_owned();
        let bytes = base64url::decode(text(&full).as_bytes()).map_err(|_| "base64url")?;
        let changed = |x: Vec<u8>| {
            let mut jwk = full.clone();
            if let Some(place) = jwk.get_mut("x") {
                *place = json!(base64url::encode(&x));
            }
            Key::parse(&jwk.to_string()).err()
        };
        let (wanted, found) = (bytes.len(), bytes.len() + 1);
        let length = MemberFault::Length { found, wanted };
        let error = changed([&[0], bytes.as_slice()].concat());
        assert_eq!(error, Some(KeyError::Member("x", length)), "{name}");
        let error = changed(bytes.iter().take(wanted - 1).copied().collect());
        assert_eq!(error, Some(KeyError::NotOnCurve), "{name}");
        let error = changed(Vec::new());
        assert_eq!(error, Some(KeyError::Member("x", MemberFault::Empty)), "{name}");
    }
    Ok(())
}
