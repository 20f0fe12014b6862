//! Fleets of nginx behind one provider, simulated with the module's own clockwork (examples/fleet): what holds for
//! them, and that docs/fleet.md has the figures of the simulation.

mod attack;
mod clock;
mod outage;
mod page;
mod rotation;
#[path = "../../examples/fleet/scenarios.rs"]
mod scenarios;
#[path = "../../examples/fleet/simulation/mod.rs"]
mod simulation;
#[path = "../../examples/fleet/tables/mod.rs"]
mod tables;

/// No answer of the provider takes longer.
const ANSWER: u64 = 200;

fn thousandths(time: u64, part: u64) -> u64 {
    time.saturating_mul(part) / 1_000
}
