//! A fleet of nginx behind one provider, event by event. When a machine fetches is decided by the module's own
//! clockwork, [`Times`](ngx_http_auth_jwt_module::fetch::schedule::Times); simulated are the provider, the tokens that
//! arrive, and the clock. A machine is one nginx, whose workers share a state file.
//!
//! All times are in milliseconds since the simulation has begun. The same seed gives the same run.

mod machine;
pub mod provider;
mod queue;
mod random;
pub mod run;
mod world;

use ngx_http_auth_jwt_module::auth::key_cache::Rules;

use provider::Provider;
use run::Run;

pub const SECOND: u64 = 1_000;
pub const MINUTE: u64 = 60_000;
pub const HOUR: u64 = 3_600_000;

/// What is simulated.
#[derive(Clone)]
pub struct Scenario {
    pub machines: usize,
    pub rules: Rules,
    /// How long one fetch may take.
    pub timeout: u64,
    pub start: Start,
    pub provider: Provider,
    pub tokens: Option<Tokens>,
    pub attack: Option<Attack>,
    /// When all machines are reloaded.
    pub reload: Option<u64>,
    /// How long it goes on.
    pub length: u64,
    pub seed: u64,
}

/// When the machines start, all of them without keys.
#[derive(Clone, Copy)]
pub enum Start {
    /// In the same millisecond.
    AtOnce,
    /// At random within so long.
    Within(u64),
}

/// Tokens that are signed with the newest key; each machine gets them on its own.
#[derive(Clone, Copy)]
pub struct Tokens {
    pub from: u64,
    /// Of one machine, on average.
    pub per_second: f64,
}

/// Tokens whose `kid` nobody has.
#[derive(Clone, Copy)]
pub struct Attack {
    pub from: u64,
    pub to: u64,
    pub pace: Pace,
}

#[derive(Clone, Copy)]
pub enum Pace {
    /// At random, so many on each machine, on average.
    PerSecond(f64),
    /// To all machines in the same millisecond, each time they would fetch again.
    InStep,
}

impl Scenario {
    /// A fleet with the defaults of the module, which starts within ten minutes.
    pub fn new(machines: usize, length: u64) -> Self {
        Self {
            machines,
            rules: DEFAULT,
            timeout: 5 * SECOND,
            start: Start::Within(10 * MINUTE),
            provider: Provider::default(),
            tokens: None,
            attack: None,
            reload: None,
            length,
            seed: 1,
        }
    }

    pub fn run(&self) -> Run {
        world::World::new(self).run()
    }
}

/// `key_cache 10m refresh=30s stale=1d`
pub const DEFAULT: Rules =
    Rules { fresh_for: 10 * MINUTE, refresh_every: Some(30 * SECOND), stale_for: 24 * HOUR };
