//! Issuers and rules: read from nginx's configuration and from options, and what is said of a token
//! that they rule out.

use std::fs;

use ngx_http_auth_jwt_module::auth::outcome::Refusal;
use ngx_http_auth_jwt_module::auth::require::Failure;
use ngx_http_auth_jwt_module::jose::base64url::encode;

use super::assert_refused;
use super::program::{Directory, Outcome, out, run_in, run_with};

/// Two issuers as an nginx.conf has them, among much else.
const NGINX_CONF: &str = r#"
# auth_jwt_issuer commented { out;
user nobody; events { worker_connections 16; }
http {
    map $host $name { default ""; "~^(.+)\.example$" ${host}; 'a;b' "}"; }
    log_format main '$remote_addr - "$request" {'
                    "\";\"";
    auth_jwt_issuer shop {
        issuer   https://shop.example "https://shop.example/";  # two
        key_file shop.jwk;
        audience orders 'pay ments';
        algorithms HS256 HS512;
        leeway "1m 30s";
        max_lifetime 2h; max_age 1d;
    }
    server { location / { auth_jwt "api"; auth_jwt_issuers shop; } }
    auth_jwt_issuer "bank" { include parts/*.part; include parts/more; }
}
"#;

/// A directory with the configuration and the keys of both.
pub fn directory(name: &str) -> Outcome<Directory> {
    let directory = Directory::new(name)?;
    directory.holding("nginx.conf", NGINX_CONF)?;
    fs::create_dir(directory.file("parts"))?;
    directory.holding("parts/a.part", "issuer https://bank.example;\naudience any;\ntyp JOSE;")?;
    directory
        .holding("parts/b.part", "exp optional; key_file bank.jwk;\nscope_claim x.y \"z\";")?;
    directory.holding("parts/ignored", "nonsense;")?;
    directory.holding("parts/more", "# nothing\n")?;
    for name in ["shop.jwk", "bank.jwk"] {
        directory.key(name, &["--alg", "HS256"])?;
    }
    Ok(directory)
}

/// A good token of `shop`, but for what `more` says.
fn mint(directory: &Directory, more: &[&str]) -> Outcome<String> {
    let key = directory.file("shop.jwk");
    let usual = ["mint", "--key", &key, "--claim", "iss=https://shop.example", "--claim"];
    out(&[&usual, &["aud=orders"][..], more].concat())
}

/// A token of `bank`, by header and claims: HS256 of its secret is not `mint`'s to leave out.
fn unsigned(header: &str, claims: &str) -> String {
    format!("{}.{}.AAAA", encode(header.as_bytes()), encode(claims.as_bytes()))
}

#[test]
fn reads_the_blocks_of_a_configuration() -> Outcome<()> {
    let directory = directory("blocks")?;
    let file = directory.file("nginx.conf");
    for (iss, aud) in [("https://shop.example", "orders"), ("https://shop.example/", "pay ments")] {
        let (iss, aud) = (format!("iss={iss}"), format!("aud={aud}"));
        let token = mint(&directory, &["--claim", &iss, "--claim", &aud])?;
        let run = run_with(&token, &["verify", "--issuer-file", &file])?;
        assert_eq!(run.code, 0, "{}{}", run.out, run.errors);
        let told = "status:    ok\nhttp:      passes on to the location\nissuer:    shop\n";
        assert!(run.out.starts_with(told), "{}", run.out);
        // Relative to the file's directory, wherever one is.
        let run = run_in(&directory, &token, &["verify", "--issuer-file", "nginx.conf"])?;
        assert_eq!(run.code, 0, "{}{}", run.out, run.errors);
    }
    // The other one's key, by its included parts.
    let key = directory.file("bank.jwk");
    let bank = ["mint", "--key", &key, "--claim", "iss=https://bank.example"];
    let token = out(&[&bank, &["--expires-in", "never"][..]].concat())?;
    let typ = "the header says \"typ\" is \"JWT\", issuer \"bank\" allows \"JOSE\"";
    assert_refused(&token, &["--issuer-file", &file], Refusal::WrongTyp, typ)?;
    let foreign = out(&["mint", "--key", &key, "--claim", "iss=https://shop.example"])?;
    let run = run_with(&foreign, &["verify", "--issuer-file", &file])?;
    assert!(run.out.starts_with("status:    unknown_key\n"), "{}", run.out);
    assert_eq!(run.out.matches("a key has kid").count(), 1, "{}", run.out);
    // Several files; blocks alone.
    let alone = directory.holding(
        "alone",
        "auth_jwt_issuer tiny { issuer tiny; audience any; key_file bank.jwk; exp optional; }",
    )?;
    let token = out(&["mint", "--key", &key, "--claim", "iss=tiny", "--expires-in", "never"])?;
    let run = run_with(&token, &["verify", "--issuer-file", &file, "--issuer-file", &alone])?;
    assert!(run.out.contains("\nissuer:    tiny\n"), "{}", run.out);
    assert!(run.out.contains("it never expires"), "{}", run.out);
    // Keys that are not there.
    fs::remove_file(directory.file("bank.jwk"))?;
    let told = "/bank.jwk\" cannot be opened: ";
    let only = ["--issuer-file", &file, "--issuer-file", &alone, "--issuer", "tiny"];
    assert_refused(&token, &only, Refusal::KeysUnavailable, told)
}

#[test]
fn a_token_that_an_issuer_rules_out() -> Outcome<()> {
    let directory = directory("ruled-out")?;
    let file = directory.file("nginx.conf");
    let known =
        "known are \"https://shop.example\", \"https://shop.example/\", \"https://bank.example\"";
    // 2026-01-01; the tokens are issued then, for an hour, unless a row says otherwise.
    let at = "1767225600";
    for (claims, refusal, hint) in [
        (
            &["iss=\"https://c.example\""][..],
            Refusal::UnknownIssuer,
            &*format!("\"iss\" is \"https://c.example\", {known}\n"),
        ),
        (
            &["iss=[\"https://shop.example\"]"],
            Refusal::UnknownIssuer,
            &format!("\"iss\" is [\"https://shop.example\"], {known}\n"),
        ),
        (
            &["aud=[\"x\", 1]"],
            Refusal::WrongAudience,
            "\"aud\" is [\"x\",1], asked for is \"orders\", \"pay ments\"\n",
        ),
        (&["no exp"], Refusal::WrongLifetime, "\"exp\" is missing, issuer \"shop\" asks for it\n"),
        (
            &["exp=1767225601", "iat=1767218400"],
            Refusal::WrongLifetime,
            "\"exp\" is 2 h 1 s after \"iat\", issuer \"shop\" allows 2 h\n",
        ),
        (
            &["exp=1767225600", "iat=1767100000"],
            Refusal::WrongLifetime,
            "\"exp\" is 1 d 10 h after \"iat\", issuer \"shop\" allows 2 h\n",
        ),
        (
            &["exp=1767225600", "iat=1767100000"],
            Refusal::WrongLifetime,
            "\"iat\" is 2025-12-30T13:06:40Z, 1 d 10 h before the time judged by, issuer \"shop\" allows 1 d and a leeway of 1 min 30 s\n",
        ),
        (
            &["iat=1767225691"],
            Refusal::WrongLifetime,
            "\"iat\" is 2026-01-01T00:01:31Z, 1 min 31 s after the time judged by and a leeway",
        ),
        (
            &["iat=\"now\""],
            Refusal::WrongLifetime,
            "\"iat\" is \"now\", issuer \"shop\" asks for a number\n",
        ),
        (&["exp=1767225500"], Refusal::Expired, "with a leeway of 1 min 30 s\n"),
    ] {
        let times = ["exp=1767229200", "iat=1767225600"];
        let times =
            times.into_iter().filter(|time| !time.starts_with("exp") || claims != ["no exp"]);
        let claims = claims.iter().copied().filter(|claim| *claim != "no exp");
        let claims = times.chain(claims).flat_map(|claim| ["--claim-json", claim]);
        let token = mint(
            &directory,
            &["--expires-in", "never"].into_iter().chain(claims).collect::<Vec<_>>(),
        )?;
        assert_refused(&token, &["--issuer-file", &file, "--at", at], refusal, hint)?;
    }
    for (header, claims, refusal, hint) in [
        (
            r#"{"alg":"ES256"}"#,
            r#"{"iss":"https://shop.example"}"#,
            Refusal::AlgorithmNotAllowed,
            "the header says \"alg\" is \"ES256\", issuer \"shop\" allows \"HS256\", \"HS512\"\n",
        ),
        (
            r#"{"alg":"HS256","typ":"x"}"#,
            r#"{"iss":"https://shop.example"}"#,
            Refusal::WrongTyp,
            "\"typ\" is \"x\", issuer \"shop\" allows none, \"JWT\" and \"at+jwt\"\n",
        ),
        (
            r#"{"alg":"HS256"}"#,
            r#"{"iss":"https://bank.example"}"#,
            Refusal::WrongTyp,
            "\"typ\" is missing, issuer \"bank\" allows \"JOSE\"\n",
        ),
        (r#"{"alg":"HS256"}"#, "{}", Refusal::UnknownIssuer, "\"iss\" is missing, known are"),
    ] {
        let token = unsigned(header, claims);
        assert_refused(&token, &["--issuer-file", &file, "--at", at], refusal, hint)?;
    }
    // One of two issuers alone.
    let only = ["--issuer-file", &file, "--issuer", "bank"];
    let hint = "\"iss\" is \"https://shop.example\", known are \"https://bank.example\"\n";
    assert_refused(&mint(&directory, &[])?, &only, Refusal::UnknownIssuer, hint)
}

#[test]
fn a_token_that_a_rule_rules_out() -> Outcome<()> {
    let directory = directory("rules")?;
    let key = directory.file("shop.jwk");
    let claims = r#"{"aud":["x"],"scope":"read list","realm_access":{"roles":["user"]},"n":17,
        "nothing":null,"long":"LONG","odd":"a\u0007
b"}"#;
    let claims = claims.replace("LONG", &"x".repeat(300)).replace("\n", "");
    let token = out(&["mint", "--key", &key, "--claims", &claims])?;
    let mismatch = |failure, path: &str| Refusal::ClaimMismatch(failure, path.into());
    let (forbidden, unauthorized) = (Failure::Forbidden, Failure::Unauthorized);
    let long = format!("claim \"long\" is \"{}..., the rule is \"long = x\"\n", "x".repeat(199));
    for (rules, refusal, hint) in [
        (
            &["--audience", "y"][..],
            Refusal::WrongAudience,
            "\"aud\" is [\"x\"], asked for is \"y\"\n",
        ),
        (
            &["--audience", "y", "--audience", "z 'a b'"],
            Refusal::WrongAudience,
            "\"aud\" is [\"x\"], asked for is \"y\", \"z\", \"a b\"\n",
        ),
        (
            &["--require-scope", "read write"],
            Refusal::InsufficientScope,
            "\"scope\" has \"read\", \"list\", \"write\" is missing\n",
        ),
        (
            &["--require-scope", "read", "--require-scope", "match=any write \"\" admin"],
            Refusal::InsufficientScope,
            "\"scope\" has \"read\", \"list\", one of \"write\", \"\", \"admin\" is missing\n",
        ),
        (
            &["--require-claim", "realm_access.roles any admin staff"],
            mismatch(forbidden, "realm_access.roles"),
            "claim \"realm_access.roles\" is [\"user\"], the rule is \"realm_access.roles any admin staff\"\n",
        ),
        (
            &["--require-claim", "n present", "--require-claim", "n = 18 error=401"],
            mismatch(unauthorized, "n"),
            "claim \"n\" is 17, the rule is \"n = 18 error=401\"\n",
        ),
        (
            &["--require-claim", "nothing present"],
            mismatch(forbidden, "nothing"),
            "claim \"nothing\" is missing or null, the rule is",
        ),
        (
            &["--require-claim", "n absent"],
            mismatch(forbidden, "n"),
            "claim \"n\" is 17, the rule is",
        ),
        (&["--require-claim", "odd ~ '^a$'"], mismatch(forbidden, "odd"), "is \"a\\u0007b\", "),
        (&["--require-claim", "long = x"], mismatch(forbidden, "long"), &long),
    ] {
        assert_refused(&token, &[&["--keys", &key], rules].concat(), refusal, hint)?;
    }
    let met = [
        &["--audience", "x"][..],
        &["--require-scope", "read list match=all"],
        &["--require-scope", "match=any write read"],
        &["--require-claim", "[\"realm_access\"].roles[0] = user"],
        &["--require-claim", "n ~ '^[0-9]{2}$' error=401"],
        &["--require-claim", "nothing absent"],
    ];
    let all = [&["verify", "--keys", &key], met.concat().as_slice()].concat();
    let run = run_with(&token, &all)?;
    assert_eq!(run.code, 0, "{}{}", run.out, run.errors);
    assert!(!run.out.contains("issuer:"), "{}", run.out);

    // The challenge says which scopes are asked for, each once.
    let several = ["--require-scope", "read write", "--require-scope", "\"\" admin read match=any"];
    let all = [&["verify", "--keys", &key], &several[..]].concat();
    for (token, error) in [("", ""), (&token, ", error=\"insufficient_scope\"")] {
        let told = format!("challenge: Bearer realm=\"api\"{error}, scope=\"read write admin\"\n");
        let run = run_with(token, &all)?;
        assert!(run.out.contains(&told), "{}", run.out);
    }

    // No scope at all, and an issuer's own place for them.
    let bare = out(&["mint", "--key", &key])?;
    let scope = ["--keys", &key, "--require-scope", "a"];
    let hint = "there is no \"scope\" and no \"scp\", \"a\" is missing\n";
    assert_refused(&bare, &scope, Refusal::InsufficientScope, hint)?;
    let elsewhere = directory.holding(
        "elsewhere",
        "auth_jwt_issuer i { issuer i; audience a; key_file shop.jwk; scope_claim p.q z; }",
    )?;
    let mint = |claims: &str| out(&["mint", "--key", &key, "--claims", claims]);
    let args = ["--issuer-file", &elsewhere, "--audience", "b", "--require-scope", "a"];
    for (claims, refusal, hint) in [
        (
            r#"{"iss":"i","aud":"b","scope":"a"}"#,
            Refusal::InsufficientScope,
            "there is no \"p.q\" and no \"z\", \"a\" is missing\n",
        ),
        (
            r#"{"iss":"i","aud":"b","p":{"q":["b",1]},"z":"a"}"#,
            Refusal::InsufficientScope,
            "\"p.q\" has \"b\", \"a\" is missing\n",
        ),
        (
            r#"{"iss":"i","aud":"b","p":{"q":17}}"#,
            Refusal::InsufficientScope,
            "\"p.q\" has no scope, \"a\" is missing\n",
        ),
        // The location's audience stands in place of the issuer's.
        (
            r#"{"iss":"i","aud":"a","z":"a"}"#,
            Refusal::WrongAudience,
            "\"aud\" is \"a\", asked for is \"b\"\n",
        ),
    ] {
        assert_refused(&mint(claims)?, &args, refusal, hint)?;
    }
    let good = mint(r#"{"iss":"i","aud":"b","z":"a"}"#)?;
    assert_eq!(run_with(&good, &[&["verify"][..], &args].concat())?.code, 0);
    Ok(())
}

#[test]
fn encrypted_tokens_of_an_issuer() -> Outcome<()> {
    let directory = directory("encrypted")?;
    let wrap = directory.key("wrap.jwk", &["--alg", "A128KW"])?;
    let signer = directory.file("shop.jwk");
    let file = directory.holding(
        "one",
        "auth_jwt_issuer one { issuer one; audience any; algorithms HS256; typ at+jwt;
            key_file wrap.jwk; key_file shop.jwk; }",
    )?;
    let plain = directory.holding(
        "plain",
        "auth_jwt_issuer plain { issuer one; audience any; key_file wrap.jwk; }",
    )?;
    let encrypted = |iss: &str| out(&["mint", "--key", &wrap, "--claim", iss]);
    let verify = ["--type", "encrypted", "--issuer-file", &plain];
    let run = run_with(&encrypted("iss=one")?, &[&["verify"][..], &verify].concat())?;
    assert!(run.out.contains("\nissuer:    plain\n"), "{}{}", run.out, run.errors);
    let hint = "\"iss\" is \"two\", known are \"one\"\n";
    assert_refused(&encrypted("iss=two")?, &verify, Refusal::UnknownIssuer, hint)?;
    let nested = ["mint", "--key", &wrap, "--nested", "--key", &signer, "--claim"];
    let nested = |iss| out(&[&nested[..], &[iss]].concat());
    let verify = ["--type", "nested", "--issuer-file", &file];
    assert_refused(&nested("iss=two")?, &verify, Refusal::UnknownIssuer, hint)?;
    let hint = "\"typ\" is \"JWT\", issuer \"one\" allows \"at+jwt\"\n";
    assert_refused(&nested("iss=one")?, &verify, Refusal::WrongTyp, hint)?;
    // Such a token does not say whose it is.
    let several = ["--issuer-file", &directory.file("nginx.conf"), "--type", "nested"];
    let run = run_with(&nested("iss=one")?, &[&["verify"][..], &several].concat())?;
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert!(run.errors.contains("several issuers, but one only"), "{}", run.errors);
    Ok(())
}
