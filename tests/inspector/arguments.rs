//! A token as an argument: taken as one where it looks like one, and never said again in a message.

use std::time::SystemTime;

use std::fs;

use ngx_http_auth_jwt_module::jose::base64url::encode;

use crate::program::{Directory, Outcome, out, run, run_in, run_with};

/// A token, and the options that verify it.
struct Minted {
    token: String,
    options: Vec<String>,
}

impl Minted {
    fn jws(directory: &Directory) -> Outcome<Self> {
        let key = directory.key("signature", &["--alg", "HS256"])?;
        let token = out(&["mint", "--key", &key, "--claim", "sub=alice"])?;
        Ok(Self { token: token.trim().into(), options: vec!["--keys".into(), key] })
    }

    fn jwe(directory: &Directory) -> Outcome<Self> {
        let key = directory.key("encryption", &["--alg", "dir", "--enc", "A256GCM"])?;
        let token = out(&["mint", "--key", &key, "--enc", "A256GCM", "--claim", "sub=alice"])?;
        let options = ["--keys", &key, "--type", "encrypted"].map(String::from).into();
        Ok(Self { token: token.trim().into(), options })
    }
}

#[test]
fn a_token_is_taken_as_one() -> Outcome<()> {
    let directory = Directory::new("argument")?;
    // Judged as of one moment, which the hints name.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs().to_string();
    for minted in [Minted::jws(&directory)?, Minted::jwe(&directory)?] {
        let token = minted.token.as_str();
        let options = minted.options.iter().map(String::as_str);
        let verify: Vec<&str> =
            ["verify", "--claims", "--at", &now].into_iter().chain(options).collect();
        for command in [&["decode"][..], &verify] {
            let expected = run_with(token, command)?;
            assert_eq!(expected.code, 0, "{command:?}: {}", expected.out);
            for given in
                [token, &format!("Bearer {token}"), &format!("Authorization: Bearer {token}")]
            {
                let found = run(&[command, &[given]].concat())?;
                assert_eq!(found.errors, "", "{command:?}");
                assert_eq!((found.code, &found.out), (0, &expected.out), "{command:?}");
            }
        }
    }
    // What is wrong with a token is no reason to look for a file; an empty segment is one, too.
    let unsigned = format!("{}.e30.", encode(br#"{"alg":"none","alg":"none"}"#));
    let run = run(&["decode", &unsigned])?;
    assert_eq!((run.code, run.errors.as_str()), (1, ""), "{}", run.out);
    assert!(run.out.contains("header: malformed"), "{}", run.out);
    Ok(())
}

#[test]
fn a_file_and_standard_input_still_are() -> Outcome<()> {
    let directory = Directory::new("argument-file")?;
    let token = |subject: &str| {
        let claims = encode(format!("{{\"sub\":\"{subject}\"}}").as_bytes());
        format!("{}.{claims}.AAAA", encode(br#"{"alg":"HS256"}"#))
    };
    let (name, inside) = (token("name"), token("inside"));
    directory.holding("token", &inside)?;
    directory.holding(&name, &inside)?;
    directory.holding("a.b.c", &inside)?;
    for (input, argument) in [("", "token"), ("", &name), ("", "a.b.c"), (&inside, "-")] {
        let run = run_in(&directory, input, &["decode", argument])?;
        assert_eq!(run.code, 0, "{}", run.errors);
        assert!(run.out.contains("\"sub\": \"inside\""), "{argument}: {}", run.out);
    }
    fs::remove_file(directory.file(&name))?;
    let run = run_in(&directory, "", &["decode", &name])?;
    assert!(run.out.contains("\"sub\": \"name\""), "{}{}", run.out, run.errors);
    Ok(())
}

/// Neither whole nor damaged, nor where an option wants something else.
#[test]
fn no_message_says_it_again() -> Outcome<()> {
    let directory = Directory::new("argument-message")?;
    let Minted { token, .. } = Minted::jws(&directory)?;
    let (_, headless) = token.split_once('.').ok_or("no segment")?;
    let secret = token.rsplit('.').next().ok_or("no segment")?;
    let damaged = [
        headless.to_owned(),
        format!("{token}.AAAA"),
        format!("{token}="),
        format!("{token}%"),
        format!("x{token}"),
        format!("Basic {token}"),
        format!("{token}/.."),
        format!("{token} {token}"),
        token.repeat(100),
        secret.repeat(2),
    ];
    for argument in &damaged {
        for command in [&["decode"][..], &["verify", "--no-keys"]] {
            let run = run(&[command, &[argument]].concat())?;
            assert_eq!((run.code, run.out.as_str()), (2, ""), "{command:?} {argument}");
            assert!(!run.errors.contains(secret), "{command:?}: {}", run.errors);
            assert!(run.errors.contains("neither a file nor a token"), "{}", run.errors);
        }
    }
    let token = token.as_str();
    let keys = format!("--keys={token}");
    let at = format!("--at={token}");
    for command in [
        &[token][..],
        &["decode", "--", token, token],
        &["decode", "--token", token, token],
        &["verify", token],
        &["verify", "--no-keys", "--at", token],
        &["verify", "--no-keys", &at, token],
        &["verify", "--no-keys", "--leeway", token, token],
        &["verify", "--keys", token, token],
        &["verify", &keys, token],
        &["keys", token],
        &["mint", "--key", token],
        &["keygen", "--alg", token],
    ] {
        let run = run(command)?;
        assert_ne!(run.code, 0, "{command:?}");
        assert!(!run.errors.contains(secret), "{command:?}: {}", run.errors);
        assert!(!run.out.contains(secret), "{command:?}: {}", run.out);
        assert!(!run.errors.is_empty() || !run.out.is_empty(), "{command:?}");
    }
    // The name of a file is said.
    let run = run(&["decode", "no/such.file"])?;
    let told = "nginx-jwt: error: \"no/such.file\" is neither a file nor a token: No such file";
    assert!(run.errors.starts_with(told), "{}", run.errors);
    Ok(())
}

#[test]
fn help_says_who_sees_an_argument() -> Outcome<()> {
    for command in ["decode", "verify"] {
        let help = out(&[command, "--help"])?;
        let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains("[FILE|TOKEN]"), "{help}");
        assert!(words.contains("other users see an argument in ps"), "{help}");
        assert!(words.contains("shell's history"), "{help}");
    }
    Ok(())
}
