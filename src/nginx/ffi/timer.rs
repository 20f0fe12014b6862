//! A timer that goes on for as long as it is kept.

use std::cell::Cell;
use std::rc::Rc;

use super::event::{Event, Handler};
use super::guard::Entry;

/// Does something again and again. A worker that shuts down does not wait for it.
pub type Timer = Event<Ticking>;

/// What is done, which tells when it is done again.
pub struct Ticking {
    tick: Box<dyn Fn() -> usize>,
    /// In milliseconds.
    next: Cell<usize>,
}

impl Timer {
    /// Calls `tick` in so many milliseconds, and then in as many as it answers.
    pub fn start(milliseconds: usize, tick: impl Fn() -> usize + 'static) -> Rc<Self> {
        let next = Cell::new(milliseconds);
        let timer = Self::with(Ticking { tick: Box::new(tick), next });
        timer.arm(milliseconds);
        timer
    }

    /// Has it called within so many milliseconds.
    pub fn hasten(&self, milliseconds: usize) {
        if milliseconds < self.handler.next.get() {
            self.handler.next.set(milliseconds);
            self.arm(milliseconds);
        }
    }
}

impl Handler for Ticking {
    const ENTRY: Entry = Entry::Tick;

    fn handle(&self) {
        self.next.set((self.tick)());
    }

    // After a panic, too.
    fn proceed(event: &Event<Self>, _handled: bool) {
        event.arm(event.handler.next.get());
    }
}
