//! A worker that leaves waits for no fetch, and an abandoned one leaks nothing. Threads and files are those of a
//! whole process, so that these tests have one each for themselves.

use std::env;
use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::server::{Server, Speaks, hang, ok};
use super::slow::drip;
use super::worker::{Directory, RULES, Worker, configured};
use super::{HANGS, Outcome, eventually, set};

/// Set in the process of a test that is alone.
const ALONE: &str = "AUTH_JWT_ALONE";

/// Runs the test of this name in a process of its own; answers whether this is that process.
fn is_alone(name: &str) -> Outcome<bool> {
    if env::var_os(ALONE).is_some() {
        return Ok(true);
    }
    let mut child = Command::new(env::current_exe()?)
        .args(["--exact", name, "--test-threads=1", "--nocapture"])
        .env(ALONE, "1")
        .stdout(Stdio::piped())
        .spawn()?;
    let mut output = String::new();
    child.stdout.take().ok_or("no output")?.read_to_string(&mut output)?;
    assert!(child.wait()?.success() && output.contains("1 passed"), "{output}");
    Ok(false)
}

/// The names of the threads of this process that are ours.
fn threads() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    names
        .map(|name| name.trim_end().to_owned())
        .filter(|name| name.starts_with("auth_jwt"))
        .collect()
}

/// What this process has open but for what the servers of a test have.
fn files() -> usize {
    fs::read_dir("/proc/self/fd").into_iter().flatten().count()
}

#[test]
fn a_worker_that_leaves_while_a_server_hangs() -> Outcome<()> {
    if !is_alone("leaving::a_worker_that_leaves_while_a_server_hangs")? {
        return Ok(());
    }
    let server = Server::start(Speaks::Http, |_, stream| hang(stream))?;
    let dripping =
        Server::start(Speaks::Http, |_, stream| drip(b"HTTP/1.1 200 OK\r\n\r\n", stream))?;
    let (directory, before) = (Directory::new()?, files());
    for url in [server.http(), dripping.http()] {
        let mut configured = configured(&url, RULES)?;
        configured.timeout = Duration::from_secs(2);
        let worker = Worker::start(configured, Some(directory.path()))?;
        eventually("a fetch", || threads().iter().any(|name| name == "auth_jwt_fetch"));
        let started = Instant::now();
        drop(worker);
        assert!(started.elapsed() < Duration::from_secs(1), "nobody waits for it");
        eventually("the thread's end", || !threads().iter().any(|name| name == "auth_jwt_keys"));
        eventually("no thread", || threads().is_empty());
        eventually("no file", || files() == before);
        assert!(started.elapsed() < HANGS);
    }
    Ok(())
}

/// As reloads do it, one after the other.
#[test]
fn workers_that_come_and_go() -> Outcome<()> {
    if !is_alone("leaving::workers_that_come_and_go")? {
        return Ok(());
    }
    let server = Server::of(Speaks::Http, ok(&set("a")))?;
    let (directory, before) = (Directory::new()?, files());
    for round in 0..50 {
        let path = Some(directory.path()).filter(|_| round % 2 == 0);
        let workers = [
            Worker::start(configured(&server.http(), RULES)?, path)?,
            Worker::start(configured(&server.http(), RULES)?, path)?,
        ];
        if round % 3 == 0 {
            for worker in &workers {
                assert_eq!(worker.waits().as_deref(), Some("a"));
            }
        }
    }
    eventually("no thread", || threads().is_empty());
    eventually("no file", || files() == before);
    Ok(())
}

/// A worker without sources of this kind starts no thread; one with them has one, and one more a fetch.
#[test]
fn how_many_threads() -> Outcome<()> {
    if !is_alone("leaving::how_many_threads")? {
        return Ok(());
    }
    let server = Server::of(Speaks::Http, ok(&set("a")))?;
    assert_eq!(threads(), [""; 0]);
    let worker = Worker::start(configured(&server.http(), RULES)?, None)?;
    assert_eq!(worker.waits().as_deref(), Some("a"));
    eventually("one thread", || threads() == ["auth_jwt_keys"]);
    Ok(())
}
