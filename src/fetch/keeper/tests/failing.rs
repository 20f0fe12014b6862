//! While a source fails.

use super::*;

#[test]
fn a_failure_is_tried_again_ever_later() -> io::Result<()> {
    let (_directory, [one, two]) = fetched(0)?;
    let mut at = EARLY;
    for (turn, pause) in
        [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000].into_iter().enumerate()
    {
        let (own, other) = if turn % 2 == 0 { (&one, &two) } else { (&two, &one) };
        assert_eq!(own.tend(at), Fetch, "{pause}");
        assert_eq!(other.tend(at), Look(50), "{pause}");
        own.fails(at, 500);
        let before = at.saturating_add(pause).saturating_sub(1);
        for process in [own, other] {
            assert_eq!(process.tend(before), Look(1), "{pause}");
        }
        at = at.saturating_add(pause);
    }
    assert_eq!(one.tend(at), Fetch);
    one.succeeds(at, "a");
    // From the beginning again.
    let at = at.saturating_add(EARLY);
    assert_eq!(two.tend(at), Fetch);
    two.fails(at, 500);
    assert_eq!(two.tend(at.saturating_add(1_000)), Fetch);
    Ok(())
}

#[test]
fn keys_serve_on_while_the_source_fails_and_no_longer() -> io::Result<()> {
    for (stale_for, last) in [(100_000, 109_999), (0, 9_999), (1, 10_000)] {
        let rules = Rules { stale_for, ..RULES };
        let one = Process::start(None, rules, 0);
        assert_eq!(one.tend(0), Fetch);
        one.succeeds(0, "a");
        assert_eq!(one.tend(EARLY), Fetch);
        one.fails(EARLY, 500);
        assert_eq!(one.finds().as_deref(), Some("a"));
        one.tend_or_wait(last, false);
        assert_eq!(one.finds().as_deref(), Some("a"), "{stale_for}");
        one.tend_or_wait(last.saturating_add(1), false);
        assert_eq!(one.finds(), None, "{stale_for}");
    }
    Ok(())
}

/// Keys of an earlier start, whose time was over before this one, serve no more, unless their source is known to fail.
#[test]
fn keys_that_were_old_at_the_start() -> io::Result<()> {
    let (directory, [_one]) = fetched(0)?;
    for (start, expected) in [(9_999, Some("a")), (10_000, None)] {
        let process = Process::start(Some(&directory), RULES, start);
        assert_eq!(process.tend_or_wait(20_000, false), Due);
        assert_eq!(
            (process.finds().as_deref(), process.is_under_way()),
            (expected, true),
            "{start}"
        );
    }
    let process = Process::start(Some(&directory), RULES, 20_000);
    assert_eq!(process.tend(20_000), Fetch);
    process.fails(20_000, 500);
    assert_eq!(process.finds().as_deref(), Some("a"));
    Ok(())
}

/// A fetch may take longer than the keys are fresh, or begin late: nobody waits for it.
#[test]
fn keys_serve_on_while_a_fetch_hangs() -> io::Result<()> {
    let (_directory, [one, two]) = fetched(0)?;
    let finds_at = |process: &Process, passed| {
        let then = Instant::now().checked_add(Duration::from_millis(passed));
        then.and_then(|then| process.keeper.borrow().source.look(then).keys).is_some()
    };
    assert_eq!((one.tend(EARLY), two.tend(EARLY)), (Fetch, Look(50)));
    assert!(finds_at(&one, 4_900), "who fetches");
    assert_eq!(two.tend(12_400), Look(50));
    assert!(finds_at(&two, 0), "and who looks on");
    one.fails(12_500, 500);
    assert_eq!(two.tend(12_500), Look(500));
    assert!(finds_at(&one, 0) && finds_at(&two, 0), "as while it fails");
    // As many as may fetch at a time do: the turn of this one comes late.
    let (_directory, [one]) = fetched(0)?;
    assert_eq!(one.tend_or_wait(EARLY, false), Due);
    assert_eq!(one.tend_or_wait(10_000, false), Due);
    assert!(finds_at(&one, 0));
    // The thread has slept, as the machine was busy or suspended: before it looks again, and when it does so too late.
    let (_directory, [one]) = fetched(0)?;
    assert!(finds_at(&one, 11_000));
    assert_eq!(one.tend(11_000), Fetch);
    assert!(finds_at(&one, 5_000));
    // Not beyond their time where `stale=` is 0, nor for longer than that.
    for (stale_for, expected) in [(0, false), (1_000, false), (3_000, true)] {
        let one = Process::start(None, Rules { stale_for, ..RULES }, 0);
        assert_eq!(one.tend(0), Fetch);
        one.succeeds(0, "a");
        assert_eq!(one.tend(EARLY), Fetch);
        assert_eq!(finds_at(&one, 5_000), expected, "{stale_for}");
    }
    Ok(())
}

