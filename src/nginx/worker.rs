//! The state of one worker. A thread-local of a process with one thread: it is gone with the
//! worker, and no configuration holds any of it.

use std::cell::RefCell;

use super::keys::fetch::KeyRequests;
use super::keys::file::KeyFiles;

/// What a worker keeps from request to request.
#[derive(Default)]
pub struct Worker {
    pub key_files: RefCell<KeyFiles>,
    pub key_requests: RefCell<KeyRequests>,
}

thread_local! {
    static WORKER: Worker = Worker::default();
}

/// Runs `body` with the worker's state.
pub fn with<T>(body: impl FnOnce(&Worker) -> T) -> T {
    WORKER.with(body)
}
