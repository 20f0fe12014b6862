//! docs/reference.md against the code, in both directions: whatever the module understands or says
//! stands on the page, and whatever the page lists is in the code.

mod grammar;
mod page;
mod source;

use std::collections::BTreeSet;
use std::sync::atomic::AtomicU64;

use grammar::Grammar;
use ngx_http_auth_jwt_module::auth::binding::{BindingFault, Missing, ProofFault};
use ngx_http_auth_jwt_module::auth::outcome::{ErrorCode, Leniency, OFF, Refusal, Verdict};
use ngx_http_auth_jwt_module::auth::require::Failure;
use ngx_http_auth_jwt_module::jose::algorithm::{
    ContentEncryption, KeyManagement, SignatureAlgorithm,
};
use ngx_http_auth_jwt_module::jose::error::{Malformed, TokenError, Tried};
use ngx_http_auth_jwt_module::metrics::counters::Registry;
use ngx_http_auth_jwt_module::metrics::prometheus::PrometheusText;
use ngx_http_auth_jwt_module::metrics::report::{IssuerKeys, Report};
use page::{Page, cells, code};
use source::File;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// What of the source is a text with a space, but no message.
const NO_MESSAGES: [&str; 20] = [
    // The header WWW-Authenticate.
    "{} realm=",
    ", error=\"{}\"",
    ", scope=",
    ", resource_metadata=",
    ", algs=\"{}\"",
    // Other headers.
    "GET, HEAD",
    "GET, HEAD, OPTIONS",
    "public, max-age=300",
    // RFC 7468.
    "-----BEGIN CERTIFICATE-----",
    "-----END CERTIFICATE-----",
    // What refuses to compile.
    "bindgen has the bits of ",
    " in other places than C",
    // Between the names of a list, and the words of a value.
    ", ",
    " ",
    "{} or {last}",
    // The resolver's, taken away.
    "failed to lookup address information",
    // The crate regex's, taken away.
    "error: ",
    // The compiler's.
    "the module must be built with panic = \"unwind\"",
    // A place.
    "the command line",
    // The source has told it with its name; of the dry run's line all refusals are the beginning.
    "JWT keys are unavailable",
];

/// A limit: its label and unit on the page, and the constant that sets it.
const LIMITS: [(&str, Unit, &str, &str); 24] = [
    ("a key file", Unit::Mebi, "nginx/key_store/file.rs", "MAX_SIZE"),
    (
        "key files of names with variables remembered in a worker",
        Unit::One,
        "nginx/key_store/room.rs",
        "MAX_ENTRIES",
    ),
    ("their bytes together", Unit::Mebi, "nginx/key_store/file.rs", "MAX_KEPT"),
    ("the answer to a key request", Unit::Mebi, "nginx/key_store/fetch.rs", "MAX_SIZE"),
    ("the time a key request may take", Unit::Seconds, "nginx/key_store/fetch.rs", "MAX_DURATION"),
    (
        "answers to key requests remembered in a worker, so as not to parse them again",
        Unit::One,
        "nginx/key_store/room.rs",
        "MAX_ENTRIES",
    ),
    ("their bytes together", Unit::Mebi, "nginx/key_store/answers.rs", "MAX_KEPT"),
    (
        "sources whose fetched keys are kept in a worker",
        Unit::One,
        "nginx/key_store/room.rs",
        "MAX_ENTRIES",
    ),
    ("the bytes of their answers together", Unit::Mebi, "nginx/key_store/shared.rs", "MAX_KEPT"),
    (
        "the pause after a fetch that failed, under `stale=`",
        Unit::Seconds,
        "auth/key_cache.rs",
        "COOLING",
    ),
    ("the answer to a fetch of keys by URL", Unit::Mebi, "fetch/error.rs", "MAX_SIZE"),
    ("fetches of keys by URL at a time, in a worker", Unit::One, "fetch/fetcher.rs", "MAX_FETCHES"),
    ("from one host", Unit::One, "fetch/fetcher.rs", "MAX_FETCHES_OF_HOST"),
    (
        "the first pause after a fetch of keys by URL that failed",
        Unit::Seconds,
        "fetch/schedule.rs",
        "FIRST_RETRY",
    ),
    ("the longest", Unit::Seconds, "fetch/schedule.rs", "LAST_RETRY"),
    ("a URL of keys or of a resource", Unit::Kibi, "auth/url.rs", "MAX_LENGTH"),
    ("steps of a path to a claim", Unit::One, "auth/claim_path.rs", "MAX_STEPS"),
    ("nesting of JSON", Unit::Levels, "jose/json/scan.rs", "MAX_DEPTH"),
    ("keys tried for one token", Unit::One, "jose/select.rs", "MAX_TRIED"),
    ("keys tried for one token with RSA-OAEP", Unit::One, "jose/select.rs", "MAX_TRIED_BY_RSA"),
    ("characters of a `kid` that are logged", Unit::One, "jose/key_set.rs", "QUOTED_KID"),
    ("counters and their names ([metrics](#metrics))", Unit::Mebi, "nginx/counting.rs", "SIZE"),
    ("used [proofs](#proofs)", Unit::Words, "auth/binding/replays.rs", "WORDS"),
    ("the smallest `auth_jwt_cache`", Unit::Kibi, "nginx/directives/auth_jwt_cache.rs", "SMALLEST"),
];

