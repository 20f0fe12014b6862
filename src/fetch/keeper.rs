//! What the thread keeps of one source: what all processes know of it, its file, and the fetch under way.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use super::message::{Level, Message};
use super::once::{Failed, Fetched, Order};
use super::proxy::Proxy;
use super::schedule::Step;
use super::source::{Configured, Source, State};
use super::state_file::{Document, Lock, Record, StateFile, Told};
use crate::auth::key_place::{Discovery, Remote};
use crate::auth::url::Url;
use crate::jose::crypto::Fingerprint;
use crate::jose::key_set::{KeySet, Notice};

/// A file is looked at this often: what another process has fetched is seen within a second. In milliseconds.
const LOOK_EVERY: u64 = 500;

/// Without a file the clock is looked at this often. In milliseconds.
const LOOK_ALONE: u64 = 1_000;

/// A lock may be held for this much longer than a fetch may take. In milliseconds.
const GRACE: u64 = 5_000;

/// While another process fetches, the file is looked at this often. In milliseconds.
const LOOK_OFTEN: u64 = 50;

/// The same failure is logged this often. In milliseconds.
const TELL_EVERY: u64 = 60_000;

/// What is kept of one source.
pub(super) struct Keeper {
    source: Arc<Source>,
    order: Order,
    /// When the configuration was read, in milliseconds since the epoch.
    configured_at: u64,
    file: Option<StateFile>,
    record: Record,
    /// Whether the record has what could not be written to the file.
    is_unwritten: bool,
    keys: Option<Arc<KeySet>>,
    /// Whether requests with an unknown `kid` wait.
    wanted: bool,
    fetching: Option<Fetching>,
    /// Since when another process has had the lock, in milliseconds since the epoch.
    busy_since: Option<u64>,
}

/// A fetch under way.
struct Fetching {
    _lock: Option<Lock>,
    /// Whether an unknown `kid` has made it.
    is_refresh: bool,
}

/// What the thread is to do next for a source.
pub(super) enum Next {
    /// Look again, in milliseconds.
    Look(u64),
    /// A fetch is due, as soon as it may be begun.
    Due,
    /// Fetch, and say how it came out.
    Fetch(Box<Order>),
}

impl Keeper {
    /// Begins to keep a source, whose file is in `directory`.
    pub(super) fn new(
        source: Arc<Source>,
        directory: Option<&std::path::Path>,
        proxy: Option<Proxy>,
        configured_at: u64,
    ) -> Self {
        let configured = source.configured.clone();
        let file = directory.map(|directory| {
            let identity = identity(&source);
            let name = file_name(&source, &identity);
            StateFile::new(directory, &name, identity)
        });
        let order = Order {
            place: configured.remote,
            timeout: configured.timeout,
            certificates: configured.certificates,
            proxy,
        };
        let (record, keys) = (Record::default(), None);
        Self {
            source,
            order,
            configured_at,
            file,
            record,
            keys,
            is_unwritten: false,
            wanted: false,
            fetching: None,
            busy_since: None,
        }
    }

    /// Looks after the source at `now`, in milliseconds since the epoch. Where it `may_fetch`, a fetch that is
    /// due is begun.
    pub(super) fn tend(&mut self, now: u64, may_fetch: bool, log: &mut Vec<Message>) -> Next {
        if self.fetching.is_some() {
            return Next::Look(LOOK_EVERY);
        }
        let rules = self.source.configured.rules;
        // The clock was set back. Only what fails after the configuration was read has its pause: nothing would, until
        // the clock is there again.
        if self.configured_at > now {
            self.configured_at = 0;
        }
        self.record.times.correct(now, rules);
        let mut is_news = self.adopt(now);
        // Taken in any case: who has news looks at them first.
        let is_asked = self.source.take_wanted();
        self.wanted = !is_news && (self.wanted || is_asked);
        if !self.wanted && self.record.times.next_fetch(now, rules, self.configured_at) > now {
            // Whoever had the lock has given it back.
            self.busy_since = None;
            return self.rest(now, is_news);
        }
        if !may_fetch {
            self.publish(now, true, is_news);
            return Next::Due;
        }
        let lock = self.file.as_ref().map(StateFile::lock);
        match &lock {
            Some(Lock::Busy) => {
                let busy_since = *self.busy_since.get_or_insert(now);
                if now.saturating_sub(busy_since) < self.timeout().saturating_add(GRACE) {
                    self.publish(now, true, is_news);
                    return Next::Look(LOOK_OFTEN);
                }
                // Whoever has it is stopped, or hangs: keys are not to be lost with it.
                self.warn(&io::Error::other("a lock is held for longer than a fetch takes"), log);
            }
            Some(Lock::Failed(error)) => self.warn(error, log),
            Some(Lock::Held(_)) | None => {}
        }
        self.busy_since = None;
        // It may have been replaced before we got the lock.
        if self.adopt(now) {
            (is_news, self.wanted) = (true, false);
        }
        let refreshed = self.record.times.refreshed;
        let wanted = std::mem::take(&mut self.wanted);
        match self.record.times.step(now, rules, self.configured_at, wanted) {
            Step::Rest => self.rest(now, is_news || wanted),
            Step::Fetch => {
                let is_refresh = self.record.times.refreshed != refreshed;
                if is_refresh {
                    self.write(log);
                }
                self.fetching = Some(Fetching { _lock: lock, is_refresh });
                self.publish(now, true, is_news);
                Next::Fetch(Box::new(self.order.clone()))
            }
        }
    }

