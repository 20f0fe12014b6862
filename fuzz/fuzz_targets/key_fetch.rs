//! When keys by URL are fetched: processes that share a state and a lock, and die, under a clock that is set
//! back now and then, against the whole history.
#![no_main]

use arbitrary::Arbitrary;
use ngx_http_auth_jwt_module::auth::key_cache::Rules;
use ngx_http_auth_jwt_module::fetch::schedule::{Step, Times};

#[derive(Arbitrary, Debug)]
struct Case {
    rules: u8,
    events: Vec<Event>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
struct Event {
    process: u8,
    kind: Kind,
    /// Since the event before: one of `PAUSES`, or so many milliseconds.
    after: u16,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Kind {
    /// The process looks after the source; with `is_late` the state was replaced after it has looked at it.
    Tend {
        is_late: bool,
    },
    /// A request of it has an unknown `kid`.
    UnknownKid {
        is_late: bool,
    },
    /// Its fetch ends.
    Success {
        jitter: u16,
    },
    Failure,
    /// It dies, and another one takes its place.
    Restart,
    /// Time goes on, and the clock does not: it is set back by so many pauses.
    SetBack(u8),
}

/// Around every bound that the rules have, in milliseconds.
const PAUSES: [u64; 20] = [
    0, 1, 500, 749, 750, 751, 999, 1_000, 1_001, 2_000, 4_000, 5_000, 7_500, 8_000, 8_500, 10_000,
    16_000, 30_000, 100_000, 110_000,
];

const RULES: [Rules; 6] = [
    Rules { fresh_for: 10_000, refresh_every: Some(5_000), stale_for: 100_000 },
    Rules { fresh_for: 10_000, refresh_every: None, stale_for: 0 },
    Rules { fresh_for: 1_000, refresh_every: Some(1_000), stale_for: 1_000 },
    Rules { fresh_for: 600_000, refresh_every: Some(30_000), stale_for: 86_400_000 },
    Rules { fresh_for: 1_001, refresh_every: Some(100_000), stale_for: 0 },
    Rules { fresh_for: u64::MAX, refresh_every: Some(u64::MAX), stale_for: u64::MAX },
];

/// Some time of day: where clocks begin.
const NOON: u64 = 1_800_000_000_000;

const PROCESSES: usize = 3;

/// A process, as `fetch::keeper` has it.
#[derive(Clone, Copy, Debug, Default)]
struct Process {
    times: Times,
    since: u64,
    /// Which state it has seen.
    seen: usize,
    is_fetching: bool,
}

/// What they share: each state that was ever written, and the lock.
struct Shared {
    states: Vec<Times>,
    has_lock: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Did {
    Fetch {
        is_ahead: bool,
    },
    /// Another process fetches.
    Wait,
    Rest,
}

impl Process {
    fn adopt(&mut self, now: u64, rules: Rules, shared: &Shared) {
        if self.seen == shared.states.len() {
            return;
        }
        self.seen = shared.states.len();
        let Some(mut times) = shared.states.last().copied() else { return };
        times.correct(now, rules);
        self.times = times;
    }

    fn usable_for(&self, now: u64, rules: Rules) -> u64 {
        self.times.usable_for(now, rules, self.since)
    }

    fn write(&mut self, shared: &mut Shared) {
        shared.states.push(self.times);
        self.seen = shared.states.len();
    }

    fn tend(
        &mut self,
        own: usize,
        now: u64,
        rules: Rules,
        shared: &mut Shared,
        wants_newer: bool,
        is_late: bool,
    ) -> Did {
        if self.since > now {
            self.since = 0;
        }
        self.times.correct(now, rules);
        if !is_late {
            self.adopt(now, rules, shared);
        }
        if !wants_newer && self.times.next_fetch(now, rules, self.since) > now {
            return Did::Rest;
        }
        if shared.has_lock.is_some() {
            return Did::Wait;
        }
        self.adopt(now, rules, shared);
        let refreshed = self.times.refreshed;
        match self.times.step(now, rules, self.since, wants_newer) {
            Step::Rest => Did::Rest,
            Step::Fetch => {
                // Both are so where one follows the other within a millisecond.
                let is_ahead = self.times.refreshed != refreshed;
                if is_ahead {
                    self.write(shared);
                }
                (self.is_fetching, shared.has_lock) = (true, Some(own));
                Did::Fetch { is_ahead }
            }
        }
    }
}

/// What a model remembers: everything, as it happened.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// By the clock of the machine.
    clock: u64,
    /// As it is, whatever the clock says.
    time: u64,
    what: Happened,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Happened {
    Start(usize),
    Fetch { is_ahead: bool },
    Success { jitter: u16 },
    Failure,
    SetBack,
}

#[derive(Default)]
struct History(Vec<Entry>);

impl History {
    fn last(&self, is_wanted: impl Fn(Happened) -> bool) -> Option<(usize, Entry)> {
        self.0.iter().copied().enumerate().rev().find(|(_, entry)| is_wanted(entry.what))
    }

