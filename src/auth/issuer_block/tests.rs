use super::by_url::{KEY_CACHE, TIME_OF_FETCHING, URL};
use super::*;
use crate::auth::key_cache::Rules;
use crate::auth::key_place::{Discovery, Remote};

/// `120` is a time of so many seconds.
const TIMES: Times = Times {
    seconds: |text| std::str::from_utf8(text).ok()?.parse().ok(),
    milliseconds: |text| (TIMES.seconds)(text)?.checked_mul(1_000),
};

/// The block `b` of those parameters; `|` ends one, and a blank a word.
fn block(parameters: &str) -> Result<Block, String> {
    let mut block = IssuerBlock::new("b".to_owned());
    for parameter in parameters.split('|').filter(|parameter| !parameter.is_empty()) {
        let words: Vec<&[u8]> = parameter.split(' ').map(str::as_bytes).collect();
        block.set(&words, TIMES)?;
    }
    block.finish()
}

fn files(names: &[&str]) -> Vec<KeyPlace> {
    names.iter().map(|name| KeyPlace::File((*name).to_owned())).collect()
}

#[test]
fn every_parameter() {
    use SignatureAlgorithm::*;
    let plain = "issuer i|audience a|key_file k";
    let Ok(Block { issuer, keys, .. }) = block(plain) else { unreachable!("{plain}") };
    assert_eq!((issuer.name.as_str(), keys), ("b", files(&["k"])));
    assert_eq!(issuer.issuers, ["i"]);
    assert_eq!(issuer.audience, Some(vec!["a".to_owned()]));
    assert!(issuer.algorithms.is_none() && issuer.scope_claim.is_none());
    assert!(!issuer.may_lack_exp && issuer.typ == Typ::Usual);
    assert_eq!((issuer.leeway, issuer.max_lifetime, issuer.max_age), (None, None, None));

    let full = "issuer i j|issuer k|audience a b|audience c|key_file k|key_file l|\
        algorithms ES256 EdDSA|typ JWT application/X|exp optional|leeway 1|max_lifetime 2|\
        max_age 3|scope_claim a.b [\"c\"]";
    let Ok(Block { issuer, keys, .. }) = block(full) else { unreachable!("{full}") };
    assert_eq!(keys, files(&["k", "l"]));
    assert_eq!(issuer.issuers, ["i", "j", "k"]);
    assert_eq!(issuer.audience, Some(["a", "b", "c"].map(str::to_owned).to_vec()));
    assert_eq!(issuer.algorithms, Some(vec![Es256, EdDsa]));
    assert_eq!(issuer.typ, Typ::Of(vec!["JWT".to_owned(), "X".to_owned()]));
    assert!(issuer.may_lack_exp);
    let times = (issuer.leeway, issuer.max_lifetime, issuer.max_age);
    assert_eq!(times, (Some(1), Some(2), Some(3)));
    let paths = issuer.scope_claim.unwrap_or_default();
    let paths: Vec<_> = paths.iter().map(|path| path.text().to_string()).collect();
    assert_eq!(paths, ["a.b", "[\"c\"]"]);

    let any = "issuer i|audience any|key_file k|typ any|exp required|max_age 0";
    let Ok(Block { issuer, .. }) = block(any) else { unreachable!("{any}") };
    assert!(issuer.audience.is_none() && issuer.typ == Typ::Any && !issuer.may_lack_exp);
    assert_eq!(issuer.max_age, Some(0));
}