    /// The fetch has ended at `now`; `jitter` is a random number.
    pub(super) fn ended(
        &mut self,
        now: u64,
        jitter: u16,
        result: Result<Fetched, Failed>,
        log: &mut Vec<Message>,
    ) {
        // Taken first: even after a panic further down, another fetch may follow.
        let fetching = self.fetching.take();
        self.source.count_fetch(result.is_ok());
        // Somebody may have fetched without the lock, too.
        self.adopt(now);
        match result {
            Ok(fetched) => {
                self.succeeded(fetched, log);
                self.record.times.succeed(now, jitter);
            }
            Err(failed) => {
                self.failed(failed, now, log);
                self.record.times.fail(now);
            }
        }
        self.write(log);
        drop(fetching);
        self.publish(now, false, true);
    }

    fn succeeded(&mut self, fetched: Fetched, log: &mut Vec<Message>) {
        let Fetched { url, document, keys, notices } = fetched;
        let issuer = &self.source.configured.issuer;
        let mut say = |level, text| log.push(Message { level, text });
        if self.record.times.failed.is_some() {
            say(
                Level::Notice,
                format!("issuer \"{issuer}\": keys are fetched from \"{url}\" again"),
            );
        }
        let document = String::from_utf8_lossy(&document).into_owned();
        let known = self.record.document.as_ref().map(|document| &document.keys);
        if known != Some(&document) || self.keys.is_none() {
            let count = keys.keys().count();
            say(
                Level::Notice,
                match count {
                    1 => format!("issuer \"{issuer}\": 1 key from \"{url}\""),
                    _ => format!("issuer \"{issuer}\": {count} keys from \"{url}\""),
                },
            );
            say_notices(issuer, &url, &notices, log);
            self.keys = Some(Arc::new(keys));
        }
        self.record.document = Some(Document { url, keys: document });
    }

    fn failed(&mut self, failed: Failed, now: u64, log: &mut Vec<Message>) {
        let Failed { url, error, notices } = failed;
        let (issuer, reason) = (&self.source.configured.issuer, error.to_string());
        // A time that lies ahead is of a clock that was set back.
        let is_recent = |told: &Told| now.checked_sub(told.at).is_some_and(|age| age < TELL_EVERY);
        let told = &mut self.record.logged;
        told.retain(is_recent);
        let known = told.iter().position(|told| (&told.url, &told.reason) == (&url, &reason));
        if let Some(place) = known {
            // The last one is the failure at hand.
            let again = told.remove(place);
            told.push(again);
        } else {
            log.push(Message {
                level: Level::Error,
                text: format!(
                    "issuer \"{issuer}\": keys cannot be fetched from \"{url}\": {reason}"
                ),
            });
            say_notices(issuer, &url, &notices, log);
            self.record.logged.push(Told { url, reason, at: now });
        }
    }

    /// Takes over what another process has written; answers whether there are other keys.
    fn adopt(&mut self, now: u64) -> bool {
        let Some(record) = self.file.as_mut().and_then(StateFile::read_if_changed) else {
            return false;
        };
        let mut record = record;
        record.times.correct(now, self.source.configured.rules);
        // What could not be written here is newer; and older keys never replace newer ones.
        let (own, other) = (&self.record.times, &record.times);
        let is_older = other.fetched < own.fetched && record.document != self.record.document;
        let is_unwritten = self.is_unwritten && other.last_event() < own.last_event();
        if is_unwritten || is_older {
            return false;
        }
        let mut is_news = false;
        if record.document != self.record.document {
            let text = record.document.as_ref().map(|document| document.keys.clone());
            match text.map(|text| KeySet::parse_public(text.into_bytes(), |_| ())) {
                Some(Ok(keys)) => {
                    self.keys = Some(Arc::new(keys));
                    is_news = true;
                }
                // Keys that cannot be used never replace those that can.
                Some(Err(_)) | None => {
                    record.document = self.record.document.take();
                    record.times.fetched = self.record.times.fetched;
                }
            }
        }
        self.record = record;
        self.is_unwritten = false;
        is_news
    }

