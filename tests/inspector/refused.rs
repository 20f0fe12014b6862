//! Calls that are wrong, and configuration that nginx would refuse: nothing is printed, and the fault is named.

use super::issuers;
use super::program::{Directory, Outcome, run_with};

/// A call is refused, in these words, and shows no secret.
fn assert_no_call(arguments: &[&str], told: &str) -> Outcome<()> {
    let run = run_with("e30.e30.AA", arguments)?;
    assert_eq!((run.code, run.out.as_str()), (2, ""), "{arguments:?}: {}", run.errors);
    assert!(run.errors.contains(told), "{arguments:?}: {}", run.errors);
    assert!(!run.errors.contains("secret"), "{}", run.errors);
    Ok(())
}

/// A command refuses a file that holds `text`, in these words; `FILE` stands for its name.
fn assert_no_configuration(
    directory: &Directory,
    command: &str,
    text: &str,
    told: &str,
) -> Outcome<()> {
    let file = directory.holding("wrong.conf", text)?;
    assert_no_call(&[command, "--issuer-file", &file], &told.replace("FILE", &file))
}

/// Which times may stand in the parameters of a block, in the place of `TIME`: with a good one a command comes as
/// far as to judge what it was given.
fn assert_which_times(
    directory: &Directory,
    command: &str,
    parameters: &str,
    times: &[(&str, bool)],
) -> Outcome<()> {
    for (time, is_good) in times {
        let parameters = parameters.replace("TIME", time);
        let text = format!("auth_jwt_issuer a {{ issuer a; audience any; {parameters} }}");
        let file = directory.holding("times.conf", &text)?;
        let run = run_with("e30.e30.AA", &[command, "--issuer-file", &file])?;
        assert_eq!(run.code, if *is_good { 1 } else { 2 }, "{time}: {}{}", run.out, run.errors);
    }
    Ok(())
}

