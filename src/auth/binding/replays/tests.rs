use std::collections::HashMap;
use std::sync::Barrier;
use std::sync::atomic::AtomicUsize;
use std::thread;

use super::*;

const NOW: u64 = 1_767_225_600;

/// Memory of so many buckets.
fn memory(buckets: usize) -> &'static [AtomicU64] {
    let words = BUCKET.saturating_mul(buckets.saturating_add(1));
    Box::leak((0..words).map(|_| AtomicU64::new(0)).collect())
}

fn replays(buckets: usize) -> Replays {
    Replays::prepare(memory(buckets), NOW, 7)
}

fn id(number: usize) -> Fingerprint {
    Fingerprint::of(&number.to_le_bytes())
}

fn after(seconds: u64) -> u64 {
    NOW.saturating_add(seconds)
}

/// Records a proof that counts until `end`, for `COUNTS` seconds in all.
trait Record {
    fn until(&self, id: Fingerprint, end: u64, now: u64) -> Use;
}

const COUNTS: u64 = 1_000;

impl Record for Replays {
    fn until(&self, id: Fingerprint, end: u64, now: u64) -> Use {
        self.first_use(id, end.saturating_sub(COUNTS), COUNTS, now)
    }
}

#[test]
fn once_until_it_counts_no_more() {
    let replays = replays(4);
    assert_eq!(replays.until(id(1), after(60), NOW), Use::First);
    for now in [0, 1, 59, 60] {
        assert_eq!(replays.until(id(1), after(60), after(now)), Use::Seen, "after {now} s");
        // As one of the same name that was made later.
        assert_eq!(replays.until(id(1), after(90), after(now)), Use::Seen, "after {now} s");
    }
    assert_eq!(replays.until(id(2), after(60), NOW), Use::First);
    assert_eq!(replays.until(id(1), after(121), after(61)), Use::First);
    assert_eq!(replays.until(id(1), after(121), after(61)), Use::Seen);
}

#[test]
fn seen_by_whoever_shares_the_memory() {
    let words = memory(4);
    assert_eq!(Replays::prepare(words, NOW, 1).until(id(1), after(60), NOW), Use::First);
    assert_eq!(Replays { words }.until(id(1), after(60), NOW), Use::Seen);
}

#[test]
fn full_until_places_are_free_again() {
    let replays = replays(2);
    let places = 2 * BUCKET;
    let uses: Vec<_> = (0..1_000).map(|number| replays.until(id(number), after(60), NOW)).collect();
    let count = |wanted| uses.iter().filter(|found| **found == wanted).count();
    assert_eq!((count(Use::First), count(Use::Seen)), (places, 0));
    assert_eq!(count(Use::NoRoom), 1_000 - places);
    // Those that are recorded stay so.
    for (number, found) in uses.iter().enumerate() {
        let again = replays.until(id(number), after(60), after(60));
        let expected = if *found == Use::First { Use::Seen } else { Use::NoRoom };
        assert_eq!(again, expected);
    }
    let later = (1_000..1_050).map(|number| replays.until(id(number), after(121), after(61)));
    assert!(later.into_iter().all(|found| found == Use::First));
}

#[test]
fn room_for_half_as_many_as_there_are_places() {
    let replays = replays(4_095);
    for round in [0usize, 1_000_000] {
        let end: u64 = if round == 0 { 60 } else { 121 };
        for number in 0..131_072usize {
            let id = id(number.wrapping_add(round));
            let found = replays.until(id, after(end), after(end.saturating_sub(60)));
            assert_eq!(found, Use::First, "{number}");
        }
    }
}

#[test]
fn no_memory_and_times_beyond_it() {
    for words in [memory(0).split_at(0).0, memory(0).split_at(3).0, memory(0)] {
        let replays = Replays::prepare(words, NOW, 7);
        assert_eq!(replays.until(id(1), after(60), NOW), Use::NoRoom, "{}", words.len());
    }
    // Nobody has made it ready.
    let unready = Replays { words: memory(4) };
    assert_eq!(unready.until(id(1), after(60), NOW), Use::Unknown);
    let replays = replays(4);
    for (issued, now) in [(0, 0), (u64::MAX, NOW), (u64::MAX, u64::MAX), (END_LIMIT + NOW, NOW)] {
        let found = replays.first_use(id(1), issued, 60, now);
        assert_eq!(found, Use::Unknown, "{issued} {now}");
    }
    for (number, until, now) in [(2, 40, 0), (3, 2_000_000_000, 1_999_999_999)] {
        let until = if until < NOW { NOW.saturating_sub(until) } else { until };
        let now = if now == 0 { until.saturating_sub(60) } else { now };
        assert_eq!(replays.until(id(number), until, now), Use::First, "{until} {now}");
        assert_eq!(replays.until(id(number), until, now), Use::Seen, "{until} {now}");
    }
}

