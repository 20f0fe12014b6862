//! Sources whose keys are everybody's (`auth_jwt_key_cache`): what a worker keeps of each, and the
//! fetch under way.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use super::answers::{Parsed, SourceId};
use super::fetch::FetchError;
use super::room::make_room;
use crate::auth::key_cache::{Clockwork, Failure, Rules, Step};
use crate::jose::key_set::KeySet;
use crate::nginx::ffi::wait::Waiter;

/// The answers whose keys are kept have this much together. In bytes.
const MAX_KEPT: usize = 16 << 20;

/// The sources a worker has fetched from.
#[derive(Default)]
pub struct SharedSources(HashMap<SourceId, Source, foldhash::quality::RandomState>);

#[derive(Default)]
struct Source {
    clockwork: Clockwork,
    kept: Option<Kept>,
    flight: Option<Rc<Flight>>,
    used: u64,
}

struct Kept {
    /// Of the answer, in bytes.
    size: usize,
    keys: Arc<KeySet>,
}

/// What a request that asks for keys gets.
pub enum Asked {
    Keys(Arc<KeySet>),
    Wait(Rc<Flight>),
    Fetch,
}

/// How a fetch came out for the request that made it.
pub struct Concluded {
    pub keys: Option<Arc<KeySet>>,
    /// Whether it is time to tell that keys beyond their time serve on.
    pub tell_stale: bool,
}

/// A fetch that several requests wait for: who they are, and how it came out.
pub struct Flight {
    source: SourceId,
    outcome: RefCell<Option<Outcome>>,
    waiters: RefCell<Vec<Weak<Waiter>>>,
}

/// How a fetch came out, for those who wait.
#[derive(Clone)]
pub enum Outcome {
    Keys(Arc<KeySet>),
    /// For this reason.
    Failed(Rc<str>),
    /// Whoever fetched has left: ask again.
    Abandoned,
}

impl Flight {
    /// Registers a request that waits for the outcome.
    pub fn add_waiter(&self, waiter: &Rc<Waiter>) {
        let mut waiters = self.waiters.borrow_mut();
        // Those who have left make room before the list grows.
        if waiters.len() == waiters.capacity() {
            waiters.retain(|waiter| waiter.strong_count() > 0);
        }
        waiters.push(Rc::downgrade(waiter));
    }

    /// How it came out, once it has.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome.borrow().clone()
    }

    /// Tells those who wait how it came out.
    fn settle(&self, outcome: Outcome) {
        self.outcome.replace(Some(outcome));
        for waiter in self.waiters.take() {
            if let Some(waiter) = waiter.upgrade() {
                waiter.post();
            }
        }
    }
}

impl SharedSources {
    /// A request asks for the keys of `id`; `ahead` of their time, if it needs newer ones. Times
    /// are in milliseconds.
    pub fn ask(&mut self, id: &SourceId, now: u64, rules: Rules, ahead: bool) -> Asked {
        let Some(source) = self.0.get_mut(id) else { return Asked::Fetch };
        source.used = now;
        let step = match ahead {
            true => source.clockwork.ask_ahead(now, rules),
            false => source.clockwork.ask(now, rules),
        };
        match (step, &source.kept, &source.flight) {
            (Step::Use | Step::UseStale, Some(kept), _) => Asked::Keys(kept.keys.clone()),
            (Step::Wait, _, Some(flight)) => Asked::Wait(flight.clone()),
            _ => Asked::Fetch,
        }
    }

    /// Begins a fetch.
    pub fn begin(&mut self, id: SourceId, now: u64, ahead: bool) -> Rc<Flight> {
        let size = |source: &Source| source.kept.as_ref().map_or(0, |kept| kept.size);
        // Those without keys go first: what fails costs nobody the last keys of another. Those under way stay.
        let rank = |source: &Source| {
            source.flight.is_none().then_some((source.kept.is_some(), source.used))
        };
        make_room(&mut self.0, 0, MAX_KEPT, size, rank);
        let source = self.0.entry(id.clone()).or_default();
        source.used = now;
        match ahead {
            true => source.clockwork.begin_ahead(now),
            false => source.clockwork.begin(),
        }
        let (outcome, waiters) = (RefCell::default(), RefCell::default());
        let flight = Rc::new(Flight { source: id, outcome, waiters });
        source.flight = Some(flight.clone());
        flight
    }

    /// Concludes a fetch, and wakes who waits for it.
    pub fn conclude(
        &mut self,
        flight: &Flight,
        now: u64,
        rules: Rules,
        result: Result<&Parsed, &FetchError>,
    ) -> Concluded {
        let source = self.0.entry(flight.source.clone()).or_default();
        source.flight = None;
        match result {
            Ok(Parsed { keys, size, .. }) => {
                source.clockwork.succeed(now);
                source.kept = Some(Kept { size: *size, keys: keys.clone() });
                flight.settle(Outcome::Keys(keys.clone()));
                Concluded { keys: Some(keys.clone()), tell_stale: false }
            }
            Err(error) => {
                let (keys, tell_stale) = match source.clockwork.fail(now, rules) {
                    Failure::Unavailable => (None, false),
                    Failure::Stale { tell } => {
                        (source.kept.as_ref().map(|kept| kept.keys.clone()), tell)
                    }
                };
                flight.settle(Outcome::Failed(error.to_string().into()));
                Concluded { keys, tell_stale }
            }
        }
    }

    /// Gives a fetch up whose request has left; one of those who wait will fetch.
    pub fn abandon(&mut self, flight: &Flight) {
        if flight.outcome().is_some() {
            return;
        }
        if let Some(source) = self.0.get_mut(&flight.source) {
            source.clockwork.abandon();
            source.flight = None;
        }
        flight.settle(Outcome::Abandoned);
    }
}