#[derive(Clone, Copy)]
enum Unit {
    One,
    Levels,
    Kibi,
    Mebi,
    /// Of 64 bits.
    Words,
    Seconds,
}

impl Unit {
    fn show(self, value: u64) -> String {
        match self {
            Self::One => value.to_string(),
            Self::Levels => format!("{value} levels"),
            Self::Kibi => format!("{} KiB", value >> 10),
            Self::Mebi => format!("{} MiB", value >> 20),
            Self::Words => Self::Mebi.show(value.saturating_mul(8)),
            Self::Seconds => format!("{} s", value.div_euclid(1000)),
        }
    }
}

/// The rows of the table that nginx reads: the name of a directive, and the rest of its row.
fn rows(files: &[File]) -> Vec<(&str, &str)> {
    let table = files.iter().find(|file| file.name.ends_with("directives/mod.rs"));
    let Some(table) = table else { return Vec::new() };
    table.words().zip(table.code.split("command(c\"\", ").skip(1)).collect()
}

/// The directives by name, which is that of the file.
fn directives(files: &[File]) -> Vec<(String, &File)> {
    let named = |file: &'_ File| {
        let (folder, name) = file.name.strip_suffix(".rs")?.rsplit_once('/')?;
        (folder == "nginx/directives" && name.starts_with("auth_jwt")).then(|| name.to_owned())
    };
    files.iter().filter_map(|file| Some((named(file)?, file))).collect()
}

#[test]
fn directives_have_a_section_each() -> Outcome {
    let (page, files) = (Page::read()?, source::read()?);
    let directives = directives(&files);
    let names: Vec<String> = directives.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(page.headings("Directives"), names, "the sections of the page, and the directives");
    let rows = rows(&files).into_iter().map(|(name, _)| name);
    assert_eq!(rows.collect::<Vec<_>>(), names, "rows of the table that nginx reads");
    Ok(())
}

#[test]
fn syntax_default_and_context() -> Outcome {
    let (page, files) = (Page::read()?, source::read()?);
    for ((name, file), (_, row)) in directives(&files).into_iter().zip(rows(&files)) {
        let section = page.section(&name);
        for key in ["Syntax", "Default", "Context"] {
            let told = section.field(&format!("{key}:"));
            assert_eq!(told, file.head(key), "{key} of {name}, on the page and in {}", file.name);
        }
        let contexts = match row.split(", ").next() {
            Some("Http") => "`http`",
            Some("LocationAlone") => "`location`",
            Some("Servers") => "`server`, `location`",
            Some("Locations") => "`http`, `server`, `location`",
            _ => "`http`, `server`, `location`, `limit_except`",
        };
        assert!(row.contains(&format!(" {name}::set")), "the setter in the row of {name}");
        assert_eq!(file.head("Context").as_deref(), Some(contexts), "head and code of {name}");
        let since = section.field("Since:").unwrap_or_default();
        let number = |text: &str| -> Vec<u32> { text.split('.').flat_map(str::parse).collect() };
        assert_eq!(number(&since).len(), 3, "{name} is there since \"{since}\"");
        assert!(number(&since) <= number(env!("CARGO_PKG_VERSION")), "{name} since {since}");
    }
    Ok(())
}

