//! All key sources of a location, in order → the keys it verifies with.

use std::sync::Arc;

use ngx::ffi::{NGX_LOG_ERR, NGX_LOG_NOTICE};

use crate::jose::key_set::KeySet;
use crate::nginx::conf::{KeySource, KeySources};
use crate::nginx::ffi::request::Request;
use crate::nginx::ffi::time;
use crate::nginx::worker;

/// A source cannot be had; it has been logged.
pub struct Unavailable;

/// The key sets of `sources`, which stay fresh for `key_cache` milliseconds.
pub fn gather(
    request: Request<'_>,
    sources: &KeySources,
    key_cache: u64,
) -> Result<Vec<Arc<KeySet>>, Unavailable> {
    let keys = sources.list.iter().map(|source| match source {
        KeySource::File(name) => {
            // Names that a request decides are never cached by time.
            let fresh_for = if name.is_literal() { key_cache } else { 0 };
            let name = name.evaluate(request).map_err(|_| Unavailable)?;
            key_file(request, name, fresh_for)
        }
    });
    keys.collect()
}

fn key_file(request: Request<'_>, name: &[u8], fresh_for: u64) -> Result<Arc<KeySet>, Unavailable> {
    let shown = name.escape_ascii();
    let told = |skipped| {
        request.log(NGX_LOG_NOTICE, format_args!("key file \"{shown}\": {skipped}"));
    };
    let now = time::monotonic_milliseconds();
    let keys =
        worker::with(|worker| worker.key_files.borrow_mut().keys(name, now, fresh_for, told));
    keys.map_err(|error| {
        request.log(NGX_LOG_ERR, format_args!("key file \"{shown}\" {error}"));
        Unavailable
    })
}
