//! A timer that goes on for as long as it is kept.

use std::cell::Cell;
use std::rc::Rc;

use super::event::{Event, Handler};
use super::guard::Entry;

/// Does something again and again.
pub type Timer = Event<Ticking>;

/// When something is done again.
#[derive(Clone, Copy)]
pub struct Again {
    pub milliseconds: usize,
    /// Whether a worker that shuts down waits for it.
    pub holds: bool,
}

/// What is done, which tells when it is done again.
pub struct Ticking {
    tick: Box<dyn Fn() -> Again>,
    next: Cell<Again>,
}

impl Timer {
    /// Calls `tick` when `first` says, and then when it says itself.
    pub fn start(first: Again, tick: impl Fn() -> Again + 'static) -> Rc<Self> {
        let timer = Self::with(Ticking { tick: Box::new(tick), next: Cell::new(first) });
        timer.set(first);
        timer
    }

    /// Has it called when `again` says, instead.
    pub fn set(&self, again: Again) {
        self.handler.next.set(again);
        self.arm(again.milliseconds, again.holds);
    }
}

impl Handler for Ticking {
    const ENTRY: Entry = Entry::Tick;

    fn handle(&self) {
        self.next.set((self.tick)());
    }

    // After a panic, too.
    fn proceed(event: &Event<Self>, _handled: bool) {
        event.set(event.handler.next.get());
    }
}