#[test]
fn parameters_of_an_issuer() -> Outcome {
    let (page, files) = (Page::read()?, source::read()?);
    let file = files.iter().find(|file| file.name == "auth/issuer_block.rs");
    let known = file.map(|file| file.listed("PARAMETERS")).unwrap_or_default();
    let rows = page.section("auth_jwt_issuer").rows("parameter");
    let told: Vec<String> = rows.iter().filter_map(|row| code(row.first()?)).collect();
    assert!(!known.is_empty(), "no parameters in the source");
    assert_eq!(told, known);
    Ok(())
}

#[test]
fn variables() -> Outcome {
    let (page, files) = (Page::read()?, source::read()?);
    let file = files.iter().find(|file| file.name.ends_with("nginx/variables.rs"));
    let names = file.map(|file| file.constants("NAME: &'static str")).unwrap_or_default();
    // What ends so is a prefix.
    let shown = |name: String| {
        if name.ends_with('_') { format!("${name}NAME") } else { format!("${name}") }
    };
    let expected: Vec<String> = names.into_iter().map(shown).collect();
    let rows = page.section("Variables").rows("variable");
    let told: Vec<String> = rows.iter().filter_map(|row| code(row.first()?)).collect();
    assert_eq!(told, expected);
    Ok(())
}

/// Each way to be refused. A new one does not compile here until it is in the list below.
fn complete(refusal: Refusal) -> Refusal {
    match &refusal {
        Refusal::NoToken | Refusal::Expired | Refusal::NotYetValid => refusal,
        Refusal::UnknownIssuer | Refusal::AlgorithmNotAllowed | Refusal::WrongTyp => refusal,
        Refusal::WrongLifetime | Refusal::WrongAudience | Refusal::InsufficientScope => refusal,
        Refusal::ClaimMismatch(Failure::Unauthorized | Failure::Forbidden, _) => refusal,
        Refusal::RequirementFailed(Failure::Unauthorized | Failure::Forbidden) => refusal,
        Refusal::KeysUnavailable => refusal,
        Refusal::Unproven(fault) => match fault {
            BindingFault::Missing(missing) => match missing {
                Missing::Confirmation | Missing::CertificateBinding | Missing::KeyBinding => {
                    refusal
                }
                Missing::Certificate | Missing::Proof | Missing::Scheme => refusal,
            },
            BindingFault::OtherCertificate | BindingFault::Certificate => refusal,
            BindingFault::Proof(_) => refusal,
        },
        Refusal::Token(error) => match error {
            TokenError::Malformed(_) | TokenError::WrongType => refusal,
            TokenError::UnsupportedAlgorithm | TokenError::UnknownKey => refusal,
            TokenError::InvalidSignature(..) | TokenError::DecryptionFailed(_) => refusal,
        },
    }
}

fn refusals() -> Vec<Refusal> {
    let tokens = [
        TokenError::Malformed(Malformed::SegmentCount),
        TokenError::WrongType,
        TokenError::UnsupportedAlgorithm,
        TokenError::UnknownKey,
        TokenError::InvalidSignature(SignatureAlgorithm::Hs256, Tried::All),
        TokenError::DecryptionFailed(Tried::All),
    ];
    let mut all = vec![Refusal::NoToken];
    all.extend(tokens.map(Refusal::Token));
    all.extend([Refusal::UnknownIssuer, Refusal::AlgorithmNotAllowed, Refusal::WrongTyp]);
    all.extend([Refusal::Expired, Refusal::NotYetValid, Refusal::WrongLifetime]);
    let missing = [
        Missing::Confirmation,
        Missing::CertificateBinding,
        Missing::KeyBinding,
        Missing::Certificate,
        Missing::Proof,
        Missing::Scheme,
    ];
    all.extend(missing.map(|missing| Refusal::Unproven(BindingFault::Missing(missing))));
    let others = [
        BindingFault::OtherCertificate,
        BindingFault::Certificate,
        BindingFault::Proof(ProofFault::Several),
    ];
    all.extend(others.map(Refusal::Unproven));
    all.extend([Refusal::WrongAudience, Refusal::InsufficientScope]);
    let failures = [Failure::Unauthorized, Failure::Forbidden];
    all.extend(failures.map(|failure| Refusal::ClaimMismatch(failure, "PATH".into())));
    all.extend([Failure::Unauthorized, Failure::Forbidden].map(Refusal::RequirementFailed));
    all.push(Refusal::KeysUnavailable);
    all.into_iter().map(complete).collect()
}

