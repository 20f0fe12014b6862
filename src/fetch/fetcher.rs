//! The thread that fetches, of one process: it looks after all sources, and has each fetch done by a thread
//! of its own, so that a server that hangs keeps no other waiting.

use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::clock;
use super::error::FetchError;
use super::keeper::{Keeper, Next};
use super::message::{Level, Message};
use super::once::{self, Failed, Fetched, Order};
use super::proxy::Proxy;
use super::source::Source;

/// At most so many fetches are under way in a process.
const MAX_FETCHES: usize = 16;

/// And at most so many from one host: one that hangs keeps no other waiting.
const MAX_FETCHES_OF_HOST: usize = 4;

/// A fetch that goes on for this much longer than it may is given up. In milliseconds.
const GRACE: u64 = 1_000;

/// While a fetch waits for others to end, we look this often whether it is still due. In milliseconds.
const LOOK_EVERY: u64 = 500;

/// At most so many lines wait to be logged.
const MAX_MESSAGES: usize = 1_024;

/// A thread that fetches needs no more stack than this. In bytes.
const STACK: usize = 1 << 20;

/// After a panic the thread rests for this long: what panicked would do so again at once. In milliseconds.
const AFTER_PANIC: u64 = 1_000;

/// What holds for all sources.
#[derive(Clone, Default)]
pub struct Settings {
    /// Where files are kept; `None`: nowhere.
    pub directory: Option<PathBuf>,
    pub proxy: Option<Proxy>,
    /// When the configuration was read, in milliseconds since the epoch.
    pub configured_at: u64,
}

/// The thread that fetches. Dropped, it ends as soon as it can; nobody waits for it.
pub struct Fetcher {
    mailbox: Arc<Mailbox>,
}

#[derive(Default)]
struct Mailbox {
    contents: Mutex<Contents>,
    arrived: Condvar,
}

/// What there is for the thread, and from it.
#[derive(Default)]
struct Contents {
    stop: bool,
    /// The sources whose requests want newer keys, by their index.
    wanted: Vec<usize>,
    ended: VecDeque<Ended>,
    messages: Vec<Message>,
    has_warned: bool,
}

/// A fetch that has ended, and the index of its source.
struct Ended {
    index: usize,
    /// The number of the fetch.
    number: u64,
    result: Result<Fetched, Failed>,
}

impl Mailbox {
    /// A lock that a panic has poisoned is taken all the same: what it guards is whole after each statement.
    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fetcher {
    /// Starts the thread for `sources`. It inherits which signals are blocked.
    pub fn start(settings: Settings, sources: &[Arc<Source>]) -> io::Result<Self> {
        let mailbox = Arc::<Mailbox>::default();
        let keepers = sources.iter().map(|source| {
            let (directory, proxy) = (settings.directory.as_deref(), settings.proxy.clone());
            Keeper::new(source.clone(), directory, proxy, settings.configured_at)
        });
        let mut thread = Thread {
            mailbox: mailbox.clone(),
            sources: keepers
                .zip(sources)
                .map(|(keeper, source)| Entry::new(keeper, source))
                .collect(),
            due: VecDeque::new(),
            fetches: 0,
            started: Instant::now(),
            random: RandomState::new(),
        };
        let builder = thread::Builder::new().name("auth_jwt_keys".to_owned()).stack_size(STACK);
        builder.spawn(move || thread.run())?;
        Ok(Self { mailbox })
    }

    /// Requests want newer keys of the source at this index.
    pub fn wake(&self, index: usize) {
        let mut contents = self.mailbox.lock();
        if !contents.wanted.contains(&index) {
            contents.wanted.push(index);
        }
        self.mailbox.arrived.notify_one();
    }

    /// What is to be logged.
    pub fn take_messages(&self) -> Vec<Message> {
        std::mem::take(&mut self.mailbox.lock().messages)
    }
}

impl Drop for Fetcher {
    fn drop(&mut self) {
        self.mailbox.lock().stop = true;
        self.mailbox.arrived.notify_one();
    }
}

struct Thread {
    mailbox: Arc<Mailbox>,
    sources: Vec<Entry>,
    /// Those that are to fetch and may not yet, by their indexes, first come first served.
    due: VecDeque<usize>,
    /// How many fetches there were.
    fetches: u64,
    started: Instant,
    random: RandomState,
}

/// A source of the thread.
struct Entry {
    keeper: Keeper,
    /// The host and port of its URL.
    host: String,
    /// What is asked first.
    url: String,
    /// When to look after it next, in milliseconds since the thread has started.
    next_look: u64,
    /// The fetch under way: its number, and until when it may go on.
    fetch: Option<(u64, u64)>,
    is_due: bool,
}

impl Entry {
    fn new(keeper: Keeper, source: &Source) -> Self {
        let url = source.configured.remote.url();
        let (host, url) = (url.authority().to_owned(), url.text().to_owned());
        Self { keeper, host, url, next_look: 0, fetch: None, is_due: false }
    }
}

impl Thread {
    fn run(&mut self) {
        loop {
            let turn = panic::catch_unwind(AssertUnwindSafe(|| self.turn()));
            let rest = turn.unwrap_or(AFTER_PANIC);
            let contents = self.mailbox.lock();
            if contents.stop {
                return;
            }
            if contents.ended.is_empty() && contents.wanted.is_empty() {
                let rest = Duration::from_millis(rest);
                drop(self.mailbox.arrived.wait_timeout(contents, rest));
            }
        }
    }

