//! Turns of nginx's event loop.

use std::cell::Cell;
use std::rc::Rc;

use super::event::{Event, Handler};
use super::guard::Entry;

thread_local! {
    static TURN: Rc<Event<Turn>> = Event::with(Turn::default());
}

#[derive(Default)]
struct Turn {
    number: Cell<u64>,
}

/// The number of the turn: events of one turn have all occurred before the first of them is handled.
pub fn turn() -> u64 {
    TURN.with(|turn| {
        turn.post();
        turn.handler.number.get()
    })
}

impl Handler for Turn {
    const ENTRY: Entry = Entry::Turn;

    fn handle(&self) {}

    // After a panic, too.
    fn proceed(event: &Event<Self>, _handled: bool) {
        let number = &event.handler.number;
        number.set(number.get().wrapping_add(1));
    }
}
