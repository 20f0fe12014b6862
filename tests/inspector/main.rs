//! The inspector (examples/nginx-jwt), run as an operator runs it. Its words are the module's: they come
//! from the same code.

mod arguments;
mod issuers;
mod program;
mod refused;
mod server;
#[path = "../support/mod.rs"]
mod support;
mod urls;

use std::fs;

use ngx_http_auth_jwt_module::auth::outcome::{Refusal, Verdict};
use ngx_http_auth_jwt_module::auth::require::Failure;
use ngx_http_auth_jwt_module::jose::algorithm::{
    ContentEncryption, KeyManagement, SignatureAlgorithm,
};
use ngx_http_auth_jwt_module::jose::base64url::encode;
use ngx_http_auth_jwt_module::jose::error::{TokenError, Tried};

use program::{Directory, Outcome, out, run, run_with};

fn word(refusal: Refusal) -> &'static str {
    Verdict::Refused(refusal).word()
}

/// The first line of what `verify` says of `token`, which is refused in these words.
fn assert_refused(token: &str, arguments: &[&str], refusal: Refusal, hint: &str) -> Outcome<()> {
    let run = run_with(token, &[&["verify"], arguments].concat())?;
    assert_eq!(run.code, 1, "{arguments:?}: {}{}", run.out, run.errors);
    let status = format!("status:    {}\nhttp:      {}\n", word(refusal.clone()), refusal.status());
    assert!(run.out.starts_with(&status), "{arguments:?}: {}", run.out);
    if refusal != Refusal::KeysUnavailable {
        assert!(run.out.contains(&format!("log:       [info] {refusal}\n")), "{}", run.out);
    }
    assert!(run.out.contains(hint), "no {hint:?} in {}", run.out);
    Ok(())
}

#[test]
fn every_signature_algorithm_mints_and_verifies() -> Outcome<()> {
    let directory = Directory::new("signatures")?;
    let rsa = directory.key("rsa", &["--alg", "RS256", "--kid", "rsa"])?;
    // Without its alg the RSA key serves all of RS and PS.
    let rsa_text = fs::read_to_string(&rsa)?.replace("\"alg\": \"RS256\",", "");
    let rsa = directory.holding("any-rsa", &rsa_text)?;
    let mut variants: Vec<(&str, &[&str])> =
        SignatureAlgorithm::all().map(|(name, _)| (name, &[][..])).collect();
    variants.push(("EdDSA", &["--crv", "Ed448"]));
    assert_eq!(variants.len(), 16);
    for (at, (name, more)) in variants.into_iter().enumerate() {
        let is_rsa = name.starts_with(['R', 'P']);
        let key = match is_rsa {
            true => rsa.clone(),
            false => directory.key(&format!("key{at}"), &[&["--alg", name], more].concat())?,
        };
        let token = out(&["mint", "--key", &key, "--alg", name, "--claim", "sub=alice"])?;
        let verified = run_with(&token, &["verify", "--keys", &key, "--claims"])?;
        assert_eq!(verified.code, 0, "{name}: {}", verified.out);
        assert!(verified.out.starts_with("status:    ok\n"), "{name}: {}", verified.out);
        assert!(verified.out.contains("\"sub\": \"alice\""), "{name}: {}", verified.out);

        // One letter of the payload changed: the signature is wrong, by the same key.
        let (head, tail) = token.split_at_checked(token.len() / 2).ok_or("a token")?;
        let other = if tail.starts_with('A') { "B" } else { "A" };
        let changed = [head, other, tail.get(1..).ok_or("a token")?].concat();
        let broken = run_with(&changed, &["verify", "--keys", &key])?;
        assert_eq!(broken.code, 1, "{name}");
        assert!(!broken.out.contains("status:    ok"), "{name}: {}", broken.out);
    }
    Ok(())
}

