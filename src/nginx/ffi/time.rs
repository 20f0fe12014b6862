//! nginx's cached clock: no system call.

use ngx::ffi::{ngx_current_msec, ngx_timeofday};

/// The time of day as seconds since the epoch, and milliseconds.
pub fn now() -> (i64, u32) {
    let time = ngx_timeofday();
    (time.sec, time.msec as u32)
}

/// A monotonic count of milliseconds.
pub fn monotonic_milliseconds() -> u64 {
    // SAFETY: a plain integer that only this thread writes.
    unsafe { ngx_current_msec as u64 }
}
