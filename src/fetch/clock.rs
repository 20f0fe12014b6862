//! The clock of the machine, which outlives a process.

use std::time::{SystemTime, UNIX_EPOCH};

/// The time in milliseconds since the epoch.
pub fn now() -> u64 {
    let milliseconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    u64::try_from(milliseconds).unwrap_or(u64::MAX)
}
