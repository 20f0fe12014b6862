//! What serves while a source fails, and what is said of it. The times of it are those of `keeper` and
//! `schedule`, which are tested without a clock.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ngx_http_auth_jwt_module::auth::key_cache::Rules;
use serde_json::{Value, json};

use super::server::{Server, Speaks, ok, response};
use super::worker::{Directory, RULES, Worker, clock, configured};
use super::{Outcome, eventually, set};

const FAILED: &str = "error: issuer \"shop\": keys cannot be fetched from \"URL\": the answer has status 503, not 200";
const AGAIN: &str = "notice: issuer \"shop\": keys are fetched from \"URL\" again";
const KEYS: &str = "notice: issuer \"shop\": 1 key from \"URL\"";

/// One that fails until it is told to work.
fn failing() -> Outcome<(Server, Arc<AtomicBool>)> {
    let works = Arc::new(AtomicBool::new(false));
    let own = works.clone();
    let server = Server::start(Speaks::Http, move |_, stream| {
        let answer = match own.load(Ordering::Acquire) {
            true => ok(&set("b")),
            false => response("503 Service Unavailable", &[], ""),
        };
        stream.write_all(answer.as_bytes())
    })?;
    Ok((server, works))
}

/// All lines, as soon as there are so many.
fn lines(worker: &Worker, count: usize) -> Vec<String> {
    let mut lines = Vec::new();
    eventually("lines", || {
        lines.extend(worker.log());
        lines.len() >= count
    });
    lines
}

#[test]
fn a_start_while_the_source_fails() -> Outcome<()> {
    let (directory, (server, works)) = (Directory::new()?, failing()?);
    let worker = Worker::start(configured(&server.http(), RULES)?, Some(directory.path()))?;
    assert_eq!(worker.waits(), None, "it waits no longer than for the first fetch");
    assert_eq!(lines(&worker, 1), [FAILED]);
    works.store(true, Ordering::Release);
    eventually("keys", || worker.finds().as_deref() == Some("b"));
    assert_eq!(lines(&worker, 2), [AGAIN, KEYS]);
    Ok(())
}

/// Keys of before, beyond their time: they serve on for `stale=`, and not a moment longer.
#[test]
fn stale_keys_after_a_restart() -> Outcome<()> {
    for (age, stale_for, expected) in
        [(700_000, 3_600_000, Some("a")), (700_000, 0, None), (700_000, 50_000, None)]
    {
        let rules = Rules { stale_for, ..RULES };
        let (directory, (server, works)) = (Directory::new()?, failing()?);
        works.store(true, Ordering::Release);
        let configured = configured(&server.http(), rules)?;
        drop(Worker::start(configured.clone(), Some(directory.path()))?.waits());
        let path = directory.file("json")?;
        let mut record: Value = serde_json::from_slice(&fs::read(&path)?)?;
        for (member, value) in
            [("/fetched", json!(clock()?.saturating_sub(age))), ("/document/keys", json!(set("a")))]
        {
            *record.pointer_mut(member).ok_or("a member")? = value;
        }
        fs::write(&path, record.to_string())?;
        works.store(false, Ordering::Release);
        let worker = Worker::start(configured, Some(directory.path()))?;
        assert_eq!(lines(&worker, 1), [FAILED]);
        assert_eq!(worker.waits().as_deref(), expected, "{stale_for}");
        works.store(true, Ordering::Release);
        eventually("keys", || worker.finds().as_deref() == Some("b"));
        assert_eq!(lines(&worker, 2), [AGAIN, KEYS]);
    }
    Ok(())
}

/// A failure is told once for all workers.
#[test]
fn one_line_for_all() -> Outcome<()> {
    let (directory, (server, works)) = (Directory::new()?, failing()?);
    let configured = configured(&server.http(), RULES)?;
    let start = || Worker::start(configured.clone(), Some(directory.path()));
    let workers = [start()?, start()?, start()?];
    eventually("three tries", || server.hits() >= 3);
    works.store(true, Ordering::Release);
    eventually("keys", || workers.iter().all(|worker| worker.finds().is_some()));
    let mut lines: Vec<_> = workers.iter().flat_map(Worker::log).collect();
    eventually("all lines", || {
        lines.extend(workers.iter().flat_map(Worker::log));
        lines.len() >= 3
    });
    lines.sort();
    assert_eq!(lines, [FAILED, KEYS, AGAIN]);
    Ok(())
}