#[test]
fn statuses() -> Outcome {
    let anonymous = Verdict::new::<()>(
        Err(Refusal::NoToken),
        Leniency { optional: true, ..Leniency::default() },
    );
    let mut expected: Vec<Vec<String>> = [Verdict::Accepted.word(), OFF, anonymous.word()]
        .map(|word| cells(&format!("| `{word}` | that of the location | – | – |")))
        .into();
    for refusal in refusals() {
        let error = match refusal.error_code() {
            _ if !refusal.is_the_clients() => "no challenge",
            None => "–",
            Some(ErrorCode::InvalidToken) => "`invalid_token`",
            Some(ErrorCode::InsufficientScope) => "`insufficient_scope`",
            Some(ErrorCode::InvalidDpopProof) => "`invalid_dpop_proof`",
        };
        let line = match &refusal {
            _ if !refusal.is_the_clients() => "that of the [key source](#key-sources)".to_owned(),
            Refusal::Token(TokenError::Malformed(reason)) => {
                let line = refusal.to_string();
                format!("`{}REASON`", line.strip_suffix(&reason.to_string()).unwrap_or_default())
            }
            Refusal::Unproven(BindingFault::Proof(reason)) => {
                let line = refusal.to_string();
                format!("`{}REASON`", line.strip_suffix(&reason.to_string()).unwrap_or_default())
            }
            _ => format!("`{refusal}`"),
        };
        let status = refusal.status();
        let dry_run = Verdict::DryRun(refusal.clone()).word();
        let word = Verdict::Refused(refusal).word();
        assert_eq!(dry_run, format!("{word}_dry_run"));
        expected.push(cells(&format!("| `{word}` | {status} | {error} | {line} |")));
    }
    let dry_run = "| `STATUS_dry_run` | that of the location | – | `LINE (dry run)` |";
    expected.push(cells(dry_run));
    assert_eq!(Page::read()?.section("Answers").rows("`$auth_jwt_status`"), expected);
    Ok(())
}

#[test]
fn messages() -> Outcome {
    let (page, files) = (Page::read()?, source::read()?);
    let directives = directives(&files);
    let names: Vec<String> = directives.iter().map(|(name, _)| name.clone()).collect();
    // What metrics tell is no line of a log.
    let of_log = || files.iter().filter(|file| !file.name.starts_with("metrics/"));
    let mut messages: Vec<_> = of_log().flat_map(File::messages).collect();
    for text in NO_MESSAGES {
        let before = messages.len();
        messages.retain(|message| message.text != text);
        assert!(messages.len() < before, "\"{text}\" is in the source no more");
    }
    let words = of_log().flat_map(File::words).map(str::to_owned).collect();
    let grammar = Grammar::new(messages, names.clone(), words);

    let mut used = BTreeSet::new();
    for row in page.rows("level") {
        let (level, text) = page::level_and_message(&row)?;
        let parts = grammar.line(&level, &text);
        assert!(parts.is_some(), "no such line at level {level}: {text}");
        used.extend(parts.unwrap_or_default());
    }
    for row in page.rows("reason") {
        let text = row.first().and_then(|cell| code(cell)).unwrap_or_default();
        let parts = grammar.part(&text);
        assert!(parts.is_some(), "no such reason: {text}");
        used.extend(parts.unwrap_or_default());
    }
    let missing = grammar.without(&used);
    assert!(missing.is_empty(), "not on the page:\n{}", missing.join("\n"));

    // What cannot happen stands in a section of its own, and so do warnings.
    let mut faults = BTreeSet::new();
    for section in ["Our faults", "Configuration"] {
        for row in page.section(section).rows("level") {
            let (level, text) = page::level_and_message(&row)?;
            faults.extend(grammar.line(&level, &text).unwrap_or_default());
        }
    }
    for (name, file) in &directives {
        let mut own = faults.clone();
        for row in page.section(name).rows("level") {
            let (level, text) = page::level_and_message(&row)?;
            own.extend(grammar.line(&level, &text).unwrap_or_default());
            // The first directive of a message is the one it is about.
            let quoted = text.split('"').skip(1).step_by(2);
            let mut words = quoted.flat_map(|quoted| quoted.split(' ').next());
            let first = words.find(|word| names.iter().any(|name| name == word));
            assert!(first.is_none_or(|first| first == name), "under {name}: {text}");
        }
        let missing = grammar.of_file(&file.name).difference(&own).count();
        assert_eq!(missing, 0, "messages of {} that are not under {name}", file.name);
        let duplicate = format!("`\"{name}\" directive is duplicate`");
        let told = page.section(name).text().contains(&duplicate);
        assert_eq!(told, file.code.contains("cf.once("), "{duplicate} under {name}");
    }
    Ok(())
}

