//! A request that waits for what another one does.

use std::ptr::{self, NonNull};
use std::rc::Rc;

use ngx::ffi::{
    NGX_HTTP_INTERNAL_SERVER_ERROR, NGX_OK, ngx_handle_read_event, ngx_http_block_reading,
    ngx_http_core_run_phases, ngx_http_finalize_request, ngx_http_request_empty_handler,
    ngx_http_request_t, ngx_http_run_posted_requests, ngx_http_test_reading, ngx_int_t,
    ngx_post_event, ngx_posted_events,
};

use super::event::{Event, Handler};
use super::guard::Entry;
use super::pooled::Pooled;
use super::request::Request;

/// A request in the access phase that has answered "again" and waits. Posted, it runs that phase again.
pub type Waiter = Event<Sleeper>;

/// The request that waits.
pub struct Sleeper(Pooled<ngx_http_request_t>);

impl Waiter {
    /// Puts `request` to sleep. While it sleeps, a client that leaves is noticed, also one whose end
    /// has come with its request (as in `ngx_http_core_auth_delay`). `None` where nginx cannot watch the
    /// connection; it has logged why.
    pub fn new(request: Request<'_>) -> Option<Rc<Self>> {
        let waiter = Self::with(Sleeper(request.pooled()?));
        // SAFETY: the request is valid, and so is its connection with its events.
        unsafe {
            let request = request.as_ptr();
            let read = (*(*request).connection).read;
            if (*read).ready() != 0 {
                ngx_post_event(read, &raw mut ngx_posted_events);
            } else if ngx_handle_read_event(read, 0) != NGX_OK as ngx_int_t {
                return None;
            }
            (*request).read_event_handler = Some(ngx_http_test_reading);
            (*request).write_event_handler = Some(ngx_http_request_empty_handler);
        }
        Some(waiter)
    }
}

impl Handler for Sleeper {
    const ENTRY: Entry = Entry::Resume;

    fn handle(&self) {
        if let Some(request) = self.sleeping() {
            // SAFETY: the request is there, and waits in its access phase.
            unsafe {
                (*request.as_ptr()).read_event_handler = Some(ngx_http_block_reading);
                (*request.as_ptr()).write_event_handler = Some(ngx_http_core_run_phases);
            }
        }
    }

    // After a panic the request ends as it would by its access handler.
    fn proceed(event: &Event<Self>, handled: bool) {
        let Some(request) = event.handler.0.get() else { return };
        // SAFETY: the request is there; its connection outlives it.
        unsafe {
            let request = request.as_ptr();
            let connection = (*request).connection;
            if !handled {
                ngx_http_finalize_request(request, NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t);
            } else if does(request, ngx_http_core_run_phases) {
                ngx_http_core_run_phases(request);
            }
            ngx_http_run_posted_requests(connection);
        }
    }
}

impl Sleeper {
    /// The request, if it is there and sleeps: one that was ended while a thread works for it is there, too.
    fn sleeping(&self) -> Option<NonNull<ngx_http_request_t>> {
        // SAFETY: the request is there.
        self.0
            .get()
            .filter(|request| unsafe { does(request.as_ptr(), ngx_http_request_empty_handler) })
    }
}

/// Whether that is what the request does next.
///
/// # Safety
///
/// `request` is valid.
unsafe fn does(
    request: *mut ngx_http_request_t,
    handler: unsafe extern "C" fn(*mut ngx_http_request_t),
) -> bool {
    // SAFETY: as above.
    let next = unsafe { (*request).write_event_handler };
    next.is_some_and(|next| ptr::fn_addr_eq(next, handler))
}
