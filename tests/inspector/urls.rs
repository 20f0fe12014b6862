//! Keys by URL: fetched, and said why they do not come.

use std::net::TcpListener;

use ngx_http_auth_jwt_module::auth::outcome::Refusal;

use super::assert_refused;
use super::program::{Directory, Outcome, Run, out, run, run_where, run_with};
use super::server::Server;

/// Two keys and a secret, which a URL may not tell.
const KEYS: &str = r#"{"keys":[
    {"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"a","use":"sig"},
    {"kty":"XYZ","kid":"x"},
    {"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow","kid":"s"}]}"#;

/// What `keys` says of them, behind the steps.
const LISTED: &str = "key 0: kid \"a\", OKP Ed25519, use sig\n  verifies EdDSA, Ed25519\n\
    ignored: \"SET\": key 1 (kid \"x\") is not usable: unknown \"kty\"\n\
    ignored: \"SET\": key 2 (kid \"s\") is not usable: \"kty\" is \"oct\", and what a URL tells is no secret\n\
    1 usable, 2 ignored\n";

fn document(issuer: &str, jwks_uri: &str) -> String {
    format!(r#"{{"issuer":"{issuer}","jwks_uri":"{jwks_uri}"}}"#)
}

fn provider(path: &str) -> (u16, String) {
    const OPENID: &str = "/.well-known/openid-configuration";
    const OAUTH: &str = "/.well-known/oauth-authorization-server";
    let path = path.split('?').next().unwrap_or_default();
    let good = match path.strip_suffix(OPENID).or(path.strip_prefix(OAUTH)).unwrap_or(path) {
        "/.well-known/jwks.json" => KEYS.to_owned(),
        // As Auth0, whose issuer has a slash at the end.
        "" if path == OPENID => document("BASE/", "BASE/.well-known/jwks.json"),
        // As Keycloak, which answers at its issuer, too.
        "/realms/shop" if path == "/realms/shop" => r#"{"realm":"shop"}"#.to_owned(),
        "/realms/shop" if path.ends_with(OPENID) => {
            document("BASE/realms/shop", "BASE/.well-known/jwks.json")
        }
        // RFC 8414 alone.
        "/oauth" if path.starts_with(OAUTH) => document("BASE/oauth", "BASE/.well-known/jwks.json"),
        "/tenants" if path.ends_with(OPENID) => document("BASE/{tenantid}", "BASE/keys"),
        "/plain" if path.ends_with(OPENID) => document("BASE/plain", "http://id.example.com/keys"),
        "/gone" if path.ends_with(OPENID) => document("BASE/gone", "BASE/no/keys"),
        "/html" => "<html>".to_owned(),
        "/none" => r#"{"keys":[]}"#.to_owned(),
        "/empty" => r#"{"keys":[{"kty":"XYZ"}]}"#.to_owned(),
        "/moved" if path == "/moved" => return (302, String::new()),
        "/gateway" => return (302, String::new()),
        "/closed" => return (401, String::new()),
        "/broken" => return (503, String::new()),
        _ => return (404, String::new()),
    };
    (200, good)
}

/// What was said, but for how long it took and how many bytes it was; `BASE` stands for the server's URL.
fn shown(run: &Run, base: &str) -> String {
    let words = run.out.replace(base, "BASE");
    let lines = words.lines().map(|line| {
        let line = match line.rsplit_once(" (") {
            Some((line, time)) if time.ends_with(" ms)") => line,
            _ => line,
        };
        match line.strip_prefix("  200, ") {
            Some(size) if size.ends_with(" bytes") => "  200\n".to_owned(),
            _ => format!("{line}\n"),
        }
    });
    lines.collect()
}

#[test]
fn what_a_url_is() -> Outcome<()> {
    let server = Server::http(provider)?;
    let base = server.url.as_str();
    const JWKS: &str = "BASE/.well-known/jwks.json";
    let listed = LISTED.replace("SET", JWKS);
    let keys = format!("GET {JWKS}\n  200\n{listed}");
    let at = |url: &str, lines: &str| format!("GET BASE{url}\n{lines}");
    let openid = |issuer: &str, equal: &str| {
        let path = "/.well-known/openid-configuration";
        let own = issuer.trim_end_matches('/');
        let lines = format!("  200\n  issuer \"BASE{issuer}\"{equal}\n  jwks_uri \"{JWKS}\"\n");
        at(&format!("{own}{path}"), &lines)
    };
    let as_issuer = "  no JWK Set: taken as an issuer\n";
    let not_found = "  the answer has status 404, not 200\n";
    for (argument, expected) in [
        ("/.well-known/jwks.json", keys.clone()),
        ("/", openid("/", ", as it must be") + &keys),
        (
            "/.well-known/openid-configuration",
            openid("/", "") + &keys + "hint: in the block: issuer BASE/;\n",
        ),
        (
            "/realms/shop",
            at("/realms/shop", "  200\n")
                + as_issuer
                + &openid("/realms/shop", ", as it must be")
                + &keys,
        ),
        (
            "/oauth",
            at("/oauth", not_found)
                + as_issuer
                + &at("/oauth/.well-known/openid-configuration", not_found)
                + &at(
                    "/.well-known/oauth-authorization-server/oauth",
                    "  200\n  issuer \"BASE/oauth\", as it must be\n",
                )
                + &format!("  jwks_uri \"{JWKS}\"\n{keys}"),
        ),
        (
            "/.well-known/oauth-authorization-server/oauth",
            at(
                "/.well-known/oauth-authorization-server/oauth",
                &format!("  200\n  issuer \"BASE/oauth\"\n  jwks_uri \"{JWKS}\"\n{keys}"),
            ) + "hint: in the block: issuer BASE/oauth; config_url BASE/.well-known/oauth-authorization-server/oauth;\n",
        ),
    ] {
        let run = run(&["keys", &format!("{base}{argument}")])?;
        assert_eq!((shown(&run, base), run.code), (expected, 0), "{argument}: {}", run.errors);
    }
    // A document for the issuer of a block.
    let config = format!("{base}/.well-known/openid-configuration");
    let issuer = format!("{base}/");
    let good = run(&["keys", "--iss", &issuer, &config])?;
    assert_eq!(good.code, 0, "{}", good.out);
    assert!(good.out.contains(&format!("issuer \"{issuer}\", as it must be\n")), "{}", good.out);
    let elsewhere = run(&["keys", "--iss", &issuer, &format!("{base}/realms/shop")])?;
    assert_eq!(elsewhere.code, 1, "{}", elsewhere.out);
    let told = "  issuer \"BASE/realms/shop\", but it must be \"BASE/\"\n";
    assert!(shown(&elsewhere, base).contains(told), "{}", elsewhere.out);
    Ok(())
}

#[test]
fn why_keys_do_not_come() -> Outcome<()> {
    let server = Server::http(provider)?;
    let base = server.url.clone();
    let base = base.as_str();
    for (argument, error, hint) in [
        (
            "",
            "/.well-known/openid-configuration\": the document has \"issuer\" \"BASE/\", not \"BASE\"",
            "hint: the \"/\" at the end counts: if that is the \"iss\" of its tokens, the block must name \"BASE/\" as its first issuer\n",
        ),
        (
            "/tenants",
            "/tenants/.well-known/openid-configuration\": the document has \"issuer\" \"BASE/{tenantid}\"",
            "hint: that is a document for all tenants",
        ),
        (
            "/plain",
            "/plain/.well-known/openid-configuration\": the document has \"jwks_uri\" \"http://id.example.com/keys\", but it is neither",
            "hint: whoever is on the way could replace the keys",
        ),
        (
            "/gone",
            "/no/keys\": the answer has status 404, not 200",
            "hint: the issuer's own document names that URL",
        ),
        (
            "/nothing",
            "/nothing/.well-known/openid-configuration\": the answer has status 404, not 200",
            "hint: is the issuer's URL whole, with its path?",
        ),
        (
            "/.well-known/keys",
            "/.well-known/keys\": the answer has status 404, not 200",
            "hint: give the issuer's URL",
        ),
        (
            "/html?a",
            "/html?a\": JWK set is not a JSON object",
            "hint: what was answered is no JSON",
        ),
        // What it says as given, too, where it is no issuer either.
        (
            "/moved",
            "/moved/.well-known/openid-configuration\": the answer has status 404, not 200",
            "hint: no redirect is followed: name the URL it leads to (\"curl -sI\" shows it)\nhint: is the issuer's",
        ),
        (
            "/gateway",
            "/gateway/.well-known/openid-configuration\": the answer has status 302, not 200",
            ", not 200\nhint: no redirect is followed",
        ),
        ("/broken", "/broken\": the answer has status 503, not 200", "hint: the fault is"),
        (
            "/gone/.well-known/openid-configuration",
            "/no/keys\": the answer has status 404, not 200",
            "hint: the issuer's own document names that URL",
        ),
        ("/none", "/none\": empty JWK set", "hint: the set has no keys at all"),
        ("/empty", "/empty\": empty JWK set", "hint: the set is well-formed"),
        ("/moved?a", "/moved?a\": the answer has status 302, not 200", "hint: no redirect"),
        (
            "/closed?a",
            "/closed?a\": the answer has status 401, not 200",
            "hint: keys must be there",
        ),
        ("/broken?a", "/broken?a\": the answer has status 503, not 200", "hint: the fault is"),
    ] {
        let run = run(&["keys", &format!("{base}{argument}")])?;
        let shown = shown(&run, base);
        assert_eq!(run.code, 1, "{argument}: {shown}{}", run.errors);
        let error = format!("\nerror: keys cannot be fetched from \"BASE{error}");
        assert!(shown.contains(&error), "{argument}: {shown}");
        assert!(shown.contains(hint), "{argument}: {shown}");
    }
    let ignored = format!("ignored: \"{base}/empty\": key 0 is not usable: unknown \"kty\"\n");
    assert!(run(&["keys", &format!("{base}/empty")])?.out.contains(&ignored));
    // Nobody accepts.
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let silent = (format!("http://{}/a", silent.local_addr()?), silent);
    let slow = run(&["keys", &silent.0, "--timeout", "1s"])?;
    assert_eq!(slow.code, 1, "{}{}", slow.out, slow.errors);
    let told = "  it took longer than \"timeout\" allows (";
    assert!(slow.out.contains(told) && slow.out.contains("hint: \"timeout\" in"), "{}", slow.out);
    drop(server);
    for (argument, told) in [
        (base, "hint: nothing listens at that port\n"),
        (
            "http://id.example.com/a",
            "hint: whoever is on the way could replace the keys: try \"https://id.example.com/a\"\n",
        ),
        (
            "https://a.invalid/?b#c",
            "error: keys cannot be fetched from this URL: it has a fragment\n",
        ),
        (
            "https://u:secret@a.invalid/",
            "error: keys cannot be fetched from this URL: it has credentials\n",
        ),
    ] {
        let run = run(&["keys", argument])?;
        assert_eq!(run.code, 1, "{argument}: {}{}", run.out, run.errors);
        assert!(run.out.contains(told), "{argument}: {}", run.out);
        assert!(!run.out.contains("secret"), "{}", run.out);
    }
    Ok(())
}

#[test]
fn whom_to_trust_and_the_way_there() -> Outcome<()> {
    let directory = Directory::new("trust")?;
    let server = Server::https(provider)?;
    let authority = directory.holding("authority", &server.authority)?;
    let url = format!("{}/.well-known/jwks.json", server.url);
    let by_address = url.replace("localhost", "127.0.0.1");
    let other = directory.holding("other", &Server::https(provider)?.authority)?;
    let trust = "--trusted-certificate";
    let good = run(&["keys", &url, trust, &authority, "--timeout", "10s"])?;
    assert_eq!(good.code, 0, "{}{}", good.out, good.errors);
    for (url, file, error, hint) in [
        (
            &url,
            &other,
            "BadSignature",
            "hint: no certificate in the file of \"ssl_trusted_certificate\" has signed it",
        ),
        (&by_address, &authority, "not valid for name", "hint: the certificate is another host's"),
    ] {
        let run = run(&["keys", url, trust, file])?;
        assert_eq!(run.code, 1, "{}{}", run.out, run.errors);
        assert!(
            run.out.contains(&format!("\nerror: keys cannot be fetched from \"{url}\": TLS: ")),
            "{}",
            run.out
        );
        assert!(run.out.contains(error) && run.out.contains(hint), "{}", run.out);
    }
    let own = Server::https_of_authority(provider)?;
    let trusted = directory.holding("own", &own.authority)?;
    let own = run(&["keys", &own.url, trust, &trusted])?;
    assert!(own.out.contains("hint: the server has an authority's own certificate"), "{}", own.out);
    // What the system trusts, if anything.
    let untrusted = run(&["keys", &url])?;
    assert_eq!(untrusted.code, 1, "{}", untrusted.out);
    assert!(
        untrusted.out.contains("\"nginx-jwt keys --trusted-certificate FILE\" to try it\n"),
        "{}",
        untrusted.out
    );
    let plain = Server::http(provider)?;
    let plain = plain.url.replace("http:", "https:");
    let plain = run(&["keys", &format!("{plain}/a"), trust, &authority])?;
    assert!(plain.out.contains("hint: that port does not speak TLS\n"), "{}", plain.out);

    let proxy = Server::http(|target| match target {
        "id.example.com:443" => (403, String::new()),
        _ => (500, String::new()),
    })?;
    let by_proxy = ["--proxy", &proxy.url, trust, &authority];
    let refused = run(&[&["keys", "https://id.example.com/a"], &by_proxy[..]].concat())?;
    let told = "GET https://id.example.com/a by way of the proxy\n  proxy: ";
    assert_eq!(refused.code, 1, "{}", refused.out);
    assert!(refused.out.starts_with(told), "{}", refused.out);
    assert!(refused.out.contains("hint: the proxy must allow CONNECT"), "{}", refused.out);
    // The environment's is not taken, here as in nginx.
    let direct = run_where(("https_proxy", &proxy.url), &["keys", "https://a.invalid/a"])?;
    assert_eq!(direct.code, 1, "{}", direct.out);
    assert!(direct.out.starts_with("GET https://a.invalid/a\n"), "{}", direct.out);
    let told = "hint: $https_proxy names a proxy, of which nginx knows nothing: ";
    assert!(direct.out.contains(told) && !direct.out.contains("proxy: "), "{}", direct.out);
    // What is on this machine is asked by way of it, too.
    let local = run(&[&["keys", &url], &by_proxy[..]].concat())?;
    assert_eq!(local.code, 1, "{}", local.out);
    assert!(local.out.starts_with(&format!("GET {url} by way of the proxy\n")), "{}", local.out);
    Ok(())
}

#[test]
fn blocks_whose_keys_are_by_url() -> Outcome<()> {
    let directory = Directory::new("url-blocks")?;
    let server = Server::https(provider)?;
    let base = server.url.clone();
    let base = base.as_str();
    directory.holding("authority.pem", &server.authority)?;
    directory.key("own.jwk", &["--alg", "HS256", "--kid", "own"])?;
    let text = "http {
        auth_jwt_issuer shop { issuer BASE/realms/shop; audience any; ssl_trusted_certificate authority.pem; }
        auth_jwt_issuer mixed {
            issuer mixed; audience any; ssl_trusted_certificate authority.pem; timeout 10s;
            key_file own.jwk; key_url BASE/.well-known/jwks.json;
        }
        auth_jwt_issuer away { issuer https://id.example.com; audience any; }
        auth_jwt_issuer lost { issuer lost; audience any; key_file missing.jwk; }
    }";
    let file = directory.holding("nginx.conf", &text.replace("BASE", base))?;
    let by_proxy = text.replace("http {", "http { auth_jwt_fetch_proxy http://127.0.0.1:1;");
    let by_proxy = directory.holding("proxy.conf", &by_proxy.replace("BASE", base))?;
    let own = directory.file("own.jwk");
    let keys_of =
        |file: &str, more: &[&str]| run(&[&["keys", "--issuer-file", file], more].concat());
    let keys = |more: &[&str]| keys_of(&file, more);
    let jwks = "BASE/.well-known/jwks.json";
    let of = |block: &str| {
        let listed = LISTED.replace("\"SET\"", &format!("issuer \"{block}\": \"{jwks}\""));
        format!("GET {jwks}\n  200\n{listed}")
    };
    let good = keys(&["--issuer", "shop", "--issuer", "mixed"])?;
    let expected = format!(
        "issuer \"shop\"\nGET BASE/realms/shop/.well-known/openid-configuration\n  200\n  \
         issuer \"BASE/realms/shop\", as it must be\n  jwks_uri \"{jwks}\"\n{}\n\
         issuer \"mixed\"\nkey 0: kid \"own\", oct of 32 bytes, alg HS256, use sig\n  \
         verifies HS256\n1 usable, 0 ignored\n{}",
        of("shop"),
        of("mixed")
    );
    assert_eq!((shown(&good, base), good.code), (expected, 0), "{}", good.errors);
    // The proxy that the file names, and another.
    for (more, told) in [
        (&[][..], "Connection refused"),
        (&["--proxy", "http://127.0.0.1:2"], "Connection refused"),
    ] {
        let away = keys_of(&by_proxy, &[&["--issuer", "away"], more].concat())?;
        assert_eq!(away.code, 1, "{}{}", away.out, away.errors);
        assert!(
            away.out.contains("by way of the proxy\n") && away.out.contains(told),
            "{}",
            away.out
        );
        let error = "\nerror: issuer \"away\": keys cannot be fetched from \"https://id.example.com/.well-known/openid-configuration\": ";
        assert!(away.out.contains(error), "{}", away.out);
    }
    let lost = keys(&["--issuer", "shop", "--issuer", "lost"])?;
    assert_eq!(lost.code, 1, "{}", lost.out);
    assert!(
        lost.out.contains("\nerror: key file \"")
            && lost.out.contains("missing.jwk\" cannot be opened: "),
        "{}",
        lost.out
    );

    // A token of a block finds its keys there.
    let mint = |claim: &str| out(&["mint", "--key", &own, "--claim", claim]);
    let run = run_with(&mint("iss=mixed")?, &["verify", "--issuer-file", &file])?;
    assert_eq!(run.code, 0, "{}{}", run.out, run.errors);
    assert!(run.out.contains("\nissuer:    mixed\n"), "{}", run.out);
    let notice = format!(
        "log:       [notice] issuer \"mixed\": \"{base}/.well-known/jwks.json\": key 1 (kid \"x\") is not usable: unknown \"kty\"\n"
    );
    assert!(run.out.contains(&notice), "{}", run.out);
    let run =
        run_with(&mint(&format!("iss={base}/realms/shop"))?, &["verify", "--issuer-file", &file])?;
    assert!(run.out.starts_with("status:    unknown_key\n"), "{}", run.out);
    assert!(run.out.contains("hint:      a key has kid \"a\", verifies EdDSA"), "{}", run.out);
    drop(server);
    let blocks = ["--issuer-file", &file];
    assert_refused(
        &mint("iss=mixed")?,
        &blocks,
        Refusal::KeysUnavailable,
        "hint:      nothing listens at that port\n",
    )?;
    let told = "log:       [error] issuer \"mixed\": keys cannot be fetched from \"";
    assert_refused(&mint("iss=mixed")?, &blocks, Refusal::KeysUnavailable, told)
}
