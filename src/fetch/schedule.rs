//! When the keys of a source are fetched, for all processes that share its state: plain numbers, no I/O
//! and no keys. All times are in milliseconds since the epoch, as a clock of the machine tells them: they
//! outlive a process.

use serde::{Deserialize, Serialize};

use crate::auth::key_cache::Rules;

/// A failed fetch is tried again after this much, then after twice as much, and so on.
const FIRST_RETRY: u64 = 1_000;

/// And at least this often.
const LAST_RETRY: u64 = 30_000;

/// What all processes know of the fetches of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// When the keys at hand were fetched.
    pub fetched: Option<u64>,
    /// A random number, drawn when they were fetched: processes and machines do not all fetch at once.
    pub jitter: u16,
    /// When a fetch last failed, since one has succeeded.
    pub failed: Option<u64>,
    /// How many have failed since one has succeeded.
    pub failures: u32,
    /// When an unknown `kid` last made a fetch.
    pub refreshed: Option<u64>,
}

/// What is to be done for a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Fetch,
    Rest,
}

impl Times {
    /// Corrects times that lie ahead, after the clock was set back: keys of an unknown age count as just old enough to be
    /// fetched anew, and serve on meanwhile.
    pub fn correct(&mut self, now: u64, rules: Rules) {
        if self.fetched.is_some_and(|fetched| fetched > now) {
            self.fetched = Some(now.saturating_sub(self.renew_after(rules)));
        }
        self.failed = self.failed.map(|failed| failed.min(now));
        self.refreshed = self.refreshed.map(|refreshed| refreshed.min(now));
    }

    /// When the next fetch is due by itself, in a process whose configuration was read at `configured_at`: what
    /// had failed before is tried at once.
    pub fn next_fetch(&self, now: u64, rules: Rules, configured_at: u64) -> u64 {
        if let Some(failed) = self.failed.filter(|failed| (configured_at..=now).contains(failed)) {
            let doublings = self.failures.saturating_sub(1).min(16);
            return failed.saturating_add((FIRST_RETRY << doublings).min(LAST_RETRY));
        }
        match self.fetched {
            // Under an earlier configuration.
            Some(_) if self.failed.is_some() => now,
            Some(fetched) => fetched.saturating_add(self.renew_after(rules)),
            None => now,
        }
    }

    /// After how long keys are fetched anew: 75 to 85 % of the time for which they are fresh.
    fn renew_after(&self, rules: Rules) -> u64 {
        let thousandths = 750_u64.saturating_add(u64::from(self.jitter) % 101);
        let whole = (rules.fresh_for / 1_000).saturating_mul(thousandths);
        let rest = (rules.fresh_for % 1_000).saturating_mul(thousandths) / 1_000;
        whole.saturating_add(rest)
    }

    /// What a process that holds the lock of the source does now; with `wants_newer`, requests have an unknown
    /// `kid`. The throttle of these is set here: no failure lifts it.
    pub fn step(&mut self, now: u64, rules: Rules, configured_at: u64, wants_newer: bool) -> Step {
        if wants_newer && self.may_refresh(now, rules) {
            self.refreshed = Some(now);
            return Step::Fetch;
        }
        match self.next_fetch(now, rules, configured_at) <= now {
            true => Step::Fetch,
            false => Step::Rest,
        }
    }

    /// Whether an unknown `kid` may make a fetch.
    pub fn may_refresh(&self, now: u64, rules: Rules) -> bool {
        rules.refresh_every.is_some() && self.throttled_for(now, rules) == 0
    }

    /// For how long an unknown `kid` makes no fetch.
    pub fn throttled_for(&self, now: u64, rules: Rules) -> u64 {
        let (Some(interval), Some(last)) = (rules.refresh_every, self.refreshed) else { return 0 };
        interval.saturating_sub(now.saturating_sub(last))
    }

    /// Whether a fetch for an unknown `kid` is still under way in some process, if none takes longer than
    /// `timeout`.
    pub fn is_refreshing(&self, now: u64, timeout: u64) -> bool {
        self.refreshed.is_some_and(|refreshed| {
            self.fetched.max(self.failed).is_none_or(|ended| ended < refreshed)
                && now.saturating_sub(refreshed) < timeout
        })
    }

