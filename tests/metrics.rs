//! Counters, and how they are told.

use std::sync::atomic::AtomicU64;

use ngx_http_auth_jwt_module::auth::outcome::{Leniency, Refusal, Verdict};
use ngx_http_auth_jwt_module::auth::word::Word;
use ngx_http_auth_jwt_module::metrics::counters::{OTHER, Registry, ZoneCounters};
use ngx_http_auth_jwt_module::metrics::page::Page;
use ngx_http_auth_jwt_module::metrics::prometheus::PrometheusText;
use ngx_http_auth_jwt_module::metrics::report::{Failure, IssuerKeys, Outcomes, Report};

type Outcome = Result<(), &'static str>;

const NO_ROOM: &str = "no room";

fn memory(words: usize) -> &'static [AtomicU64] {
    Vec::leak((0..words).map(|_| AtomicU64::new(0)).collect())
}

fn zone(
    registry: &mut Registry,
    name: &str,
    dry_run: bool,
    issuers: &[(u64, &str)],
) -> Option<ZoneCounters> {
    let mut counters = registry.zone(name, dry_run)?;
    for (number, issuer) in issuers {
        registry.issuer(&mut counters, name, *number, issuer);
    }
    Some(counters)
}

fn dry_run(refusal: Refusal) -> Verdict {
    Verdict::new::<()>(Err(refusal), Leniency { optional: false, dry_run: true })
}

/// How often there was a verdict of that zone, issuer and status.
fn count(report: &Report, zone: &str, issuer: &str, status: &str) -> Option<u64> {
    let mut alike = report.verdicts.iter().filter(|verdict| {
        (&*verdict.zone, &*verdict.issuer, verdict.status) == (zone, issuer, status)
    });
    let count = alike.next()?.count;
    assert!(alike.next().is_none(), "{zone} {issuer} {status} is told twice");
    Some(count)
}

#[test]
fn text() -> Outcome {
    let memory = memory(1000);
    let mut registry = Registry::new(memory);
    let issuers = [(7, "shop"), (9, "a\"b\\c\nd")];
    let zone = zone(&mut registry, "é<i>", true, &issuers).ok_or(NO_ROOM)?;
    // Of an issuer that had no room, too.
    for issuer in [None, Some(7), Some(7), Some(9), Some(8)] {
        zone.count(&Verdict::Accepted, issuer);
    }
    zone.count(&Verdict::Refused(Refusal::Expired), None);
    zone.count(&Verdict::Anonymous, None);
    zone.count(&dry_run(Refusal::Expired), None);
    [true, true, false].into_iter().for_each(|hit| zone.lookups.count(hit));
    let fetches = registry.fetches("shop").ok_or(NO_ROOM)?;
    [true, false, false].into_iter().for_each(|good| fetches.count(good));
    registry.key_requests().ok_or(NO_ROOM)?.count(false);
    let failure = Some(Failure { reason: "a & b".to_owned(), ago: 61_000 });
    let shop = IssuerKeys { name: "shop".to_owned(), keys: 2, age: Some(1_002_003), failure };
    let file = IssuerKeys { name: "file".to_owned(), keys: 1, ..IssuerKeys::default() };
    let (version, nginx, issuers) = ("1.2.3", "1.28.0", vec![file, shop]);
    let report = Report { version, nginx, issuers, ..Report::new(memory) };

    let text = PrometheusText(&report).to_string();
    let told: Vec<&str> =
        text.lines().filter(|line| !line.starts_with('#') && !line.ends_with(" 0")).collect();
    let expected = r#"
nginx_auth_jwt_build_info{version="1.2.3",nginx="1.28.0"} 1
nginx_auth_jwt_verdicts_total{zone="other",issuer="",status="ok"} 1
nginx_auth_jwt_verdicts_total{zone="é<i>",issuer="",status="ok"} 1
nginx_auth_jwt_verdicts_total{zone="é<i>",issuer="",status="no_token"} 1
nginx_auth_jwt_verdicts_total{zone="é<i>",issuer="",status="expired"} 1
nginx_auth_jwt_verdicts_total{zone="é<i>",issuer="",status="expired_dry_run"} 1
nginx_auth_jwt_verdicts_total{zone="é<i>",issuer="shop",status="ok"} 2
nginx_auth_jwt_verdicts_total{zone="é<i>",issuer="a\"b\\c\nd",status="ok"} 1
nginx_auth_jwt_token_cache_lookups_total{result="hit"} 2
nginx_auth_jwt_token_cache_lookups_total{result="miss"} 1
nginx_auth_jwt_key_fetches_total{issuer="shop",result="ok"} 1
nginx_auth_jwt_key_fetches_total{issuer="shop",result="failed"} 2
nginx_auth_jwt_keys{issuer="file"} 1
nginx_auth_jwt_keys{issuer="shop"} 2
nginx_auth_jwt_keys_age_seconds{issuer="shop"} 1002.003
nginx_auth_jwt_key_requests_total{result="failed"} 1"#;
    assert_eq!(told, expected.trim().lines().collect::<Vec<_>>());
    // Each family has its help and type, and its series stand together.
    let mut families: Vec<&str> =
        text.lines().filter_map(|line| line.split(['{', ' ']).next()).collect();
    families.dedup();
    families.retain(|family| *family != "#");
    assert_eq!(families.len(), 7);
    for family in families {
        assert_eq!(text.matches(&format!("# HELP {family} ")).count(), 1, "{family}");
        assert_eq!(text.matches(&format!("# TYPE {family} ")).count(), 1, "{family}");
    }

    let page = Page(&report).to_string();
    assert!(!page.contains("<i>") && page.contains("<h2>Zone é&lt;i&gt;</h2>"));
    assert!(page.contains("1 min 1 s ago: a &amp; b"));
    assert!(
        page.contains("<td>2</td><td>16 min 42 s</td><td>1</td><td>2</td><td>2</td>"),
        "{page}"
    );
    assert!(page.contains("<th scope=\"row\">ok</th><td>4</td><td>57.1 %</td>"), "{page}");
    assert!(!page.contains("script"));
    Ok(())
}

