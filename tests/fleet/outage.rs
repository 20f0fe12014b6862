//! The provider is out.

use crate::scenarios::{limited, outage, reload_in_outage, start_in_outage};
use crate::simulation::provider::{Kind, LATER};
use crate::simulation::{DEFAULT, HOUR, MINUTE, SECOND, Start};
use crate::{ANSWER, thousandths};

const MACHINES: usize = 300;

const DAY: u64 = 24 * HOUR;

/// Retries come this often at least.
const RETRY: u64 = 30 * SECOND;

#[test]
fn a_fleet_at_work_retries_spread_and_recovers_within_a_retry() {
    for (length, kind) in [
        (MINUTE, Kind::Refuses),
        (10 * MINUTE, Kind::Refuses),
        (HOUR, Kind::Refuses),
        (HOUR, Kind::Hangs),
    ] {
        let scenario = outage(MACHINES, length, kind, DEFAULT.stale_for);
        let run = scenario.run();
        let end = LATER.saturating_add(length);
        // A machine retries once in 30 s, and some in their first seconds more often.
        let mean = run.asked_per_second(LATER..end);
        assert!(mean <= MACHINES as f64 / 30.0 * 1.5, "{kind:?}: {mean} a second");
        let busiest = run.busiest_second(LATER..end.saturating_add(15 * MINUTE));
        assert!(busiest <= MACHINES / 10, "{kind:?}: {busiest} in a second");
        let takes = if kind == Kind::Hangs { scenario.timeout } else { ANSWER };
        let most = RETRY.saturating_add(takes).saturating_add(ANSWER);
        let recovered = run.recovered_after(end);
        assert!(recovered.is_some_and(|after| after <= most), "{kind:?}: {recovered:?}");
        assert_eq!(run.without_keys(), None, "{kind:?}");
    }
}

#[test]
fn keys_serve_for_their_time_and_stale_and_no_longer() {
    let machines = 30;
    let day = outage(machines, DAY, Kind::Refuses, DAY).run();
    assert_eq!(day.without_keys(), None, "an outage of a day");
    for stale_for in [HOUR, DAY] {
        let length = stale_for.saturating_add(HOUR);
        let run = outage(machines, length, Kind::Refuses, stale_for).run();
        let whole = DEFAULT.fresh_for.saturating_add(stale_for);
        let end = LATER.saturating_add(length);
        for (index, seen) in run.seen.iter().enumerate() {
            // From its last good fetch on, which was due when the outage began at the latest.
            let fetches = run.fetches.iter().filter(|fetch| fetch.machine == index);
            let good = fetches.filter(|fetch| fetch.is_good && fetch.at < LATER);
            let last = good.map(|fetch| fetch.ends).max().unwrap_or_default();
            assert!(last.saturating_add(thousandths(DEFAULT.fresh_for, 850)) >= LATER);
            let from = last.saturating_add(whole);
            let to = end..=end.saturating_add(RETRY).saturating_add(ANSWER);
            let is_one =
                |gaps: &[(u64, u64)]| matches!(gaps, [gap] if gap.0 == from && to.contains(&gap.1));
            assert!(is_one(&seen.without), "machine {index}: {:?}, not from {from}", seen.without);
        }
    }
}

#[test]
fn keys_that_may_not_be_stale_outlast_a_minute() {
    // They are fetched 1.5 minutes before their time is over, at the latest.
    let run = outage(MACHINES, MINUTE, Kind::Refuses, 0).run();
    assert_eq!(run.without_keys(), None);
    let run = outage(MACHINES, 10 * MINUTE, Kind::Refuses, 0).run();
    let (first, count, longest) = run.without_keys().unwrap_or_default();
    let soonest = LATER.saturating_add(thousandths(DEFAULT.fresh_for, 150));
    assert!(first >= soonest, "{first}");
    assert!(count > MACHINES / 2, "{count}");
    assert!(longest <= 10 * MINUTE, "{longest}");
}

#[test]
fn a_start_while_it_is_out_ends_within_a_retry() {
    for start in [Start::AtOnce, Start::Within(MINUTE)] {
        for (kind, takes) in [(Kind::Refuses, ANSWER), (Kind::Hangs, 5 * SECOND)] {
            let length = 5 * MINUTE;
            let run = start_in_outage(MACHINES, length, kind, start).run();
            let most = RETRY.saturating_add(takes).saturating_add(ANSWER);
            let started = run.all_started_after(length);
            assert!(started.is_some_and(|after| after <= most), "{kind:?}: {started:?}");
        }
    }
    let busiest = start_in_outage(MACHINES, 5 * MINUTE, Kind::Refuses, Start::Within(MINUTE)).run();
    let busiest = busiest.busiest_second(2 * MINUTE..HOUR);
    assert!(busiest <= MACHINES / 10, "a start within a minute stays spread: {busiest}");
}

#[test]
fn a_reload_retries_at_once() {
    let run = reload_in_outage(MACHINES, 20 * MINUTE, Kind::Refuses).run();
    let reload = LATER.saturating_add(10 * MINUTE);
    let asked = run.asked_within(reload..reload.saturating_add(SECOND / 100));
    // All whose keys were due before.
    assert!(asked > MACHINES.saturating_mul(9) / 10, "{asked}");
    assert_eq!(run.without_keys(), None);
}

#[test]
fn a_provider_that_answers_few_at_a_time_serves_all_in_the_end() {
    for (at_most, start, most) in [
        (100, Start::AtOnce, 5 * MINUTE),
        (20, Start::AtOnce, 15 * MINUTE),
        (20, Start::Within(MINUTE), 2 * MINUTE),
    ] {
        let started = limited(MACHINES, at_most, start).run().all_started_after(0);
        assert!(started.is_some_and(|after| after <= most), "{at_most} a second: {started:?}");
    }
}
