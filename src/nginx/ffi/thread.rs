//! Threads beside nginx's own.

use std::mem::MaybeUninit;

/// Calls `start`, which starts threads, so that no signal is ever delivered to one of them: signals are for nginx.
pub fn with_signals_blocked<T>(start: impl FnOnce() -> T) -> T {
    /// What was blocked before is again when it is dropped.
    struct Before(libc::sigset_t);

    impl Drop for Before {
        fn drop(&mut self) {
            // SAFETY: a set that the system has filled in.
            unsafe {
                libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, std::ptr::null_mut())
            };
        }
    }

    let mut all = MaybeUninit::uninit();
    let mut before = MaybeUninit::uninit();
    // SAFETY: both calls fill in the set that they are given, and fail only for arguments that are wrong.
    let before = unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
        Before(before.assume_init())
    };
    let started = start();
    drop(before);
    started
}