#[test]
fn every_encryption_mints_and_decrypts() -> Outcome<()> {
    let directory = Directory::new("encryptions")?;
    let signer = directory.key("signer", &["--alg", "ES256", "--kid", "signer"])?;
    // Mints with `key`, and decrypts what was minted.
    let round = |key: &str, alg: &str, enc: &str, nested: bool| -> Outcome<()> {
        let keys = ["mint", "--key", key, "--alg", alg, "--enc", enc, "--claim", "sub=bob"];
        let inner: &[&str] = if nested { &["--nested", "--key", &signer] } else { &[] };
        let token = out(&[&keys, inner].concat())?;
        let kind = if nested { "nested" } else { "encrypted" };
        let verify = ["verify", "--claims", "--keys", key, "--keys", &signer, "--type", kind];
        let found = run_with(&token, &verify)?;
        assert_eq!(found.code, 0, "{kind} {alg} {enc}: {}", found.out);
        assert!(found.out.contains("\"sub\": \"bob\""), "{kind} {alg} {enc}: {}", found.out);
        Ok(())
    };
    let mut pairs: usize = 0;
    for (alg, algorithm) in KeyManagement::all() {
        let mut key = directory.key(alg, &["--alg", alg])?;
        round(&key, alg, "A256GCM", true)?;
        for (enc, _) in ContentEncryption::all() {
            if algorithm == KeyManagement::Dir {
                key = directory.key(enc, &["--alg", alg, "--enc", enc])?;
            }
            round(&key, alg, enc, false)?;
            pairs = pairs.saturating_add(1);
        }
        for crv in ["P-384", "P-521", "X25519"].iter().filter(|_| alg.starts_with("ECDH")) {
            let key = directory.key(&format!("{alg}-{crv}"), &["--alg", alg, "--crv", crv])?;
            round(&key, alg, "A128CBC-HS256", false)?;
        }
    }
    assert_eq!(pairs, 15 * 6);
    Ok(())
}

