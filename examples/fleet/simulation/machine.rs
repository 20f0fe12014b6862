//! One nginx: what its workers share, and what its requests have seen.

use ngx_http_auth_jwt_module::auth::key_cache::Rules;
use ngx_http_auth_jwt_module::fetch::schedule::Times;

#[derive(Default)]
pub struct Machine {
    pub times: Times,
    /// When its configuration was read.
    pub configured_at: u64,
    /// How many keys it has of those that were published; `None`: it never had any set.
    pub keys: Option<usize>,
    /// Whether a fetch is under way, and whether an unknown `kid` has made it.
    pub fetching: Option<bool>,
    /// When it looks next.
    pub next_look: Option<u64>,
    /// Tokens that wait for a fetch.
    pub waiting: usize,
    pub seen: Seen,
}

/// What its requests have seen.
#[derive(Clone, Default)]
pub struct Seen {
    /// When it got its first keys.
    pub first_keys: Option<u64>,
    /// When it got each key that was published, in their order.
    pub got: Vec<u64>,
    /// When the first token with the newest key came.
    pub first_token: Option<u64>,
    /// Tokens with it that were refused.
    pub refused: usize,
    /// The times without keys, after it once had some.
    pub without: Vec<(u64, u64)>,
}

impl Machine {
    /// Until when the keys at hand serve, as far as is known.
    pub fn serves_until(&self, rules: Rules) -> Option<u64> {
        let fetched = self.times.fetched?;
        let usable_for = self.times.usable_for(fetched, rules, self.configured_at);
        Some(fetched.saturating_add(usable_for))
    }

    /// Notes a time without keys that ends now.
    pub fn note_end_of_gap(&mut self, now: u64, rules: Rules) {
        if let Some(until) = self.serves_until(rules).filter(|until| *until < now) {
            self.seen.without.push((until, now));
        }
    }

    /// A fetch has brought the first `count` keys.
    pub fn take_keys(&mut self, count: usize, now: u64) {
        self.seen.first_keys.get_or_insert(now);
        self.keys = Some(count);
        while self.seen.got.len() < count {
            self.seen.got.push(now);
        }
    }
}
