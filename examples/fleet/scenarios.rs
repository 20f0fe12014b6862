//! The fleets that are simulated.

use crate::simulation::provider::{Kind, LATER, Outage, Provider};
use crate::simulation::run::Run;
use crate::simulation::{Attack, DEFAULT, HOUR, MINUTE, Pace, Scenario, Start, Tokens};
use ngx_http_auth_jwt_module::auth::key_cache::Rules;

/// A machine fetches about every so much of `key_cache`, in thousandths.
pub const PERIOD: u64 = 800;

pub fn rules(key_cache: u64) -> Rules {
    Rules { fresh_for: key_cache, ..DEFAULT }
}

/// How long the keys of `key_cache` last on average until they are fetched anew.
pub fn period(key_cache: u64) -> u64 {
    key_cache.saturating_mul(PERIOD) / 1_000
}

/// Nothing happens; machines start spread.
pub fn steady(machines: usize, key_cache: u64, length: u64) -> Scenario {
    Scenario {
        rules: rules(key_cache),
        start: Start::Within(period(key_cache)),
        ..Scenario::new(machines, length)
    }
}

/// All machines start in the same millisecond, and fetch so many times.
pub fn at_once(machines: usize, key_cache: u64, rounds: u64) -> Scenario {
    let length = period(key_cache).saturating_mul(rounds.saturating_add(1));
    Scenario { start: Start::AtOnce, ..steady(machines, key_cache, length) }
}

/// How the provider brings its new key into use.
#[derive(Clone, Copy)]
pub struct Rotation {
    /// Of one machine; 0: none comes.
    pub tokens_per_second: f64,
    /// How long before the first of them, or behind it, the key is published.
    pub published: Published,
    pub under_attack: bool,
}

#[derive(Clone, Copy)]
pub enum Published {
    Before(u64),
    Behind(u64),
}

/// When the first token with the new key may come.
pub const SIGNED: u64 = LATER;

pub fn rotation(machines: usize, rotation: Rotation) -> Scenario {
    let published = match rotation.published {
        Published::Before(time) => SIGNED.saturating_sub(time),
        Published::Behind(time) => SIGNED.saturating_add(time),
    };
    let attack = rotation.under_attack.then_some(Attack {
        from: SIGNED.saturating_sub(10 * MINUTE),
        to: u64::MAX,
        pace: Pace::PerSecond(1.0),
    });
    let per_second = rotation.tokens_per_second;
    Scenario {
        provider: Provider { published: vec![published], ..Provider::default() },
        tokens: (per_second > 0.0).then_some(Tokens { from: SIGNED, per_second }),
        attack,
        ..steady(machines, DEFAULT.fresh_for, SIGNED.saturating_add(20 * MINUTE))
    }
}

/// A new key that no token names; an outage may begin when it is published.
pub fn quiet_rotation(machines: usize, key_cache: u64, outage: Option<u64>) -> Scenario {
    let published = key_cache.saturating_mul(20);
    let outage = outage.map(|length| Outage::of(published, length, Kind::Refuses));
    let length = published.saturating_add(key_cache.saturating_mul(2)).saturating_add(2 * HOUR);
    Scenario {
        provider: Provider { published: vec![published], outage, ..Provider::default() },
        ..steady(machines, key_cache, length)
    }
}

/// The provider is out for so long, once the fleet has been at work for a while.
pub fn outage(machines: usize, length: u64, kind: Kind, stale_for: u64) -> Scenario {
    let outage = Outage::of(LATER, length, kind);
    let end = outage.to.saturating_add(HOUR);
    Scenario {
        rules: Rules { stale_for, ..DEFAULT },
        provider: Provider { outage: Some(outage), ..Provider::default() },
        ..steady(machines, DEFAULT.fresh_for, end)
    }
}

/// The provider is out when all machines start at once, without keys.
pub fn start_in_outage(machines: usize, length: u64, kind: Kind, start: Start) -> Scenario {
    let outage = Some(Outage::of(0, length, kind));
    let provider = Provider { outage, ..Provider::default() };
    let length = length.saturating_add(HOUR);
    Scenario { provider, start, ..Scenario::new(machines, length) }
}

/// An outage of so long, ten minutes into which all machines are reloaded at once.
pub fn reload_in_outage(machines: usize, length: u64, kind: Kind) -> Scenario {
    let reload = Some(LATER.saturating_add(10 * MINUTE));
    Scenario { reload, ..outage(machines, length, kind, DEFAULT.stale_for) }
}

/// The provider answers only so many requests of a second.
pub fn limited(machines: usize, at_most: usize, start: Start) -> Scenario {
    let provider = Provider { at_most: Some(at_most), ..Provider::default() };
    Scenario { provider, start, ..Scenario::new(machines, HOUR) }
}

/// Unknown `kid`s on all machines for an hour; the provider may be out meanwhile.
pub fn attack(
    machines: usize,
    refresh_every: Option<u64>,
    pace: Pace,
    outage: Option<Kind>,
) -> Scenario {
    let outage = outage.map(|kind| Outage::of(LATER, HOUR, kind));
    Scenario {
        rules: Rules { refresh_every, ..DEFAULT },
        provider: Provider { outage, ..Provider::default() },
        attack: Some(Attack { from: LATER, to: LATER.saturating_add(HOUR), pace }),
        ..steady(machines, DEFAULT.fresh_for, LATER.saturating_add(HOUR))
    }
}

/// A cache before the provider, and a new key that tokens name as soon as it is published, so long after [`SIGNED`].
pub fn cached(machines: usize, cached_for: u64, later: u64) -> Scenario {
    let now = Published::Before(0);
    let tokens = Rotation { tokens_per_second: 1.0, published: now, under_attack: false };
    let mut scenario = rotation(machines, tokens);
    let at = SIGNED.saturating_add(later);
    scenario.provider.published = vec![at];
    scenario.provider.cached_for = Some(cached_for);
    scenario.tokens = scenario.tokens.map(|tokens| Tokens { from: at, ..tokens });
    scenario
}

/// The busiest second around that fetch of each machine, after a start at once.
pub fn busiest_of(run: &Run, key_cache: u64, round: u64) -> usize {
    let (middle, half) = (period(key_cache).saturating_mul(round), period(key_cache) / 2);
    run.busiest_second(middle.saturating_sub(half)..middle.saturating_add(half))
}