    /// Does what is to be done now; answers after how many milliseconds to look again.
    fn turn(&mut self) -> u64 {
        let mut log = Vec::new();
        // One by one: a panic loses no more than the one at hand.
        while let Some(Ended { index, number, result }) = self.next_ended() {
            self.end(index, number, result, &mut log);
        }
        let wanted = std::mem::take(&mut self.mailbox.lock().wanted);
        for index in wanted {
            if let Some(entry) = self.sources.get_mut(index) {
                entry.next_look = 0;
            }
        }
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        for index in 0..self.sources.len() {
            self.look(index, elapsed, &mut log);
        }
        while let Some(index) = self.next_due() {
            self.begin(index, elapsed, &mut log);
        }
        self.tell(log);
        let next = self.sources.iter().map(|entry| entry.next_look).min().unwrap_or(u64::MAX);
        next.saturating_sub(elapsed).clamp(1, 3_600_000)
    }

    fn next_ended(&self) -> Option<Ended> {
        let mut contents = self.mailbox.lock();
        if contents.stop { None } else { contents.ended.pop_front() }
    }

    /// A fetch has ended; one that was given up before counts no more.
    fn end(
        &mut self,
        index: usize,
        number: u64,
        result: Result<Fetched, Failed>,
        log: &mut Vec<Message>,
    ) {
        let jitter = self.random.hash_one(self.fetches) as u16;
        let Some(entry) = self.sources.get_mut(index) else { return };
        if entry.fetch.take_if(|(own, _)| *own == number).is_some() {
            entry.next_look = 0;
            entry.keeper.ended(clock::now(), jitter, result, log);
        }
    }

    /// Looks after a source, if it is time to.
    fn look(&mut self, index: usize, elapsed: u64, log: &mut Vec<Message>) {
        let Some(entry) = self.sources.get_mut(index).filter(|entry| entry.next_look <= elapsed)
        else {
            return;
        };
        if let Some((number, _)) = entry.fetch.filter(|(_, until)| *until <= elapsed) {
            let (url, notices) = (entry.url.clone(), Vec::new());
            let failed = Failed { url, error: FetchError::TooSlow, notices };
            return self.end(index, number, Err(failed), log);
        }
        let was_due = std::mem::take(&mut entry.is_due);
        let after = match entry.keeper.tend(clock::now(), false, log) {
            Next::Look(after) => after,
            Next::Due | Next::Fetch(_) => {
                entry.is_due = true;
                if !was_due {
                    self.due.push_back(index);
                }
                LOOK_EVERY
            }
        };
        entry.next_look = entry.fetch.map_or(elapsed.saturating_add(after), |(_, until)| until);
    }

    /// Who fetches next, if anybody may.
    fn next_due(&mut self) -> Option<usize> {
        let under_way: Vec<&str> = self
            .sources
            .iter()
            .filter(|entry| entry.fetch.is_some())
            .map(|entry| &*entry.host)
            .collect();
        if under_way.len() >= MAX_FETCHES {
            return None;
        }
        let sources = &self.sources;
        let may = |index: &usize| {
            let host = sources.get(*index).map_or("", |entry| &*entry.host);
            under_way.iter().filter(|other| **other == host).count() < MAX_FETCHES_OF_HOST
        };
        let at = self.due.iter().position(may)?;
        self.due.remove(at)
    }

    /// Has a source fetch, if it is still due.
    fn begin(&mut self, index: usize, elapsed: u64, log: &mut Vec<Message>) {
        let Some(entry) = self.sources.get_mut(index) else { return };
        if !std::mem::take(&mut entry.is_due) {
            return;
        }
        entry.next_look = match entry.keeper.tend(clock::now(), true, log) {
            Next::Look(after) => elapsed.saturating_add(after),
            Next::Due => elapsed.saturating_add(LOOK_EVERY),
            Next::Fetch(order) => {
                self.fetches = self.fetches.saturating_add(1);
                let timeout = u64::try_from(order.timeout.as_millis()).unwrap_or(u64::MAX);
                let until = elapsed.saturating_add(timeout).saturating_add(GRACE);
                entry.fetch = Some((self.fetches, until));
                spawn_fetch(&self.mailbox, index, self.fetches, order);
                until
            }
        };
    }

    fn tell(&self, log: Vec<Message>) {
        if log.is_empty() {
            return;
        }
        let mut contents = self.mailbox.lock();
        for message in log {
            // The only warning is that files cannot be kept: once for all sources.
            if message.level == Level::Warn && std::mem::replace(&mut contents.has_warned, true) {
                continue;
            }
            if contents.messages.len() < MAX_MESSAGES {
                contents.messages.push(message);
            }
        }
    }
}

/// Has a fetch done by a thread of its own.
fn spawn_fetch(mailbox: &Arc<Mailbox>, index: usize, number: u64, order: Box<Order>) {
    let url = order.place.url().text().to_owned();
    let failed = move || Err(Failed { url, error: FetchError::Thread, notices: Vec::new() });
    let deliver = move |mailbox: &Mailbox, result| {
        mailbox.lock().ended.push_back(Ended { index, number, result });
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
