//! Workers that share what was fetched: one fetch for all of them.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ngx_http_auth_jwt_module::auth::key_cache::Rules;
use ngx_http_auth_jwt_module::fetch::source::Newer;

use super::server::{Server, Speaks, lock, ok, response};
use super::worker::{Directory, RULES, Worker, a_while, configured};
use super::{Outcome, eventually, set};

/// A provider whose keys change, and which takes its time, so that all workers come while it answers.
struct Provider {
    server: Server,
    /// A status line and a body.
    answer: Arc<Mutex<(&'static str, String)>>,
}

impl Provider {
    fn start() -> Outcome<Self> {
        let answer = Arc::new(Mutex::new(("200 OK", set("a"))));
        let own = answer.clone();
        let server = Server::start(Speaks::Http, move |_, stream| -> io::Result<()> {
            thread::sleep(Duration::from_millis(100));
            let (status, body) = lock(&own).clone();
            stream.write_all(response(status, &[], &body).as_bytes())
        })?;
        Ok(Self { server, answer })
    }

    fn answers(&self, status: &'static str, body: &str) {
        *lock(&self.answer) = (status, body.to_owned());
    }

    fn workers(
        &self,
        count: usize,
        directory: Option<&Path>,
        rules: Rules,
    ) -> Outcome<Vec<Worker>> {
        let configured = configured(&self.server.http(), rules)?;
        (0..count).map(|_| Worker::start(configured.clone(), directory)).collect()
    }
}

fn all_find(workers: &[Worker], kids: &str) {
    eventually(kids, || workers.iter().all(|worker| worker.finds().as_deref() == Some(kids)));
}

/// All lines of all workers.
fn log(workers: &[Worker]) -> Vec<String> {
    workers.iter().flat_map(Worker::log).collect()
}

/// Each worker has a request of an unknown `kid`, all at once.
fn all_want_newer(workers: &[Worker]) -> Vec<Newer> {
    thread::scope(|scope| {
        let threads: Vec<_> =
            workers.iter().map(|worker| scope.spawn(|| worker.wants_newer())).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    })
}

#[test]
fn one_fetch_at_the_start_for_all() -> Outcome<()> {
    let (directory, provider) = (Directory::new()?, Provider::start()?);
    let workers = provider.workers(4, Some(directory.path()), RULES)?;
    for worker in &workers {
        assert_eq!(worker.waits().as_deref(), Some("a"));
    }
    a_while();
    assert_eq!(provider.server.hits(), 1);
    assert_eq!(log(&workers), [r#"notice: issuer "shop": 1 key from "URL""#]);
    Ok(())
}

/// Some four starts of all, one after the other.
#[test]
fn after_a_restart_keys_serve_without_network() -> Outcome<()> {
    let (directory, provider) = (Directory::new()?, Provider::start()?);
    for _ in 0..4 {
        let workers = provider.workers(2, Some(directory.path()), RULES)?;
        for worker in &workers {
            assert_eq!(worker.waits().as_deref(), Some("a"));
        }
        assert_eq!(provider.server.hits(), 1);
    }
    // Nor does one that is not there at all hold up a start.
    let configured = configured(&provider.server.http(), RULES)?;
    drop(provider);
    let worker = Worker::start(configured, Some(directory.path()))?;
    assert_eq!(worker.waits().as_deref(), Some("a"));
    assert_eq!(worker.log(), [""; 0]);
    Ok(())
}

#[test]
fn one_fetch_for_unknown_kids_of_all() -> Outcome<()> {
    let (directory, provider) = (Directory::new()?, Provider::start()?);
    let workers = provider.workers(4, Some(directory.path()), RULES)?;
    all_find(&workers, "a");
    provider.answers("200 OK", &set("b"));
    // The fetch at the start has not set the throttle.
    assert!(all_want_newer(&workers).contains(&Newer::Wanted));
    for worker in &workers {
        assert_eq!(worker.finds().as_deref(), Some("b"), "who has waited has them");
    }
    assert_eq!(provider.server.hits(), 2);
    // From now on it holds for all, wherever the fetch was made.
    provider.answers("200 OK", &set("c"));
    assert_eq!(all_want_newer(&workers), [Newer::No; 4]);
    a_while();
    assert_eq!(provider.server.hits(), 2);
    all_find(&workers, "b");
    assert_eq!(log(&workers), [r#"notice: issuer "shop": 1 key from "URL""#; 2]);
    Ok(())
}

/// A worker hears of it although none of its own requests has asked.
#[test]
fn new_keys_reach_all() -> Outcome<()> {
    let (directory, provider) = (Directory::new()?, Provider::start()?);
    let workers = provider.workers(3, Some(directory.path()), RULES)?;
    all_find(&workers, "a");
    provider.answers("200 OK", &set("b"));
    assert_eq!(workers.first().map(Worker::wants_newer), Some(Newer::Wanted));
    all_find(&workers, "b");
    eventually("throttled", || {
        workers.iter().all(|worker| worker.source.want_newer(Instant::now()) == Newer::No)
    });
    assert_eq!(provider.server.hits(), 2);
    Ok(())
}

#[test]
fn a_failure_does_not_lift_the_throttle_and_spoils_no_keys() -> Outcome<()> {
    for (status, body, reason) in [
        ("500 Internal Server Error", "", "the answer has status 500, not 200"),
        ("200 OK", "{}", "JWK set has no \"keys\" array"),
        ("200 OK", r#"{"keys":[]}"#, "empty JWK set"),
    ] {
        let (directory, provider) = (Directory::new()?, Provider::start()?);
        let workers = provider.workers(3, Some(directory.path()), RULES)?;
        all_find(&workers, "a");
        drop(log(&workers));
        provider.answers(status, body);
        all_want_newer(&workers);
        provider.answers("200 OK", &set("a"));
        assert_eq!(all_want_newer(&workers), [Newer::No; 3], "{reason}");
        all_find(&workers, "a");
        // It is tried again of itself.
        eventually("a retry", || provider.server.hits() > 2);
        let mut lines = Vec::new();
        eventually("a recovery", || {
            lines.extend(log(&workers));
            lines.len() > 1
        });
        let failed =
            format!(r#"error: issuer "shop": keys cannot be fetched from "URL": {reason}"#);
        let again = r#"notice: issuer "shop": keys are fetched from "URL" again"#;
        assert_eq!(lines, [&*failed, again]);
        assert_eq!(provider.server.hits(), 3);
    }
    Ok(())
}

#[test]
fn without_refresh_an_unknown_kid_fetches_nothing() -> Outcome<()> {
    let (directory, provider) = (Directory::new()?, Provider::start()?);
    let rules = Rules { refresh_every: None, ..RULES };
    let workers = provider.workers(2, Some(directory.path()), rules)?;
    assert_eq!(all_want_newer(&workers), [Newer::No; 2]);
    all_find(&workers, "a");
    assert_eq!(all_want_newer(&workers), [Newer::No; 2]);
    assert_eq!(provider.server.hits(), 1);
    Ok(())
}

#[test]
fn without_a_directory_each_fetches_for_itself() -> Outcome<()> {
    let provider = Provider::start()?;
    let workers = provider.workers(3, None, RULES)?;
    all_find(&workers, "a");
    assert_eq!(provider.server.hits(), 3);
    provider.answers("200 OK", &set("b"));
    assert_eq!(all_want_newer(&workers), [Newer::Wanted; 3]);
    all_find(&workers, "b");
    assert_eq!(all_want_newer(&workers), [Newer::No; 3]);
    assert_eq!(provider.server.hits(), 6);
    assert_eq!(log(&workers), [r#"notice: issuer "shop": 1 key from "URL""#; 6]);
    Ok(())
}

/// Long before they are over: at 75 to 85 % of a time that is short here.
#[test]
fn keys_are_fetched_before_their_time_is_over() -> Outcome<()> {
    let (directory, provider) = (Directory::new()?, Provider::start()?);
    let rules = Rules { fresh_for: 4_000, refresh_every: None, stale_for: 0 };
    let workers = provider.workers(3, Some(directory.path()), rules)?;
    all_find(&workers, "a");
    let missing = AtomicUsize::new(0);
    eventually("three fetches", || {
        let count = workers.iter().filter(|worker| worker.finds().is_none()).count();
        missing.fetch_add(count, Ordering::Relaxed);
        provider.server.hits() == 3
    });
    // A machine that has stood still for a second may have let some run out.
    assert!(missing.into_inner() < 300, "requests find keys all the time");
    Ok(())
}

/// One that hangs keeps no other waiting.
#[test]
fn sources_are_apart() -> Outcome<()> {
    let directory = Directory::new()?;
    let hanging = Server::start(Speaks::Http, |_, stream| super::server::hang(stream))?;
    let good = Server::of(Speaks::Http, ok(&set("a")))?;
    let stuck = Worker::start(configured(&hanging.http(), RULES)?, Some(directory.path()))?;
    eventually("a request", || hanging.hits() == 1);
    let other = Worker::start(configured(&good.http(), RULES)?, Some(directory.path()))?;
    assert_eq!(other.waits().as_deref(), Some("a"));
    let look = stuck.source.look(Instant::now());
    assert!(look.under_way && look.keys.is_none());
    Ok(())
}
