//! Tokens whose `kid` nobody has: what they make a fleet fetch.

use crate::scenarios::attack;
use crate::simulation::provider::{Kind, LATER};
use crate::simulation::{DEFAULT, HOUR, MINUTE, Pace, SECOND};

const MACHINES: usize = 100;

/// The most that one machine fetches in the hour of the attack.
fn most_of_one(refresh_every: Option<u64>, pace: Pace, outage: Option<Kind>) -> usize {
    let run = attack(MACHINES, refresh_every, pace, outage).run();
    let hour = LATER..LATER.saturating_add(HOUR);
    let of_one = |index| {
        run.fetches
            .iter()
            .filter(|fetch| fetch.machine == index && hour.contains(&fetch.at))
            .count()
    };
    (0..MACHINES).map(of_one).max().unwrap_or_default()
}

#[test]
fn refresh_bounds_what_each_machine_fetches() {
    for pace in [Pace::PerSecond(10.0), Pace::PerSecond(0.1), Pace::InStep] {
        for refresh_every in [5 * SECOND, 30 * SECOND, 5 * MINUTE, HOUR] {
            let most = most_of_one(Some(refresh_every), pace, None);
            // Beside those that are due by time, each after three quarters of the time of its keys.
            let by_kid = HOUR.div_ceil(refresh_every);
            let by_time = HOUR.div_ceil(DEFAULT.fresh_for.saturating_mul(3) / 4);
            let bound = usize::try_from(by_kid.saturating_add(by_time)).unwrap_or_default();
            assert!((1..=bound).contains(&most), "{most} fetches with refresh={refresh_every}");
        }
    }
}

#[test]
fn an_outage_adds_its_retries_and_no_more() {
    for kind in [Kind::Refuses, Kind::Hangs] {
        let most = most_of_one(DEFAULT.refresh_every, Pace::PerSecond(10.0), Some(kind));
        // One by a kid and one retry in 30 s, and the five short pauses of the beginning.
        assert!((120..=246).contains(&most), "{kind:?}: {most}");
    }
}

#[test]
fn without_refresh_they_fetch_nothing() {
    let most = most_of_one(None, Pace::InStep, None);
    assert!(most <= 8, "those by time alone: {most}");
}

#[test]
fn one_who_times_them_has_all_machines_fetch_in_the_same_second() {
    let run = attack(MACHINES, DEFAULT.refresh_every, Pace::InStep, None).run();
    let hour = || LATER..LATER.saturating_add(HOUR);
    assert_eq!(run.busiest_second(hour()), MACHINES);
    // But no more often than others.
    let most = MACHINES.saturating_mul(121);
    assert!(run.asked_within(hour()) <= most, "{}", run.asked_within(hour()));
}