    /// Whether the clock has gone on as time has since all of these.
    fn is_plain_since(&self, entries: &[Option<(usize, Entry)>]) -> bool {
        let set_back = self.last(|what| what == Happened::SetBack).map(|(at, _)| at);
        entries.iter().flatten().all(|(at, _)| set_back.is_none_or(|set_back| set_back < *at))
    }

    fn success(&self) -> Option<(usize, Entry)> {
        self.last(|what| matches!(what, Happened::Success { .. }))
    }

    /// The last failure, unless a fetch has succeeded since, and how many there were.
    fn failure(&self) -> Option<((usize, Entry), u32)> {
        let failure = self.last(|what| what == Happened::Failure)?;
        let success = self.success().map(|(at, _)| at);
        let is_after = |at: usize| success.is_none_or(|success| success < at);
        let failures = self.0.iter().enumerate();
        let count =
            failures.filter(|(at, entry)| entry.what == Happened::Failure && is_after(*at)).count();
        is_after(failure.0).then_some((failure, count as u32))
    }

    /// When the contract has the next fetch begin by itself in this process, if the clock allows to say so.
    fn due(&self, process: usize, rules: Rules) -> Option<u128> {
        let start = self.last(|what| what == Happened::Start(process));
        if let Some((failure, count)) = self.failure() {
            if !self.is_plain_since(&[start, Some(failure)]) {
                return None;
            }
            // Once more in each new process; of those in the same millisecond any may be first.
            let started = start.map_or(0, |(_, start)| start.clock);
            if failure.1.clock < started {
                return Some(0);
            }
            let pause = match count {
                1 => 1_000,
                2 => 2_000,
                3 => 4_000,
                4 => 8_000,
                5 => 16_000,
                _ => 30_000,
            };
            return Some(u128::from(failure.1.clock) + pause);
        }
        let Some(success) = self.success() else { return Some(0) };
        let Happened::Success { jitter } = success.1.what else { unreachable!() };
        let thousandths = 750 + u128::from(jitter) % 101;
        let early = u128::from(rules.fresh_for) * thousandths / 1_000;
        let is_plain = self.is_plain_since(&[start, Some(success)]);
        is_plain.then_some((u128::from(success.1.clock) + early).min(u64::MAX.into()))
    }

    /// For how long keys serve on, if the clock allows to say so.
    fn usable(&self, process: usize, now: u64, rules: Rules) -> Option<u64> {
        let start = self.last(|what| what == Happened::Start(process));
        let Some(success) = self.success() else { return Some(0) };
        if !self.is_plain_since(&[start, Some(success)]) {
            return None;
        }
        let fresh_until = u128::from(success.1.clock) + u128::from(rules.fresh_for);
        let started = start.map_or(0, |(_, start)| u128::from(start.clock));
        let is_in_time = started < fresh_until;
        let stale_for = if is_in_time || self.failure().is_some() { rules.stale_for } else { 0 };
        let until = (fresh_until + u128::from(stale_for)).min(u64::MAX.into());
        Some(until.saturating_sub(now.into()) as u64)
    }
}

struct World {
    rules: Rules,
    processes: [Process; PROCESSES],
    shared: Shared,
    history: History,
    clock: u64,
    time: u64,
    /// When each process has first looked at the clock since that was set back.
    seen_clock: [Option<u64>; PROCESSES],
}

impl World {
    fn happens(&mut self, what: Happened) {
        self.history.0.push(Entry { clock: self.clock, time: self.time, what });
    }

    fn start(&mut self, process: usize) {
        self.processes[process] = Process { since: self.clock, ..Process::default() };
        if self.shared.has_lock == Some(process) {
            self.shared.has_lock = None;
        }
        self.seen_clock[process] = None;
        self.happens(Happened::Start(process));
    }

