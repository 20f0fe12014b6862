//! What came of a simulation.

use super::machine::Seen;
use super::{HOUR, SECOND};
use std::ops::Range;

pub struct Run {
    pub fetches: Vec<Fetch>,
    /// When the provider was asked; with a cache before it these are fewer than the fetches.
    pub asked: Vec<u64>,
    /// By each machine.
    pub seen: Vec<Seen>,
}

pub struct Fetch {
    pub at: u64,
    pub machine: usize,
    pub ends: u64,
    pub is_good: bool,
}

impl Run {
    /// How often the provider was asked within that time.
    pub fn asked_within(&self, time: Range<u64>) -> usize {
        self.asked.iter().filter(|at| time.contains(at)).count()
    }

    /// The same for an hour, on average.
    pub fn asked_per_hour(&self, time: Range<u64>) -> f64 {
        let hours = time.end.saturating_sub(time.start) as f64 / HOUR as f64;
        self.asked_within(time) as f64 / hours
    }

    /// The same for a second.
    pub fn asked_per_second(&self, time: Range<u64>) -> f64 {
        self.asked_per_hour(time) / 3_600.0
    }

    /// In the busiest second of that time, which begins with a whole second.
    pub fn busiest_second(&self, time: Range<u64>) -> usize {
        let mut seconds: Vec<u64> =
            self.asked.iter().filter(|at| time.contains(at)).map(|at| at / SECOND).collect();
        seconds.sort_unstable();
        seconds.chunk_by(|one, other| one == other).map(<[u64]>::len).max().unwrap_or(0)
    }

    /// After how long from that time on each machine had keys: the last of them.
    pub fn all_started_after(&self, from: u64) -> Option<u64> {
        latest(self.seen.iter().map(|seen| Some(seen.first_keys?.saturating_sub(from))))
    }

    /// After how long from `published` on each machine had the newest key, sorted; `None` if one has it not.
    pub fn newest_key_after(&self, published: u64) -> Option<Vec<u64>> {
        sorted(self.seen.iter().map(|seen| Some(seen.got.last()?.saturating_sub(published))))
    }

    /// After how long from its first token on each machine had the newest key, sorted.
    pub fn newest_key_after_token(&self) -> Option<Vec<u64>> {
        let after = |seen: &Seen| Some(seen.got.last()?.saturating_sub(seen.first_token?));
        sorted(self.seen.iter().map(after))
    }

    /// When the first machine was without keys, how many were so, and for how long all in all at the most.
    pub fn without_keys(&self) -> Option<(u64, usize, u64)> {
        let gaps = self.seen.iter().filter(|seen| !seen.without.is_empty());
        let first = self.seen.iter().flat_map(|seen| &seen.without).map(|gap| gap.0).min()?;
        let long =
            |seen: &Seen| seen.without.iter().map(|(from, to)| to.saturating_sub(*from)).sum();
        let longest = gaps.clone().map(long).max()?;
        Some((first, gaps.count(), longest))
    }

    /// After how long from the end of an outage on all machines that it had hit have keys anew.
    pub fn recovered_after(&self, end: u64) -> Option<u64> {
        let mut last_good = vec![true; self.seen.len()];
        let mut recovered = vec![None; self.seen.len()];
        for fetch in &self.fetches {
            let (good, recovered) =
                last_good.get_mut(fetch.machine).zip(recovered.get_mut(fetch.machine))?;
            if fetch.at < end {
                *good = fetch.is_good;
            } else if !*good && fetch.is_good {
                recovered.get_or_insert(fetch.ends.saturating_sub(end));
            }
        }
        let hit = recovered.into_iter().zip(last_good).filter(|(_, good)| !good);
        latest(hit.map(|(recovered, _)| recovered))
    }
}

fn latest(times: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    sorted(times)?.last().copied()
}

fn sorted(times: impl Iterator<Item = Option<u64>>) -> Option<Vec<u64>> {
    let mut times: Vec<u64> = times.collect::<Option<_>>()?;
    times.sort_unstable();
    Some(times)
}
