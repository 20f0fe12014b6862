mod failing;

use std::cell::RefCell;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::auth::key_cache::Rules;
use crate::fetch::error::FetchError;
use crate::fetch::scratch::Scratch;
use crate::fetch::source::{Configured, Newer};

/// Some time of day.
const NOON: u64 = 1_800_000_000_000;

/// With them keys are fetched again after 7.5 s: the jitter of tests is 0.
const RULES: Rules = Rules { fresh_for: 10_000, refresh_every: Some(30_000), stale_for: 100_000 };

const EARLY: u64 = 7_500;

/// Long after noon.
const LATE: u64 = 50_000_000;

const URL: &str = "https://id.example.com/keys";

/// One of the processes that share a directory, or have none. Times are since noon.
struct Process {
    keeper: RefCell<Keeper>,
    log: RefCell<Vec<Message>>,
}

/// What the thread is to do.
#[derive(Debug, PartialEq)]
enum Does {
    Look(u64),
    Fetch,
    Due,
}

use Does::{Due, Fetch, Look};

impl Process {
    fn start(directory: Option<&Path>, rules: Rules, since: u64) -> Self {
        let Ok(url) = URL.parse() else { unreachable!("a URL") };
        let configured = Configured {
            issuer: "shop".to_owned(),
            remote: Remote::KeySet(url),
            rules,
            timeout: Duration::from_secs(5),
            certificates: None,
        };
        let source = Arc::new(Source::new(configured));
        let since = NOON.saturating_add(since);
        let keeper = RefCell::new(Keeper::new(source, directory, None, since));
        Self { keeper, log: RefCell::default() }
    }

    fn tend(&self, at: u64) -> Does {
        self.tend_or_wait(at, true)
    }

    fn tend_or_wait(&self, at: u64, may_fetch: bool) -> Does {
        let mut log = self.log.borrow_mut();
        match self.keeper.borrow_mut().tend(NOON.saturating_add(at), may_fetch, &mut log) {
            Next::Look(after) => Look(after),
            Next::Due => Due,
            Next::Fetch(_) => Fetch,
        }
    }

    fn ended(&self, at: u64, result: Result<Fetched, Failed>) {
        let mut log = self.log.borrow_mut();
        self.keeper.borrow_mut().ended(NOON.saturating_add(at), 0, result, &mut log);
    }

    /// The fetch brings a key of this `kid`.
    fn succeeds(&self, at: u64, kid: &str) {
        let document = set(kid).into_bytes();
        let Ok(keys) = KeySet::parse_public(document.clone(), |_| ()) else {
            unreachable!("a key set")
        };
        self.ended(at, Ok(Fetched { url: URL.to_owned(), document, keys, notices: Vec::new() }));
    }

    fn fails(&self, at: u64, status: u16) {
        let error = FetchError::Status(status);
        self.ended(at, Err(Failed { url: URL.to_owned(), error, notices: Vec::new() }));
    }

    /// The `kid` that requests find.
    fn finds(&self) -> Option<String> {
        let keys = self.keeper.borrow().source.look(Instant::now()).keys;
        keys.and_then(|keys| keys.keys().next().and_then(|key| key.kid().map(str::to_owned)))
    }

    fn failure(&self) -> Option<String> {
        let condition = self.keeper.borrow().source.condition(Instant::now());
        condition.failure.map(|failure| failure.reason)
    }

    fn is_under_way(&self) -> bool {
        self.keeper.borrow().source.look(Instant::now()).under_way
    }

    fn news(&self) -> u64 {
        self.keeper.borrow().source.news()
    }

    fn wants_newer(&self) -> Newer {
        self.keeper.borrow().source.want_newer(Instant::now())
    }

    fn log(&self) -> Vec<String> {
        self.log.take().into_iter().map(|line| line.text.replace(URL, "URL")).collect()
    }
}

fn set(kid: &str) -> String {
    let x = "BDK-Xp-Va8ND2AfL26fh_22lpTv5on6DAr8P76YHUyY";
    format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"{kid}","x":"{x}"}}]}}"#)
}

/// Processes that share a directory. Their configuration was read at this time, and the first has fetched `a` just
/// then.
fn fetched<const COUNT: usize>(at: u64) -> io::Result<(Scratch, [Process; COUNT])> {
    let directory = Scratch::new()?;
    let processes = std::array::from_fn(|_| Process::start(Some(&directory), RULES, at));
    if let Some(first) = processes.first() {
        assert_eq!(first.tend(at), Fetch);
        first.succeeds(at, "a");
    }
    for process in &processes {
        assert_eq!(process.tend(at.saturating_add(1)), Look(500));
        assert_eq!(process.finds().as_deref(), Some("a"));
    }
    Ok((directory, processes))
}