#[test]
fn a_clock_that_is_set_back() {
    let replays = replays(1);
    assert_eq!(replays.until(id(0), after(60), NOW), Use::First);
    // Its place is taken over, with all others.
    for number in 1..=BUCKET {
        assert_eq!(replays.until(id(number), after(200), after(140)), Use::First);
    }
    assert_eq!(replays.until(id(0), after(60), after(30)), Use::NoRoom);
    for number in 100..=BUCKET.saturating_add(100) {
        replays.until(id(number), after(400), after(340));
    }
    // What may have been forgotten is refused, and nothing else is.
    for (number, end) in [(0, 60), (1, 200), (2_000, 200)] {
        let found = replays.until(id(number), after(end), after(end.saturating_sub(1)));
        assert_ne!(found, Use::First, "{number}");
    }
    assert_eq!(replays.until(id(3_000), after(461), after(401)), Use::First);
}

/// A clock that was ahead, or is set back, refuses for a time: not for as long as it was ahead.
#[test]
fn a_clock_that_was_far_ahead() {
    const DAY: u64 = 86_400;
    let replays = replays(1);
    let used = |number: usize, issued: u64, now: u64| {
        replays.first_use(id(number), after(issued), 60, after(now))
    };
    // Places are taken over a day ahead.
    for (from, now) in [(0, DAY), (BUCKET, DAY + 100)] {
        for number in from..from + BUCKET {
            assert_eq!(used(number, now, now), Use::First);
        }
    }
    // What is still recorded does not matter here.
    for place in replays.words.iter().skip(BUCKET) {
        place.store(0, SeqCst);
    }
    assert_eq!(used(500, 0, 0), Use::Unknown);
    for now in [1u64, 30, 60] {
        assert_eq!(used(501 + now as usize, now, now), Use::Unknown, "after {now} s");
    }
    assert_eq!(used(600, 61, 61), Use::First);
    assert_eq!(used(600, 61, 61), Use::Seen);
}

/// A proof that has run out is no news when proofs count for longer.
#[test]
fn a_reload_that_lets_proofs_count_for_longer() {
    let replays = replays(1);
    let used = |number: usize, issued: u64, reach: u64, now: u64| {
        replays.first_use(id(number), after(issued), reach, after(now))
    };
    replays.set_reach(60, NOW);
    assert_eq!(used(0, 0, 2, 0), Use::First);
    // As long as any level takes it, whichever has.
    assert_eq!(used(0, 0, 60, 60), Use::Seen);
    assert_eq!(used(1, 70, 60, 10), Use::First, "dated ahead");
    replays.set_reach(3_600, after(100));
    assert_eq!(used(0, 0, 3_600, 110), Use::Unknown);
    assert_eq!(used(1, 70, 3_600, 131), Use::Unknown);
    // One that nobody can have used, or whose record is still there.
    assert_eq!(used(2, 110, 3_600, 110), Use::First);
    assert_eq!(used(2, 110, 3_600, 3_710), Use::Seen);
    assert_eq!(used(3, 161, 3_600, 3_000), Use::First);
    assert_eq!(used(4, 160, 3_600, 3_000), Use::Unknown);
    // Once more, with one from between: it has the record of then.
    replays.set_reach(7_200, after(4_000));
    assert_eq!(used(2, 110, 7_200, 4_000), Use::Unknown);
    assert_eq!(used(5, 7_601, 7_200, 7_700), Use::First);
    // A shorter time changes nothing for those that are recorded.
    replays.set_reach(60, after(8_000));
    assert_eq!(used(5, 7_601, 60, 7_660), Use::Seen);
    assert_eq!(used(6, 8_000, 60, 8_000), Use::First);
    replays.set_reach(60, after(8_010));
    assert_eq!(used(6, 8_000, 60, 8_060), Use::Seen);
    assert_eq!(used(7, 8_000, 60, 8_060), Use::First);
}

