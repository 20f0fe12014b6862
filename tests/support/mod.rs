//! Identity providers on this machine, for whichever tests fetch keys. Each takes what it needs of it.
#![allow(dead_code, reason = "what one crate of tests needs, another may not")]

pub mod authority;
pub mod server;

use std::time::Duration;

pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Nothing in a test takes this long unless it hangs.
pub const HANGS: Duration = Duration::from_secs(60);
