//! `auth_jwt_key_cache` as clockwork: any events at any times, against the whole history.
#![no_main]

use arbitrary::Arbitrary;
use ngx_http_auth_jwt_module::auth::key_cache::{Clockwork, Failure, Rules, Step};

#[derive(Arbitrary, Clone, Copy, Debug)]
struct Event {
    kind: Kind,
    /// Since the event before: one of `PAUSES`, or so many milliseconds. The clock is monotonic.
    after: u16,
    rules: u8,
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// A request, which fetches where it is told to.
    Request,
    /// A request with an unknown `kid`.
    UnknownKid,
    Success,
    Failure,
    /// Who fetched leaves.
    Abandon,
}

/// What a model remembers: everything, as it happened.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Happened {
    Fetch,
    FetchAhead,
    Success,
    Failure,
    Abandon,
    Told,
}

#[derive(Default)]
struct History(Vec<(u64, Happened)>);

/// Around every bound that the rules have, in milliseconds.
const PAUSES: [u64; 14] =
    [0, 1, 500, 999, 1_000, 1_001, 4_999, 5_000, 9_999, 10_000, 50_000, 59_999, 60_000, 100_000];

const RULES: [Rules; 6] = [
    Rules { fresh_for: 0, refresh_every: None, stale_for: 0 },
    Rules { fresh_for: 10_000, refresh_every: None, stale_for: 0 },
    Rules { fresh_for: 10_000, refresh_every: Some(5_000), stale_for: 0 },
    Rules { fresh_for: 10_000, refresh_every: None, stale_for: 100_000 },
    Rules { fresh_for: 0, refresh_every: Some(1), stale_for: 100_000 },
    Rules { fresh_for: u64::MAX, refresh_every: Some(u64::MAX), stale_for: u64::MAX },
];

impl History {
    fn last(&self, wanted: Happened) -> Option<u64> {
        self.0.iter().rev().find(|(_, what)| *what == wanted).map(|(at, _)| *at)
    }

    fn fetching(&self) -> bool {
        use Happened::*;
        let fetches = self.0.iter().rev().map(|(_, what)| what).find(|what| **what != Told);
        matches!(fetches, Some(Fetch | FetchAhead))
    }

    /// The last attempt failed.
    fn failing_since(&self) -> Option<u64> {
        let ended = self.0.iter().rev();
        let ended = ended.filter(|(_, what)| matches!(what, Happened::Success | Happened::Failure));
        ended.clone().next().filter(|(_, what)| *what == Happened::Failure).map(|(at, _)| *at)
    }

    fn age(&self, now: u64) -> Option<u64> {
        self.last(Happened::Success).map(|at| now - at)
    }

    fn fresh(&self, now: u64, rules: Rules) -> bool {
        self.age(now).is_some_and(|age| age < rules.fresh_for)
    }

    /// Keys serve beyond their time where `stale=` is given and has not run out.
    fn stale_serves(&self, now: u64, rules: Rules) -> bool {
        let until = u128::from(rules.fresh_for) + u128::from(rules.stale_for);
        rules.stale_for > 0 && self.age(now).is_some_and(|age| u128::from(age) < until)
    }

    /// The table of `docs/reference.md`.
    fn ask(&self, now: u64, rules: Rules) -> Step {
        if self.fresh(now, rules) {
            return Step::Use;
        }
        if let Some(failed) = self.failing_since().filter(|_| self.stale_serves(now, rules)) {
            let one_a_second = now - failed >= 1000 && !self.fetching();
            return if one_a_second { Step::Fetch } else { Step::UseStale };
        }
        if self.fetching() { Step::Wait } else { Step::Fetch }
    }

    fn ask_ahead(&self, now: u64, rules: Rules) -> Step {
        match rules.refresh_every {
            None => Step::Use,
            Some(_) if self.fetching() => Step::Wait,
            Some(interval) => match self.last(Happened::FetchAhead) {
                Some(last) if now - last < interval => Step::Use,
                _ => Step::Fetch,
            },
        }
    }

    fn failure(&self, now: u64, rules: Rules) -> Failure {
        if self.fresh(now, rules) {
            return Failure::Stale { tell: false };
        }
        if !self.stale_serves(now, rules) {
            return Failure::Unavailable;
        }
        // By order, not by time: a success in the same millisecond ends what has been told.
        let outage = self.0.iter().rev().take_while(|(_, what)| *what != Happened::Success);
        let told = outage.filter(|(_, what)| *what == Happened::Told).map(|(at, _)| *at).next();
        Failure::Stale { tell: told.is_none_or(|told| now - told >= 60_000) }
    }
}

libfuzzer_sys::fuzz_target!(|events: Vec<Event>| {
    let (mut clockwork, mut history, mut now) = (Clockwork::default(), History::default(), 0u64);
    for event in events.iter().take(64) {
        let choice = usize::from(event.after);
        now += PAUSES.get(choice % 32).copied().unwrap_or(event.after.into());
        let rules = RULES[usize::from(event.rules) % RULES.len()];
        match event.kind {
            Kind::Request => {
                let step = clockwork.ask(now, rules);
                assert_eq!(step, history.ask(now, rules), "{event:?} of {events:?}");
                if step == Step::Fetch {
                    clockwork.begin();
                    history.0.push((now, Happened::Fetch));
                }
            }
            Kind::UnknownKid => {
                let step = clockwork.ask_ahead(now, rules);
                assert_eq!(step, history.ask_ahead(now, rules), "{event:?} of {events:?}");
                if step == Step::Fetch {
                    clockwork.begin_ahead(now);
                    history.0.push((now, Happened::FetchAhead));
                }
            }
            // Only what was begun can end.
            _ if !history.fetching() => {}
            Kind::Success => {
                clockwork.succeed(now);
                history.0.push((now, Happened::Success));
            }
            Kind::Failure => {
                history.0.push((now, Happened::Failure));
                let found = clockwork.fail(now, rules);
                assert_eq!(found, history.failure(now, rules), "{event:?} of {events:?}");
                if found == (Failure::Stale { tell: true }) {
                    history.0.push((now, Happened::Told));
                }
            }
            Kind::Abandon => {
                clockwork.abandon();
                history.0.push((now, Happened::Abandon));
            }
        }
    }
});
