//! A cache before the provider.

use super::{FLEET, number, refused, table, told};
use crate::scenarios::{self, SIGNED};
use crate::simulation::{MINUTE, SECOND};

pub fn cached() -> String {
    let row = |time: u64| {
        // The new key comes somewhere between two answers that are cached.
        let runs = (0..6_u64).map(|part| {
            let run = scenarios::cached(FLEET, time, time.saturating_mul(part) / 6).run();
            let all = run.newest_key_after_token().and_then(|after| after.last().copied());
            (all, run)
        });
        let last = runs.max_by_key(|(all, _)| *all);
        let Some((all, run)) = last else { return Default::default() };
        [
            told(Some(time)),
            number(run.asked_per_hour(10 * MINUTE..SIGNED)),
            run.busiest_second(0..u64::MAX).to_string(),
            told(all),
            refused(&run),
        ]
    };
    let heads = [
        "cached for",
        "requests an hour, of 1000 machines",
        "busiest second",
        "a new key, used at once: all have it after",
        "refused, a machine",
    ];
    table(heads, [10 * SECOND, MINUTE, 5 * MINUTE].map(row).to_vec())
}
