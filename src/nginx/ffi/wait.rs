//! A request that waits for what another one does.

use std::cell::UnsafeCell;
use std::mem::zeroed;
use std::rc::Rc;

use ngx::ffi::{
    NGX_HTTP_INTERNAL_SERVER_ERROR, NGX_OK, ngx_connection_t, ngx_delete_posted_event, ngx_event_t,
    ngx_handle_read_event, ngx_http_block_reading, ngx_http_core_run_phases,
    ngx_http_finalize_request, ngx_http_request_empty_handler, ngx_http_request_t,
    ngx_http_run_posted_requests, ngx_http_test_reading, ngx_int_t, ngx_post_event,
    ngx_posted_events,
};

use super::guard::{Entry, guarded};
use super::request::Request;

/// A request in the access phase that has answered "again" and waits to be woken. It is kept in
/// the request's context, and dropped with it.
pub struct Waiter {
    request: *mut ngx_http_request_t,
    event: UnsafeCell<ngx_event_t>,
}

impl Waiter {
    /// Puts `request` to sleep. While it sleeps, a client that leaves is noticed, also one whose end
    /// has come with its request (as in `ngx_http_core_auth_delay`). `None` where nginx cannot watch the
    /// connection; it has logged why.
    pub fn new(request: Request<'_>) -> Option<Rc<Self>> {
        let raw = request.as_ptr();
        // SAFETY: a zeroed event is one that is neither armed nor posted; the request is valid.
        let waiter = Rc::new(Self { request: raw, event: UnsafeCell::new(unsafe { zeroed() }) });
        // SAFETY: the event lies in the `Rc`, which does not move.
        unsafe {
            let event = waiter.event.get();
            (*event).data = Rc::as_ptr(&waiter).cast_mut().cast();
            (*event).handler = Some(resume);
            (*event).log = (*(*raw).connection).log;
            let read = (*(*raw).connection).read;
            if (*read).ready() != 0 {
                ngx_post_event(read, &raw mut ngx_posted_events);
            } else if ngx_handle_read_event(read, 0) != NGX_OK as ngx_int_t {
                return None;
            }
            (*raw).read_event_handler = Some(ngx_http_test_reading);
            (*raw).write_event_handler = Some(ngx_http_request_empty_handler);
        }
        Some(waiter)
    }

    /// Lets the request run its access phase again, once nginx is done with what it does now.
    pub fn wake(&self) {
        // SAFETY: the event is ours; the queue is nginx's own.
        unsafe { ngx_post_event(self.event.get(), &raw mut ngx_posted_events) };
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        // SAFETY: the event is ours; a posted one is in nginx's queue.
        unsafe {
            let event = self.event.get();
            if (*event).posted() != 0 {
                ngx_delete_posted_event(event);
            }
        }
    }
}

/// # Safety
///
/// nginx calls it with the event of a waiter whose request is alive: the waiter goes with it, and
/// takes the event out of the queue.
unsafe extern "C" fn resume(event: *mut ngx_event_t) {
    // SAFETY: as above. Nothing of the waiter is used once phases run, as they may free it.
    let (request, connection): (*mut ngx_http_request_t, *mut ngx_connection_t) = unsafe {
        let request = (*(*event).data.cast::<Waiter>()).request;
        (request, (*request).connection)
    };
    let ready = guarded(Entry::Resume, false, || {
        // SAFETY: the request waits in its access phase.
        unsafe {
            (*request).read_event_handler = Some(ngx_http_block_reading);
            (*request).write_event_handler = Some(ngx_http_core_run_phases);
        }
        true
    });
    // SAFETY: the connection outlives the request. This is nginx's own code; where it calls ours, that
    // has a guard of its own. After a panic the request ends as it would by its access handler.
    unsafe {
        if ready {
            ngx_http_core_run_phases(request);
        } else {
            ngx_http_finalize_request(request, NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t);
        }
        ngx_http_run_posted_requests(connection);
    }
}
