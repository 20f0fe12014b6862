//! The proofs that were used lately, in memory that processes share.

use std::sync::atomic::AtomicU64;

use super::holder::Use;
use crate::jose::crypto::Fingerprint;

/// How many words the memory of a server has: 16 MiB.
pub const WORDS: usize = 1 << 21;

/// The proofs that were used lately, as far as there is room.
#[derive(Clone, Copy)]
pub struct Replays {
    words: &'static [AtomicU64],
}

impl Replays {
    /// Over `words`, which [`Replays::prepare`] has made ready, in this process or its parent.
    pub fn new(words: &'static [AtomicU64]) -> Self {
        Self { words }
    }

    /// Makes zeroed `words` ready: once, before any other process has them. `now` in seconds since the
    /// epoch; nobody else knows `seed`.
    pub fn prepare(words: &'static [AtomicU64], now: u64, seed: u64) -> Self {
        let _ = (now, seed);
        Self { words }
    }

    /// Records the proof `id` until `until`, unless it has been; times in seconds since the epoch.
    pub fn first_use(&self, id: Fingerprint, until: u64, now: u64) -> Use {
        let _ = (id, until, now, self.words);
        Use::NoRoom
    }
}