    /// Nothing is to be done for now.
    fn rest(&mut self, now: u64, is_news: bool) -> Next {
        let is_refreshing = self.record.times.is_refreshing(now, self.timeout());
        self.publish(now, is_refreshing, is_news);
        let times = &self.record.times;
        let next = times.next_fetch(now, self.source.configured.rules, self.configured_at);
        let left = next.saturating_sub(now).max(1);
        Next::Look(match &self.file {
            Some(_) if is_refreshing => LOOK_OFTEN,
            Some(_) => left.min(LOOK_EVERY),
            // The clock goes on while a machine is suspended, which a wait does not: keys may be old after it.
            None => left.min(LOOK_ALONE),
        })
    }

    /// In milliseconds.
    fn timeout(&self) -> u64 {
        u64::try_from(self.source.configured.timeout.as_millis()).unwrap_or(u64::MAX)
    }

    fn publish(&self, now: u64, under_way: bool, is_news: bool) {
        let (rules, times) = (self.source.configured.rules, &self.record.times);
        let is_own_refresh = self.fetching.as_ref().is_some_and(|fetching| fetching.is_refresh);
        let told = self.record.logged.last().map(|told| &*told.reason);
        let state = State {
            keys: self.keys.as_ref(),
            usable_for: times.usable_for(now, rules, self.configured_at),
            under_way,
            refreshing: is_own_refresh || times.is_refreshing(now, self.timeout()),
            throttled_for: times.throttled_for(now, rules),
            fetched: times.fetched,
            failure: told.zip(times.failed),
            is_news,
        };
        self.source.publish(state, Instant::now());
    }

    fn write(&mut self, log: &mut Vec<Message>) {
        let written = self.file.as_mut().map(|file| file.write(&self.record));
        self.is_unwritten = matches!(written, Some(Err(_)));
        if let Some(Err(error)) = written {
            self.warn(&error, log);
        }
    }

    /// The thread passes it on once for all sources.
    fn warn(&self, error: &io::Error, log: &mut Vec<Message>) {
        log.push(Message {
            level: Level::Warn,
            text: format!("keys by URL cannot be kept in \"auth_jwt_state_path\": {error}"),
        });
    }
}

/// What there is to say of the entries of a key set.
fn say_notices(issuer: &str, url: &str, notices: &[Notice], log: &mut Vec<Message>) {
    log.extend(notices.iter().map(|notice| Message {
        level: Level::Notice,
        text: format!("issuer \"{issuer}\": \"{url}\": {notice}"),
    }));
}

/// What tells a source from others: where its keys are, whose they are, and who vouches for that.
fn identity(source: &Source) -> Vec<String> {
    let Configured { remote, certificates, .. } = &source.configured;
    let mut words = match remote {
        Remote::KeySet(url) => vec!["key_url", url.text()],
        Remote::Discovery(Discovery { url, fallback, issuer }) => {
            let fallback = fallback.iter().map(Url::text);
            ["config_url", url.text()]
                .into_iter()
                .chain(fallback)
                .chain(["issuer", issuer])
                .collect()
        }
    };
    let trusted = certificates.as_ref().map(|certificates| certificates.fingerprint.hex());
    words.extend(trusted.iter().flat_map(|trusted| ["ssl_trusted_certificate", trusted]));
    words.into_iter().map(str::to_owned).collect()
}

/// The name of its file: the host, for whoever looks into the directory, and a fingerprint that no other source has.
fn file_name(source: &Source, identity: &[String]) -> String {
    let plain = |char: char| if char.is_ascii_alphanumeric() || char == '.' { char } else { '-' };
    let host: String =
        source.configured.remote.url().authority().chars().map(plain).take(64).collect();
    let hex: String =
        Fingerprint::of(identity.join("\n").as_bytes()).hex().chars().take(32).collect();
    format!("{host}-{hex}")
}

#[cfg(test)]
mod tests;