/// All statuses of a zone are told from the start, those of a dry run where there is one.
#[test]
fn zeros() -> Outcome {
    let memory = memory(1000);
    let mut registry = Registry::new(memory);
    zone(&mut registry, "strict", false, &[(1, "a")]).ok_or(NO_ROOM)?;
    zone(&mut registry, "dry", true, &[]).ok_or(NO_ROOM)?;
    registry.fetches("a").ok_or(NO_ROOM)?;
    let report = Report::new(memory);
    for word in Word::ALL {
        let is_told = (word != Word::Ok).then_some(0);
        assert_eq!(count(&report, "strict", "", word.text()), Some(0));
        assert_eq!(count(&report, "strict", "", word.dry_run_text()), None);
        assert_eq!(count(&report, "dry", "", word.text()), Some(0));
        assert_eq!(count(&report, "dry", "", word.dry_run_text()), is_told);
    }
    assert_eq!(count(&report, "strict", "a", "ok"), Some(0));
    assert_eq!(report.verdicts.len(), Word::ALL.len() * 3);
    assert_eq!(report.fetches.get("a"), Some(&Outcomes::default()));
    assert_eq!(report.fetches.len(), 1);
    Ok(())
}

/// A new configuration goes on with the counters of the one before, and keeps what it no longer has.
#[test]
fn reload() -> Outcome {
    let memory = memory(1000);
    let mut before = Registry::new(memory);
    let old = zone(&mut before, "zone", false, &[(1, "a"), (2, "b")]).ok_or(NO_ROOM)?;
    old.count(&Verdict::Accepted, Some(1));
    old.count(&Verdict::Accepted, Some(2));
    let mut after = Registry::new(memory);
    let new = zone(&mut after, "zone", true, &[(8, "c"), (9, "a")]).ok_or(NO_ROOM)?;
    new.count(&Verdict::Accepted, Some(9));
    new.count(&Verdict::Accepted, Some(8));
    new.count(&dry_run(Refusal::NoToken), None);
    // Workers of the old configuration go on until they have left.
    old.count(&Verdict::Accepted, Some(1));
    let report = Report::new(memory);
    for (issuer, expected) in [("a", 3), ("b", 1), ("c", 1)] {
        assert_eq!(count(&report, "zone", issuer, "ok"), Some(expected), "{issuer}");
    }
    assert_eq!(count(&report, "zone", "", "no_token_dry_run"), Some(1));
    Ok(())
}

/// Whatever has no room is counted all the same.
#[test]
fn no_room() -> Outcome {
    // From the smallest memory that holds what comes first.
    for words in 68..200 {
        let memory = memory(words);
        let mut registry = Registry::new(memory);
        let zones = ["a", "b"].map(|name| zone(&mut registry, name, true, &[(1, "x"), (2, "y")]));
        let fetches = ["x", "y"].map(|name| registry.fetches(name));
        for zone in zones {
            let zone = zone.ok_or(NO_ROOM)?;
            zone.count(&Verdict::Accepted, None);
            zone.count(&Verdict::Accepted, Some(1));
            zone.count(&Verdict::Accepted, Some(2));
            zone.count(&Verdict::Refused(Refusal::KeysUnavailable), None);
            zone.count(&dry_run(Refusal::KeysUnavailable), None);
        }
        for fetches in fetches {
            fetches.ok_or(NO_ROOM)?.count(true);
        }
        let report = Report::new(memory);
        let sum = |status: &str| -> u64 {
            let alike = report.verdicts.iter().filter(|verdict| verdict.status == status);
            alike.map(|verdict| verdict.count).sum()
        };
        let sums = ["ok", "keys_unavailable", "keys_unavailable_dry_run"].map(sum);
        assert_eq!(sums, [6, 2, 2], "{words}");
        assert_eq!(
            report.fetches.values().map(|outcomes| outcomes.good).sum::<u64>(),
            2,
            "{words}"
        );
        let other = report.verdicts.iter().any(|verdict| *verdict.zone == *OTHER);
        let other = other || report.fetches.contains_key(OTHER);
        assert_eq!(registry.left_out > 0, other, "{words}");
    }
    Ok(())
}