#[test]
fn one_process_fetches_and_all_have_it() -> io::Result<()> {
    let directory = Scratch::new()?;
    let [one, two] = std::array::from_fn(|_| Process::start(Some(&directory), RULES, 0));
    assert_eq!(one.tend(0), Fetch);
    assert_eq!((one.tend(1), one.is_under_way()), (Look(500), true), "one at a time");
    assert_eq!((two.tend(1), two.is_under_way()), (Look(50), true), "and one for all");
    one.succeeds(100, "a");
    assert_eq!(two.tend(101), Look(500));
    assert_eq!((two.finds().as_deref(), two.is_under_way()), (Some("a"), false));
    assert_eq!(
        (one.log(), two.log()),
        (vec!["issuer \"shop\": 1 key from \"URL\"".into()], vec![])
    );
    // Nobody does before it is due, whoever comes first does then.
    assert_eq!(two.tend(EARLY.saturating_add(99)), Look(1));
    assert_eq!(two.tend(EARLY.saturating_add(100)), Fetch);
    assert_eq!(
        (one.tend(EARLY.saturating_add(100)), one.finds().as_deref()),
        (Look(50), Some("a"))
    );
    two.succeeds(8_000, "a");
    assert_eq!(one.tend(8_001), Look(500));
    assert_eq!((one.log(), two.log()), (vec![], vec![]), "the same keys are no news");
    Ok(())
}

/// A file is looked at twice a second at least.
#[test]
fn when_to_look_again() -> io::Result<()> {
    let (_directory, [one]) = fetched(0)?;
    assert_eq!(one.tend(7_000), Look(500));
    assert_eq!(one.tend(7_200), Look(300));
    let alone = Process::start(None, RULES, 0);
    assert_eq!(alone.tend(0), Fetch);
    alone.succeeds(0, "a");
    assert_eq!(alone.tend(1), Look(1_000), "the clock is looked at");
    assert_eq!(alone.tend_or_wait(8_000, false), Due);
    assert_eq!(alone.tend(8_000), Fetch);
    Ok(())
}

#[test]
fn unknown_kids_of_all_make_one_fetch() -> io::Result<()> {
    let (_directory, [one, two]) = fetched(0)?;
    assert_eq!(one.wants_newer(), Newer::Wanted);
    assert_eq!(one.wants_newer(), Newer::UnderWay, "of the same process");
    assert_eq!(two.wants_newer(), Newer::Wanted, "it knows nothing yet");
    assert_eq!(one.tend(100), Fetch);
    assert_eq!((two.tend(100), two.is_under_way()), (Look(50), true));
    let news = (one.news(), two.news());
    one.fails(200, 500);
    assert_eq!(two.tend(220), Look(500));
    // Who has waited hears of it, in each process.
    assert!(one.news() > news.0 && two.news() > news.1);
    assert_eq!((one.is_under_way(), two.is_under_way()), (false, false));
    // The failure has not lifted the throttle; it has its own time.
    assert_eq!((one.wants_newer(), two.wants_newer()), (Newer::No, Newer::No));
    assert_eq!(two.tend(1_200), Fetch);
    two.succeeds(1_200, "b");
    assert_eq!(one.tend(1_300), Look(500));
    assert_eq!((one.finds().as_deref(), two.finds().as_deref()), (Some("b"), Some("b")));
    assert_eq!((one.wants_newer(), two.wants_newer()), (Newer::No, Newer::No));
    Ok(())
}

/// Another process learns within a second that there is a fetch for an unknown `kid`, and waits with it.
#[test]
fn a_fetch_of_another_process_for_an_unknown_kid() -> io::Result<()> {
    let (_directory, [one, two]) = fetched(0)?;
    assert_eq!((one.wants_newer(), one.tend(100)), (Newer::Wanted, Fetch));
    assert_eq!((two.tend(500), two.is_under_way()), (Look(50), true));
    assert_eq!(two.wants_newer(), Newer::UnderWay);
    one.succeeds(600, "b");
    assert_eq!((two.tend(620), two.is_under_way()), (Look(500), false));
    assert_eq!((two.finds().as_deref(), two.wants_newer()), (Some("b"), Newer::No));
    // One that has died is waited for no longer than a fetch takes.
    assert_eq!(one.tend(30_100), Fetch);
    Ok(())
}

