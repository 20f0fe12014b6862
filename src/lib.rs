//! `auth_jwt` for open-source nginx.
//!
//! Five floors; imports go down only:
//!
//! - [`jose`]: what the RFCs say. Bytes in, verdict out; no clock, no I/O, no policy, no `unsafe`.
//! - [`auth`]: what `auth_jwt` decides. Policy, order of checks, caches, outcome, challenge.
//! - [`metrics`]: counters that all workers share, and how they are told.
//! - [`fetch`]: keys from the network. HTTP and TLS, discovery, schedule, state files, the thread.
//! - `nginx`: the shell. Directives, phase handler, variables, files. The only floor that knows
//!   nginx, and the only one with `unsafe` (in `nginx/ffi` and the exported statics).
//!
//! Without the feature `nginx` (on by default) the crate is all but that one.
//! `docs/architecture.md` draws the whole house.

pub mod auth;
pub mod fetch;
pub mod jose;
pub mod metrics;
#[cfg(feature = "nginx")]
mod nginx;
