//! What a worker process of nginx has of the fetcher, and what its requests do.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ngx_http_auth_jwt_module::auth::key_cache::Rules;
use ngx_http_auth_jwt_module::auth::key_place::Remote;
use ngx_http_auth_jwt_module::fetch::fetcher::{Fetcher, Settings};
use ngx_http_auth_jwt_module::fetch::message::{Level, Message};
pub use ngx_http_auth_jwt_module::fetch::source::Configured;
use ngx_http_auth_jwt_module::fetch::source::{Newer, Source};

use super::{LONG, Outcome, eventually, kids};

/// Keys that outlast each test, and an unknown `kid` that makes one fetch within it.
pub const RULES: Rules =
    Rules { fresh_for: 600_000, refresh_every: Some(300_000), stale_for: 86_400_000 };

/// A directory of a test's own, which goes with it.
pub struct Directory(PathBuf);

impl Directory {
    pub fn new() -> Outcome<Self> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("fetch-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The one file with this suffix.
    pub fn file(&self, suffix: &str) -> Outcome<PathBuf> {
        let mut found = None;
        for entry in fs::read_dir(&self.0)? {
            let path = entry?.path();
            if path.extension().is_some_and(|own| own == suffix) {
                assert!(found.replace(path).is_none(), "one source has one file");
            }
        }
        found.ok_or_else(|| format!("no {suffix}").into())
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// A source at `url`.
pub fn configured(url: &str, rules: Rules) -> Outcome<Configured> {
    let remote = Remote::KeySet(url.parse().map_err(|error| format!("{url}: {error}"))?);
    Ok(Configured { issuer: "shop".into(), remote, rules, timeout: LONG, certificates: None })
}

pub struct Worker {
    pub source: Arc<Source>,
    fetcher: Fetcher,
}

impl Worker {
    /// It has a configuration that was read just now.
    pub fn start(configured: Configured, directory: Option<&Path>) -> Outcome<Self> {
        let source = Arc::new(Source::new(configured));
        let settings =
            Settings { directory: directory.map(Path::to_owned), proxy: None, since: clock()? };
        let fetcher = Fetcher::start(settings, std::slice::from_ref(&source))?;
        Ok(Self { source, fetcher })
    }

    /// The `kid`s of the keys that a request finds now.
    pub fn finds(&self) -> Option<String> {
        self.source.look(Instant::now()).keys.map(|keys| kids(&keys))
    }

    /// The `kid`s of the keys that a request finds that waits where it is to wait.
    pub fn waits(&self) -> Option<String> {
        let look = || self.source.look(Instant::now());
        eventually("keys, or an end of fetching", || look().keys.is_some() || !look().under_way);
        self.finds()
    }

    /// What a request does whose `kid` is unknown. It waits for what comes of it.
    pub fn wants_newer(&self) -> Newer {
        let news = self.source.news();
        let newer = self.source.want_newer(Instant::now());
        if newer == Newer::Wanted {
            self.fetcher.wake(0);
        }
        if newer != Newer::No {
            eventually("news", || self.source.news() != news);
        }
        newer
    }

    /// What is to be logged, as `LEVEL: TEXT`, with `URL` for the one in it.
    pub fn log(&self) -> Vec<String> {
        let url = self.source.configured.remote.url().text();
        let line = |Message { level, text }| {
            let level = match level {
                Level::Notice => "notice",
                Level::Warn => "warn",
                Level::Error => "error",
            };
            format!("{level}: {}", text.replace(url, "URL"))
        };
        self.fetcher.take_messages().into_iter().map(line).collect()
    }
}

/// In milliseconds since the epoch.
pub fn clock() -> Outcome<u64> {
    Ok(u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?)
}

/// Long enough for whatever is done at once in a thread; nothing fails where it is not.
pub fn a_while() {
    std::thread::sleep(Duration::from_millis(700));
}
