//! The one guard between Rust and nginx: a panic becomes the answer each entry point names.

use std::cell::Cell;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ngx::ffi::NGX_LOG_CRIT;

use super::log;

// An aborting panic would never reach the guard and kill the worker.
#[cfg(not(panic = "unwind"))]
compile_error!("the module must be built with panic = \"unwind\"");

/// Where nginx calls us.
#[derive(Clone, Copy, Debug)]
pub enum Entry {
    Configure,
    Create,
    Set,
    Merge,
    InitModule,
    InitProcess,
    ExitProcess,
    Access,
    Precontent,
    Metadata,
    Metrics,
    Variable,
    BodyFilter,
    SubrequestEnded,
    Resume,
    Deadline,
    Tick,
    Turn,
    Drop,
}

/// Runs `body`; if it panics, answers `fallback`.
pub fn guarded<T>(entry: Entry, fallback: T, body: impl FnOnce() -> T) -> T {
    let body = || {
        panic_if_asked(entry);
        body()
    };
    match panic::catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => value,
        Err(payload) => {
            // Dropping it could run foreign code that panics again.
            std::mem::forget(payload);
            fallback
        }
    }
}

/// Has panics logged by their place, without their message: it may quote what was worked on. Of one in
/// another thread [`log_panics_elsewhere`] tells: nginx's log is this one's.
pub fn log_panics() {
    thread_local! {
        static IS_OWN: Cell<bool> = const { Cell::new(false) };
    }
    IS_OWN.set(true);
    // It captures nothing: nobody would free that at the end of the process.
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string);
        match IS_OWN.get() {
            true => log_panic(place.as_deref()),
            false => elsewhere().push(place),
        }
    }));
}

/// Logs the panics of other threads.
pub fn log_panics_elsewhere() {
    for place in mem::take(&mut *elsewhere()) {
        log_panic(place.as_deref());
    }
}

fn log_panic(place: Option<&str>) {
    match place {
        Some(at) => log::cycle(NGX_LOG_CRIT, format_args!("auth_jwt: panic at {at}")),
        None => log::cycle(NGX_LOG_CRIT, format_args!("auth_jwt: panic")),
    }
}

/// Where other threads have panicked.
fn elsewhere() -> MutexGuard<'static, Vec<Option<String>>> {
    static PLACES: Mutex<Vec<Option<String>>> = Mutex::new(Vec::new());
    PLACES.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(not(feature = "injected-panics"))]
fn panic_if_asked(_: Entry) {}

/// For t/panics.t: the entry named in `AUTH_JWT_PANIC` panics, each time.
#[cfg(feature = "injected-panics")]
#[expect(clippy::panic)]
fn panic_if_asked(entry: Entry) {
    // Read once, while the configuration is: workers have another environment.
    static NAMED: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let named = NAMED.get_or_init(|| std::env::var("AUTH_JWT_PANIC").ok());
    if named.as_deref() == Some(&*format!("{entry:?}")) {
        panic!("injected");
    }
}
