//! Random numbers that repeat.

use std::hash::BuildHasher;

use foldhash::quality::FixedState;

pub struct Random {
    hasher: FixedState,
    drawn: u64,
}

impl Random {
    pub fn new(seed: u64) -> Self {
        Self { hasher: FixedState::with_seed(seed), drawn: 0 }
    }

    pub fn number(&mut self) -> u64 {
        self.drawn = self.drawn.saturating_add(1);
        self.hasher.hash_one(self.drawn)
    }

    /// From 0 on, below 1.
    fn fraction(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A time from `least` to `most`.
    pub fn within(&mut self, least: u64, most: u64) -> u64 {
        let span = most.saturating_sub(least) as f64 + 1.0;
        least.saturating_add((self.fraction() * span) as u64)
    }

    /// The time until the next of those that come at random, so many a second.
    pub fn pause(&mut self, per_second: f64) -> u64 {
        let seconds = -(1.0 - self.fraction()).ln() / per_second;
        ((seconds * 1_000.0) as u64).max(1)
    }
}
