//! Turns of nginx's event loop.

use std::cell::Cell;
use std::rc::Rc;

use ngx::ffi::ngx_posted_events;

use super::event::{Event, Handler};
use super::guard::Entry;

/// A turn goes on while events of nginx's own wait to be handled, such as the next of several requests that have come
/// on one connection; but for no more than so many rounds of these, as a client may never cease to send.
const MAX_ROUNDS: u32 = 100;

thread_local! {
    static TURN: Rc<Event<Turn>> = Event::with(Turn::default());
}

#[derive(Default)]
struct Turn {
    number: Cell<u64>,
    rounds: Cell<u32>,
}

/// The number of the turn. What comes once nginx has waited for events again has another.
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
        let Turn { number, rounds } = &event.handler;
        if rounds.get() < MAX_ROUNDS && is_anything_posted() {
            rounds.set(rounds.get().saturating_add(1));
            event.post();
        } else {
            number.set(number.get().wrapping_add(1));
            rounds.set(0);
        }
    }
}

fn is_anything_posted() -> bool {
    let queue = &raw mut ngx_posted_events;
    // SAFETY: nginx's queue, which only this thread changes; empty, it leads to itself.
    unsafe { (*queue).next != queue }
}
