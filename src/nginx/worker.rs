//! The state of one worker. A thread-local of a process with one thread: it is gone with the
//! worker, and no configuration holds any of it.

use std::cell::RefCell;
use std::collections::HashMap;

use super::conf;
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

    /// Forgets the caches of an earlier configuration: a process without a master is not replaced.
    pub fn forget_tokens(&self) {
        self.token_caches.borrow_mut().clear();
    }
}

thread_local! {
    static WORKER: Worker = Worker::default();
}

/// Runs `body` with the worker's state.
pub fn with<T>(body: impl FnOnce(&Worker) -> T) -> T {
    WORKER.with(body)
}
