//! Keys by URL in a worker: the thread that fetches them, the requests that wait for it, and what it has to
//! say, which nginx's own thread logs.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Instant;

use ngx::ffi::{NGX_LOG_ERR, NGX_LOG_NOTICE, NGX_LOG_WARN};

use crate::fetch::fetcher::{Fetcher, Settings};
use crate::fetch::message::{Level, Message};
use crate::fetch::source::{Newer, Source};
use crate::nginx::ffi::cycle::is_leaving;
use crate::nginx::ffi::guard::log_panics_elsewhere;
use crate::nginx::ffi::log;
use crate::nginx::ffi::thread::with_signals_blocked;
use crate::nginx::ffi::timer::{Again, Timer};
use crate::nginx::ffi::wait::Waiter;

/// How often the thread is looked at while requests wait for it: these end before their worker does.
const OFTEN: Again = Again { milliseconds: 5, holds: true };

/// And else.
const SELDOM: Again = Again { milliseconds: 500, holds: false };

/// The sources by URL of a worker.
pub struct UrlSources {
    /// Until the worker is to leave: what it fetched then by the settings it has would come too late.
    fetcher: RefCell<Option<Fetcher>>,
    /// By their numbers, each with its place in the thread's list.
    sources: HashMap<u64, (usize, Arc<Source>), foldhash::fast::RandomState>,
    waiting: RefCell<Vec<Waiting>>,
    timer: Rc<Timer>,
}

/// A request that waits for news of a source.
struct Waiting {
    source: Arc<Source>,
    /// What [`Source::news`] was when it looked.
    news: u64,
    until: Instant,
    waiter: Weak<Waiter>,
}

impl UrlSources {
    /// Starts the thread that fetches for `sources`, told apart by their numbers.
    pub fn start(settings: Settings, sources: Vec<(u64, Arc<Source>)>) -> io::Result<Rc<Self>> {
        let list: Vec<_> = sources.iter().map(|(_, source)| source.clone()).collect();
        let fetcher = with_signals_blocked(|| Fetcher::start(settings, &list))?;
        let places = sources.into_iter().enumerate();
        let sources = places.map(|(place, (id, source))| (id, (place, source))).collect();
        Ok(Rc::new_cyclic(|own: &Weak<Self>| {
            let own = own.clone();
            let timer =
                Timer::start(SELDOM, move || own.upgrade().map_or(SELDOM, |own| own.tick()));
            let fetcher = RefCell::new(Some(fetcher));
            Self { fetcher, sources, waiting: RefCell::default(), timer }
        }))
    }

    /// The source of that number.
    pub fn source(&self, id: u64) -> Option<&Arc<Source>> {
        self.sources.get(&id).map(|(_, source)| source)
    }

    /// Asks for newer keys than the source of that number has; answers whether to wait for them.
    pub fn want_newer(&self, id: u64, now: Instant) -> bool {
        let Some((place, source)) = self.sources.get(&id) else { return false };
        match source.want_newer(now) {
            Newer::No => false,
            Newer::UnderWay => true,
            Newer::Wanted => match &*self.fetcher.borrow() {
                Some(fetcher) => {
                    fetcher.wake(*place);
                    true
                }
                None => false,
            },
        }
    }

    /// Has `waiter` woken when there is more news of the source of that number than `news`, and at the latest
    /// at `until`.
    pub fn add_waiter(&self, id: u64, news: u64, until: Instant, waiter: &Rc<Waiter>) {
        let Some(source) = self.source(id).cloned() else { return };
        let waiter = Rc::downgrade(waiter);
        let mut waiting = self.waiting.borrow_mut();
        // Whoever comes later does not put the timer off.
        if waiting.is_empty() {
            self.timer.set(OFTEN);
        }
        waiting.push(Waiting { source, news, until, waiter });
    }

    /// Logs what the thread has to say.
    pub fn log(&self) {
        log_panics_elsewhere();
        let fetcher = self.fetcher.borrow();
        let messages = fetcher.as_ref().map(Fetcher::take_messages);
        for Message { level, text } in messages.into_iter().flatten() {
            let level = match level {
                Level::Notice => NGX_LOG_NOTICE,
                Level::Warn => NGX_LOG_WARN,
                Level::Error => NGX_LOG_ERR,
            };
            log::cycle(level, format_args!("{text}"));
        }
    }

    /// Answers when to look again.
    fn tick(&self) -> Again {
        self.log();
        let now = Instant::now();
        let mut waiting = self.waiting.borrow_mut();
        waiting.retain(|waiting| {
            let Some(waiter) = waiting.waiter.upgrade() else { return false };
            let is_over = waiting.source.news() != waiting.news || now >= waiting.until;
            if is_over {
                waiter.post();
            }
            !is_over
        });
        if !waiting.is_empty() {
            return OFTEN;
        }
        if is_leaving() {
            drop(self.fetcher.take());
        }
        SELDOM
    }
}