    fn tend(&mut self, own: usize, wants_newer: bool, is_late: bool) {
        if self.processes[own].is_fetching {
            return;
        }
        let (now, rules) = (self.clock, self.rules);
        let is_locked = self.shared.has_lock.is_some();
        let due = self.history.due(own, rules);
        let ahead = self.history.last(|what| what == Happened::Fetch { is_ahead: true });
        let did = self.processes[own].tend(own, now, rules, &mut self.shared, wants_newer, is_late);
        let is_due = due.map(|due| due <= now.into());
        if let Did::Fetch { is_ahead } = did {
            assert!(!is_locked, "one fetch at a time");
            if is_ahead {
                let interval = rules.refresh_every.expect("an unknown kid fetches nothing");
                let since = ahead.map(|(_, ahead)| self.time - ahead.time);
                assert!(since.is_none_or(|since| since >= interval), "throttled: {since:?}");
                assert!(wants_newer, "nobody has asked");
            } else {
                assert!(is_due != Some(false), "not due: {due:?}");
                self.assert_is_no_storm(own);
            }
            self.happens(Happened::Fetch { is_ahead });
        } else if !is_late && !is_locked {
            assert!(is_due != Some(true), "due, {did:?}");
            assert_eq!(did, Did::Rest);
            self.assert_is_not_for_ever(own);
            if let (true, Some(interval)) = (wants_newer, rules.refresh_every) {
                let is_plain = self.history.is_plain_since(&[ahead]);
                let is_throttled =
                    ahead.is_some_and(|(_, ahead)| now.saturating_sub(ahead.clock) < interval);
                assert!(!is_plain || is_throttled, "an unknown kid makes a fetch");
            }
        }
        if !is_late {
            self.assert_usable(own);
        }
    }

    /// Nor does a clock that was set back keep a process from fetching, once it has looked at it.
    fn assert_is_not_for_ever(&mut self, own: usize) {
        let seen = *self.seen_clock[own].get_or_insert(self.time);
        let others = |what| !matches!(what, Happened::Start(_) | Happened::SetBack);
        let since = self.history.last(others).map_or(0, |(_, entry)| entry.time).max(seen);
        let longest = (u128::from(self.rules.fresh_for) * 85 / 100).max(30_000);
        assert!(u128::from(self.time - since) <= longest, "never");
    }

    /// A process that has seen a fetch fail leaves it alone for a second.
    fn assert_is_no_storm(&self, own: usize) {
        let start = self.history.last(|what| what == Happened::Start(own)).map(|(at, _)| at);
        if let Some(((at, failure), _)) = self.history.failure()
            && start.is_some_and(|start| start < at)
        {
            let last = self.history.last(|what| what == Happened::SetBack);
            let is_plain = last.is_none_or(|(set_back, _)| set_back < start.unwrap_or_default());
            assert!(!is_plain || self.time - failure.time >= 1_000, "a storm");
        }
    }

    fn assert_usable(&self, own: usize) {
        let found = self.processes[own].usable_for(self.clock, self.rules);
        let rules = self.rules;
        assert!(found <= rules.fresh_for.saturating_add(rules.stale_for));
        if let Some(expected) = self.history.usable(own, self.clock, rules) {
            assert_eq!(found, expected, "usable");
        }
    }

    fn end(&mut self, own: usize, jitter: Option<u16>) {
        let process = &mut self.processes[own];
        if !std::mem::take(&mut process.is_fetching) {
            return;
        }
        match jitter {
            Some(jitter) => process.times.succeed(self.clock, jitter),
            None => process.times.fail(self.clock),
        }
        process.write(&mut self.shared);
        self.shared.has_lock = None;
        self.happens(jitter.map_or(Happened::Failure, |jitter| Happened::Success { jitter }));
    }
}

libfuzzer_sys::fuzz_target!(|case: Case| {
    let mut world = World {
        rules: RULES[usize::from(case.rules) % RULES.len()],
        processes: [Process::default(); PROCESSES],
        shared: Shared { states: Vec::new(), has_lock: None },
        history: History::default(),
        clock: NOON,
        time: 0,
        seen_clock: [None; PROCESSES],
    };
    for process in 0..PROCESSES {
        world.start(process);
    }
    for event in case.events.iter().take(64) {
        let own = usize::from(event.process) % PROCESSES;
        let choice = usize::from(event.after);
        let pause = PAUSES.get(choice % 32).copied().unwrap_or(event.after.into());
        (world.clock, world.time) = (world.clock + pause, world.time + pause);
        match event.kind {
            Kind::Tend { is_late } => world.tend(own, false, is_late),
            Kind::UnknownKid { is_late } => world.tend(own, true, is_late),
            Kind::Success { jitter } => world.end(own, Some(jitter)),
            Kind::Failure => world.end(own, None),
            Kind::Restart => world.start(own),
            Kind::SetBack(by) => {
                world.clock -= pause * u64::from(by);
                world.seen_clock = [None; PROCESSES];
                world.happens(Happened::SetBack);
            }
        }
    }
});
