//! The identity provider, and a cache before it.

use super::random::Random;
use super::{MINUTE, SECOND};

#[derive(Clone)]
pub struct Provider {
    /// How long an answer takes: at least and at most.
    pub answers_in: (u64, u64),
    pub outage: Option<Outage>,
    /// How many requests of a second it answers; others are refused.
    pub at_most: Option<usize>,
    /// When keys are added, each time one.
    pub published: Vec<u64>,
    /// For how long a cache before it keeps an answer. Failures are not kept.
    pub cached_for: Option<u64>,
}

#[derive(Clone, Copy)]
pub struct Outage {
    pub from: u64,
    pub to: u64,
    pub kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Each request is refused, as fast as it would be answered.
    Refuses,
    /// None is answered: each fetch takes as long as it may.
    Hangs,
}

impl Default for Provider {
    fn default() -> Self {
        Self {
            answers_in: (20, 200),
            outage: None,
            at_most: None,
            published: Vec::new(),
            cached_for: None,
        }
    }
}

/// A provider that is asked.
pub struct Asked<'s> {
    provider: &'s Provider,
    timeout: u64,
    /// What the cache has: since when, and how many keys.
    cached: Option<(u64, usize)>,
    /// The second at hand, and how many requests came in it.
    this_second: (u64, usize),
    /// When it was asked.
    pub requests: Vec<u64>,
}

impl<'s> Asked<'s> {
    pub fn new(provider: &'s Provider, timeout: u64) -> Self {
        Self { provider, timeout, cached: None, this_second: (0, 0), requests: Vec::new() }
    }

    /// A machine fetches: after how long that ends, and how many keys it has brought.
    pub fn fetch(&mut self, at: u64, random: &mut Random) -> (u64, Option<usize>) {
        let (least, most) = self.provider.answers_in;
        let takes = random.within(least, most);
        let Some(kept_for) = self.provider.cached_for else { return self.ask(at, takes) };
        match self.cached.filter(|(since, _)| at < since.saturating_add(kept_for)) {
            Some((_, keys)) => (takes, Some(keys)),
            None => {
                let (takes, keys) = self.ask(at, takes);
                self.cached = keys.map(|keys| (at, keys));
                (takes, keys)
            }
        }
    }

    fn ask(&mut self, at: u64, takes: u64) -> (u64, Option<usize>) {
        self.requests.push(at);
        let second = at / SECOND;
        let before = if self.this_second.0 == second { self.this_second.1 } else { 0 };
        self.this_second = (second, before.saturating_add(1));
        let outage = self.provider.outage.filter(|outage| (outage.from..outage.to).contains(&at));
        let hangs = outage.is_some_and(|outage| outage.kind == Kind::Hangs);
        if hangs || takes >= self.timeout {
            return (self.timeout, None);
        }
        if outage.is_some() || self.provider.at_most.is_some_and(|most| before >= most) {
            return (takes, None);
        }
        (takes, Some(self.provider.published.iter().filter(|published| **published <= at).count()))
    }
}

impl Outage {
    pub fn of(from: u64, length: u64, kind: Kind) -> Self {
        Self { from, to: from.saturating_add(length), kind }
    }
}

/// When the fleet has been at work for a while.
pub const LATER: u64 = 60 * MINUTE;