#[test]
fn limits() -> Outcome {
    let (page, files) = (Page::read()?, source::read()?);
    let mut expected = Vec::new();
    for (label, unit, name, constant) in LIMITS {
        let file = files.iter().find(|file| file.name.ends_with(name));
        let value = file.and_then(|file| file.number(constant));
        assert!(value.is_some(), "there is no {constant} in {name}");
        expected.push(vec![label.to_owned(), unit.show(value.unwrap_or_default())]);
    }
    let mut told = page.section("Limits").rows("");
    assert_eq!(told.pop().and_then(|row| row.into_iter().next()).as_deref(), Some("a token"));
    assert_eq!(told, expected);
    Ok(())
}

#[test]
fn algorithms() -> Outcome {
    let page = Page::read()?;
    let section = page.section("Algorithms and keys");
    let name = |name: &str| name.to_owned();
    for (row, served) in [
        ("JWS `alg`", SignatureAlgorithm::all().map(|row| name(row.0)).collect()),
        ("JWE `alg`", KeyManagement::all().map(|row| name(row.0)).collect()),
        ("JWE `enc`", ContentEncryption::all().map(|row| name(row.0)).collect::<BTreeSet<_>>()),
    ] {
        let told = section.field(row).unwrap_or_default().replace("**ours**: ", "");
        // What stands in brackets is an explanation.
        let told = told.split('(').map(|part| part.rsplit(')').next().unwrap_or(part));
        let told: String = told.collect();
        let told: BTreeSet<String> = told
            .split(',')
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect();
        assert_eq!(told, served, "{row}");
    }
    Ok(())
}

/// Metrics: their names, labels and types.
#[test]
fn metrics() -> Outcome {
    let memory = Vec::leak((0..1000).map(|_| AtomicU64::new(0)).collect());
    let mut registry = Registry::new(memory);
    let counted = registry.zone("zone", false).and(registry.fetches("issuer"));
    assert!(counted.is_some());
    let name = "issuer".to_owned();
    let issuers = vec![IssuerKeys { name, keys: 1, age: Some(1), failure: None }];
    let text = PrometheusText(&Report { issuers, ..Report::new(memory) }).to_string();
    let mut expected = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, rest) = line.split_once('{').unwrap_or_default();
        let labels = rest.split('}').next().unwrap_or_default().split(',');
        let labels: Vec<_> = labels.filter_map(|label| Some(label.split_once('=')?.0)).collect();
        let kind = text.split(&format!("# TYPE {name} ")).nth(1).unwrap_or_default();
        let kind = kind.lines().next().unwrap_or_default();
        expected.insert((format!("`{name}{{{}}}`", labels.join(",")), kind.to_owned()));
    }
    let rows = Page::read()?.section("Metrics").rows("metric");
    let mut told = BTreeSet::new();
    for row in rows {
        let [name, kind, ..] = row.as_slice() else { return Err("a short row".into()) };
        told.insert((name.clone(), kind.clone()));
    }
    assert_eq!(told, expected);
    Ok(())
}
