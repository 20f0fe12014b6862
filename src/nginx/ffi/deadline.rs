//! A limit to how long a subrequest may take.

use std::cell::{Cell, UnsafeCell};
use std::mem::zeroed;
use std::rc::Rc;

use ngx::ffi::{ngx_add_timer, ngx_cycle, ngx_del_timer, ngx_event_t};

use super::guard::{Entry, guarded};
use super::subrequest::Subrequest;

/// A subrequest that goes on after its time, with another server for example, is ended again after
/// this much. In milliseconds.
const AGAIN: usize = 1_000;

/// Ends a subrequest when its time is over. It is kept beside the subrequest in the context of the
/// main request; dropped before its time, it does nothing.
pub struct Deadline {
    subrequest: Subrequest,
    expired: Cell<bool>,
    event: UnsafeCell<ngx_event_t>,
}

impl Deadline {
    /// Gives `subrequest` so many milliseconds.
    pub fn new(subrequest: Subrequest, milliseconds: usize) -> Rc<Self> {
        // SAFETY: a zeroed event is one that is neither armed nor posted.
        let event = UnsafeCell::new(unsafe { zeroed() });
        let deadline = Rc::new(Self { subrequest, expired: Cell::new(false), event });
        // SAFETY: the event lies in the `Rc`, which does not move, and is taken out of nginx's
        // timers when it is dropped. A worker that shuts down does not wait for it.
        unsafe {
            let event = deadline.event.get();
            (*event).data = Rc::as_ptr(&deadline).cast_mut().cast();
            (*event).handler = Some(expire);
            (*event).log = ngx_cycle.as_ref().map_or(std::ptr::null_mut(), |cycle| cycle.log);
            (*event).set_cancelable(1);
            ngx_add_timer(event, milliseconds);
        }
        deadline
    }

    /// Whether the time is over.
    pub fn is_over(&self) -> bool {
        self.expired.get()
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        // SAFETY: the event is ours; one that is armed is among nginx's timers.
        unsafe {
            let event = self.event.get();
            if (*event).timer_set() != 0 {
                ngx_del_timer(event);
            }
        }
    }
}

/// # Safety
///
/// nginx calls it with the event of a deadline, which takes it out of the timers when it goes.
unsafe extern "C" fn expire(event: *mut ngx_event_t) {
    guarded(Entry::Deadline, (), || {
        // SAFETY: as above. The upstream ends by an event of its own, not within this call.
        unsafe {
            let deadline = &*(*event).data.cast::<Deadline>();
            deadline.expired.set(true);
            deadline.subrequest.time_out();
        }
    });
    // SAFETY: as above. After a panic, too: what is waited for would have no limit otherwise.
    unsafe { ngx_add_timer(event, AGAIN) };
}
