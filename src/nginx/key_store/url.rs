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
use crate::nginx::ffi::log;
use crate::nginx::ffi::thread::with_signals_blocked;
use crate::nginx::ffi::timer::Timer;
use crate::nginx::ffi::wait::Waiter;

/// The thread is looked at this often, in milliseconds: while requests wait for it, and else.
const OFTEN: usize = 5;
const SELDOM: usize = 500;

/// The sources by URL of a worker.
pub struct UrlSources {
    fetcher: Fetcher,
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
            Newer::Wanted => {
                self.fetcher.wake(*place);
                true
            }
        }
    }

    /// Has `waiter` woken when there is more news of the source of that number than `news`, and at the latest
    /// at `until`.
    pub fn add_waiter(&self, id: u64, news: u64, until: Instant, waiter: &Rc<Waiter>) {
        let Some(source) = self.source(id).cloned() else { return };
        let waiter = Rc::downgrade(waiter);
        self.waiting.borrow_mut().push(Waiting { source, news, until, waiter });
        self.timer.hasten(OFTEN);
    }

    /// Logs what the thread has to say.
    pub fn log(&self) {
        for Message { level, text } in self.fetcher.take_messages() {
            let level = match level {
                Level::Notice => NGX_LOG_NOTICE,
                Level::Warn => NGX_LOG_WARN,
                Level::Error => NGX_LOG_ERR,
            };
            log::cycle(level, format_args!("{text}"));
        }
    }

    /// Answers when to look again.
    fn tick(&self) -> usize {
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
        if waiting.is_empty() { SELDOM } else { OFTEN }
    }
}
