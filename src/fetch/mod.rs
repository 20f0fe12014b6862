//! Keys from the network: HTTP and TLS, discovery, when to fetch, what is kept in files, and the thread
//! that does it.
//!
//! Nothing here knows nginx. A worker asks a [`source::Source`] what it has, and is never made to wait.

pub mod certificates;
mod client;
pub mod clock;
pub mod directory;
pub mod discovery;
pub mod error;
pub mod fetcher;
mod keeper;
pub mod message;
pub mod once;
pub mod proxy;
pub mod schedule;
#[cfg(test)]
mod scratch;
pub mod source;
mod state_file;
