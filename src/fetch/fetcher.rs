//! The thread that fetches, of one process: it looks after all sources, and has each fetch done by a thread
//! of its own, so that a server that hangs keeps no other waiting.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::error::FetchError;
use super::keeper::{Keeper, Next, clock};
use super::message::{Level, Message};
use super::once::{self, Failed, Fetched, Order};
use super::proxy::Proxy;
use super::source::Source;

/// So many fetches at the most are under way in a process.
const MAX_FETCHES: usize = 16;

/// So many lines at the most wait to be logged.
const MAX_MESSAGES: usize = 1_024;

/// A thread that fetches needs no more stack than this. In bytes.
const STACK: usize = 1 << 20;

/// After a panic the thread rests for this long. In milliseconds.
const AFTER_PANIC: u64 = 1_000;

/// What holds for all sources.
#[derive(Clone, Default)]
pub struct Settings {
    /// Where files are kept; `None`: nowhere.
    pub directory: Option<PathBuf>,
    pub proxy: Option<Proxy>,
    /// When the configuration was read, in milliseconds since the epoch.
    pub since: u64,
}

/// The thread that fetches. Dropped, it ends as soon as it can; nobody waits for it.
pub struct Fetcher {
    mailbox: Arc<Mailbox>,
}

#[derive(Default)]
struct Mailbox {
    letters: Mutex<Letters>,
    arrived: Condvar,
}

/// What there is for the thread, and from it.
#[derive(Default)]
struct Letters {
    stop: bool,
    /// The sources whose requests want newer keys, by their place.
    wanted: Vec<usize>,
    ended: Vec<(usize, Result<Fetched, Failed>)>,
    messages: Vec<Message>,
    has_warned: bool,
}

impl Mailbox {
    /// A panic while it was held has left it whole.
    fn open(&self) -> MutexGuard<'_, Letters> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fetcher {
    /// Starts the thread for `sources`. It inherits which signals are blocked.
    pub fn start(settings: Settings, sources: &[Arc<Source>]) -> io::Result<Self> {
        let mailbox = Arc::<Mailbox>::default();
        let keepers = sources.iter().map(|source| {
            let (directory, proxy) = (settings.directory.as_deref(), settings.proxy.clone());
            Keeper::new(source.clone(), directory, proxy, settings.since)
        });
        let mut thread = Thread {
            mailbox: mailbox.clone(),
            sources: keepers.map(|keeper| Kept { keeper, look_at: 0 }).collect(),
            under_way: 0,
            started: Instant::now(),
            random: RandomState::new(),
        };
        let builder = thread::Builder::new().name("auth_jwt_keys".to_owned()).stack_size(STACK);
        builder.spawn(move || thread.run())?;
        Ok(Self { mailbox })
    }

    /// Requests of the source at this place want newer keys.
    pub fn wake(&self, source: usize) {
        let mut letters = self.mailbox.open();
        if !letters.wanted.contains(&source) {
            letters.wanted.push(source);
        }
        self.mailbox.arrived.notify_one();
    }

    /// What is to be logged.
    pub fn take_messages(&self) -> Vec<Message> {
        std::mem::take(&mut self.mailbox.open().messages)
    }
}

impl Drop for Fetcher {
    fn drop(&mut self) {
        self.mailbox.open().stop = true;
        self.mailbox.arrived.notify_one();
    }
}

struct Thread {
    mailbox: Arc<Mailbox>,
    sources: Vec<Kept>,
    /// How many fetches are.
    under_way: usize,
    started: Instant,
    random: RandomState,
}

struct Kept {
    keeper: Keeper,
    /// In milliseconds since the thread has started.
    look_at: u64,
}

impl Thread {
    fn run(&mut self) {
        loop {
            // What panics here would panic again at once.
            let turn = panic::catch_unwind(AssertUnwindSafe(|| self.turn()));
            let rest = turn.unwrap_or(AFTER_PANIC);
            let letters = self.mailbox.open();
            if letters.stop {
                return;
            }
            if letters.ended.is_empty() && letters.wanted.is_empty() {
                let rest = Duration::from_millis(rest);
                drop(self.mailbox.arrived.wait_timeout(letters, rest));
            }
        }
    }

    /// Does what is to be done now; answers after how many milliseconds to look again.
    fn turn(&mut self) -> u64 {
        let mut letters = self.mailbox.open();
        if letters.stop {
            return 0;
        }
        let (ended, wanted) =
            (std::mem::take(&mut letters.ended), std::mem::take(&mut letters.wanted));
        drop(letters);
        let mut log = Vec::new();
        for (place, result) in ended {
            self.under_way = self.under_way.saturating_sub(1);
            if let Some(kept) = self.sources.get_mut(place) {
                let jitter = self.random.hash_one(place) ^ clock();
                kept.keeper.ended(clock(), jitter as u16, result, &mut log);
                kept.look_at = 0;
            }
        }
        for place in wanted {
            if let Some(kept) = self.sources.get_mut(place) {
                kept.look_at = 0;
            }
        }
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut next = u64::MAX;
        for (place, kept) in self.sources.iter_mut().enumerate() {
            if kept.look_at <= elapsed {
                let may_fetch = self.under_way < MAX_FETCHES;
                kept.look_at = match kept.keeper.tend(clock(), may_fetch, &mut log) {
                    Next::Look(after) => elapsed.saturating_add(after),
                    Next::Fetch(order) => {
                        self.under_way = self.under_way.saturating_add(1);
                        fetch(&self.mailbox, place, order);
                        u64::MAX
                    }
                };
            }
            next = next.min(kept.look_at);
        }
        self.tell(log);
        next.saturating_sub(elapsed).clamp(1, 3_600_000)
    }

    fn tell(&self, log: Vec<Message>) {
        if log.is_empty() {
            return;
        }
        let mut letters = self.mailbox.open();
        for message in log {
            // Whatever cannot be written: once for all sources.
            if message.level == Level::Warn && std::mem::replace(&mut letters.has_warned, true) {
                continue;
            }
            if letters.messages.len() < MAX_MESSAGES {
                letters.messages.push(message);
            }
        }
    }
}

/// Has a fetch done by a thread of its own.
fn fetch(mailbox: &Arc<Mailbox>, place: usize, order: Box<Order>) {
    let url = order.place.url().text().to_owned();
    let failed = move || Err(Failed { url, error: FetchError::Thread, notices: Vec::new() });
    let deliver = move |mailbox: &Mailbox, result| {
        mailbox.open().ended.push((place, result));
        mailbox.arrived.notify_one();
    };
    let builder = thread::Builder::new().name("auth_jwt_fetch".to_owned()).stack_size(STACK);
    let (own, own_failed) = (mailbox.clone(), failed.clone());
    let spawned = builder.spawn(move || {
        let result = panic::catch_unwind(AssertUnwindSafe(|| once::fetch(&order)));
        deliver(&own, result.unwrap_or_else(|_| own_failed()));
    });
    if spawned.is_err() {
        deliver(mailbox, failed());
    }
}
