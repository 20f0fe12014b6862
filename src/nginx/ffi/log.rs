//! Lines in nginx's logs. The text never holds a token, a claim or a key.

use std::fmt;

use ngx::ffi::{ngx_cycle, ngx_log_t, ngx_uint_t};

/// Writes a line to `log`, unless its level is filtered out.
///
/// # Safety
///
/// `log` is null or a valid log.
pub(super) unsafe fn write(log: *mut ngx_log_t, level: u32, text: fmt::Arguments<'_>) {
    // SAFETY: the caller's promise.
    let Some(configured) = (unsafe { log.as_ref() }).map(|log| log.log_level) else { return };
    let level = level as ngx_uint_t;
    if level > configured {
        return;
    }
    let line = text.to_string();
    // SAFETY: `log` is valid, and the line is passed with its length.
    unsafe { ngx::log::log_error(level, log, 0, line.as_bytes()) };
}

/// Writes a line to the log of the cycle.
pub fn cycle(level: u32, text: fmt::Arguments<'_>) {
    // SAFETY: nginx sets `ngx_cycle` before it loads a module, and its log lives as long.
    unsafe {
        let log = ngx_cycle.as_ref().map_or(std::ptr::null_mut(), |cycle| cycle.log);
        write(log, level, text);
    }
}
