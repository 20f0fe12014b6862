//! nginx's cached clock: no system call.

use ngx::ffi::{ngx_cached_time, ngx_current_msec};

/// The time of day as seconds since the epoch, and milliseconds.
pub fn now() -> (i64, u32) {
    // SAFETY: nginx points `ngx_cached_time` at a valid slot from start-up on.
    let time = unsafe { ngx_cached_time.as_ref() };
    time.map_or((0, 0), |time| (time.sec, time.msec as u32))
}

/// A monotonic count of milliseconds.
pub fn monotonic_milliseconds() -> u64 {
    // SAFETY: a plain integer that only this thread writes.
    unsafe { ngx_current_msec as u64 }
}
