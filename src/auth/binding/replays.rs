//! The proofs that were used lately, in memory that processes share without a lock: whoever is killed at
//! any point leaves nothing behind that others wait for.
//!
//! It is set-associative. A hash leads to a bucket, and a place in it holds until when the proof counts and
//! a tag that tells it from others of the bucket. Nobody who makes proofs knows the hash, so they spread
//! evenly: with half of all places taken, one bucket in two million is full.
//!
//! A place is taken over only once the proof in it counts no more by the clock at hand; the latest of these
//! ends is remembered first, and what would end no later is refused, as its record may be gone. That refuses
//! nothing while clocks agree. One that is set back refuses for twice as long as a proof counts at the most.
//!
//! A proof is remembered as long as any level has it count, since one URL may lead to several. When a reload
//! makes that longer, what is older than it was may have been forgotten before, and is refused.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use foldhash::quality::FixedState;

use super::holder::Use;
use crate::jose::crypto::Fingerprint;

/// How many words the memory of a server has: 16 MiB, for a million proofs and more at a time.
pub const WORDS: usize = 1 << 21;

/// Places of a bucket, and the words before the first one.
const BUCKET: usize = 64;

/// What is kept before the buckets.
const START: usize = 0;
const SEED: usize = 1;
const FORGOTTEN: usize = 2;
const REACH: usize = 3;
const SHORTEST: usize = 4;
const RAISED: usize = 5;

/// A place: an end above, and a tag of so many bits. Zero where it is free.
const TAG_BITS: u32 = 34;

/// An end has the rest, in seconds: some 34 years.
const END_LIMIT: u64 = 1 << (u64::BITS - TAG_BITS);

/// Ends are counted from so long before the memory was made, in case the clock is set back. In seconds.
const MARGIN: u64 = 365 * 24 * 3_600;

/// The proofs that were used lately, as far as there is room.
#[derive(Clone, Copy)]
pub struct Replays {
    words: &'static [AtomicU64],
}

/// Where a proof is recorded, and as what.
struct Record<'b> {
    bucket: &'b [AtomicU64],
    tag: u64,
    end: u64,
}

impl Replays {
    /// Makes zeroed `words` ready, before any other process has them: [`WORDS`], or fewer for tests. `now`
    /// in seconds since the epoch; nobody else knows `seed`.
    pub fn prepare(words: &'static [AtomicU64], now: u64, seed: u64) -> Self {
        for (at, value) in [(START, now.saturating_sub(MARGIN)), (SEED, seed), (FORGOTTEN, 0)] {
            if let Some(word) = words.get(at) {
                word.store(value, SeqCst);
            }
        }
        Self { words }
    }

    /// Has proofs remembered for so many seconds after they were made: as long as any level takes them. Called by
    /// one process.
    pub fn set_reach(&self, reach: u64, now: u64) {
        let words = (self.words.get(REACH), self.words.get(SHORTEST), self.words.get(RAISED));
        let (Some(word), Some(shortest), Some(raised)) = words else { return };
        let before = word.load(SeqCst);
        if before != 0 && before < reach {
            // Those of the time before may be dated ahead.
            raised.fetch_max(now.saturating_add(before), SeqCst);
            let known = shortest.load(SeqCst);
            shortest.store(if known == 0 { before } else { known.min(before) }, SeqCst);
        }
        word.store(reach, SeqCst);
    }

    /// Records the proof `id`, unless it has been. It was made at `issued`, its level takes it for `reach` seconds,
    /// and it is `now`, in seconds since the epoch. Of several that record it at the same time one at most is the
    /// first; perhaps none is.
    pub fn first_use(&self, id: Fingerprint, issued: u64, reach: u64, now: u64) -> Use {
        self.record(id, issued, reach, now).unwrap_or(Use::NoRoom)
    }

