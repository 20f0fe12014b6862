//! Tokens whose `kid` nobody has.

use super::{FLEET, number, table};
use crate::scenarios;
use crate::simulation::provider::{Kind, LATER};
use crate::simulation::{HOUR, MINUTE, Pace, SECOND};

pub fn unknown_kids() -> String {
    let random = Pace::PerSecond(10.0);
    let half_minute = Some(30 * SECOND);
    let rows = [
        ("`refresh=30s`, 10 a second and machine", half_minute, random, None),
        ("the same, the provider refuses", half_minute, random, Some(Kind::Refuses)),
        ("`refresh=30s`, on all machines in the same moment", half_minute, Pace::InStep, None),
        ("`refresh=5m`, 10 a second and machine", Some(5 * MINUTE), random, None),
        ("`refresh=off`, on all machines in the same moment", None, Pace::InStep, None),
    ];
    let row = |(name, refresh, pace, outage): (&str, Option<u64>, Pace, Option<Kind>)| {
        let run = scenarios::attack(FLEET, refresh, pace, outage).run();
        let time = || LATER..LATER.saturating_add(HOUR);
        [
            name.to_owned(),
            number(run.asked_per_hour(time()) / FLEET as f64),
            number(run.asked_per_second(time())),
            run.busiest_second(time()).to_string(),
        ]
    };
    let heads =
        ["unknown `kid`s", "fetches an hour, a machine", "requests a second", "busiest second"];
    table(heads, rows.map(row).to_vec())
}
