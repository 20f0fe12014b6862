//! The clock alone: nothing happens but time.

use super::{FLEET, number, table, told};
use crate::scenarios::{self, busiest_of};
use crate::simulation::{HOUR, MINUTE};

pub fn steady() -> String {
    let row = |key_cache: u64| {
        let length = key_cache.saturating_mul(60);
        // The first fetches are those of the start.
        let time = || key_cache..length;
        let runs = [1, 10, 100, FLEET]
            .map(|machines| scenarios::steady(machines, key_cache, length).run());
        let [one, ten, hundred, thousand] =
            runs.each_ref().map(|run| number(run.asked_per_hour(time())));
        let [.., largest] = &runs;
        let busiest = largest.busiest_second(time()).to_string();
        [told(Some(key_cache)), one, ten, hundred, thousand, busiest]
    };
    let heads = [
        "`key_cache`",
        "fetches an hour: 1 machine",
        "10",
        "100",
        "1000",
        "busiest second of 1000",
    ];
    table(heads, [MINUTE, 5 * MINUTE, 10 * MINUTE, HOUR].map(row).to_vec())
}

pub fn at_once() -> String {
    let times = [MINUTE, 10 * MINUTE, HOUR];
    let runs = times.map(|key_cache| (key_cache, scenarios::at_once(FLEET, key_cache, 50).run()));
    let row = |round: u64| {
        let busiest = |(key_cache, run)| busiest_of(run, key_cache, round).to_string();
        let [one, ten, hour] = runs.each_ref().map(|(key_cache, run)| busiest((*key_cache, run)));
        [round.to_string(), one, ten, hour]
    };
    let heads = ["fetch after the start", "busiest second: `key_cache` 1 min", "10 min", "1 h"];
    table(heads, [0, 1, 2, 10, 50].map(row).to_vec())
}
