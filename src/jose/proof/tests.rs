use super::minted::Minter;
use super::*;
use crate::jose::error::{JsonError, MemberFault};
use crate::jose::json::Value;

/// RFC 9449 §4.1.
const TO_THE_SERVER: &[u8] = b"eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";

/// RFC 9449 §6.1.
const KEY: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

const ES256: SignatureAlgorithm = SignatureAlgorithm::Es256;

fn key() -> Fingerprint {
    Fingerprint::from_base64url(KEY).unwrap_or(Fingerprint::of(b""))
}

/// What is wrong with a JWS of that header, signed with the key of `minter`.
fn fault(minter: &Minter, header: &str) -> Option<ProofError> {
    Proof::verify(&minter.jws(header, "{}"), minter.thumbprint()).err()
}

#[test]
fn the_example_of_the_rfc() {
    let proof = match Proof::verify(TO_THE_SERVER, key()) {
        Ok(proof) => proof,
        Err(error) => unreachable!("{error}"),
    };
    let htu = proof.claims().value("htu").and_then(Value::as_str);
    assert_eq!(htu.as_deref(), Some("https://server.example.com/token"));
    let other = Proof::verify(TO_THE_SERVER, Fingerprint::of(b""));
    assert_eq!(other.err(), Some(ProofError::OtherKey));
}

