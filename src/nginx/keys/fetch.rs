//! Keys that come by subrequest: what a worker keeps of each source, and the fetch under way.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::mem;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::auth::key_cache::{Clockwork, Failure, Rules, Step};
use crate::jose::crypto::Fingerprint;
use crate::jose::error::KeySetError;
use crate::jose::key_set::{KeySet, Skipped};
use crate::nginx::ffi::subrequest::Subrequest;
use crate::nginx::ffi::wait::Waiter;

/// A longer answer is refused. In bytes.
const MAX_SIZE: usize = 1 << 20;

/// An answer that takes longer is refused, however often a byte of it arrives. In milliseconds.
const MAX_DURATION: usize = 60_000;

/// What is granted: t/panics.t does not wait that long.
pub const DEADLINE: usize = if cfg!(feature = "injected-panics") { 1_000 } else { MAX_DURATION };

/// All answers whose keys are remembered have this much together. In bytes.
const MAX_KEPT: usize = 16 << 20;

/// This many sources are remembered; with URIs from variables there could be any number.
const MAX_SOURCES: usize = 1024;

/// A source: the server, and the URI evaluated.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SourceId {
    pub server: u64,
    pub uri: Box<[u8]>,
}

/// The sources a worker has fetched from.
#[derive(Default)]
pub struct KeyRequests(HashMap<SourceId, Source, foldhash::quality::RandomState>);

#[derive(Default)]
struct Source {
    clockwork: Clockwork,
    kept: Option<Kept>,
    fetch: Option<Rc<Fetch>>,
    used: u64,
    /// It has been told that the keys come without TLS.
    told_plain: bool,
}

struct Kept {
    size: usize,
    fingerprint: Fingerprint,
    keys: Arc<KeySet>,
}

/// What a request that asks for keys gets.
pub enum Answer {
    Keys(Arc<KeySet>),
    Wait(Rc<Fetch>),
    Fetch,
}

/// How a fetch that was concluded came out.
pub struct Concluded {
    pub keys: Option<Arc<KeySet>>,
    pub error: Option<FetchError>,
    /// Whether it is time to tell that keys beyond their time serve on.
    pub tell_stale: bool,
}

/// One fetch under way, shared by all who wait for it.
pub struct Fetch {
    pub source: SourceId,
    pub subrequest: Cell<Option<Subrequest>>,
    body: RefCell<Zeroizing<Vec<u8>>>,
    error: RefCell<Option<FetchError>>,
    outcome: RefCell<Option<Outcome>>,
    waiters: RefCell<Vec<Weak<Waiter>>>,
}

/// How a fetch came out, for those who wait.
#[derive(Clone)]
pub enum Outcome {
    Keys(Arc<KeySet>),
    /// For this reason.
    Failed(Rc<str>),
    /// Whoever fetched has left: ask again.
    Abandoned,
}

/// Why a fetch brought no keys.
#[derive(Debug)]
pub enum FetchError {
    Status(usize),
    /// The connection to the key server broke.
    Broken,
    Incomplete {
        received: usize,
        announced: u64,
    },
    Encoded(String),
    TooLarge,
    TooSlow,
    KeySet(KeySetError),
}

impl KeyRequests {
    /// A request asks for the keys of `id`; `ahead` of their time, if it needs newer ones. Times
    /// are in milliseconds.
    pub fn ask(&mut self, id: &SourceId, now: u64, rules: Rules, ahead: bool) -> Answer {
        let Some(source) = self.0.get_mut(id) else { return Answer::Fetch };
        source.used = now;
        let step = match ahead {
            true => source.clockwork.ask_ahead(now, rules),
            false => source.clockwork.ask(now, rules),
        };
        match (step, &source.kept, &source.fetch) {
            (Step::Use | Step::UseStale, Some(kept), _) => Answer::Keys(kept.keys.clone()),
            (Step::Wait, _, Some(fetch)) => Answer::Wait(fetch.clone()),
            _ => Answer::Fetch,
        }
    }

    /// The keys that hold for a request whose shared fetch has failed.
    pub fn after_failure(&mut self, id: &SourceId, now: u64, rules: Rules) -> Option<Arc<KeySet>> {
        match self.ask(id, now, rules, false) {
            Answer::Keys(keys) => Some(keys),
            Answer::Wait(_) | Answer::Fetch => None,
        }
    }

    /// Begins a fetch.
    pub fn begin(&mut self, id: SourceId, now: u64, ahead: bool) -> Rc<Fetch> {
        self.make_room();
        let source = self.0.entry(id.clone()).or_default();
        source.used = now;
        match ahead {
            true => source.clockwork.begin_ahead(now),
            false => source.clockwork.begin(),
        }
        let fetch = Rc::new(Fetch {
            source: id,
            subrequest: Cell::new(None),
            body: RefCell::default(),
            error: RefCell::default(),
            outcome: RefCell::default(),
            waiters: RefCell::default(),
        });
        source.fetch = Some(fetch.clone());
        fetch
    }

