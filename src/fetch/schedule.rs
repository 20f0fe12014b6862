//! When the keys of a source are fetched, for all processes that share its state: plain numbers, no I/O
//! and no keys. All times are in milliseconds since the epoch, as a clock of the machine tells them: they
//! outlive a process.

use serde::{Deserialize, Serialize};

use crate::auth::key_cache::Rules;

/// A failed fetch is tried again after this much, then after twice as much, and so on.
const FIRST_RETRY: u64 = 1_000;

/// And at least this often.
const LAST_RETRY: u64 = 30_000;

/// What all processes know of the fetches of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// When the keys at hand were fetched.
    pub fetched: Option<u64>,
    /// A number at random, drawn when they were fetched: processes and machines do not all fetch at once.
    pub jitter: u16,
    /// When a fetch last failed, since one has succeeded.
    pub failed: Option<u64>,
    /// How many have failed since one has succeeded.
    pub failures: u32,
    /// When an unknown `kid` last made a fetch.
    pub refreshed: Option<u64>,
}

/// What is to be done for a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Fetch,
    Rest,
}

impl Times {
    /// Corrects times that lie ahead, after the clock was set back: keys of an unknown age are fetched anew at
    /// once, and serve on as if it were time for that.
    pub fn correct(&mut self, now: u64, rules: Rules) {
        if self.fetched.is_some_and(|fetched| fetched > now) {
            self.fetched = Some(now.saturating_sub(self.early(rules)));
        }
        self.failed = self.failed.map(|failed| failed.min(now));
        self.refreshed = self.refreshed.map(|refreshed| refreshed.min(now));
    }

    /// When the next fetch is due by itself, in a process whose configuration was read at `since`: what
    /// had failed before is tried at once.
    pub fn next_fetch(&self, now: u64, rules: Rules, since: u64) -> u64 {
        if let Some(failed) = self.failed.filter(|failed| (since..=now).contains(failed)) {
            let doublings = self.failures.saturating_sub(1).min(16);
            return failed.saturating_add((FIRST_RETRY << doublings).min(LAST_RETRY));
        }
        match self.fetched {
            // It has failed before.
            Some(_) if self.failed.is_some() => now,
            Some(fetched) => fetched.saturating_add(self.early(rules)),
            None => now,
        }
    }

    /// From 75 to 85 % of the time of the keys.
    fn early(&self, rules: Rules) -> u64 {
        let thousandths = 750_u64.saturating_add(u64::from(self.jitter) % 101);
        let whole = (rules.fresh_for / 1_000).saturating_mul(thousandths);
        let rest = (rules.fresh_for % 1_000).saturating_mul(thousandths) / 1_000;
        whole.saturating_add(rest)
    }

    /// What to do now, by a process that holds the lock of the source; with `wants_newer`, requests have
    /// an unknown `kid`. The throttle of these is set here: no failure lifts it.
    pub fn step(&mut self, now: u64, rules: Rules, since: u64, wants_newer: bool) -> Step {
        if wants_newer && self.may_refresh(now, rules) {
            self.refreshed = Some(now);
            return Step::Fetch;
        }
        match self.next_fetch(now, rules, since) <= now {
            true => Step::Fetch,
            false => Step::Rest,
        }
    }

    /// Whether an unknown `kid` may make a fetch.
    pub fn may_refresh(&self, now: u64, rules: Rules) -> bool {
        rules.refresh_every.is_some() && self.throttled_for(now, rules) == 0
    }

    /// For how long an unknown `kid` makes no fetch.
    pub fn throttled_for(&self, now: u64, rules: Rules) -> u64 {
        let (Some(interval), Some(last)) = (rules.refresh_every, self.refreshed) else { return 0 };
        interval.saturating_sub(now.saturating_sub(last))
    }

    /// Whether an unknown `kid` has made a fetch that is still under way somewhere, if none takes longer
    /// than `timeout`.
    pub fn is_refreshing(&self, now: u64, timeout: u64) -> bool {
        self.refreshed.is_some_and(|refreshed| {
            self.fetched.max(self.failed).is_none_or(|ended| ended < refreshed)
                && now.saturating_sub(refreshed) < timeout
        })
    }

    /// The fetch brought keys.
    pub fn succeed(&mut self, now: u64, jitter: u16) {
        *self = Self { fetched: Some(now), jitter, refreshed: self.refreshed, ..Self::default() };
    }

    /// The fetch failed.
    pub fn fail(&mut self, now: u64) {
        self.failed = Some(now);
        self.failures = self.failures.saturating_add(1);
    }

    /// For how long the keys at hand serve on from now. Where fetches fail, beyond their time, too.
    pub fn usable_for(&self, now: u64, rules: Rules) -> u64 {
        let Some(fetched) = self.fetched else { return 0 };
        let stale_for = if self.failed.is_some() { rules.stale_for } else { 0 };
        let until = fetched.saturating_add(rules.fresh_for).saturating_add(stale_for);
        until.saturating_sub(now)
    }

    /// When something last happened to the source.
    pub fn last_event(&self) -> Option<u64> {
        self.fetched.max(self.failed).max(self.refreshed)
    }
}