#[test]
fn keys_by_url() {
    let read = |parameters: &str| block(&format!("audience any|{parameters}"));
    let url = |text: &str| match text.parse() {
        Ok(url) => url,
        Err(error) => unreachable!("{text}: {error}"),
    };
    let discovery = |place: &str, fallback: Option<&str>, issuer: &str| {
        let (place, issuer) = (url(place), issuer.to_owned());
        let discovery = Discovery { url: place, fallback: fallback.map(url), issuer };
        KeyPlace::Remote(Box::new(Remote::Discovery(discovery)))
    };
    let of_a = discovery(
        "https://a/t/.well-known/openid-configuration",
        Some("https://a/.well-known/oauth-authorization-server/t"),
        "https://a/t/",
    );
    for (parameters, expected) in [
        ("issuer https://a/t/ b", vec![of_a]),
        ("config_url https://c|issuer https://a", vec![discovery("https://c", None, "https://a")]),
        (
            "issuer i|key_url https://k|key_file f|key_url http://[::1]/|config_url https://c",
            vec![
                KeyPlace::Remote(Box::new(Remote::KeySet(url("https://k")))),
                KeyPlace::File("f".to_owned()),
                KeyPlace::Remote(Box::new(Remote::KeySet(url("http://[::1]/")))),
                discovery("https://c", None, "i"),
            ],
        ),
    ] {
        let found = read(parameters).map(|block| block.keys);
        assert_eq!(found, Ok(expected), "{parameters}");
    }
    let rules = |fresh_for, refresh_every, stale_for| Rules { fresh_for, refresh_every, stale_for };
    for (parameters, cache, timeout, certificates) in [
        ("", rules(600_000, Some(30_000), 86_400_000), 5_000, None),
        (
            "key_cache 60|timeout 1|ssl_trusted_certificate c",
            rules(60_000, Some(30_000), 86_400_000),
            1_000,
            Some("c"),
        ),
        ("key_cache 60 refresh=off", rules(60_000, None, 86_400_000), 5_000, None),
        ("key_cache 1 stale=0 refresh=1", rules(1_000, Some(1_000), 0), 5_000, None),
    ] {
        let found = read(&format!("issuer https://a|{parameters}"));
        let certificates = certificates.map(str::to_owned);
        let expected = FetchSettings { cache, timeout, certificates };
        assert_eq!(found.map(|block| (block.fetch, block.ineffective)), Ok((expected, None)));
    }
    let file = read("issuer i|key_file f|key_cache 60");
    assert_eq!(file.map(|block| block.ineffective), Ok(Some("key_cache")));
}

