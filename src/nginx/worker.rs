//! The state of one worker. A thread-local of a process with one thread: it is gone with the
//! worker, and no configuration holds any of it.

use std::cell::{Cell, RefCell, RefMut};
use std::collections::HashMap;
use std::rc::Rc;

use super::ffi::request::{Address, Request};
use super::key_store::answers::Answers;
use super::key_store::fetch::Fetch;
use super::key_store::file::KeyFiles;
use super::key_store::recent::RecentKeys;
use super::key_store::shared::SharedSources;
use super::key_store::url::UrlSources;
use crate::auth::judgement::Memory;
use crate::auth::token_cache::TokenCache;
use crate::jose::header::Headers;
use crate::metrics::counters::Pair;

/// What a worker keeps from request to request.
#[derive(Default)]
pub struct Worker {
    pub key_files: RefCell<KeyFiles>,
    pub answers: RefCell<Answers>,
    pub recent_keys: RefCell<RecentKeys>,
    pub shared_sources: RefCell<SharedSources>,
    /// Those under way, by their subrequests.
    pub fetches: RefCell<HashMap<Address, Rc<Fetch>, foldhash::fast::RandomState>>,
    /// Keys by URL, where the configuration has any.
    pub url_sources: RefCell<Option<Rc<UrlSources>>>,
    /// Where key requests are counted, if they are.
    pub key_requests: Cell<Option<Pair>>,
    headers: RefCell<Headers>,
    /// It has been told that tokens encrypted with a public key are anybody's.
    pub told_anybodys: Cell<bool>,
    /// When it has last told what is wrong with the memory of proofs, in milliseconds.
    pub told_of_proofs: Cell<Option<u64>>,
    token_caches: RefCell<HashMap<u64, TokenCache, foldhash::fast::RandomState>>,
}

/// `auth_jwt_cache`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenCacheSetting {
    Off,
    /// Each directive has a cache of its own in each worker, which all share that inherit it.
    On {
        id: u64,
        /// In bytes.
        size: usize,
    },
}

impl Default for TokenCacheSetting {
    fn default() -> Self {
        Self::On { id: 0, size: 16 << 20 }
    }
}

/// A worker's memory of tokens, lent for one judgement.
pub struct LentMemory<'w> {
    cache: Option<RefMut<'w, TokenCache>>,
    headers: RefMut<'w, Headers>,
}

impl LentMemory<'_> {
    /// What the judgement is given.
    pub fn memory(&mut self) -> Memory<'_> {
        Memory::new(self.cache.as_deref_mut(), &mut self.headers)
    }
}

impl Worker {
    /// What is remembered from token to token, under `setting` of `auth_jwt_cache`. Nobody else asks for it
    /// while it is lent.
    pub fn lend_memory(&self, setting: TokenCacheSetting) -> LentMemory<'_> {
        let cache = match setting {
            TokenCacheSetting::Off => None,
            TokenCacheSetting::On { id, size } => {
                Some(RefMut::map(self.token_caches.borrow_mut(), |caches| {
                    caches.entry(id).or_insert_with(|| TokenCache::new(size))
                }))
            }
        };
        LentMemory { cache, headers: self.headers.borrow_mut() }
    }

    /// The fetch that `request`, a subrequest, is made for, if it is for one.
    pub fn fetch_of(&self, request: Request<'_>) -> Option<Rc<Fetch>> {
        let fetches = self.fetches.borrow();
        let mut lineage = request.lineage().filter(|_| !fetches.is_empty());
        lineage.find_map(|request| fetches.get(&request.address()).cloned())
    }

    /// Forgets the caches of an earlier configuration: a process without a master is not replaced.
    pub fn forget_tokens(&self) {
        self.token_caches.borrow_mut().clear();
        self.recent_keys.take();
    }
}

thread_local! {
    static WORKER: Rc<Worker> = Rc::default();
}

/// The worker's state.
pub fn this() -> Rc<Worker> {
    WORKER.with(Rc::clone)
}