/// Newer keys have come another way: there is no fetch for who has not looked at them.
#[test]
fn a_wish_that_has_been_met() -> io::Result<()> {
    let (_directory, [one, two]) = fetched(0)?;
    assert_eq!(one.tend(EARLY), Fetch);
    one.succeeds(EARLY, "b");
    assert_eq!(two.wants_newer(), Newer::Wanted);
    let news = two.news();
    assert_eq!(two.tend(EARLY), Look(500));
    assert_eq!(two.finds().as_deref(), Some("b"));
    assert!(two.news() > news);
    assert_eq!(two.tend(EARLY.saturating_add(500)), Look(500));
    // What they still do not know is another wish.
    assert_eq!(two.wants_newer(), Newer::Wanted);
    assert_eq!(two.tend(EARLY.saturating_add(600)), Fetch);
    Ok(())
}

/// The kernel takes the lock back from a process that dies.
#[test]
fn a_process_that_dies_while_it_fetches() -> io::Result<()> {
    let (_directory, [one, two, three]) = fetched(0)?;
    assert_eq!(one.tend(EARLY), Fetch);
    assert_eq!(two.tend(EARLY), Look(50));
    drop(one);
    assert_eq!(two.tend(EARLY), Fetch);
    assert_eq!(three.tend(EARLY), Look(50));
    Ok(())
}

#[test]
fn a_new_configuration_tries_at_once_what_had_failed() -> io::Result<()> {
    let (directory, [old]) = fetched(0)?;
    assert_eq!(old.tend(EARLY), Fetch);
    old.fails(EARLY, 500);
    let [new, other] = std::array::from_fn(|_| Process::start(Some(&directory), RULES, 7_600));
    assert_eq!(new.tend(7_700), Fetch);
    assert_eq!(new.finds().as_deref(), Some("a"), "keys of before serve at once");
    assert_eq!(other.tend(7_700), Look(50));
    new.fails(7_800, 500);
    // Once for all of its processes, and the pause is longer now.
    assert_eq!(other.tend(7_900), Look(500));
    assert_eq!(other.tend(9_799), Look(1));
    assert_eq!(other.tend(9_800), Fetch);
    Ok(())
}

#[test]
fn a_clock_that_was_set_back() -> io::Result<()> {
    let (_directory, [one, two]) = fetched(LATE)?;
    // Nobody knows how old they are: they are fetched, and serve until then.
    for failures in 0..2 {
        let at = 1_000_u64.saturating_mul(failures);
        assert_eq!(two.tend(at), Fetch, "{failures}");
        assert_eq!(two.finds().as_deref(), Some("a"));
        two.fails(at, 500);
        assert_eq!(two.tend(at), Look(500), "a failure has its pause");
    }
    assert_eq!(one.tend(1_001), Look(500));
    assert_eq!(one.finds().as_deref(), Some("a"));
    Ok(())
}

/// What lay ahead is as if it had happened when a process looks, later than what others have done by then.
#[test]
fn what_others_have_done_after_the_clock_was_set_back() -> io::Result<()> {
    let (_directory, [one, two]) = fetched(LATE)?;
    assert_eq!(one.tend(LATE.saturating_add(EARLY)), Fetch);
    one.fails(LATE.saturating_add(EARLY), 500);
    assert_eq!(two.tend(LATE.saturating_add(EARLY)), Look(500));
    assert_eq!(one.tend(1_000), Look(500));
    assert_eq!(one.tend(2_000), Fetch);
    one.succeeds(2_100, "b");
    assert_eq!(two.tend(2_200), Look(500));
    assert_eq!(two.finds().as_deref(), Some("b"));
    Ok(())
}

/// Where a file cannot be written for a while, what it has is older.
#[test]
fn what_could_not_be_written() -> io::Result<()> {
    let (directory, [one]) = fetched(0)?;
    let Ok(kept) = std::fs::read_dir(&*directory).map(|entries| {
        let paths = entries.flatten().map(|entry| entry.path());
        paths.filter(|path| path.extension().is_some_and(|own| own == "json")).collect::<Vec<_>>()
    }) else {
        unreachable!("a directory")
    };
    let [file] = &*kept else { unreachable!("one file") };
    assert_eq!(one.tend(EARLY), Fetch);
    let trap = file.with_extension("new");
    std::fs::create_dir(&trap)?;
    one.succeeds(EARLY, "b");
    // Somebody touches the old one.
    std::fs::copy(file, trap.join("copy"))?;
    std::fs::rename(trap.join("copy"), file)?;
    assert_eq!(one.tend(EARLY.saturating_add(1)), Look(500));
    assert_eq!(one.finds().as_deref(), Some("b"));
    Ok(())
}