#[test]
fn a_block_that_nginx_would_refuse() -> Outcome<()> {
    let directory = issuers::directory("wrong")?;
    directory.holding("parts/loop", "\ninclude parts/loop;")?;
    directory.holding("parts/closes", "}")?;
    let good = "issuer a; audience any; key_file shop.jwk;";
    for (text, told) in [
        ("", "no \"auth_jwt_issuer\" block in FILE"),
        ("auth_jwt_issuer a;", "directive \"auth_jwt_issuer\" has no opening \"{\" in FILE:1"),
        (
            "\nauth_jwt_issuer { }",
            "invalid number of arguments in \"auth_jwt_issuer\" directive in FILE:2",
        ),
        ("auth_jwt_issuer a b { }", "invalid number of arguments"),
        ("auth_jwt_issuer off { }", "it must be a name other than \"off\" in FILE:1"),
        ("auth_jwt_issuer '' { }", "it must be the name of an issuer, UTF-8 and not empty"),
        (
            "auth_jwt_issuer a { GOOD } auth_jwt_issuer a { GOOD }",
            "duplicate issuer \"a\", the first is in FILE:1",
        ),
        ("auth_jwt_issuer a { GOOD }\nauth_jwt_issuer b { GOOD }", "have the same \"issuer a\""),
        (
            "auth_jwt_issuer a {\n GOOD\n isuer b; }",
            "unknown parameter \"isuer\" in issuer \"a\", allowed is \"issuer\", ",
        ),
        ("auth_jwt_issuer a {\n GOOD\n typ; }", "no value of \"typ\" in issuer \"a\" in FILE:3"),
        (
            "auth_jwt_issuer a {\n issuer a;\n}",
            "no \"audience\" in issuer \"a\", it must name what its tokens are for",
        ),
        ("auth_jwt_issuer a { GOOD typ x {} }", "unexpected \"{\" in FILE:1"),
        ("auth_jwt_issuer a { GOOD", "unexpected end of file, expecting \"}\" in FILE:1"),
        ("http { auth_jwt_issuer a { GOOD }", "unexpected end of file, expecting \"}\" in FILE:1"),
        ("auth_jwt_issuer a { GOOD } }", "unexpected \"}\" in FILE:1"),
        (
            "auth_jwt_issuer a { GOOD }\nx",
            "unexpected end of file, expecting \";\" or \"}\" in FILE:2",
        ),
        ("auth_jwt_issuer a { GOOD }\n;", "unexpected \";\" in FILE:2"),
        ("{", "unexpected \"{\" in FILE:1"),
        ("x 'a", "a quote is not closed in FILE:1"),
        ("x 'a'b;", "unexpected \"b\" in FILE:1"),
        ("auth_jwt_issuer a { include parts/loop; }", "files include each other too deep in "),
        ("auth_jwt_issuer a { include parts/closes; }", "unexpected \"}\" in "),
        ("auth_jwt_issuer a { include parts/missing; }", "/parts/missing\": No such file"),
        (
            "auth_jwt_issuer a { include; }",
            "invalid number of arguments in \"include\" directive in FILE:1",
        ),
        (
            "auth_jwt_issuer a { include p*/more; }",
            "\"*\" and \"?\" are known in the name of a file alone in FILE:1",
        ),
        (
            "auth_jwt_issuer a { GOOD leeway 1 30; }",
            "invalid value \"1 30\" of \"leeway\" in issuer \"a\", it must be a time",
        ),
    ] {
        assert_no_configuration(&directory, "verify", &text.replace("GOOD", good), told)?;
    }
    let file = directory.file("nginx.conf");
    let unknown = ["verify", "--issuer-file", &file, "--issuer", "x"];
    assert_no_call(&unknown, "unknown issuer \"x\"")?;
    // Times as nginx takes them.
    let times = [
        ("90", true),
        ("1h30m", true),
        ("\"1h  30m 5\"", true),
        ("1y1M1w1d1h1m1s", true),
        ("30m1h", false),
        ("1m1m", false),
        ("10ms", false),
        ("-1s", false),
        ("1.5h", false),
        ("h", false),
        ("99999999999999999999", false),
        ("9223372036854775807m", false),
    ];
    assert_which_times(&directory, "verify", "key_file shop.jwk; leeway TIME;", &times)
}

#[test]
fn a_rule_that_nginx_would_refuse() -> Outcome<()> {
    for (option, rule, told) in [
        ("--audience", "", "no value, it must name at least one"),
        ("--audience", "$host", "\"$host\" has a variable: give the text it has"),
        ("--audience", "a;b", "\";\", \"{\" and \"}\" must be quoted"),
        ("--audience", "a 'b", "a quote is not closed"),
        ("--require-scope", "match=any", "no scope, it must name at least one"),
        (
            "--require-scope",
            "a match=some",
            "invalid parameter \"match=some\", allowed is \"match=all\" or \"match=any\"",
        ),
        ("--require-scope", "a match=any match=all", "duplicate parameter \"match=\""),
        ("--require-claim", "a", "no operator, it must follow the path"),
        ("--require-claim", "a == b", "unknown operator \"==\", allowed is \"=\", \"any\""),
        ("--require-claim", "a = b c", "wrong number of values, operator \"=\" takes one value"),
        ("--require-claim", "a..b present", "invalid path \"a..b\": a name in it is empty"),
        ("--require-claim", "a ~ (", "invalid regular expression \"(\": unclosed group"),
        ("--require-claim", "a = b error=404", "allowed is \"error=401\" or \"error=403\""),
    ] {
        let call = ["verify", "--keys", "keys", option, rule];
        assert_no_call(&call, &format!("{option} \"{rule}\": "))?;
        assert_no_call(&call, told)?;
    }
    Ok(())
}