#[test]
fn every_refusal_names_block_parameter_and_what_is_allowed() {
    const ALLOWED: &str = "\"issuer\", \"key_file\", \"key_url\", \"config_url\", \"key_cache\", \
        \"timeout\", \"ssl_trusted_certificate\", \"audience\", \"algorithms\", \"typ\", \"exp\", \"leeway\", \"max_lifetime\", \"max_age\" or \"scope_claim\"";
    const AUDIENCES: &str = "it must be audiences, or \"any\" and nothing else";
    const NO_KEYS: &str = "no keys in issuer \"b\", it must name \"key_file\", \"key_url\" or \
        \"config_url\": its keys cannot be found by ";
    const ONE_FILE: &str = "it must be the name of one file, without variables";
    const ALGORITHMS: &str = "it must be \"HS256\", \"HS384\", \"HS512\", \"RS256\", \"RS384\", \
        \"RS512\", \"PS256\", \"PS384\", \"PS512\", \"ES256\", \"ES384\", \"ES512\", \"EdDSA\", \
        \"Ed25519\" or \"Ed448\"";
    let invalid = |value: &str, parameter: &str, allowed: &str| {
        format!("invalid value \"{value}\" of \"{parameter}\" in issuer \"b\", {allowed}")
    };
    let time = format!("it must be {TIME}");
    let (url, cache) = (format!("it must be {URL}"), format!("it must be {KEY_CACHE}"));
    for (parameters, message) in [
        ("isuer i", format!("unknown parameter \"isuer\" in issuer \"b\", allowed is {ALLOWED}")),
        ("Issuer i", format!("unknown parameter \"Issuer\" in issuer \"b\", allowed is {ALLOWED}")),
        (
            "",
            "no \"issuer\" in issuer \"b\", it must name the \"iss\" of its tokens, such as \
                \"issuer https://id.example.com;\""
                .into(),
        ),
        (
            "issuer i|key_file k",
            "no \"audience\" in issuer \"b\", it must name what its tokens are for, such as \
                \"audience orders-api;\" (\"audience any;\" asks for none)"
                .into(),
        ),
        ("issuer i|audience any", NO_KEYS.to_owned() + "\"issuer i\", it is no URL"),
        (
            "issuer http://id.example.com|audience any",
            NO_KEYS.to_owned()
                + "\"issuer http://id.example.com\", it is neither \"https:\" nor \"http:\" to this machine",
        ),
        (
            "issuer https://a/?b|audience any",
            NO_KEYS.to_owned() + "\"issuer https://a/?b\", it has a query",
        ),
        ("key_url http://a/", invalid("http://a/", "key_url", &url)),
        ("key_url https://a/ https://b/", invalid("https://a/ https://b/", "key_url", &url)),
        ("key_url https://u:p@a/", invalid("https://u:p@a/", "key_url", &url)),
        ("config_url https://a/#b", invalid("https://a/#b", "config_url", &url)),
        ("config_url https://$host/", invalid("https://$host/", "config_url", &url)),
        (
            "config_url https://a/|config_url https://b/",
            "duplicate parameter \"config_url\" in issuer \"b\"".into(),
        ),
        ("key_cache 0", invalid("0", "key_cache", &cache)),
        ("key_cache x", invalid("x", "key_cache", &cache)),
        ("key_cache 1 refresh=0", invalid("1 refresh=0", "key_cache", &cache)),
        ("key_cache 1 refresh=on", invalid("1 refresh=on", "key_cache", &cache)),
        ("key_cache 1 stale=off", invalid("1 stale=off", "key_cache", &cache)),
        ("key_cache 1 2", invalid("1 2", "key_cache", &cache)),
        ("key_cache 1 stale=1 stale=1", invalid("1 stale=1 stale=1", "key_cache", &cache)),
        ("timeout 0", invalid("0", "timeout", &format!("it must be {TIME_OF_FETCHING}"))),
        (
            "ssl_trusted_certificate $a",
            invalid(
                "$a",
                "ssl_trusted_certificate",
                "it must be the name of one file in PEM, without variables",
            ),
        ),
        ("issuer", "no value of \"issuer\" in issuer \"b\"".into()),
        ("audience", "no value of \"audience\" in issuer \"b\"".into()),
        ("exp", "no value of \"exp\" in issuer \"b\"".into()),
        ("issuer ", invalid("", "issuer", "it must be UTF-8 and not empty")),
        ("audience a ", invalid("", "audience", "it must be UTF-8 and not empty")),
        ("key_file a b", invalid("a b", "key_file", ONE_FILE)),
        ("key_file $host", invalid("$host", "key_file", ONE_FILE)),
        ("audience any a", invalid("any a", "audience", AUDIENCES)),
        ("audience any any", invalid("any any", "audience", AUDIENCES)),
        ("audience any|audience any", invalid("any", "audience", AUDIENCES)),
        ("audience any|audience a", invalid("a", "audience", AUDIENCES)),
        ("audience a|audience any", invalid("any", "audience", AUDIENCES)),
        ("algorithms ES256 none", invalid("none", "algorithms", ALGORITHMS)),
        ("algorithms es256", invalid("es256", "algorithms", ALGORITHMS)),
        ("algorithms dir", invalid("dir", "algorithms", ALGORITHMS)),
        ("typ any jwt", invalid("any jwt", "typ", "it must be types, or \"any\" and nothing else")),
        (
            "typ jwt application/",
            invalid("jwt application/", "typ", "it must be types, such as \"at+jwt\""),
        ),
        ("exp on", invalid("on", "exp", "it must be \"required\" or \"optional\"")),
        (
            "exp optional required",
            invalid("optional required", "exp", "it must be \"required\" or \"optional\""),
        ),
        ("leeway x", invalid("x", "leeway", &time)),
        ("leeway 1 2", invalid("1 2", "leeway", &time)),
        ("max_lifetime -1", invalid("-1", "max_lifetime", &time)),
        ("max_age 1.5", invalid("1.5", "max_age", &time)),
        (
            "scope_claim a b..c",
            "invalid path \"b..c\" of \"scope_claim\" in issuer \"b\": a name in it is empty"
                .into(),
        ),
    ] {
        assert_eq!(block(parameters).err(), Some(message), "{parameters}");
    }
    for value in [
        "algorithms ES256",
        "typ any",
        "exp required",
        "leeway 1",
        "max_lifetime 1",
        "max_age 1",
        "scope_claim a",
    ] {
        let name = value.split(' ').next().unwrap_or_default();
        let message = format!("duplicate parameter \"{name}\" in issuer \"b\"");
        assert_eq!(block(&format!("{value}|{value}")).err(), Some(message));
    }
    // A message is one line, whatever stands in the configuration.
    for (parameters, shown) in [
        ("exp a\nb", "invalid value \"a\\nb\" of \"exp\""),
        ("key_file a\0 b", "invalid value \"a\\x00 b\" of \"key_file\""),
        ("algorithms a\rb", "invalid value \"a\\rb\" of \"algorithms\""),
        ("scope_claim a\rb", "invalid path \"a\\rb\" of \"scope_claim\""),
    ] {
        let message = block(parameters).err().unwrap_or_default();
        assert!(message.starts_with(shown), "{message:?}");
    }
    let mut block = IssuerBlock::new("b".to_owned());
    let message = "invalid value \"\\xff\" of \"issuer\" in issuer \"b\", it must be UTF-8 and \
        not empty";
    assert_eq!(block.set(&[b"issuer", b"\xff"], TIMES).err().as_deref(), Some(message));
}
