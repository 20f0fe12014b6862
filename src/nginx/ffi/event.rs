//! Events of our own in nginx's queues.

use std::cell::UnsafeCell;
use std::mem::zeroed;
use std::ptr;
use std::rc::Rc;

use ngx::ffi::{
    ngx_add_timer, ngx_cycle, ngx_del_timer, ngx_delete_posted_event, ngx_event_t, ngx_log_t,
    ngx_post_event, ngx_posted_events,
};

use super::guard::{Entry, guarded};

/// What happens when an event occurs.
pub trait Handler: Sized {
    /// Where nginx calls it.
    const ENTRY: Entry;

    /// What is ours to do.
    fn handle(&self);

    /// What follows, outside of the guard, as nginx's code has guards of its own where it calls ours;
    /// `handled` is false after a panic.
    fn proceed(event: &Event<Self>, handled: bool);
}

/// An event and its handler. Dropped, it occurs no more.
pub struct Event<H> {
    event: UnsafeCell<ngx_event_t>,
    pub(super) handler: H,
}

impl<H: Handler> Event<H> {
    /// An event that is neither posted nor armed.
    pub(super) fn with(handler: H) -> Rc<Self> {
        // SAFETY: zeros are such an event.
        let event = UnsafeCell::new(unsafe { zeroed() });
        let this = Rc::into_raw(Rc::new(Self { event, handler }));
        // SAFETY: the event lies in the `Rc`, which does not move, and nginx does not know it yet.
        unsafe {
            let event = (*this).event.get();
            (*event).data = this.cast_mut().cast();
            (*event).handler = Some(occur::<H>);
            (*event).log = log();
            Rc::from_raw(this)
        }
    }

    /// Lets the event occur once nginx is done with what it does now.
    pub fn post(&self) {
        // SAFETY: the event is ours, and leaves the queue when it is dropped.
        unsafe {
            let event = self.event.get();
            if (*event).posted() == 0 {
                // Where nginx has no master the cycle that it was made in may be gone.
                (*event).log = log();
                ngx_post_event(event, &raw mut ngx_posted_events);
            }
        }
    }

    /// Lets the event occur after so many milliseconds. A worker that shuts down does not wait for it, unless
    /// that `holds` it.
    pub(super) fn arm(&self, milliseconds: usize, holds: bool) {
        // SAFETY: as above, of nginx's timers.
        unsafe {
            let event = self.event.get();
            // nginx takes no notice of a time that is little sooner.
            if (*event).timer_set() != 0 {
                ngx_del_timer(event);
            }
            (*event).set_cancelable(u32::from(!holds));
            ngx_add_timer(event, milliseconds);
        }
    }
}

impl<H> Drop for Event<H> {
    fn drop(&mut self) {
        // SAFETY: the event is ours; it tells whether it is posted, and whether it is armed.
        unsafe {
            let event = self.event.get();
            if (*event).posted() != 0 {
                ngx_delete_posted_event(event);
            }
            if (*event).timer_set() != 0 {
                ngx_del_timer(event);
            }
        }
    }
}

/// nginx's own.
fn log() -> *mut ngx_log_t {
    // SAFETY: a pointer that only this thread writes; its cycle is there for as long as it has this one.
    unsafe { ngx_cycle.as_ref().map_or(ptr::null_mut(), |cycle| cycle.log) }
}

/// # Safety
///
/// nginx calls it with an event that [`Event::with`] made and that has not been dropped.
unsafe extern "C" fn occur<H: Handler>(event: *mut ngx_event_t) {
    // SAFETY: as above, so its `Rc` is there; one more keeps it until the end of this call.
    let this = unsafe {
        let this = (*event).data.cast_const().cast::<Event<H>>();
        Rc::increment_strong_count(this);
        Rc::from_raw(this)
    };
    let handled = guarded(H::ENTRY, false, || {
        this.handler.handle();
        true
    });
    H::proceed(&this, handled);
}