/// Whatever the clocks of processes, no proof is accepted twice, unless they differ by more than twice the time for
/// which it counts.
#[test]
fn never_twice_whatever_the_clocks() {
    let mut random = 1u64;
    let mut next = move |below: u64| {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (random >> 33).checked_rem(below).unwrap_or_default()
    };
    let (mut accepted, mut again) = (0usize, 0usize);
    for seed in 0..200 {
        let replays = Replays::prepare(memory(1), NOW, seed);
        let mut first: HashMap<u64, u64> = HashMap::new();
        let mut clocks = [NOW; 3];
        for _ in 0..2_000 {
            let at = next(3) as usize;
            let Some(clock) = clocks.get_mut(at) else { continue };
            *clock = match next(50) {
                0 => after(next(2_000)),
                step => clock.saturating_add(step / 20),
            };
            // A proof has its time: whoever comes again has the same end.
            let end = clock.saturating_add(next(120));
            let (number, found) = (end.wrapping_mul(4).wrapping_add(next(4)), *clock);
            let found = replays.until(id(number as usize), end, found);
            if found == Use::First {
                accepted = accepted.saturating_add(1);
                assert_eq!(first.insert(number, end), None, "seed {seed}, {number}");
            } else if first.contains_key(&number) {
                again = again.saturating_add(1);
            }
        }
    }
    assert!(accepted > 10_000 && again > 1_000, "{accepted} accepted, {again} refused again");
}

/// Processes record the same proofs at the same time. By the clock of one the places are free that by the
/// clock of the other are taken, so that both have places of their own.
#[test]
fn of_several_at_once_one_at_most_is_the_first() {
    const PROOFS: usize = 20_000;
    let replays = replays(1_000);
    for number in PROOFS..PROOFS.saturating_mul(2) {
        assert_eq!(replays.until(id(number), after(1), NOW), Use::First);
    }
    let arrived: Vec<AtomicUsize> = (0..PROOFS).map(|_| AtomicUsize::new(0)).collect();
    let record = |now: u64| {
        let first = |(number, arrived): (usize, &AtomicUsize)| {
            arrived.fetch_add(1, SeqCst);
            while arrived.load(SeqCst) < 2 {
                thread::yield_now();
            }
            replays.until(id(number), after(60), now) == Use::First
        };
        arrived.iter().enumerate().map(first).collect::<Vec<_>>()
    };
    let [one, other] = thread::scope(|scope| {
        [after(1), after(2)]
            .map(|now| scope.spawn(move || record(now)))
            .map(|thread| thread.join().unwrap_or_default())
    });
    assert_eq!([one.len(), other.len()], [PROOFS; 2]);
    let firsts = one.iter().zip(&other).map(|(one, other)| usize::from(*one) + usize::from(*other));
    let firsts: Vec<_> = firsts.collect();
    assert_eq!(firsts.iter().position(|firsts| *firsts > 1), None);
    // Both are refused that see each other, and nobody else is.
    assert!(firsts.contains(&1));
    for number in 0..PROOFS {
        assert_eq!(replays.until(id(number), after(60), NOW), Use::Seen, "{number}");
    }
}

/// Processes record proofs of their own in the same buckets: none is lost.
#[test]
fn those_that_differ_do_not_meet() {
    const THREADS: usize = 4;
    const PROOFS: usize = 10_000;
    let replays = replays(2_000);
    let barrier = Barrier::new(THREADS);
    let record = |from: usize| {
        barrier.wait();
        (0..PROOFS)
            .map(|number| number.wrapping_add(from))
            .filter(|number| replays.until(id(*number), after(60), NOW) == Use::First)
            .count()
    };
    let counts = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| thread.wrapping_mul(PROOFS))
            .map(|from| scope.spawn(move || record(from)))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_default()).collect::<Vec<_>>()
    });
    assert_eq!(counts, [PROOFS; THREADS]);
    for number in 0..THREADS * PROOFS {
        assert_eq!(replays.until(id(number), after(60), NOW), Use::Seen, "{number}");
    }
}