    /// Concludes a fetch whose subrequest is done, and wakes who waits for it.
    pub fn conclude(
        &mut self,
        fetch: &Fetch,
        now: u64,
        rules: Rules,
        told: impl FnMut(Skipped),
    ) -> Concluded {
        let source = self.0.entry(fetch.source.clone()).or_default();
        source.fetch = None;
        let result = fetch.answer().and_then(|mut bytes| {
            let (size, fingerprint) = (bytes.len(), Fingerprint::of(&bytes));
            match source.kept.take() {
                // The same bytes are not parsed again.
                Some(kept) if kept.fingerprint == fingerprint => Ok(kept),
                kept => match KeySet::parse(mem::take(&mut *bytes), told) {
                    Ok(keys) => Ok(Kept { size, fingerprint, keys: Arc::new(keys) }),
                    Err(error) => {
                        source.kept = kept;
                        Err(FetchError::KeySet(error))
                    }
                },
            }
        });
        let concluded = match result {
            Ok(kept) => {
                source.clockwork.succeed(now);
                let keys = kept.keys.clone();
                source.kept = Some(kept);
                Concluded { keys: Some(keys), error: None, tell_stale: false }
            }
            Err(error) => {
                let (keys, tell_stale) = match source.clockwork.fail(now, rules) {
                    Failure::Unavailable => (None, false),
                    Failure::Stale { tell } => {
                        (source.kept.as_ref().map(|kept| kept.keys.clone()), tell)
                    }
                };
                Concluded { keys, error: Some(error), tell_stale }
            }
        };
        fetch.settle(match (&concluded.error, &concluded.keys) {
            (None, Some(keys)) => Outcome::Keys(keys.clone()),
            (error, _) => {
                let reason = error.as_ref().map(FetchError::to_string).unwrap_or_default();
                Outcome::Failed(reason.into())
            }
        });
        concluded
    }

    /// Whether to tell that the keys of `id` come without TLS: once.
    pub fn tells_plain(&mut self, id: &SourceId) -> bool {
        let source = self.0.get_mut(id);
        source.is_some_and(|source| !std::mem::replace(&mut source.told_plain, true))
    }

    /// Gives a fetch up whose request has left; one of those who wait will fetch.
    pub fn abandon(&mut self, fetch: &Fetch) {
        if fetch.outcome().is_some() {
            return;
        }
        if let Some(source) = self.0.get_mut(&fetch.source) {
            source.clockwork.abandon();
            source.fetch = None;
        }
        fetch.settle(Outcome::Abandoned);
    }

    fn make_room(&mut self) {
        let kept = |source: &Source| source.kept.as_ref().map_or(0, |kept| kept.size);
        let mut size: usize = self.0.values().map(kept).sum();
        while self.0.len() >= MAX_SOURCES || size > MAX_KEPT {
            let idle = self.0.iter().filter(|(_, source)| source.fetch.is_none());
            let oldest = idle.min_by_key(|(_, source)| source.used).map(|(id, _)| id.clone());
            let Some(removed) = oldest.and_then(|oldest| self.0.remove(&oldest)) else { return };
            size = size.saturating_sub(kept(&removed));
        }
    }
}

impl Fetch {
    /// Collects pieces of the answer; `false` once there is no point in more.
    pub fn collect(&self, pieces: &mut dyn Iterator<Item = &[u8]>) -> bool {
        let mut body = self.body.borrow_mut();
        for piece in pieces {
            if body.len().saturating_add(piece.len()) > MAX_SIZE {
                self.error.replace(Some(FetchError::TooLarge));
            } else if self.error.borrow().is_none() {
                body.extend_from_slice(piece);
            }
        }
        self.error.borrow().is_none()
    }

    /// The answer so far counts for nothing: an error page follows.
    pub fn restart(&self) {
        self.body.borrow_mut().clear();
        self.error.replace(None);
    }

    /// The time is over.
    pub fn expire(&self) {
        self.error.replace(Some(FetchError::TooSlow));
    }

    /// The connection to the key server broke.
    pub fn broke(&self) {
        self.error.borrow_mut().get_or_insert(FetchError::Broken);
    }

    /// Registers a request that waits for the outcome.
    pub fn add_waiter(&self, waiter: &Rc<Waiter>) {
        let mut waiters = self.waiters.borrow_mut();
        // Those who have left make room before the list grows.
        if waiters.len() == waiters.capacity() {
            waiters.retain(|waiter| waiter.strong_count() > 0);
        }
        waiters.push(Rc::downgrade(waiter));
    }

    /// How the fetch came out, once it has.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome.borrow().clone()
    }

    /// Whether the subrequest is over.
    pub fn is_done(&self) -> bool {
        self.subrequest.get().is_none_or(Subrequest::is_done)
    }

    fn settle(&self, outcome: Outcome) {
        self.outcome.replace(Some(outcome));
        for waiter in self.waiters.take() {
            if let Some(waiter) = waiter.upgrade() {
                waiter.wake();
            }
        }
    }

    fn answer(&self) -> Result<Zeroizing<Vec<u8>>, FetchError> {
        let subrequest = self.subrequest.take().ok_or(FetchError::Broken)?;
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        if subrequest.status() != 200 {
            return Err(FetchError::Status(subrequest.status()));
        }
        if let Some(encoding) = subrequest.content_encoding() {
            return Err(FetchError::Encoded(encoding.escape_ascii().to_string()));
        }
        let body = self.body.take();
        match subrequest.content_length() {
            Some(announced) if announced != body.len() as u64 => {
                Err(FetchError::Incomplete { received: body.len(), announced })
            }
            _ => Ok(body),
        }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(0) => f.write_str("got no answer"),
            Self::Status(status) => write!(f, "was answered with status {status}, not 200"),
            Self::Broken => f.write_str("broke off before the end of the answer"),
            Self::Incomplete { received, announced } => {
                write!(f, "got {received} bytes of an answer of {announced}")
            }
            Self::Encoded(encoding) => {
                write!(
                    f,
                    "got an answer with \"Content-Encoding: {encoding}\", which is not decoded"
                )
            }
            Self::TooLarge => write!(f, "got an answer larger than {} MiB", MAX_SIZE >> 20),
            Self::TooSlow => write!(f, "took longer than {} s", MAX_DURATION / 1000),
            Self::KeySet(error) => write!(f, "got no usable keys: {error}"),
        }
    }
}