#[test]
fn each_asymmetric_algorithm() {
    let names: Vec<_> = algorithms().map(SignatureAlgorithm::name).collect();
    assert_eq!(
        names.join(" "),
        "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519 Ed448"
    );
    for algorithm in algorithms() {
        let minter = Minter::new(algorithm);
        let (proof, key) = (minter.proof(r#"{"jti":"a"}"#), minter.thumbprint());
        let name = algorithm.name();
        assert!(Proof::verify(&proof, key).is_ok(), "{name}");
        let mut broken = proof.clone();
        let at = broken.len().saturating_sub(20);
        if let Some(byte) = broken.get_mut(at) {
            *byte = if *byte == b'A' { b'B' } else { b'A' };
        }
        assert_eq!(Proof::verify(&broken, key).err(), Some(ProofError::Signature), "{name}");
        // The signature of another proof.
        let other = minter.proof(r#"{"jti":"b"}"#);
        let cut = |proof: &[u8]| proof.iter().rposition(|byte| *byte == b'.').unwrap_or_default();
        let (signed, signature) = (proof.split_at(cut(&proof)).0, other.split_at(cut(&other)).1);
        let mixed = [signed, signature].concat();
        assert_eq!(Proof::verify(&mixed, key).err(), Some(ProofError::Signature), "{name}");
    }
}

#[test]
fn never_unsigned_nor_by_a_secret() {
    let minter = Minter::new(ES256);
    for alg in ["none", "HS256", "HS384", "HS512", "es256", "ES256K", "RSA-OAEP", "dir"] {
        let header = format!(r#"{{"typ":"dpop+jwt","alg":"{alg}","jwk":{}}}"#, minter.jwk);
        assert_eq!(fault(&minter, &header), Some(ProofError::Algorithm), "{alg}");
    }
}

#[test]
fn form_and_type() {
    for (text, expected) in [
        (&b""[..], ProofError::NotAJws),
        (b"a.b", ProofError::NotAJws),
        (b"a.b.c.d.e", ProofError::NotAJws),
        (b"a.b.c.d", ProofError::NotAJws),
        (b"e30=.e30.", ProofError::Malformed(Malformed::Base64)),
        (b"e30.e30.", ProofError::Malformed(Malformed::HeaderMember("alg"))),
        (b"W10.e30.", ProofError::Malformed(Malformed::Header(JsonError::NotAnObject))),
    ] {
        assert_eq!(Proof::verify(text, key()).err(), Some(expected), "{}", text.escape_ascii());
    }
    let minter = Minter::new(ES256);
    for (members, expected) in [
        ("", ProofError::Typ),
        (r#","typ":"JWT""#, ProofError::Typ),
        (r#","typ":"DPoP+jwt""#, ProofError::Typ),
        (r#","typ":"application/dpop+jwt""#, ProofError::Typ),
        (r#","typ":null"#, ProofError::Malformed(Malformed::HeaderMember("typ"))),
        (
            r#","typ":"dpop+jwt","crit":["jwk"]"#,
            ProofError::Malformed(Malformed::HeaderExtension("crit")),
        ),
        (
            r#","typ":"dpop+jwt","b64":false"#,
            ProofError::Malformed(Malformed::HeaderExtension("b64")),
        ),
        (
            r#","typ":"dpop+jwt","typ":"dpop+jwt""#,
            ProofError::Malformed(Malformed::Header(JsonError::DuplicateMember)),
        ),
    ] {
        let header = format!(r#"{{"alg":"ES256","jwk":{}{members}}}"#, minter.jwk);
        assert_eq!(fault(&minter, &header), Some(expected), "{header}");
    }
    // The payload is read once the signature is right.
    let header = format!(r#"{{"typ":"dpop+jwt","alg":"ES256","jwk":{}}}"#, minter.jwk);
    for (payload, expected) in
        [("[]", JsonError::NotAnObject), (r#"{"a":1,"a":1}"#, JsonError::DuplicateMember)]
    {
        let found = Proof::verify(&minter.jws(&header, payload), minter.thumbprint());
        assert_eq!(found.err(), Some(ProofError::Malformed(Malformed::Payload(expected))));
    }
    // A `kid` names nothing here.
    let header = format!(r#"{{"typ":"dpop+jwt","alg":"ES256","kid":"a","jwk":{}}}"#, minter.jwk);
    assert_eq!(fault(&minter, &header), None);
}

#[test]
fn which_keys() {
    let minter = Minter::new(ES256);
    let with = |jwk: &str| {
        let header = format!(r#"{{"typ":"dpop+jwt","alg":"ES256","jwk":{jwk}}}"#);
        fault(&minter, &header)
    };
    let open = minter.jwk.strip_suffix('}').unwrap_or_default();
    let key = |members: &str| with(&format!("{open},{members}}}"));
    assert_eq!(key(r#""use":"sig","key_ops":["verify"],"alg":"ES256","kid":"a""#), None);
    for name in PRIVATE {
        for value in [r#""AQAB""#, "null"] {
            let member = format!("\"{name}\":{value}");
            assert_eq!(key(&member), Some(ProofError::PrivateKey), "{member}");
        }
    }
    for members in
        [r#""use":"enc""#, r#""key_ops":["sign"]"#, r#""key_ops":[]"#, r#""alg":"ECDH-ES""#]
    {
        assert_eq!(key(members), Some(ProofError::UnfitKey), "{members}");
    }
    for (members, expected) in [
        (r#""alg":"ES384""#, KeyError::UnfitAlgorithm),
        (r#""alg":"ES256K""#, KeyError::UnknownAlgorithm),
        (r#""use":1"#, KeyError::Member("use", MemberFault::NotAString)),
        (r#""x":"AA""#, KeyError::Json(JsonError::DuplicateMember)),
    ] {
        assert_eq!(key(members), Some(ProofError::Key(expected)), "{members}");
    }
    for jwk in ["null", "[]", "\"{}\"", "1"] {
        assert_eq!(with(jwk), Some(ProofError::NoKey), "{jwk}");
    }
    let no_key = r#"{"typ":"dpop+jwt","alg":"ES256"}"#;
    assert_eq!(fault(&minter, no_key), Some(ProofError::NoKey));
    for (jwk, expected) in [
        ("{}", KeyError::Member("kty", MemberFault::Missing)),
        (r#"{"kty":"oct"}"#, KeyError::UnknownKeyType),
        (r#"{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}"#, KeyError::UnknownCurve),
    ] {
        assert_eq!(with(jwk), Some(ProofError::Key(expected)), "{jwk}");
    }
    assert_eq!(with(&Minter::new(SignatureAlgorithm::Es384).jwk), Some(ProofError::OtherKey));
}

/// Whose thumbprint is asked for, but that a key set would skip.
#[test]
fn keys_that_cannot_be_used() {
    let minter = Minter::new(ES256);
    let path = |name| format!("{}/t/data/keys/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let weak = |name, public: &[&str]| {
        let key = Object::parse(std::fs::read(path(name)).unwrap_or_default()).ok();
        let value = |name: &&str| {
            let value = key.as_ref().and_then(|key| key.value(name)).map(Value::text);
            format!("\"{name}\":{}", value.unwrap_or_default())
        };
        format!("{{{}}}", public.iter().map(value).collect::<Vec<_>>().join(","))
    };
    let not_on_curve = r#"{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"}"#.to_owned();
    let x25519 = weak("x25519", &["kty", "crv", "x"]);
    for (jwk, alg, expected) in [
        (
            weak("rsa1024", &["kty", "n", "e"]),
            "RS256",
            ProofError::Key(KeyError::ModulusSize(1024)),
        ),
        (
            weak("rsa9000", &["kty", "n", "e"]),
            "PS256",
            ProofError::Key(KeyError::ModulusSize(9000)),
        ),
        (not_on_curve, "ES256", ProofError::Key(KeyError::NotOnCurve)),
        (x25519, "EdDSA", ProofError::UnfitKey),
        (Minter::new(ES256).jwk, "ES384", ProofError::UnfitKey),
        (Minter::new(ES256).jwk, "RS256", ProofError::UnfitKey),
        (Minter::new(SignatureAlgorithm::EdDsa).jwk, "Ed448", ProofError::UnfitKey),
    ] {
        let object = Object::parse(jwk.clone().into_bytes()).ok();
        let thumbprint = object.and_then(|jwk| thumbprint(&jwk).ok());
        let Some(thumbprint) = thumbprint else { unreachable!("{jwk}") };
        let header = format!(r#"{{"typ":"dpop+jwt","alg":"{alg}","jwk":{jwk}}}"#);
        let proof = minter.jws(&header, "{}");
        assert_eq!(Proof::verify(&proof, thumbprint).err(), Some(expected), "{jwk} {alg}");
    }
}

#[test]
fn each_reason_has_words_of_its_own() {
    let all = [
        ProofError::NotAJws,
        ProofError::Malformed(Malformed::Base64),
        ProofError::Typ,
        ProofError::Algorithm,
        ProofError::NoKey,
        ProofError::PrivateKey,
        ProofError::Key(KeyError::NotOnCurve),
        ProofError::OtherKey,
        ProofError::UnfitKey,
        ProofError::Signature,
    ];
    let texts: std::collections::HashSet<_> = all.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), all.len());
}
