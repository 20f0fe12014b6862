//! A limit to how long a subrequest may take.

use std::cell::Cell;
use std::rc::Rc;

use super::event::{Event, Handler};
use super::guard::Entry;
use super::subrequest::Subrequest;

/// A subrequest that goes on after its time, with another server for example, is ended again after
/// this much. In milliseconds.
const AGAIN: usize = 1_000;

/// Ends a subrequest when its time is over. Dropped before its time, it does nothing.
pub type Deadline = Event<Limit>;

/// The subrequest, and whether its time is over.
pub struct Limit {
    subrequest: Subrequest,
    expired: Cell<bool>,
}

impl Deadline {
    /// Gives `subrequest` so many milliseconds.
    pub fn new(subrequest: Subrequest, milliseconds: usize) -> Rc<Self> {
        let deadline = Self::with(Limit { subrequest, expired: Cell::new(false) });
        deadline.arm(milliseconds, false);
        deadline
    }

    /// Whether the time is over.
    pub fn is_over(&self) -> bool {
        self.handler.expired.get()
    }
}

impl Handler for Limit {
    const ENTRY: Entry = Entry::Deadline;

    fn handle(&self) {
        self.expired.set(true);
        self.subrequest.time_out();
    }

    // After a panic, too: what is waited for would have no limit otherwise.
    fn proceed(event: &Event<Self>, _handled: bool) {
        event.arm(AGAIN, false);
    }
}
