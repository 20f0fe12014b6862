//! The clockwork of `auth_jwt_key_cache` for one fetched source: when its keys are fresh, when
//! somebody must fetch, who waits, and what holds when a fetch fails. No I/O and no keys in here;
//! all times are in milliseconds of one monotonic clock.

/// After a fetch has failed while stale keys serve, the next one is tried this much later.
const COOLING: u64 = 1_000;

/// Keys that serve beyond their time are told of this often.
const TOLD_EVERY: u64 = 60_000;

/// `auth_jwt_key_cache time [refresh=time] [stale=time]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// How long keys are used without being fetched again.
    pub fresh_for: u64,
    /// How often at the most an unknown `kid` makes a fetch ahead of time; `None`: never.
    pub refresh_every: Option<u64>,
    /// How long the last good keys serve beyond their time while the source fails.
    pub stale_for: u64,
}

/// What a request is to do for the keys of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Use the keys at hand.
    Use,
    /// Use the keys at hand, which are beyond their time: the source fails.
    UseStale,
    /// Somebody is fetching: wait for the outcome.
    Wait,
    /// Fetch.
    Fetch,
}

/// What holds for those who waited for a fetch that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// There are no keys.
    Unavailable,
    /// The last good keys serve on; `tell` is set where a warning is due.
    Stale { tell: bool },
}

/// The state of one source.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clockwork {
    /// When the keys at hand were fetched.
    loaded: Option<u64>,
    /// Whether a fetch is under way.
    fetching: bool,
    /// When a fetch last failed, unless one has succeeded since.
    failed: Option<u64>,
    /// When an unknown `kid` last made a fetch.
    refreshed: Option<u64>,
    /// When stale keys were last told of.
    told: Option<u64>,
}

impl Clockwork {
    /// A request asks for the keys.
    pub fn ask(&self, now: u64, rules: Rules) -> Step {
        if self.age(now).is_some_and(|age| age < rules.fresh_for) {
            return Step::Use;
        }
        let failing = self.failed.filter(|_| self.is_stale(now, rules));
        match failing {
            // Nobody waits for a source that is known to fail as long as there are keys.
            Some(_) if self.fetching => Step::UseStale,
            Some(failed) if now.saturating_sub(failed) < COOLING => Step::UseStale,
            _ if self.fetching => Step::Wait,
            _ => Step::Fetch,
        }
    }

    /// A request whose `kid` the keys at hand do not have asks for newer ones.
    pub fn ask_ahead(&self, now: u64, rules: Rules) -> Step {
        let Some(interval) = rules.refresh_every else { return Step::Use };
        if self.fetching {
            return Step::Wait;
        }
        let due = self.refreshed.is_none_or(|last| now.saturating_sub(last) >= interval);
        if due { Step::Fetch } else { Step::Use }
    }

    /// A fetch has begun.
    pub fn begin(&mut self) {
        self.fetching = true;
    }

    /// A fetch has begun for an unknown `kid`. The throttle is set now: no failure lifts it.
    pub fn begin_ahead(&mut self, now: u64) {
        self.refreshed = Some(now);
        self.begin();
    }

    /// The fetch brought keys.
    pub fn succeed(&mut self, now: u64) {
        self.fetching = false;
        self.loaded = Some(now);
        self.failed = None;
        self.told = None;
    }

    /// The fetch failed. Good keys are never replaced by it.
    pub fn fail(&mut self, now: u64, rules: Rules) -> Failure {
        self.fetching = false;
        self.failed = Some(now);
        if self.age(now).is_some_and(|age| age < rules.fresh_for) {
            // It was ahead of time: the keys at hand are still good.
            return Failure::Stale { tell: false };
        }
        if !self.is_stale(now, rules) {
            return Failure::Unavailable;
        }
        let tell = self.told.is_none_or(|told| now.saturating_sub(told) >= TOLD_EVERY);
        if tell {
            self.told = Some(now);
        }
        Failure::Stale { tell }
    }

    /// Who fetched has left before the end: somebody else must fetch.
    pub fn abandon(&mut self) {
        self.fetching = false;
    }

    fn age(&self, now: u64) -> Option<u64> {
        self.loaded.map(|loaded| now.saturating_sub(loaded))
    }

    fn is_stale(&self, now: u64, rules: Rules) -> bool {
        let until = rules.fresh_for.saturating_add(rules.stale_for);
        rules.stale_for > 0 && self.age(now).is_some_and(|age| age < until)
    }
}

#[cfg(test)]
mod tests {
    use super::Step::{Fetch, Use};
    use super::*;

    const PLAIN: Rules = Rules { fresh_for: 10_000, refresh_every: None, stale_for: 0 };
    const NONE: Rules = Rules { fresh_for: 0, refresh_every: None, stale_for: 0 };
    const REFRESH: Rules = Rules { fresh_for: 10_000, refresh_every: Some(5_000), stale_for: 0 };
    const STALE: Rules = Rules { fresh_for: 10_000, refresh_every: None, stale_for: 100_000 };

