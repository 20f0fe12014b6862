//! Bytes that nobody else is to find in memory.

use zeroize::Zeroizing;

/// Keys and what was encrypted: wiped when dropped.
pub type Secret = Zeroizing<Vec<u8>>;
