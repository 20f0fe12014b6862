//! The state of one worker. A thread-local of a process with one thread: it is gone with the
//! worker, and no configuration holds any of it.

use std::cell::RefCell;
use std::collections::HashMap;

use super::conf;
use super::keys::KeySets;
use super::keys::fetch::KeyRequests;
use super::keys::file::KeyFiles;
use crate::auth::token_cache::TokenCache;
use crate::jose::header::Headers;

/// What a worker keeps from request to request.
#[derive(Default)]
pub struct Worker {
    pub key_files: RefCell<KeyFiles>,
    pub key_requests: RefCell<KeyRequests>,
    pub headers: RefCell<Headers>,
    token_caches: RefCell<HashMap<u64, TokenCache, foldhash::fast::RandomState>>,
    /// By the list of sources.
    recent: RefCell<HashMap<u64, Recent, foldhash::fast::RandomState>>,
}

/// Keys of files, which are not looked at again within a millisecond.
struct Recent {
    /// By nginx's monotonic clock, in milliseconds.
    gathered: u64,
    sets: KeySets,
}

impl Worker {
    /// Calls `body` with the cache of `setting`, if there is one.
    pub fn with_token_cache<T>(
        &self,
        setting: conf::TokenCache,
        body: impl FnOnce(&mut TokenCache) -> T,
    ) -> Option<T> {
        let conf::TokenCache::On { id, size } = setting else { return None };
        let mut caches = self.token_caches.borrow_mut();
        Some(body(caches.entry(id).or_insert_with(|| TokenCache::new(size))))
    }

    /// Keeps what was gathered at `now` of a list of sources; `None`, and nothing is kept.
    pub fn keep_recent(&self, sources: u64, now: u64, sets: Option<KeySets>) {
        let mut recent = self.recent.borrow_mut();
        match sets {
            Some(sets) => drop(recent.insert(sources, Recent { gathered: now, sets })),
            None => drop(recent.remove(&sources)),
        }
    }

    /// Calls `body` with what was gathered of a list of sources in this very millisecond, if it was.
    pub fn with_recent<T>(
        &self,
        sources: u64,
        now: u64,
        body: impl FnOnce(&KeySets) -> T,
    ) -> Option<T> {
        let recent = self.recent.borrow();
        let recent = recent.get(&sources).filter(|recent| recent.gathered == now)?;
        Some(body(&recent.sets))
    }

    /// Forgets the caches of an earlier configuration: a process without a master is not replaced.
    pub fn forget_tokens(&self) {
        self.token_caches.borrow_mut().clear();
        self.recent.borrow_mut().clear();
    }
}

thread_local! {
    static WORKER: Worker = Worker::default();
}

/// Runs `body` with the worker's state.
pub fn with<T>(body: impl FnOnce(&Worker) -> T) -> T {
    WORKER.with(body)
}
