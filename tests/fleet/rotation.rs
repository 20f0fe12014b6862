//! The provider has a new key.

use crate::scenarios::{Published, Rotation, SIGNED, cached, quiet_rotation, rotation};
use crate::simulation::run::Run;
use crate::simulation::{HOUR, MINUTE, SECOND};
use crate::{ANSWER, thousandths};

const MACHINES: usize = 300;

const REFRESH: u64 = 30 * SECOND;

fn at_once(tokens_per_second: f64) -> Rotation {
    Rotation { tokens_per_second, published: Published::Before(0), under_attack: false }
}

/// When the last machine has the key, from its first token on.
fn last_after_token(run: &Run) -> Option<u64> {
    run.newest_key_after_token()?.last().copied()
}

fn refused(run: &Run) -> usize {
    run.seen.iter().map(|seen| seen.refused).sum()
}

#[test]
fn the_first_token_brings_the_key() {
    for tokens_per_second in [10.0, 1.0, 1.0 / 60.0] {
        let run = rotation(MACHINES, at_once(tokens_per_second)).run();
        let last = last_after_token(&run);
        assert!(last.is_some_and(|last| last <= ANSWER), "{tokens_per_second}: {last:?}");
        assert_eq!(refused(&run), 0, "{tokens_per_second}");
        // Each machine asks for itself, once.
        let minute = SIGNED..SIGNED.saturating_add(MINUTE);
        let fetches = run.fetches.iter().filter(|fetch| minute.contains(&fetch.at)).count();
        assert!(fetches <= MACHINES.saturating_add(MACHINES / 4), "{tokens_per_second}: {fetches}");
    }
}

#[test]
fn unknown_kids_delay_it_by_the_throttle_at_most() {
    let run = rotation(MACHINES, Rotation { under_attack: true, ..at_once(1.0) }).run();
    // A token comes, or an unknown one, in some seconds.
    let most = REFRESH.saturating_add(5 * SECOND);
    let last = last_after_token(&run);
    assert!(last.is_some_and(|last| (10 * SECOND..=most).contains(&last)), "{last:?}");
    assert!(refused(&run) > 0);
}

#[test]
fn a_key_published_too_late_waits_for_the_throttle() {
    let published = Published::Behind(20 * SECOND);
    let run = rotation(MACHINES, Rotation { published, ..at_once(1.0) }).run();
    let first = run.newest_key_after_token().and_then(|after| after.first().copied());
    let last = last_after_token(&run);
    let most = REFRESH.saturating_add(10 * SECOND);
    assert!(last.is_some_and(|last| (REFRESH..=most).contains(&last)), "{first:?} {last:?}");
    assert!(refused(&run) > MACHINES.saturating_mul(10), "{}", refused(&run));
}

#[test]
fn a_key_published_ahead_is_there() {
    let published = Published::Before(10 * MINUTE);
    let run = rotation(MACHINES, Rotation { published, ..at_once(10.0) }).run();
    assert_eq!(last_after_token(&run), Some(0), "by the first token");
    assert_eq!(refused(&run), 0);
    let busiest = run.busiest_second(SIGNED..SIGNED.saturating_add(MINUTE));
    assert!(busiest <= 10, "no token makes a fetch: {busiest} in a second");
}

#[test]
fn without_a_token_it_comes_by_time() {
    for key_cache in [MINUTE, 10 * MINUTE, HOUR] {
        let after = |outage| {
            let scenario = quiet_rotation(MACHINES, key_cache, outage);
            let published = scenario.provider.published.first().copied().unwrap_or_default();
            let after = scenario.run().newest_key_after(published);
            after.and_then(|after| after.last().copied())
        };
        let (least, most) = (thousandths(key_cache, 750), thousandths(key_cache, 850));
        let last = after(None);
        let expected = least..=most.saturating_add(2 * ANSWER);
        assert!(last.is_some_and(|last| expected.contains(&last)), "{key_cache}: {last:?}");
        let outage = 30 * MINUTE;
        let last = after(Some(outage));
        let most = most.max(outage.saturating_add(30 * SECOND)).saturating_add(2 * ANSWER);
        assert!(last.is_some_and(|last| (outage..=most).contains(&last)), "{key_cache}: {last:?}");
    }
}

#[test]
fn a_cache_before_the_provider_adds_its_time() {
    for kept_for in [10 * SECOND, MINUTE, 5 * MINUTE] {
        for part in 0..4_u64 {
            let run = cached(MACHINES, kept_for, kept_for.saturating_mul(part) / 4).run();
            let most = kept_for.saturating_add(REFRESH).saturating_add(10 * SECOND);
            let last = last_after_token(&run);
            assert!(last.is_some_and(|last| last <= most), "{kept_for}, {part}: {last:?}");
            let asked = run.asked_within(0..HOUR);
            let most = usize::try_from(HOUR / kept_for).unwrap_or_default().saturating_add(1);
            assert!(asked <= most, "{kept_for}, {part}: the provider is asked {asked} times");
        }
    }
}
