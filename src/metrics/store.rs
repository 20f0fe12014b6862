//! How counters lie in the memory that all workers share: records, one after the other, each a name and its
//! counters. Records are only ever added, by one process, so that a counter stays in its place for whoever
//! has it; all processes count, without a lock.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that all processes share.
#[derive(Clone, Copy)]
pub struct Counter(&'static AtomicU64);

impl Counter {
    /// Counts one more.
    pub fn count(self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub fn value(self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counters of one record, by their numbers.
#[derive(Clone, Copy)]
pub(super) struct Counters(&'static [AtomicU64]);

impl Counters {
    pub(super) fn get(self, number: usize) -> Option<Counter> {
        self.0.get(number).map(Counter)
    }

    pub(super) fn values(self) -> impl Iterator<Item = u64> {
        self.0.iter().map(|counter| Counter(counter).value())
    }
}

/// What a record counts, and for whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// A number that tells kinds of records apart.
    pub(super) kind: u8,
    pub(super) zone: Box<str>,
    pub(super) issuer: Box<str>,
}

/// The memory: a word that says how many are in use, itself included, and the records. Zeros are an empty one.
#[derive(Clone, Copy)]
pub(super) struct Store(&'static [AtomicU64]);

/// In bytes.
const WORD: usize = size_of::<u64>();

/// A name is no longer than this. In bytes.
const MAX_NAME: usize = u16::MAX as usize;

/// The first word of a record: its kind, how many counters it has, and how long its two names are.
struct Head {
    kind: u8,
    counters: u8,
    zone: u16,
    issuer: u16,
}

impl Head {
    fn pack(&self) -> u64 {
        let [zone, issuer] = [self.zone, self.issuer].map(u16::to_le_bytes);
        u64::from_le_bytes([self.kind, self.counters, zone[0], zone[1], issuer[0], issuer[1], 0, 0])
    }

    fn unpack(word: u64) -> Self {
        let [kind, counters, zone, zone_high, issuer, issuer_high, _, _] = word.to_le_bytes();
        let [zone, issuer] = [[zone, zone_high], [issuer, issuer_high]].map(u16::from_le_bytes);
        Self { kind, counters, zone, issuer }
    }
}

impl Store {
    pub(super) fn new(memory: &'static [AtomicU64]) -> Self {
        Self(memory)
    }

    /// All records, in the order in which they were added.
    pub(super) fn records(self) -> impl Iterator<Item = (Key, Counters)> {
        let mut rest = self.0.get(1..self.end()).unwrap_or_default();
        std::iter::from_fn(move || {
            let (head, after) = rest.split_first()?;
            let Head { kind, counters, zone, issuer } = Head::unpack(load(head));
            let (counters, after) = after.split_at_checked(counters.into())?;
            let (zone, after) = text(after, zone.into())?;
            let (issuer, after) = text(after, issuer.into())?;
            rest = after;
            Some((Key { kind, zone, issuer }, Counters(counters)))
        })
    }

    /// Adds a record with so many counters, each 0; `None` where there is no room. Only one process may do so.
    pub(super) fn add(self, key: &Key, counters: u8) -> Option<Counters> {
        let [zone, issuer] = [&key.zone, &key.issuer].map(|name| name.as_bytes());
        if zone.len() > MAX_NAME || issuer.len() > MAX_NAME {
            return None;
        }
        let [zone_length, issuer_length] = [zone, issuer].map(|name| name.len() as u16);
        let head =
            Head { kind: key.kind, counters, zone: zone_length, issuer: issuer_length }.pack();
        let zeros = std::iter::repeat_n(0, counters.into());
        let words = std::iter::once(head).chain(zeros).chain(words(zone)).chain(words(issuer));
        let start = self.end();
        let mut end = start;
        for word in words {
            self.0.get(end)?.store(word, Ordering::Relaxed);
            end = end.checked_add(1)?;
        }
        // From here on others see it.
        self.0.first()?.store(end as u64, Ordering::Release);
        self.0.get(start..end)?.get(1..)?.get(..counters.into()).map(Counters)
    }

    /// Where the next record comes.
    fn end(self) -> usize {
        let end = self.0.first().map_or(0, |end| end.load(Ordering::Acquire));
        usize::try_from(end).unwrap_or(usize::MAX).clamp(1, self.0.len().max(1))
    }
}

fn load(word: &AtomicU64) -> u64 {
    word.load(Ordering::Relaxed)
}

/// A name as words, the last filled up with zeros.
fn words(name: &[u8]) -> impl Iterator<Item = u64> {
    name.chunks(WORD).map(|chunk| {
        let mut word = [0; WORD];
        word.iter_mut().zip(chunk).for_each(|(place, byte)| *place = *byte);
        u64::from_le_bytes(word)
    })
}

/// The name of so many bytes that `words` begin with, and what follows it.
fn text(words: &[AtomicU64], length: usize) -> Option<(Box<str>, &[AtomicU64])> {
    let (words, after) = words.split_at_checked(length.div_ceil(WORD))?;
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| load(word).to_le_bytes()).collect();
    bytes.truncate(length);
    Some((String::from_utf8(bytes).ok()?.into(), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Outcome = Result<(), &'static str>;

    const NO_ROOM: &str = "no room";

    fn memory(words: usize) -> &'static [AtomicU64] {
        Vec::leak((0..words).map(|_| AtomicU64::new(0)).collect())
    }

    fn key(kind: u8, zone: &str, issuer: &str) -> Key {
        Key { kind, zone: zone.into(), issuer: issuer.into() }
    }

    fn count(counters: Counters, number: usize) {
        if let Some(counter) = counters.get(number) {
            counter.count();
        }
    }

    #[test]
    fn what_is_added_is_found() -> Outcome {
        let store = Store::new(memory(100));
        let names = [("", ""), ("default", "shop"), ("8 bytes.", "é"), ("a", "")];
        let kinds = [0, 1, 2, 255].into_iter();
        let keys: Vec<_> =
            kinds.zip(names).map(|(kind, (zone, issuer))| key(kind, zone, issuer)).collect();
        for (number, key) in keys.iter().enumerate() {
            let counters = store.add(key, 3).ok_or(NO_ROOM)?;
            count(counters, number);
            count(counters, 2);
        }
        let found: Vec<_> = store.records().collect();
        assert!(found.iter().map(|(key, _)| key).eq(&keys));
        let values = found.iter().map(|(_, counters)| counters.values().collect::<Vec<_>>());
        assert!(values.eq([[1, 0, 1], [0, 1, 1], [0, 0, 2], [0, 0, 1]]));
        // A second look at the same memory, as another process has.
        assert_eq!(Store::new(store.0).records().count(), 4);
        Ok(())
    }

    /// What has no room leaves nothing behind, and something shorter may still have some.
    #[test]
    fn no_room() -> Outcome {
        for words in 0..9 {
            let store = Store::new(memory(words));
            // The end, the head, two counters, and two words of names.
            let added = store.add(&key(1, "zone", "issuer"), 2).is_some();
            assert_eq!(added, words >= 6, "{words}");
            assert_eq!(store.records().count(), usize::from(added));
            let shorter = store.add(&key(2, "", ""), 1).is_some();
            assert_eq!(shorter, words >= 8 || (3..6).contains(&words), "{words}");
        }
        let long = "x".repeat(MAX_NAME);
        let store = Store::new(memory(10_000));
        assert!(store.add(&key(1, &format!("{long}x"), ""), 1).is_none());
        store.add(&key(1, &long, ""), 1).ok_or(NO_ROOM)?;
        assert!(store.records().all(|(key, _)| *key.zone == *long));
        Ok(())
    }

    /// Whatever stands in the memory, as a worker that has gone wrong may leave it.
    #[test]
    fn damage() -> Outcome {
        for word in [u64::MAX, 1 << 63, 0xffff_ffff, 5, 0x0101_0101_0101_0101] {
            for place in 0..20 {
                let store = Store::new(memory(40));
                for number in 0..4 {
                    store.add(&key(number, "zone", "issuer"), 2).ok_or(NO_ROOM)?;
                }
                store.0.get(place).ok_or(NO_ROOM)?.store(word, Ordering::Relaxed);
                assert!(store.records().count() <= 40);
                store.add(&key(9, "zone", ""), 1);
            }
        }
        Ok(())
    }

    /// Many count at once, while records are added.
    #[test]
    fn counts_are_exact() -> Outcome {
        let store = Store::new(memory(10_000));
        let counter =
            store.add(&key(0, "zone", ""), 1).and_then(|all| all.get(0)).ok_or(NO_ROOM)?;
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|_| counter.count()));
            }
            scope.spawn(|| {
                while store.records().count() < 500 {
                    std::thread::yield_now();
                }
            });
            for number in 0..500 {
                store.add(&key(1, &number.to_string(), ""), 1).ok_or(NO_ROOM)?;
            }
            Ok::<_, &'static str>(())
        })?;
        assert_eq!(counter.value(), 40_000);
        Ok(())
    }
}
