//! All numbers at one time, before they are told.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use super::counters::{Kind, OTHER};
use super::store::{Counters, Store};
use crate::auth::word::Word;

/// What is told.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The module's version.
    pub version: &'static str,
    pub nginx: &'static str,
    /// In the order of their zones.
    pub verdicts: Vec<VerdictCount>,
    /// Found in the cache, and not found.
    pub lookups: Outcomes,
    /// By the name of the issuer.
    pub fetches: BTreeMap<Box<str>, Outcomes>,
    pub key_requests: Outcomes,
    /// Those of the configuration.
    pub issuers: Vec<IssuerKeys>,
}

/// How often something came out well, and how often not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    pub good: u64,
    pub bad: u64,
}

/// How many verdicts were alike.
#[derive(Debug, PartialEq, Eq)]
pub struct VerdictCount {
    pub zone: Box<str>,
    /// Empty unless tokens of an issuer have passed.
    pub issuer: Box<str>,
    pub status: &'static str,
    pub count: u64,
}

/// The keys of an issuer, as the process that tells has them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct IssuerKeys {
    pub name: String,
    /// How many serve.
    pub keys: usize,
    /// For how long those by URL have been here, in milliseconds; of several URLs the oldest.
    pub age: Option<u64>,
    /// Why keys cannot be fetched, as long as they cannot.
    pub failure: Option<Failure>,
}

/// A failure that lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub reason: String,
    /// When it was seen last, in milliseconds before now.
    pub ago: u64,
}

impl Report {
    /// What is counted in `memory`.
    pub fn new(memory: &'static [AtomicU64]) -> Self {
        let mut report = Self::default();
        for (key, counters) in Store::new(memory).records() {
            let is = |kind: Kind| key.kind == kind as u8;
            let (zone, issuer) = (key.zone.clone(), key.issuer.clone());
            if is(Kind::Verdicts) {
                report.add_verdicts(&zone, counters, Word::text);
            } else if is(Kind::DryRun) {
                report.add_verdicts(&zone, counters, Word::dry_run_text);
            } else if is(Kind::Passed) {
                let count = counters.values().next().unwrap_or_default();
                let status = Word::Ok.text();
                report.verdicts.push(VerdictCount { zone, issuer, status, count });
            } else if is(Kind::Fetches) {
                let outcomes = Outcomes::of(counters);
                if *issuer != *OTHER || outcomes != Outcomes::default() {
                    report.fetches.insert(issuer, outcomes);
                }
            } else if is(Kind::Lookups) {
                report.lookups = Outcomes::of(counters);
            } else if is(Kind::KeyRequests) {
                report.key_requests = Outcomes::of(counters);
            }
        }
        report.verdicts.sort_by(|a, b| a.zone.cmp(&b.zone));
        report
    }

    fn add_verdicts(&mut self, zone: &str, counters: Counters, text: fn(Word) -> &'static str) {
        let counts = Word::ALL.into_iter().map(text).zip(counters.values());
        // No dry run lets a request pass that passes anyway; and the zone of what has no room is rarely needed.
        let is_told = |(status, count): &(&str, u64)| {
            *count > 0 || *status != Word::Ok.dry_run_text() && zone != OTHER
        };
        self.verdicts.extend(counts.filter(is_told).map(|(status, count)| VerdictCount {
            zone: zone.into(),
            issuer: "".into(),
            status,
            count,
        }));
    }
}

impl Outcomes {
    fn of(counters: Counters) -> Self {
        let mut values = counters.values();
        Self { good: values.next().unwrap_or_default(), bad: values.next().unwrap_or_default() }
    }
}
