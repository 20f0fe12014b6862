//! Nothing happens but time.

use std::collections::HashMap;

use crate::scenarios::{at_once, busiest_of, period, steady};
use crate::simulation::run::Run;
use crate::simulation::{HOUR, MINUTE, SECOND, Scenario};
use crate::{ANSWER, thousandths};

#[test]
fn a_machine_fetches_at_75_to_85_percent_of_the_time() {
    for key_cache in [MINUTE, 10 * MINUTE, HOUR] {
        let (least, most) = (thousandths(key_cache, 750), thousandths(key_cache, 850));
        let run = steady(100, key_cache, key_cache.saturating_mul(30)).run();
        let pauses = pauses(&run);
        assert!(pauses.len() > 3_000, "{} pauses", pauses.len());
        for pause in &pauses {
            assert!(
                (least..=most.saturating_add(ANSWER)).contains(pause),
                "{pause} of {key_cache}"
            );
        }
        // Any part of it as often as another.
        let early = pauses.iter().filter(|pause| **pause < thousandths(key_cache, 775)).count();
        assert!(
            (20..30).contains(&(early.saturating_mul(100) / pauses.len())),
            "{early} of {}",
            pauses.len()
        );
    }
}

/// Between the fetches of each machine.
fn pauses(run: &Run) -> Vec<u64> {
    let mut last = HashMap::new();
    let pause = |fetch: &crate::simulation::run::Fetch| {
        let last = last.insert(fetch.machine, fetch.at)?;
        Some(fetch.at.saturating_sub(last))
    };
    run.fetches.iter().filter_map(pause).collect()
}

#[test]
fn a_fleet_fetches_as_often_as_its_machines_do() {
    for machines in [1, 10, 100, 1_000] {
        let key_cache = 10 * MINUTE;
        let run = steady(machines, key_cache, 10 * HOUR).run();
        let of_one = run.asked_per_hour(key_cache..10 * HOUR) / machines as f64;
        assert!((7.3..7.7).contains(&of_one), "{machines}: {of_one}");
        assert!(run.seen.iter().all(|seen| seen.without.is_empty()), "{machines}");
    }
}

#[test]
fn after_a_start_at_once_fetches_spread() {
    // The busiest second of 1000 machines at most, by fetch.
    for (key_cache, most) in [
        (MINUTE, [1_000, 250, 170, 100, 60]),
        (10 * MINUTE, [1_000, 45, 30, 20, 16]),
        (HOUR, [1_000, 25, 18, 16, 12]),
    ] {
        let run = at_once(1_000, key_cache, 50).run();
        let busiest = [0, 1, 5, 20, 50].map(|round| busiest_of(&run, key_cache, round));
        assert_eq!(busiest.first(), Some(&1_000), "all at once");
        for (busiest, most) in busiest.iter().zip(most) {
            assert!(*busiest <= most, "{busiest} > {most} at {key_cache}");
        }
        assert!(busiest.is_sorted_by(|one, next| one >= next), "{busiest:?}");
        // The second fetches are spread over a tenth of the time.
        let first = thousandths(key_cache, 750)..thousandths(key_cache, 850).saturating_add(SECOND);
        assert_eq!(run.asked_within(first), 1_000);
        assert_eq!(run.asked_within(SECOND..thousandths(key_cache, 750)), 0);
    }
}

#[test]
fn a_seed_gives_one_run() {
    let run = |seed| {
        let scenario = Scenario { seed, ..steady(10, MINUTE, period(HOUR)) };
        scenario.run().asked
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
