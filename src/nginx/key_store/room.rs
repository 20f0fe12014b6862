//! Room in what a worker remembers: who has not been used the longest makes it.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};

/// This many entries are remembered; with names from variables and hosts from requests there could be
/// any number.
const MAX_ENTRIES: usize = 1024;

/// Forgets entries, the least by `rank` first, until there is room for one of `size` bytes and all have
/// `max_kept` bytes together. One without a rank stays, and counts for nothing.
pub fn make_room<K: Clone + Eq + Hash, V, S: BuildHasher, R: Ord>(
    entries: &mut HashMap<K, V, S>,
    size: usize,
    max_kept: usize,
    bytes_of: impl Fn(&V) -> usize,
    rank: impl Fn(&V) -> Option<R>,
) {
    let ranked = |entry: &&V| rank(entry).is_some();
    let mut count = entries.values().filter(ranked).count();
    let mut kept = entries.values().filter(ranked).map(&bytes_of).fold(size, usize::saturating_add);
    while count >= MAX_ENTRIES || kept > max_kept {
        let ranked = entries.iter().filter_map(|(key, entry)| Some((rank(entry)?, key)));
        let least = ranked.min_by(|(one, _), (other, _)| one.cmp(other));
        let least = least.map(|(_, key)| key.clone());
        let Some(removed) = least.and_then(|key| entries.remove(&key)) else { return };
        kept = kept.saturating_sub(bytes_of(&removed));
        count = count.saturating_sub(1);
    }
}