#[test]
fn options_that_cannot_be() -> Outcome<()> {
    let directory = Directory::new("options")?;
    let (empty, garbage) = (
        directory.holding("empty", "")?,
        directory
            .holding("garbage", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")?,
    );
    let url = "http://127.0.0.1:1/";
    for (arguments, told) in [
        (&["keys"][..], "required"),
        (&["keys", url, "--issuer-file", &empty], "cannot be used with"),
        (&["keys", url, "--issuer", "a"], "--issuer"),
        (&["keys", url, "--timeout", "0"], "it must be a time above 0, such as \"10s\""),
        (&["keys", url, "--timeout", "soon"], "it must be a time above 0"),
        (
            &["keys", url, "--proxy", "https://u:secret@a"],
            "invalid URL of --proxy, it must be that of an HTTP proxy",
        ),
        (
            &["keys", url, "--trusted-certificate", "/no/such/file"],
            "\"/no/such/file\" cannot be read: ",
        ),
        (&["keys", url, "--trusted-certificate", &empty], "/empty\" is not usable: "),
        (
            &["keys", url, "--trusted-certificate", &garbage],
            "/garbage\" is not usable: certificate 1 ",
        ),
        (&["keys", &empty, "--proxy", url], "--proxy is for a URL"),
        (&["keys", &empty, "--timeout", "1s"], "--timeout is for a URL"),
        (&["keys", &empty, "--iss", "a"], "--iss is for a URL"),
        (&["keys", "id.example.com"], "(a URL begins with \"https://\")"),
        (
            &["verify", "--no-keys", "--proxy", url, "--token", "a"],
            "--proxy is for the keys of --issuer-file",
        ),
    ] {
        assert_no_call(arguments, told)?;
    }
    Ok(())
}

#[test]
fn a_block_of_urls_that_nginx_would_refuse() -> Outcome<()> {
    let directory = Directory::new("url-wrong")?;
    directory.holding("empty.pem", "")?;
    let good = "issuer https://id.example.com; audience any;";
    for (text, told) in [
        (
            "auth_jwt_issuer a { GOOD ssl_trusted_certificate no.pem; }",
            "file \"no.pem\" of \"ssl_trusted_certificate\" in issuer \"a\" cannot be read: ",
        ),
        (
            "auth_jwt_issuer a { GOOD ssl_trusted_certificate empty.pem; }",
            "file \"empty.pem\" of \"ssl_trusted_certificate\" in issuer \"a\" is not usable: ",
        ),
        (
            "auth_jwt_issuer a { GOOD key_url http://a.example; }",
            "invalid value \"http://a.example\" of \"key_url\" in issuer \"a\"",
        ),
        (
            "auth_jwt_fetch_proxy; auth_jwt_issuer a { GOOD }",
            "invalid number of arguments in \"auth_jwt_fetch_proxy\" directive in FILE:1",
        ),
        (
            "auth_jwt_fetch_proxy https://u:secret@a; auth_jwt_issuer a { GOOD }",
            "invalid URL in \"auth_jwt_fetch_proxy\" directive, it must be that of an HTTP proxy",
        ),
    ] {
        assert_no_configuration(&directory, "keys", &text.replace("GOOD", good), told)?;
    }
    // Times as nginx takes them, in milliseconds.
    let times = [
        ("1s", true),
        ("1000ms", true),
        ("\"1m 30s 500ms\"", true),
        ("1m30s500ms", true),
        ("1s1ms", true),
        ("2", true),
        ("1h", true),
        ("0ms", false),
        ("1y", false),
        ("1M", false),
        ("500ms1s", false),
        ("1ms1ms", false),
        // A number behind it all counts seconds.
        ("\"1ms 1\"", true),
        ("999ms0", true),
        ("\"0 1ms\"", false),
        ("0w0d0h0m0s1000ms", true),
        ("0w0d0h0m0s999ms", true),
        ("0w0d0h0m0s0ms", false),
        ("ms", false),
        ("1.5s", false),
        ("-1s", false),
        ("9223372036854775807", false),
        ("99999999999999999999ms", false),
    ];
    assert_which_times(&directory, "keys", "key_url http://127.0.0.1:1; timeout TIME;", &times)
}
