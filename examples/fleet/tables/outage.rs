//! The provider is out.

use super::{FLEET, number, table, told};
use crate::scenarios;
use crate::simulation::provider::{Kind, LATER};
use crate::simulation::{DEFAULT, HOUR, MINUTE, SECOND, Scenario, Start};

pub fn at_work() -> String {
    let day = DEFAULT.stale_for;
    let rows = [
        ("1 min, refuses", MINUTE, Kind::Refuses, day),
        ("1 h, refuses", HOUR, Kind::Refuses, day),
        ("1 h, hangs", HOUR, Kind::Hangs, day),
        ("1 h, refuses; `stale=30m`", HOUR, Kind::Refuses, 30 * MINUTE),
    ];
    let row = |(name, length, kind, stale): (&str, u64, Kind, u64)| {
        let run = scenarios::outage(FLEET, length, kind, stale).run();
        let end = LATER.saturating_add(length);
        let busiest_of_first = |time| run.busiest_second(end..end.saturating_add(time)).to_string();
        let without = run.without_keys().map(|(first, count, _)| {
            let after = told(Some(first.saturating_sub(LATER)));
            format!("{count}, the first after {after}")
        });
        [
            name.to_owned(),
            number(run.asked_per_second(LATER..end)),
            run.busiest_second(LATER..end).to_string(),
            busiest_of_first(SECOND),
            busiest_of_first(15 * MINUTE),
            told(run.recovered_after(end)),
            without.unwrap_or("none".to_owned()),
        ]
    };
    let heads = [
        "out for",
        "requests a second meanwhile",
        "in the busiest",
        "in the first after",
        "in the busiest after",
        "all have fetched after",
        "machines without keys",
    ];
    table(heads, rows.map(row).to_vec())
}

/// Without keys, or with a new configuration, all of them fetch at once, and so fail at once.
pub fn in_step() -> String {
    let minute = Start::Within(MINUTE);
    let start = |kind, start| {
        move |length| (scenarios::start_in_outage(FLEET, length, kind, start), 2 * MINUTE, length)
    };
    let limited =
        |at_most, start| move |_| (scenarios::limited(FLEET, at_most, start), 2 * MINUTE, 0);
    let reload = |kind, from: u64| {
        move |length: u64| {
            let scenario = scenarios::reload_in_outage(FLEET, length.saturating_add(from), kind);
            let from = LATER.saturating_add(from);
            (scenario, from.saturating_add(2 * MINUTE), from.saturating_add(length))
        }
    };
    // Each of an outage's length: what happens, when the retries are looked at, and when the provider is back.
    type Case<'c> = (&'c str, Box<dyn Fn(u64) -> (Scenario, u64, u64)>);
    let rows: [Case<'_>; 6] = [
        ("start at once, refused", Box::new(start(Kind::Refuses, Start::AtOnce))),
        ("start at once, hangs", Box::new(start(Kind::Hangs, Start::AtOnce))),
        ("start within a minute, refused", Box::new(start(Kind::Refuses, minute))),
        ("at work, reload at once, refused", Box::new(reload(Kind::Refuses, 10 * MINUTE))),
        ("start at once, 20 answers a second", Box::new(limited(20, Start::AtOnce))),
        ("start within a minute, 20 answers a second", Box::new(limited(20, minute))),
    ];
    let row = |(name, case): Case<'_>| {
        // When the provider is back, somewhere between two retries.
        let runs = (0..6_u64).map(|part| {
            let length = (5 * MINUTE).saturating_add(part.saturating_mul(5 * SECOND));
            let (scenario, from, back) = case(length);
            let run = scenario.run();
            let busiest = run.busiest_second(from..back.max(scenario.length));
            let done =
                if back > LATER { run.recovered_after(back) } else { run.all_started_after(back) };
            (busiest, done)
        });
        let runs: Vec<_> = runs.collect();
        let busiest = runs.iter().map(|run| run.0).max().unwrap_or_default();
        let done = runs.iter().map(|run| run.1).max().flatten();
        [name.to_owned(), busiest.to_string(), told(done)]
    };
    let heads = [
        "all 1000",
        "busiest second, two minutes on",
        "the last has keys so long after the provider is back",
    ];
    table(heads, rows.into_iter().map(row).collect())
}
