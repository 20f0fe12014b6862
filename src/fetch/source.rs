//! A source of keys by URL, as its two sides share it: the thread that fetches publishes what there is, and
//! the requests of the worker look at it. A lock is held for a copy only.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::certificates::Certificates;
use crate::auth::key_cache::Rules;
use crate::auth::key_place::Remote;
use crate::jose::key_set::KeySet;
use crate::metrics::counters::Pair;

/// What is configured of a source.
#[derive(Clone)]
pub struct Configured {
    /// The name of the block.
    pub issuer: String,
    pub remote: Remote,
    pub rules: Rules,
    /// How long one fetch may take, all in all; a request waits no longer.
    pub timeout: Duration,
    pub certificates: Option<Certificates>,
}

/// A source of keys by URL.
pub struct Source {
    pub configured: Configured,
    /// Of its fetches, where they are counted.
    fetches: Option<Pair>,
    published: Mutex<Published>,
    /// How often there was something new for those who wait.
    news: AtomicU64,
}

/// What the thread has published.
struct Published {
    keys: Option<Arc<KeySet>>,
    usable_until: Instant,
    /// Whether a fetch is under way, here or in another process.
    under_way: bool,
    /// Whether that is a fetch for an unknown `kid`.
    refreshing: bool,
    /// Until when an unknown `kid` makes no fetch.
    throttled_until: Instant,
    /// Whether an unknown `kid` has asked for a fetch since the thread looked.
    wanted: bool,
    /// When keys were fetched last, in milliseconds since the epoch.
    fetched: Option<u64>,
    failure: Option<Failure>,
}

/// Why keys cannot be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub reason: String,
    /// When a fetch last failed, in milliseconds since the epoch.
    pub at: u64,
}

/// What is known of the keys of a source, for whoever watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// How many may be used.
    pub keys: usize,
    /// When they were fetched, in milliseconds since the epoch.
    pub fetched: Option<u64>,
    /// As long as it lasts.
    pub failure: Option<Failure>,
}

/// What a request finds.
pub struct Look {
    /// Those that may be used.
    pub keys: Option<Arc<KeySet>>,
    pub under_way: bool,
    /// What [`Source::news`] was.
    pub news: u64,
}

/// What an unknown `kid` leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Newer {
    /// There will be none for now.
    No,
    /// A fetch is under way.
    UnderWay,
    /// The thread is to fetch, and must be woken.
    Wanted,
}

impl Source {
    /// A source of which nothing is known yet; whoever asks waits for the thread's first word.
    pub fn new(configured: Configured) -> Self {
        let now = Instant::now();
        let published = Published {
            keys: None,
            usable_until: now,
            under_way: true,
            refreshing: false,
            throttled_until: now,
            wanted: false,
            fetched: None,
            failure: None,
        };
        let (fetches, published) = (None, Mutex::new(published));
        Self { configured, fetches, published, news: AtomicU64::new(0) }
    }

    /// The source, whose fetches are counted.
    pub fn counted(self, fetches: Option<Pair>) -> Self {
        Self { fetches, ..self }
    }

    /// A lock that a panic has poisoned is taken all the same: what it guards is whole after each statement.
    fn published(&self) -> MutexGuard<'_, Published> {
        self.published.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What there is at `now`.
    pub fn look(&self, now: Instant) -> Look {
        let news = self.news();
        let published = self.published();
        let keys = published.keys.clone().filter(|_| now < published.usable_until);
        // Keys that serve no more, while nothing has failed: the thread is late, and fetches at any moment.
        let is_late = keys.is_none() && published.keys.is_some() && published.failure.is_none();
        Look { keys, under_way: published.under_way || is_late, news }
    }

    /// What is known of its keys at `now`.
    pub fn condition(&self, now: Instant) -> Condition {
        let published = self.published();
        let keys = published.keys.as_ref().filter(|_| now < published.usable_until);
        Condition {
            keys: keys.map_or(0, |keys| keys.keys().count()),
            fetched: published.fetched,
            failure: published.failure.clone(),
        }
    }

    /// How often there was something new for those who wait: they look again when it has changed.
    pub fn news(&self) -> u64 {
        self.news.load(Ordering::Acquire)
    }

    /// A request has a `kid` that the keys do not have.
    pub fn want_newer(&self, now: Instant) -> Newer {
        if self.configured.rules.refresh_every.is_none() {
            return Newer::No;
        }
        let mut published = self.published();
        if published.refreshing || published.wanted {
            return Newer::UnderWay;
        }
        if now < published.throttled_until {
            return Newer::No;
        }
        // A fetch that is under way anyway may bring it.
        if published.under_way {
            return Newer::UnderWay;
        }
        published.wanted = true;
        Newer::Wanted
    }

    /// The thread takes what unknown `kid`s have asked for.
    pub(super) fn take_wanted(&self) -> bool {
        std::mem::take(&mut self.published().wanted)
    }

    /// A fetch has ended, well or not.
    pub(super) fn count_fetch(&self, good: bool) {
        if let Some(fetches) = self.fetches {
            fetches.count(good);
        }
    }

    /// The thread publishes what there is; times are from `now` on.
    pub(super) fn publish(&self, state: State<'_>, now: Instant) {
        let after = |milliseconds| now.checked_add(Duration::from_millis(milliseconds));
        let mut published = self.published();
        let was_under_way = published.under_way;
        // Keys are wiped when they are dropped, which takes a while: not under the lock.
        let replaced = std::mem::replace(&mut published.keys, state.keys.cloned());
        published.usable_until = after(state.usable_for).unwrap_or(now);
        published.under_way = state.under_way;
        published.refreshing = state.refreshing;
        published.throttled_until = after(state.throttled_for).unwrap_or(now);
        published.fetched = state.fetched;
        let known = published.failure.as_ref().map(|known| (&*known.reason, known.at));
        if known != state.failure {
            let failure = state.failure;
            published.failure = failure.map(|(reason, at)| Failure { reason: reason.into(), at });
        }
        drop(published);
        drop(replaced);
        if state.is_news || was_under_way && !state.under_way {
            self.news.fetch_add(1, Ordering::Release);
        }
    }
}

/// What the thread knows. Times are in milliseconds.
pub(super) struct State<'s> {
    pub keys: Option<&'s Arc<KeySet>>,
    pub usable_for: u64,
    pub under_way: bool,
    pub refreshing: bool,
    pub throttled_for: u64,
    /// When keys were fetched last, since the epoch.
    pub fetched: Option<u64>,
    /// Why fetches fail, while they do, and since the epoch when one did last.
    pub failure: Option<(&'s str, u64)>,
    /// Whether those who wait are to look again.
    pub is_news: bool,
}