    /// The fetch brought keys.
    pub fn succeed(&mut self, now: u64, jitter: u16) {
        *self = Self { fetched: Some(now), jitter, refreshed: self.refreshed, ..Self::default() };
    }

    /// The fetch failed.
    pub fn fail(&mut self, now: u64) {
        self.failed = Some(now);
        self.failures = self.failures.saturating_add(1);
    }

    /// For how long the keys at hand serve on from now, in a process whose configuration was read at `configured_at`:
    /// beyond their time where fetches fail, and where the one that is due by then is late or hangs. Those whose time
    /// was over before do not, unless their source is known to fail.
    pub fn usable_for(&self, now: u64, rules: Rules, configured_at: u64) -> u64 {
        let Some(fetched) = self.fetched else { return 0 };
        let until = fetched.saturating_add(rules.fresh_for);
        let serves_on = self.failed.is_some() || configured_at < until;
        let stale_for = if serves_on { rules.stale_for } else { 0 };
        until.saturating_add(stale_for).saturating_sub(now)
    }

    /// When something last happened to the source.
    pub fn last_event(&self) -> Option<u64> {
        self.fetched.max(self.failed).max(self.refreshed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules =
        Rules { fresh_for: 100_000, refresh_every: Some(30_000), stale_for: 50_000 };

    /// Some time of day.
    const NOON: u64 = 1_800_000_000_000;

    /// Keys that were fetched at noon.
    fn fetched(jitter: u16) -> Times {
        let mut times = Times::default();
        times.succeed(NOON, jitter);
        times
    }

    fn failed(times: Times, at: &[u64]) -> Times {
        at.iter().fold(times, |mut times, at| {
            times.fail(NOON.saturating_add(*at));
            times
        })
    }

    #[test]
    fn when_the_next_fetch_is_due() {
        let none = Times::default();
        let (rules, since) = (RULES, NOON);
        for (name, times, rules, since, expected) in [
            ("nothing is known", none, rules, since, 0),
            ("as early as can be", fetched(0), rules, since, 75_000),
            ("later", fetched(50), rules, since, 80_000),
            ("as late as can be", fetched(100), rules, since, 85_000),
            ("around", fetched(101), rules, since, 75_000),
            ("the greatest jitter", fetched(u16::MAX), rules, since, 75_000 + 87 * 100),
            ("an odd time", fetched(0), Rules { fresh_for: 1_001, ..rules }, since, 750),
            ("one failure", failed(none, &[0]), rules, since, 1_000),
            ("two", failed(none, &[0, 1_000]), rules, since, 3_000),
            ("three", failed(none, &[0, 1, 2]), rules, since, 4_002),
            ("four", failed(none, &[0; 4]), rules, since, 8_000),
            ("five", failed(none, &[0; 5]), rules, since, 16_000),
            ("six", failed(none, &[0; 6]), rules, since, 30_000),
            ("a hundred", failed(none, &[0; 100]), rules, since, 30_000),
            ("with keys", failed(fetched(0), &[75_000]), rules, since, 76_000),
            ("of the same moment as the configuration", failed(none, &[5]), rules, NOON + 5, 1_005),
            ("before the configuration", failed(none, &[5]), rules, NOON + 6, 0),
            ("before it, with keys", failed(fetched(0), &[5]), rules, NOON + 6, 0),
        ] {
            let due = times.next_fetch(NOON.saturating_add(90_000), rules, since);
            // What is due at once is so at any time.
            let expected = if expected == 0 { 90_000 } else { expected };
            assert_eq!(due, NOON.saturating_add(expected), "{name}");
        }
    }

    #[test]
    fn for_how_long_keys_serve() {
        let (before, after) = (NOON.saturating_add(99_999), NOON.saturating_add(100_000));
        for (name, times, since, at, expected) in [
            ("none", Times::default(), before, 0, 0),
            ("none, and failures", failed(Times::default(), &[0]), before, 0, 0),
            ("fresh", fetched(0), before, 0, 150_000),
            ("a fetch is late", fetched(0), before, 100_000, 50_000),
            ("for as long as may be", fetched(0), before, 149_999, 1),
            ("too late", fetched(0), before, 150_000, 0),
            ("long over", fetched(0), before, u64::MAX - NOON, 0),
            ("old at the start", fetched(0), after, 100_000, 0),
            ("long over at the start", fetched(0), u64::MAX, u64::MAX - NOON, 0),
            ("failing", failed(fetched(0), &[1]), after, 1, 149_999),
            ("stale", failed(fetched(0), &[1]), after, 149_999, 1),
            ("too stale", failed(fetched(0), &[1]), after, 150_000, 0),
        ] {
            let found = times.usable_for(NOON.saturating_add(at), RULES, since);
            assert_eq!(found, expected, "{name}");
        }
        let never = Rules { stale_for: 0, ..RULES };
        assert_eq!(fetched(0).usable_for(NOON, never, NOON), 100_000);
        let longest = Rules { fresh_for: u64::MAX, stale_for: u64::MAX, ..RULES };
        assert_eq!(failed(fetched(0), &[1]).usable_for(NOON, longest, NOON), u64::MAX - NOON);
    }

    #[test]
    fn an_unknown_kid_fetches_once_per_time() {
        let mut times = fetched(0);
        let mut step = |at: u64| times.step(NOON.saturating_add(at), RULES, NOON, true);
        for (at, expected) in [
            (1, Step::Fetch),
            (2, Step::Rest),
            (30_000, Step::Rest),
            (30_001, Step::Fetch),
            (60_000, Step::Rest),
        ] {
            assert_eq!(step(at), expected, "{at}");
        }
        // The failure of one does not lift it, nor does a success, nor another fetch set it.
        let mut times = fetched(0);
        assert_eq!(times.step(NOON, RULES, NOON, true), Step::Fetch);
        times.fail(NOON);
        assert!(!times.may_refresh(NOON, RULES));
        assert_eq!(times.throttled_for(NOON.saturating_add(1), RULES), 29_999);
        times.succeed(NOON.saturating_add(2), 0);
        assert!(!times.may_refresh(NOON.saturating_add(29_999), RULES));
        assert!(times.may_refresh(NOON.saturating_add(30_000), RULES));
        let due = NOON.saturating_add(75_002);
        assert_eq!(times.step(due, RULES, NOON, false), Step::Fetch);
        assert!(times.may_refresh(due, RULES));
        let off = Rules { refresh_every: None, ..RULES };
        assert_eq!(fetched(0).step(NOON, off, NOON, true), Step::Rest);
        assert_eq!(fetched(0).step(due, off, NOON, true), Step::Fetch, "it is due");
    }

    #[test]
    fn whether_a_fetch_for_an_unknown_kid_is_under_way() {
        let refreshed = Times { refreshed: Some(NOON), ..Times::default() };
        let before = Times { fetched: Some(NOON - 1), failed: Some(NOON - 2), ..refreshed };
        for (name, times, after, expected) in [
            ("none", Times::default(), 0, false),
            ("a first", refreshed, 0, true),
            ("begun", before, 0, true),
            ("as long as one may take", before, 4_999, true),
            ("longer", before, 5_000, false),
            ("succeeded", Times { fetched: Some(NOON), ..before }, 1, false),
            ("failed", Times { failed: Some(NOON + 1), ..before }, 1, false),
        ] {
            assert_eq!(times.is_refreshing(NOON.saturating_add(after), 5_000), expected, "{name}");
        }
    }

    #[test]
    fn a_clock_that_was_set_back() {
        let mut times = failed(fetched(0), &[1, 2]);
        times.refreshed = Some(NOON.saturating_add(3));
        let before = times;
        times.correct(NOON.saturating_add(3), RULES);
        assert_eq!(times, before, "nothing lies ahead");
        let early = NOON - 1_000_000;
        times.correct(early, RULES);
        assert_eq!(times.fetched, Some(early - 75_000));
        assert_eq!((times.failed, times.failures, times.refreshed), (Some(early), 2, Some(early)));
        // Healthy keys are fetched anew at once.
        let mut times = fetched(0);
        times.correct(early, RULES);
        assert_eq!(times.step(early, RULES, NOON, false), Step::Fetch);
        assert_eq!(times.usable_for(early, RULES, early), 75_000);
        let mut times = fetched(0);
        times.correct(1, RULES);
        assert_eq!(times.fetched, Some(0), "time begins somewhere");
    }
}