    /// `None` where there is no memory.
    fn record(&self, id: Fingerprint, issued: u64, reach: u64, now: u64) -> Option<Use> {
        let start = self.words.get(START)?.load(SeqCst);
        let reach = self.words.get(REACH)?.load(SeqCst).max(reach);
        let was_shorter = self.was_shorter(issued, now)?;
        let end = issued.saturating_add(reach).checked_sub(start);
        let Some(end) = end.filter(|end| (1..END_LIMIT).contains(end)) else {
            return Some(Use::Unknown);
        };
        let now = now.saturating_sub(start);
        let record = self.place(id, end)?;
        let forgotten = self.words.get(FORGOTTEN)?;
        let taken = loop {
            match record.free_place(now) {
                Found::Seen => return Some(Use::Seen),
                Found::Free { .. } if was_shorter => return Some(Use::Unknown),
                Found::Full => return Some(Use::NoRoom),
                Found::Free { place, old } => {
                    if old != 0 {
                        forgotten.fetch_max(end_of(old), SeqCst);
                    }
                    // Another may have been faster: then the bucket has to be seen again.
                    if place.compare_exchange(old, record.word(), SeqCst, SeqCst).is_ok() {
                        break place;
                    }
                }
            }
        };
        // Another may have recorded the same in another place, and one of both sees the other; or what was
        // recorded before has been forgotten, which nobody does without telling first.
        let again = record
            .bucket
            .iter()
            .any(|place| !std::ptr::eq(place, taken) && record.is_in(place.load(SeqCst), now));
        let told = forgotten.load(SeqCst);
        let is_old = end <= told;
        // What was forgotten by a clock that has been set back would refuse for as long as that was ahead.
        let latest = now.saturating_add(reach.saturating_mul(2));
        if told > latest {
            let _ = forgotten.compare_exchange(told, latest, SeqCst, SeqCst);
        }
        Some(match (again, is_old) {
            (true, _) => Use::Seen,
            (false, true) => Use::Unknown,
            (false, false) => Use::First,
        })
    }

    /// Whether a proof was perhaps used when it was remembered for less time, and that is over.
    fn was_shorter(&self, issued: u64, now: u64) -> Option<bool> {
        let raised = self.words.get(RAISED)?.load(SeqCst);
        let shortest = self.words.get(SHORTEST)?.load(SeqCst);
        Some(issued <= raised && now > issued.saturating_add(shortest))
    }

    /// Where the proof `id` is recorded, if it is.
    fn place(&self, id: Fingerprint, end: u64) -> Option<Record<'static>> {
        let seed = self.words.get(SEED)?.load(SeqCst);
        let hash = FixedState::with_seed(seed).hash_one(id);
        let buckets = self.words.get(BUCKET..)?.chunks_exact(BUCKET);
        let at = (hash >> TAG_BITS).checked_rem(buckets.len() as u64)?;
        let bucket = buckets.into_iter().nth(usize::try_from(at).ok()?)?;
        Some(Record { bucket, tag: hash & tag_mask(), end })
    }
}

/// What a look at a bucket has found.
enum Found<'b> {
    Seen,
    /// It is free, or what is in it counts no more.
    Free {
        place: &'b AtomicU64,
        old: u64,
    },
    Full,
}

impl<'b> Record<'b> {
    fn word(&self) -> u64 {
        self.end << TAG_BITS | self.tag
    }

    /// Whether `word` is a record of the same that counts.
    fn is_in(&self, word: u64, now: u64) -> bool {
        word != 0 && word & tag_mask() == self.tag && end_of(word) >= now
    }

    fn free_place(&self, now: u64) -> Found<'b> {
        let mut found = Found::Full;
        for place in self.bucket {
            let word = place.load(SeqCst);
            if self.is_in(word, now) {
                return Found::Seen;
            }
            if matches!(found, Found::Full) && (word == 0 || end_of(word) < now) {
                found = Found::Free { place, old: word };
            }
        }
        found
    }
}

const fn tag_mask() -> u64 {
    (1 << TAG_BITS) - 1
}

/// Until when the proof counts that `word` stands for.
fn end_of(word: u64) -> u64 {
    word >> TAG_BITS
}

#[cfg(test)]
mod tests;