/// The thread is late, and no key serves any more: who asks meanwhile waits for it.
#[test]
fn a_thread_that_is_late() -> io::Result<()> {
    let one = Process::start(None, Rules { stale_for: 0, ..RULES }, 0);
    assert_eq!(one.tend(0), Fetch);
    one.succeeds(0, "a");
    let Some(then) = Instant::now().checked_add(Duration::from_secs(11)) else {
        unreachable!("a time")
    };
    let look = one.keeper.borrow().source.look(then);
    assert_eq!((look.keys.is_none(), look.under_way), (true, true));
    Ok(())
}

#[test]
fn what_is_told_and_how_often() -> io::Result<()> {
    let (_directory, [one, two]) = fetched(0)?;
    drop(one.log());
    let failed = |status| {
        format!(
            "issuer \"shop\": keys cannot be fetched from \"URL\": the answer has status {status}, not 200"
        )
    };
    // Far enough apart for a retry.
    for (process, at, status, is_told) in [
        (&one, 8_000, 500, true),
        (&one, 20_000, 500, false),
        (&two, 30_000, 500, false),
        (&two, 67_999, 500, false),
        (&two, 98_000, 500, true),
        (&one, 128_000, 503, true),
        (&two, 158_000, 500, true),
        (&one, 188_000, 500, false),
    ] {
        assert_eq!(process.tend(at), Fetch, "{at}");
        process.fails(at, status);
        let expected = if is_told { vec![failed(status)] } else { vec![] };
        assert_eq!(process.log(), expected, "{at}");
    }
    assert_eq!(two.tend(218_000), Fetch);
    two.succeeds(218_000, "a");
    assert_eq!(two.log(), ["issuer \"shop\": keys are fetched from \"URL\" again"]);
    // A recovery changes nothing of it: what comes and goes is told of once a minute.
    for (at, is_told) in [(230_000, true), (232_000, false)] {
        assert_eq!(one.tend(at.max(226_000)), Fetch);
        one.fails(at, 500);
        assert_eq!(one.log().len(), usize::from(is_told), "{at}");
    }
    assert_eq!(two.tend(248_000), Fetch);
    two.succeeds(248_000, "b");
    assert_eq!(
        two.log(),
        [
            "issuer \"shop\": keys are fetched from \"URL\" again",
            "issuer \"shop\": 1 key from \"URL\""
        ]
    );
    Ok(())
}

/// A source that fails in turns: each failure is told once a minute, and the last one is that at hand.
#[test]
fn failures_in_turns_are_told_once_a_minute_each() -> io::Result<()> {
    let (_directory, [one, two]) = fetched(0)?;
    drop(one.log());
    for (process, at, status, is_told) in [
        (&one, 8_000, 500, true),
        (&two, 9_000, 501, true),
        (&one, 11_000, 500, false),
        (&two, 15_000, 501, false),
        (&two, 67_999, 500, false),
        (&one, 97_999, 500, true),
        (&two, 127_999, 501, true),
        (&one, 157_999, 501, false),
    ] {
        assert_eq!(process.tend(at), Fetch, "{at}");
        process.fails(at, status);
        assert_eq!(process.log().len(), usize::from(is_told), "{at}");
        let failure = format!("the answer has status {status}, not 200");
        assert_eq!(process.failure().as_deref(), Some(&*failure), "{at}");
    }
    Ok(())
}

