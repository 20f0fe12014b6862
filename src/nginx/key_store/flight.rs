//! A fetch that several requests wait for: who they are, and how it came out.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use super::source::SourceId;
use crate::jose::key_set::KeySet;
use crate::nginx::ffi::wait::Waiter;

/// A fetch under way.
pub struct Flight {
    pub source: SourceId,
    outcome: RefCell<Option<Outcome>>,
    waiters: RefCell<Vec<Weak<Waiter>>>,
}

/// How a fetch came out, for those who wait.
#[derive(Clone)]
pub enum Outcome {
    Keys(Arc<KeySet>),
    /// For this reason.
    Failed(Rc<str>),
    /// Whoever fetched has left: ask again.
    Abandoned,
}

impl Flight {
    /// A fetch from `source` that nobody waits for yet.
    pub fn new(source: SourceId) -> Self {
        Self { source, outcome: RefCell::default(), waiters: RefCell::default() }
    }

    /// Registers a request that waits for the outcome.
    pub fn add_waiter(&self, waiter: &Rc<Waiter>) {
        let mut waiters = self.waiters.borrow_mut();
        // Those who have left make room before the list grows.
        if waiters.len() == waiters.capacity() {
            waiters.retain(|waiter| waiter.strong_count() > 0);
        }
        waiters.push(Rc::downgrade(waiter));
    }

    /// How it came out, once it has.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome.borrow().clone()
    }

    /// Tells those who wait how it came out.
    pub fn settle(&self, outcome: Outcome) {
        self.outcome.replace(Some(outcome));
        for waiter in self.waiters.take() {
            if let Some(waiter) = waiter.upgrade() {
                waiter.post();
            }
        }
    }
}
