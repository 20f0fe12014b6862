//! What is still to happen, in the order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// A machine looks whether a fetch is due.
    Look,
    /// A fetch has ended, with the keys that were published so far; `None`: it has failed.
    Ended(Option<usize>),
    /// A token that is signed with the newest key.
    Token,
    /// One whose `kid` nobody has.
    Unknown,
    Reload,
}

/// A time, which of those of that time is first, a machine, and what happens there.
type Entry = (u64, u64, usize, Event);

#[derive(Default)]
pub struct Queue {
    entries: BinaryHeap<Reverse<Entry>>,
    count: u64,
}

impl Queue {
    pub fn push(&mut self, at: u64, machine: usize, event: Event) {
        self.count = self.count.saturating_add(1);
        self.entries.push(Reverse((at, self.count, machine, event)));
    }

    pub fn pop(&mut self) -> Option<(u64, usize, Event)> {
        self.entries.pop().map(|Reverse((at, _, machine, event))| (at, machine, event))
    }
}