#[test]
fn every_refusal_has_the_words_of_the_module() -> Outcome<()> {
    let directory = Directory::new("refusals")?;
    let key = directory.key("a", &["--alg", "HS256", "--kid", "a"])?;
    let other = directory.key("other", &["--alg", "HS256", "--kid", "a"])?;
    let stranger = directory.key("b", &["--alg", "HS512", "--kid", "b"])?;
    let wrap = directory.key("wrap", &["--alg", "A128KW", "--kid", "w"])?;
    let other_wrap = directory.key("other-wrap", &["--alg", "A128KW", "--kid", "w"])?;
    let mint = |more: &[&str]| out(&[&["mint", "--key", &key], more].concat());
    let token = mint(&[])?;
    let jwe = out(&["mint", "--key", &wrap])?;
    let keys = ["--keys", key.as_str()];
    let unsigned = |header: &str| format!("{}.e30.", encode(header.as_bytes()));

    let refused = Refusal::Token;
    assert_refused("", &keys, Refusal::NoToken, "empty")?;
    assert_refused("Authorization: Bearer ", &keys, Refusal::NoToken, "empty")?;
    assert_refused(&jwe, &keys, refused(TokenError::WrongType), "this is a JWE")?;
    let encrypted = ["--keys", &wrap, "--type", "encrypted"];
    assert_refused(&token, &encrypted, refused(TokenError::WrongType), "this is a JWS")?;
    let none = unsigned(r#"{"alg":"none"}"#);
    let unsupported = refused(TokenError::UnsupportedAlgorithm);
    assert_refused(&none, &keys, unsupported, "the header says alg \"none\"")?;
    let unknown = refused(TokenError::UnknownKey);
    let listed = "a key has kid \"b\", verifies HS512";
    assert_refused(&token, &["--keys", &stranger], unknown, listed)?;
    let invalid = refused(TokenError::InvalidSignature(SignatureAlgorithm::Hs256, Tried::All));
    assert_refused(&token, &["--keys", &other], invalid, "1 key fits")?;
    let entries = vec![r#"{"kty":"oct","k":"AA"}"#; 40].join(",");
    let many = directory.holding("many", &format!("{{\"keys\":[{entries}]}}"))?;
    let some = refused(TokenError::InvalidSignature(SignatureAlgorithm::Hs256, Tried::Only(32)));
    let hint = "32 keys fit, at which the module stops";
    assert_refused(&token, &["--keys", &many], some, hint)?;
    let wrong = ["--keys", &other_wrap, "--type", "encrypted"];
    assert_refused(&jwe, &wrong, refused(TokenError::DecryptionFailed(Tried::All)), "1 key fits")?;
    assert_refused(&mint(&["--expires-in", "-5m"])?, &keys, Refusal::Expired, "5 min")?;
    let early = mint(&["--claim-json", "nbf=4102444800"])?;
    assert_refused(&early, &keys, Refusal::NotYetValid, "\"nbf\" is 2100-01-01T00:00:00Z")?;
    for (status, failure) in [("401", Failure::Unauthorized), ("403", Failure::Forbidden)] {
        let require = [&keys[..], &["--require", "scope", "--require-error", status]].concat();
        assert_refused(&token, &require, Refusal::RequirementFailed(failure), "\"scope\"")?;
    }
    let missing = ["--keys", "/there/is/no/such/file"];
    let told = "log:       [error] key file \"/there/is/no/such/file\" cannot be opened: ";
    assert_refused(&token, &missing, Refusal::KeysUnavailable, told)?;
    let empty = directory.holding("empty", r#"{"keys":[]}"#)?;
    assert_refused(&token, &["--keys", &empty], Refusal::KeysUnavailable, "empty JWK set")?;
    let no_keys = ["--no-keys", "--type", "encrypted"];
    assert_refused(&jwe, &no_keys, Refusal::KeysUnavailable, "no key source to decrypt")?;
    // A token whose form is wrong is refused before keys are looked at.
    for text in ["a.b", "a.b.c d", "%.e30.AA", &mint(&["--claim", "exp=1"])?] {
        let run = run_with(text, &["verify", "--no-keys"])?;
        assert_eq!(run.code, 1, "{text}: {}", run.out);
        let told = "status:    malformed_token\nhttp:      401\n\
            challenge: Bearer realm=\"api\", error=\"invalid_token\"\nlog:       [info] malformed JWT: ";
        assert!(run.out.starts_with(told), "{text}: {}", run.out);
    }
    Ok(())
}

#[test]
fn what_passes() -> Outcome<()> {
    let directory = Directory::new("passes")?;
    let key = directory.key("a", &["--alg", "HS256"])?;
    let late = out(&["mint", "--key", &key, "--expires-in", "-5m", "--claim", "Scope=read"])?;
    let bearer = format!("  Authorization: bearer {late}\n");
    for (arguments, code) in [
        (&["--keys", &key][..], 1),
        (&["--keys", &key, "--leeway", "10m"], 0),
        (&["--keys", &key, "--at", "2020-01-01T00:00:00Z"], 0),
        (&["--keys", &key, "--at", "1577836800", "--require", "scope"], 0),
        (&["--no-keys", "--leeway", "1h"], 0),
    ] {
        let run = run_with(&bearer, &[&["verify"], arguments].concat())?;
        assert_eq!(run.code, code, "{arguments:?}: {}", run.out);
    }
    let trusted = run(&["verify", "--no-keys", "--leeway", "1h", "--token", &late])?;
    assert!(trusted.out.contains("nobody has verified the signature"), "{}", trusted.out);
    let endless = out(&["mint", "--key", &key, "--expires-in", "never"])?;
    let endless = run_with(&endless, &["verify", "--keys", &key])?;
    assert!(endless.out.contains("it never expires"), "{}", endless.out);
    assert!(!endless.out.contains("cnf"), "{}", endless.out);
    let bound = out(&["mint", "--key", &key, "--claim", r#"cnf={"jkt":"AA"}"#])?;
    for written in [format!("Authorization: DPoP {bound}"), format!("dpop  {bound}"), bound] {
        let run = run_with(&written, &["verify", "--keys", &key])?;
        assert_eq!(run.code, 0, "{written}: {}", run.out);
        assert!(run.out.contains("\"cnf\" binds it to its holder"), "{}", run.out);
    }
    Ok(())
}

#[test]
fn decodes_as_written() -> Outcome<()> {
    let header = encode(br#"{"typ":"JWT","alg":"HS256","kid":"k"}"#);
    let claims = encode(
        "{\"z\":1e3,\"exp\":1767225600,\"nbf\":1767225600.5,\"a\":{\"exp\":1},\"e\":[],\"c\":\"a, b: \u{9b}c\"}"
            .as_bytes(),
    );
    let run = run_with(&format!("{header}.{claims}.AAAA"), &["decode"])?;
    assert_eq!(run.code, 0, "{}", run.errors);
    let expected = r#"header
{
  "typ": "JWT",
  "alg": "HS256",
  "kid": "k"
}

claims
{
  "z": 1e3,
  "exp": 1767225600,  // 2026-01-01T00:00:00Z
  "nbf": 1767225600.5,  // 2026-01-01T00:00:00.5Z
  "a": {
    "exp": 1
  },
  "e": [],
  "c": "a, b: \u009bc"
}

signature: 3 bytes
"#;
    assert!(run.out.starts_with(expected), "{}", run.out);
    let broken = run_with("e30.W10.!", &["decode"])?;
    assert_eq!(broken.code, 1);
    let told = "claims: malformed: payload is not a JSON object\n\
        signature: malformed: a segment is not base64url\n";
    assert!(broken.out.contains(told), "{}", broken.out);
    Ok(())
}

#[test]
fn lists_keys_and_what_is_ignored() -> Outcome<()> {
    let directory = Directory::new("keys")?;
    let set = directory.holding(
        "set",
        r#"{"keys":[{"kty":"oct","k":"c2VjcmV0LW9mLXNvbWU","kid":"a","alg":"HS256"},
            {"kty":"XYZ","kid":"x"},
            {"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAA","use":"enc"}]}"#,
    )?;
    let run = run(&["keys", &set])?;
    let expected = format!(
        "key 0: kid \"a\", oct of 14 bytes, alg HS256\n  verifies HS256\n\
         key 2: no kid, oct of 16 bytes, use enc\n  decrypts dir (A128GCM), A128KW, A128GCMKW\n\
         notice: key file \"{set}\": key 0 (kid \"a\") has a secret of 14 octets, \
         HS256 asks for 32 at least (RFC 7518 section 3.2)\n\
         ignored: key file \"{set}\": key 1 (kid \"x\") is not usable: unknown \"kty\"\n\
         2 usable, 1 ignored\n"
    );
    assert_eq!((run.code, run.out), (0, expected));
    let lenient =
        "\u{feff}{\"keys\":null,\"kty\":\"oct\",\"k\":\"c2VjcmV0LW9mLXNvbWU=\",\"use\":null}";
    let run = run_with(lenient, &["keys", "-"])?;
    assert!(run.out.starts_with("key 0: no kid, oct of 14 bytes\n"), "{}", run.out);
    let run = run_with(r#"{"keys":[]}"#, &["keys", "-"])?;
    let expected = "error: key file \"-\" is not usable: empty JWK set\n";
    assert_eq!((run.code, run.out.as_str()), (1, expected));
    Ok(())
}

/// Of a key nothing secret is ever printed but by `keygen`, and files of keys are not overwritten.
#[test]
fn secrets_stay_secret() -> Outcome<()> {
    use std::os::unix::fs::PermissionsExt;
    let directory = Directory::new("secrets")?;
    for alg in ["HS256", "RS256", "ES256", "Ed25519"] {
        let public = directory.file(&format!("{alg}.public"));
        let more: &[&str] = if alg == "HS256" { &[] } else { &["--public", &public] };
        let key = directory.key(alg, &[&["--alg", alg], more].concat())?;
        assert_eq!(fs::metadata(&key)?.permissions().mode() & 0o777, 0o600, "{alg}");
        let jwk: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&fs::read_to_string(&key)?)?;
        let secrets: Vec<&str> = ["k", "d", "p", "q", "dp", "dq", "qi"]
            .iter()
            .filter_map(|name| jwk.get(*name)?.as_str())
            .collect();
        assert!(!secrets.is_empty(), "{alg}");
        let token = out(&["mint", "--key", &key])?;
        let mut said = out(&["keys", &key])? + &run_with(&token, &["verify", "--keys", &key])?.out;
        if alg != "HS256" {
            said += &fs::read_to_string(&public)?;
            assert_eq!(run_with(&token, &["verify", "--keys", &public])?.code, 0, "{alg}");
            let refused = run(&["mint", "--key", &public])?;
            assert_eq!(refused.code, 2, "a public key signs nothing");
        }
        assert!(!secrets.iter().any(|secret| said.contains(secret)), "{alg}: {said}");

        let before = fs::read(&key)?;
        assert_eq!(run(&["keygen", "--alg", alg, "--private", &key])?.code, 2, "{alg}");
        assert_eq!(fs::read(&key)?, before, "{alg}");
    }
    Ok(())
}

#[test]
fn usage() -> Outcome<()> {
    for command in ["decode", "verify", "keys", "mint", "keygen"] {
        let help = run(&[command, "--help"])?;
        assert_eq!(help.code, 0, "{command}");
        assert!(help.out.contains(&format!("Usage: nginx-jwt {command}")), "{}", help.out);
        assert!(run(&["--help"])?.out.contains(&format!("\n  {command} ")), "{command}");
    }
    for wrong in [
        &[][..],
        &["explain"],
        &["verify"],
        &["verify", "--no-keys", "--keys", "a"],
        &["verify", "--no-keys", "--type", "jws"],
        &["verify", "--no-keys", "--leeway", "-1s"],
        &["verify", "--no-keys", "--at", "tomorrow"],
        &["verify", "--no-keys", "--require-error", "403"],
        &["verify", "--no-keys", "--audience", "a"],
        &["verify", "--no-keys", "--require-scope", "a"],
        &["verify", "--no-keys", "--require-claim", "a present"],
        &["verify", "--no-keys", "--issuer-file", "a"],
        &["verify", "--keys", "a", "--issuer-file", "a"],
        &["verify", "--keys", "a", "--issuer", "a"],
        &["decode", "/there/is/no/such/file"],
        &["keys", "/there/is/no/such/file"],
        &["mint"],
        &["mint", "--key", "/there/is/no/such/file"],
        &["keygen", "--alg", "none"],
        &["keygen", "--alg", "ES256K"],
        &["keygen", "--alg", "HS256", "--public", "/there/is/no/such/file"],
    ] {
        let run = run(wrong)?;
        assert_eq!(run.code, 2, "{wrong:?}: {}", run.out);
        assert!(!run.errors.is_empty() && run.out.is_empty(), "{wrong:?}: {}", run.errors);
    }
    Ok(())
}
