//! Memory that a process shares with those it forks.

use std::io;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::AtomicU64;

/// So many words of such memory, each 0. It is never given back: it outlives every configuration and whoever
/// still counts for an earlier one, which a zone of nginx's does not.
pub fn shared_words(count: usize) -> io::Result<&'static [AtomicU64]> {
    let size = count.checked_mul(size_of::<AtomicU64>()).filter(|size| *size > 0);
    let size = size.ok_or(io::ErrorKind::InvalidInput)?;
    let (access, kind) =
        (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping of no file, at an address that the kernel chooses.
    let address = unsafe { libc::mmap(ptr::null_mut(), size, access, kind, -1, 0) };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    let first = NonNull::new(address.cast::<AtomicU64>()).ok_or(io::ErrorKind::OutOfMemory)?;
    // SAFETY: so many zeros, aligned to pages, mapped until the process ends, and written by atomic
    // operations alone, here and in the processes it forks.
    Ok(unsafe { slice::from_raw_parts(first.as_ptr(), count) })
}
