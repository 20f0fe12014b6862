//! The one guard between Rust and nginx: a panic becomes the answer each entry point names.

use std::panic::{self, AssertUnwindSafe};

use ngx::ffi::NGX_LOG_CRIT;

use super::log;

// An aborting panic would never reach the guard and kill the worker.
#[cfg(not(panic = "unwind"))]
compile_error!("the module must be built with panic = \"unwind\"");

/// Runs `body`; if it panics, answers `fallback`.
pub fn guarded<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    match panic::catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => value,
        Err(payload) => {
            // Dropping it could run foreign code that panics again.
            std::mem::forget(payload);
            fallback
        }
    }
}

/// Lets a panic tell where it happened in nginx's log. Its message is left out: it may quote what
/// it was working on.
pub fn log_panics() {
    panic::set_hook(Box::new(|info| match info.location() {
        Some(at) => log::cycle(NGX_LOG_CRIT, format_args!("auth_jwt: panic at {at}")),
        None => log::cycle(NGX_LOG_CRIT, format_args!("auth_jwt: panic")),
    }));
}
