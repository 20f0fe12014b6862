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

#[test]
fn once_until_it_counts_no_more() {
    let replays = replays(4);
    assert_eq!(replays.first_use(id(1), after(60), NOW), Use::First);
    for now in [0, 1, 59, 60] {
        assert_eq!(replays.first_use(id(1), after(60), after(now)), Use::Seen, "after {now} s");
        // As one of the same name that was made later.
        assert_eq!(replays.first_use(id(1), after(90), after(now)), Use::Seen, "after {now} s");
    }
    assert_eq!(replays.first_use(id(2), after(60), NOW), Use::First);
    assert_eq!(replays.first_use(id(1), after(121), after(61)), Use::First);
    assert_eq!(replays.first_use(id(1), after(121), after(61)), Use::Seen);
}

#[test]
fn seen_by_whoever_shares_the_memory() {
    let words = memory(4);
    assert_eq!(Replays::prepare(words, NOW, 1).first_use(id(1), after(60), NOW), Use::First);
    assert_eq!(Replays::new(words).first_use(id(1), after(60), NOW), Use::Seen);
}

#[test]
fn full_until_places_are_free_again() {
    let replays = replays(2);
    let places = 2 * BUCKET;
    let uses: Vec<_> =
        (0..1_000).map(|number| replays.first_use(id(number), after(60), NOW)).collect();
    let count = |wanted| uses.iter().filter(|found| **found == wanted).count();
    assert_eq!((count(Use::First), count(Use::Seen)), (places, 0));
    assert_eq!(count(Use::NoRoom), 1_000 - places);
    // Those that are recorded stay so.
    for (number, found) in uses.iter().enumerate() {
        let again = replays.first_use(id(number), after(60), after(60));
        let expected = if *found == Use::First { Use::Seen } else { Use::NoRoom };
        assert_eq!(again, expected);
    }
    let later = (1_000..1_050).map(|number| replays.first_use(id(number), after(121), after(61)));
    assert!(later.into_iter().all(|found| found == Use::First));
}

#[test]
fn room_for_half_as_many_as_there_are_places() {
    let replays = replays(4_095);
    for round in [0usize, 1_000_000] {
        let end: u64 = if round == 0 { 60 } else { 121 };
        for number in 0..131_072usize {
            let id = id(number.wrapping_add(round));
            let found = replays.first_use(id, after(end), after(end.saturating_sub(60)));
            assert_eq!(found, Use::First, "{number}");
        }
    }
}

#[test]
fn no_memory_and_times_beyond_it() {
    for words in [memory(0).split_at(0).0, memory(0).split_at(3).0, memory(0)] {
        let replays = Replays::prepare(words, NOW, 7);
        assert_eq!(replays.first_use(id(1), after(60), NOW), Use::NoRoom, "{}", words.len());
    }
    // Nobody has made it ready.
    assert_eq!(Replays::new(memory(4)).first_use(id(1), after(60), NOW), Use::NoRoom);
    let replays = replays(4);
    for (until, now) in [(0, 0), (u64::MAX, NOW), (u64::MAX, u64::MAX), (END_LIMIT + NOW, NOW)] {
        assert_eq!(replays.first_use(id(1), until, now), Use::NoRoom, "{until} {now}");
    }
    for (number, until, now) in [(2, 40, 0), (3, 2_000_000_000, 1_999_999_999)] {
        let until = if until < NOW { NOW.saturating_sub(until) } else { until };
        let now = if now == 0 { until.saturating_sub(60) } else { now };
        assert_eq!(replays.first_use(id(number), until, now), Use::First, "{until} {now}");
        assert_eq!(replays.first_use(id(number), until, now), Use::Seen, "{until} {now}");
    }
}

#[test]
fn a_clock_that_is_set_back() {
    let replays = replays(1);
    assert_eq!(replays.first_use(id(0), after(60), NOW), Use::First);
    // Its place is taken over, with all others.
    for number in 1..=BUCKET {
        assert_eq!(replays.first_use(id(number), after(200), after(140)), Use::First);
    }
    assert_eq!(replays.first_use(id(0), after(60), after(30)), Use::NoRoom);
    for number in 100..=BUCKET.saturating_add(100) {
        replays.first_use(id(number), after(400), after(340));
    }
    // What may have been forgotten is refused, and nothing else is.
    for (number, end) in [(0, 60), (1, 200), (2_000, 200)] {
        let found = replays.first_use(id(number), after(end), after(end.saturating_sub(1)));
        assert_ne!(found, Use::First, "{number}");
    }
    assert_eq!(replays.first_use(id(3_000), after(461), after(401)), Use::First);
}

/// Whatever the clocks of processes, no proof is accepted twice.
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
            let found = replays.first_use(id(number as usize), end, found);
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
        assert_eq!(replays.first_use(id(number), after(1), NOW), Use::First);
    }
    let arrived: Vec<AtomicUsize> = (0..PROOFS).map(|_| AtomicUsize::new(0)).collect();
    let record = |now: u64| {
        let first = |(number, arrived): (usize, &AtomicUsize)| {
            arrived.fetch_add(1, SeqCst);
            while arrived.load(SeqCst) < 2 {
                thread::yield_now();
            }
            replays.first_use(id(number), after(60), now) == Use::First
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
        assert_eq!(replays.first_use(id(number), after(60), NOW), Use::Seen, "{number}");
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
            .filter(|number| replays.first_use(id(*number), after(60), NOW) == Use::First)
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
        assert_eq!(replays.first_use(id(number), after(60), NOW), Use::Seen, "{number}");
    }
}