    fn loaded(at: u64) -> Clockwork {
        let mut clockwork = Clockwork::default();
        clockwork.begin();
        clockwork.succeed(at);
        clockwork
    }

    #[test]
    fn cold_then_fresh_then_expired() {
        let mut clockwork = Clockwork::default();
        assert_eq!(clockwork.ask(0, PLAIN), Step::Fetch);
        clockwork.begin();
        assert_eq!(clockwork.ask(1, PLAIN), Step::Wait);
        clockwork.succeed(100);
        assert_eq!([100, 10_099, 10_100].map(|now| clockwork.ask(now, PLAIN)), [Use, Use, Fetch]);
    }

    #[test]
    fn without_a_time_every_request_fetches_and_those_meanwhile_share() {
        let mut clockwork = loaded(5);
        assert_eq!(clockwork.ask(5, NONE), Step::Fetch);
        clockwork.begin();
        assert_eq!(clockwork.ask(5, NONE), Step::Wait);
    }

    #[test]
    fn each_location_has_its_own_time() {
        let clockwork = loaded(0);
        assert_eq!(clockwork.ask(20_000, PLAIN), Step::Fetch);
        let longer = Rules { fresh_for: 30_000, ..PLAIN };
        assert_eq!(clockwork.ask(20_000, longer), Step::Use);
    }

    #[test]
    fn a_failure_is_not_kept() {
        let mut clockwork = Clockwork::default();
        clockwork.begin();
        assert_eq!(clockwork.fail(0, PLAIN), Failure::Unavailable);
        assert_eq!(clockwork.ask(0, PLAIN), Step::Fetch);
    }

    #[test]
    fn whoever_leaves_is_followed_by_another() {
        let mut clockwork = Clockwork::default();
        clockwork.begin();
        clockwork.abandon();
        assert_eq!(clockwork.ask(0, PLAIN), Step::Fetch);
    }

    #[test]
    fn an_unknown_kid_fetches_once_in_the_interval() {
        let mut clockwork = loaded(0);
        assert_eq!(clockwork.ask_ahead(1, PLAIN), Step::Use, "off by default");
        assert_eq!(clockwork.ask_ahead(1, REFRESH), Step::Fetch);
        clockwork.begin_ahead(1);
        assert_eq!(clockwork.ask_ahead(2, REFRESH), Step::Wait);
        clockwork.succeed(100);
        let asked = [200, 5_000, 5_001].map(|now| clockwork.ask_ahead(now, REFRESH));
        assert_eq!(asked, [Use, Use, Fetch]);
    }

    #[test]
    fn an_outage_keeps_the_throttle_and_the_fresh_keys() {
        let mut clockwork = loaded(0);
        clockwork.begin_ahead(1);
        assert_eq!(clockwork.fail(2, REFRESH), Failure::Stale { tell: false });
        assert_eq!(clockwork.ask_ahead(3, REFRESH), Step::Use);
        assert_eq!(clockwork.ask(3, REFRESH), Step::Use);
        clockwork.begin_ahead(5_001);
        clockwork.abandon();
        assert_eq!(clockwork.ask_ahead(5_002, REFRESH), Step::Use);
    }

    #[test]
    fn stale_keys_serve_while_the_source_fails() {
        let mut clockwork = loaded(0);
        assert_eq!(clockwork.ask(10_000, STALE), Step::Fetch);
        clockwork.begin();
        assert_eq!(clockwork.ask(10_001, STALE), Step::Wait, "not known to fail yet");
        assert_eq!(clockwork.fail(10_002, STALE), Failure::Stale { tell: true });
        assert_eq!(clockwork.ask(10_003, STALE), Step::UseStale, "cooling down");
        assert_eq!(clockwork.ask(11_002, STALE), Step::Fetch);
        clockwork.begin();
        assert_eq!(clockwork.ask(11_003, STALE), Step::UseStale, "nobody else waits");
        assert_eq!(clockwork.fail(11_004, STALE), Failure::Stale { tell: false });
        assert_eq!(clockwork.fail(70_002, STALE), Failure::Stale { tell: true });
        assert_eq!(clockwork.ask(109_999, STALE), Step::Fetch);
        assert_eq!(clockwork.fail(110_000, STALE), Failure::Unavailable, "the time is over");
        assert_eq!(clockwork.ask(110_001, STALE), Step::Fetch);
        clockwork.begin();
        clockwork.succeed(110_002);
        assert_eq!(clockwork.ask(110_003, STALE), Step::Use, "recovered");
    }

    #[test]
    fn each_outage_is_told_of_anew() {
        let mut clockwork = loaded(0);
        clockwork.begin();
        assert_eq!(clockwork.fail(10_000, STALE), Failure::Stale { tell: true });
        clockwork.begin();
        clockwork.succeed(10_000);
        clockwork.begin();
        assert_eq!(clockwork.fail(20_000, STALE), Failure::Stale { tell: true });
    }

    #[test]
    fn without_stale_the_time_is_the_time() {
        let mut clockwork = loaded(0);
        clockwork.begin();
        assert_eq!(clockwork.fail(10_000, PLAIN), Failure::Unavailable);
    }
}