#[test]
fn keys_that_cannot_be_used_replace_none() -> io::Result<()> {
    let (directory, [one]) = fetched(0)?;
    drop(one.log());
    assert_eq!(one.tend(EARLY), Fetch);
    let mut notices = Vec::new();
    let read = KeySet::parse_public(br#"{"keys":[1]}"#.to_vec(), |notice| notices.push(notice));
    let Err(error) = read else { unreachable!("no key") };
    let error = FetchError::KeySet(error);
    one.ended(EARLY, Err(Failed { url: URL.to_owned(), error, notices }));
    assert_eq!(one.finds().as_deref(), Some("a"));
    assert_eq!(
        one.log(),
        [
            "issuer \"shop\": keys cannot be fetched from \"URL\": empty JWK set",
            "issuer \"shop\": \"URL\": key 0 is not usable: the entry is not a JSON object",
        ]
    );
    // Nor do those of a file that another version of the module may have been content with.
    let (mut record, rules) = (one.keeper.borrow().record.clone(), RULES);
    record.times.succeed(NOON.saturating_add(8_000), 0);
    record.document = Some(Document { url: URL.to_owned(), keys: "{}".to_owned() });
    if let Some(file) = &mut Process::start(Some(&directory), rules, 0).keeper.borrow_mut().file {
        file.write(&record)?;
    }
    one.tend_or_wait(8_100, false);
    assert_eq!(one.finds().as_deref(), Some("a"));
    Ok(())
}

/// Whoever is stopped, or hangs, does not take the keys of all others along.
#[test]
fn a_lock_that_nobody_gives_back() -> io::Result<()> {
    let (_directory, [one]) = fetched(0)?;
    drop(one.log());
    let held = one.keeper.borrow().file.as_ref().map(StateFile::lock);
    assert!(matches!(held, Some(Lock::Held(_))));
    // The timeout, and as much again.
    for at in [EARLY, EARLY.saturating_add(9_999)] {
        assert_eq!((one.tend(at), one.is_under_way()), (Look(50), true));
    }
    assert_eq!(one.tend(EARLY.saturating_add(10_000)), Fetch);
    assert_eq!(
        one.log(),
        [
            "keys by URL cannot be kept in \"auth_jwt_state_path\": a lock is held for longer than a fetch takes"
        ]
    );
    one.succeeds(EARLY.saturating_add(10_000), "b");
    assert_eq!(one.finds().as_deref(), Some("b"));
    Ok(())
}

/// A lock that another process gives back and takes again later has not been held for all that time.
#[test]
fn a_lock_that_is_taken_again() -> io::Result<()> {
    let (_directory, [one, two]) = fetched(0)?;
    assert_eq!((one.tend(EARLY), two.tend(EARLY)), (Fetch, Look(50)));
    one.fails(EARLY.saturating_add(10), 500);
    // Nothing is due meanwhile.
    assert_eq!(two.tend(EARLY.saturating_add(50)), Look(500));
    drop(two.log());
    let again = EARLY.saturating_add(20_000);
    assert_eq!((one.tend(again), two.tend(again)), (Fetch, Look(50)));
    assert_eq!(two.log(), [""; 0]);
    Ok(())
}

/// Where a lock is of no use two may fetch at a time: who fails takes nothing back.
#[test]
fn older_keys_never_replace_newer_ones() -> io::Result<()> {
    let (directory, [one, two]) = fetched(0)?;
    assert_eq!(one.tend(EARLY), Fetch);
    let mut newer = one.keeper.borrow().record.clone();
    newer.times.succeed(NOON.saturating_add(EARLY).saturating_add(1), 0);
    newer.document = Some(Document { url: URL.to_owned(), keys: set("b") });
    if let Some(file) = &mut two.keeper.borrow_mut().file {
        file.write(&newer)?;
    }
    one.fails(EARLY.saturating_add(2), 500);
    assert_eq!(one.finds().as_deref(), Some("b"));
    let third = Process::start(Some(&directory), RULES, 0);
    third.tend(EARLY.saturating_add(3));
    assert_eq!(third.finds().as_deref(), Some("b"));
    // And what was written without knowing of them is not taken over.
    let mut older = one.keeper.borrow().record.clone();
    older.times.fetched = Some(NOON);
    older.times.failed = Some(NOON.saturating_add(EARLY).saturating_add(4));
    older.document = Some(Document { url: URL.to_owned(), keys: set("a") });
    if let Some(file) = &mut two.keeper.borrow_mut().file {
        file.write(&older)?;
    }
    one.tend(EARLY.saturating_add(5));
    assert_eq!(one.finds().as_deref(), Some("b"));
    Ok(())
}
