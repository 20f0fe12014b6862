//! What is counted, and by whom: handles of counters for those who count, made while the configuration is
//! taken into use.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;

use super::store::{Counter, Counters, Key, Store};
use crate::auth::outcome::Verdict;
use crate::auth::word::Word;

/// What a record counts. Its number is part of the memory.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(super) enum Kind {
    /// Verdicts of a zone without an issuer, by their word.
    Verdicts,
    /// Those of its dry run.
    DryRun,
    /// Tokens of an issuer that have passed in a zone.
    Passed,
    /// Fetches of an issuer's keys by URL: how many succeeded, and how many failed.
    Fetches,
    /// Lookups in the cache of tokens: hits and misses.
    Lookups,
    /// Key requests: how many succeeded, and how many failed.
    KeyRequests,
}

impl Kind {
    const fn counters(self) -> u8 {
        match self {
            Self::Verdicts | Self::DryRun => Word::ALL.len() as u8,
            Self::Passed => 1,
            Self::Fetches | Self::Lookups | Self::KeyRequests => 2,
        }
    }
}

/// The zone of whatever has no room, and the issuer of fetches that have none.
pub const OTHER: &str = "other";

/// All counters. They are as old as the memory: a new configuration finds those of an earlier one, and adds its own.
pub struct Registry {
    store: Store,
    known: HashMap<Key, Counters>,
    /// How many had no room.
    pub left_out: usize,
}

/// What comes in two ways.
#[derive(Clone, Copy)]
pub struct Pair {
    yes: Counter,
    no: Counter,
}

impl Pair {
    pub fn count(self, yes: bool) {
        if yes { self.yes.count() } else { self.no.count() }
    }
}

/// The counters of a zone.
pub struct ZoneCounters {
    verdicts: Counters,
    dry_run: Counters,
    /// By the number of the issuer, as far as there is room.
    passed: HashMap<u64, Counter, foldhash::fast::RandomState>,
    /// Tokens of the other issuers.
    passed_others: Counter,
    pub lookups: Pair,
}

impl Registry {
    /// Counters in `memory`, which holds zeros or what an earlier registry has put there. One process makes
    /// registries, one at a time.
    pub fn new(memory: &'static [AtomicU64]) -> Self {
        let store = Store::new(memory);
        let mut registry = Self { store, known: store.records().collect(), left_out: 0 };
        // These come first, so that they always have room.
        registry.pair(Kind::Lookups, "");
        registry.pair(Kind::KeyRequests, "");
        registry.counters(Kind::Verdicts, OTHER, "");
        registry.counters(Kind::DryRun, OTHER, "");
        registry.counters(Kind::Fetches, "", OTHER);
        registry
    }

    /// The counters of `zone`, with those of a dry run where it has one.
    pub fn zone(&mut self, zone: &str, dry_run: bool) -> Option<ZoneCounters> {
        let verdicts = self.counters(Kind::Verdicts, zone, "")?;
        let dry_run = match dry_run {
            true => self.counters(Kind::DryRun, zone, "")?,
            // It is never asked.
            false => verdicts,
        };
        let lookups = self.pair(Kind::Lookups, "")?;
        let others = self.counters(Kind::Verdicts, OTHER, "")?;
        let passed_others = others.get(Word::Ok as usize)?;
        let passed = HashMap::default();
        Some(ZoneCounters { verdicts, dry_run, passed, passed_others, lookups })
    }

    /// Has tokens of an issuer, told by its number, counted in `zone`, whose `counters` these are.
    pub fn issuer(&mut self, counters: &mut ZoneCounters, zone: &str, number: u64, issuer: &str) {
        let own = self.own(Kind::Passed, zone, issuer);
        if let Some(passed) = own.and_then(|own| own.get(0)) {
            counters.passed.insert(number, passed);
        }
    }

    /// The counters of the fetches of an issuer's keys.
    pub fn fetches(&mut self, issuer: &str) -> Option<Pair> {
        self.pair(Kind::Fetches, issuer)
    }

    /// The counters of key requests.
    pub fn key_requests(&mut self) -> Option<Pair> {
        self.pair(Kind::KeyRequests, "")
    }

    fn pair(&mut self, kind: Kind, issuer: &str) -> Option<Pair> {
        let counters = self.counters(kind, "", issuer)?;
        Some(Pair { yes: counters.get(0)?, no: counters.get(1)? })
    }

    /// Those of a record; of [`OTHER`] where it has no room.
    fn counters(&mut self, kind: Kind, zone: &str, issuer: &str) -> Option<Counters> {
        if let Some(own) = self.own(kind, zone, issuer) {
            return Some(own);
        }
        let (zone, issuer) = match kind {
            Kind::Verdicts | Kind::DryRun => (OTHER, ""),
            Kind::Fetches => ("", OTHER),
            Kind::Passed | Kind::Lookups | Kind::KeyRequests => return None,
        };
        let key = Key { kind: kind as u8, zone: zone.into(), issuer: issuer.into() };
        self.known.get(&key).copied()
    }

    /// Those of a record, which is added where there is none; `None` where it has no room.
    fn own(&mut self, kind: Kind, zone: &str, issuer: &str) -> Option<Counters> {
        let key = Key { kind: kind as u8, zone: zone.into(), issuer: issuer.into() };
        if let Some(known) = self.known.get(&key) {
            return Some(*known);
        }
        let Some(added) = self.store.add(&key, kind.counters()) else {
            self.left_out = self.left_out.saturating_add(1);
            return None;
        };
        self.known.insert(key, added);
        Some(added)
    }
}

impl ZoneCounters {
    /// Counts a verdict; of one on a token of an issuer by the number of that.
    pub fn count(&self, verdict: &Verdict, issuer: Option<u64>) {
        let (counters, word) = match verdict {
            Verdict::Accepted => match issuer {
                Some(issuer) => {
                    return self.passed.get(&issuer).unwrap_or(&self.passed_others).count();
                }
                None => (self.verdicts, Word::Ok),
            },
            Verdict::Anonymous => (self.verdicts, Word::NoToken),
            Verdict::Refused(refusal) => (self.verdicts, refusal.word()),
            Verdict::DryRun(refusal) => (self.dry_run, refusal.word()),
        };
        if let Some(counter) = counters.get(word as usize) {
            counter.count();
        }
    }
}
