//! All key sources of a location, in order → the keys it verifies with.

use std::cell::RefCell;

use super::ffi::request::{Address, Request};
use super::ffi::turn::turn;
use super::key_conf::KeySources;
use super::key_store::recent::{KeptSources, KeySets};
use super::sources::key_source::{Asking, Pending, Progress};
use super::worker;
use crate::auth::key_cache::Rules;

/// What a request that needs keys gets.
pub enum Gathered {
    Ready(KeySets),
    /// The access phase is run again once there is more.
    Pending,
    /// A source cannot be had; it has been logged.
    Unavailable,
}

/// The keys a request needs, and for what.
#[derive(Clone, Copy)]
pub struct KeysNeeded<'n> {
    pub sources: &'n KeySources,
    /// `auth_jwt_key_cache`.
    pub rules: Rules,
    pub token: &'n [u8],
    /// The token's, where newer keys may be had for it.
    pub kid: Option<&'n str>,
}

/// What a request has gathered so far, kept while it waits.
#[derive(Default)]
pub struct Gathering(RefCell<Option<Box<State>>>);

struct State {
    /// For which location, and of which list of sources: a token of another issuer has another.
    asked: (Address, u64),
    /// The turn in which the first was looked at.
    begun: u64,
    sets: KeySets,
    /// Where those stand that were fetched while this request waited: there are no newer ones.
    newest: Vec<usize>,
    /// How many sources have been asked, those asked for newer keys included.
    step: usize,
    pending: Option<Box<dyn Pending>>,
}

impl Gathering {
    /// Waits for nothing any more.
    pub fn give_up(&self) {
        drop(self.0.take());
    }

    /// The key sets of `needed.sources`. Where none has the token's `kid`, newer ones are asked for.
    #[inline(never)]
    pub fn gather(&self, request: Request<'_>, needed: KeysNeeded<'_>) -> Gathered {
        let asked = (request.location(), needed.sources.id);
        // What was gathered for another location or list is given up.
        let kept = self.0.take().filter(|state| state.asked == asked);
        let mut state = kept.unwrap_or_else(|| {
            let (sets, newest) = (KeySets::new(), Vec::new());
            Box::new(State { asked, begun: turn(), sets, newest, step: 0, pending: None })
        });
        let KeysNeeded { sources, rules, token, .. } = needed;
        let count = sources.list.len();
        loop {
            let ahead = state.step >= count;
            let at = if ahead { state.step.saturating_sub(count) } else { state.step };
            let Some(source) = sources.list.get(at) else { break };
            if ahead && !state.wants_newer(needed) {
                break;
            }
            let waited = state.pending.is_some();
            let progress = match state.pending.take() {
                Some(pending) => pending.resume(request),
                None if ahead && state.newest.contains(&at) => Progress::Failed,
                None => {
                    let newer_for = needed.kid.filter(|_| ahead);
                    source.ask(Asking { request, rules, token, newer_for })
                }
            };
            match progress {
                Progress::Pending(pending) => {
                    state.pending = Some(pending);
                    self.0.replace(Some(state));
                    return Gathered::Pending;
                }
                Progress::Ready(keys) if ahead => {
                    if let Some(place) = state.sets.get_mut(at) {
                        *place = keys;
                    }
                }
                Progress::Ready(keys) => {
                    state.sets.push(keys);
                    if waited {
                        state.newest.push(at);
                    }
                }
                // The keys at hand are good; there are no newer ones.
                Progress::Failed if ahead => {}
                Progress::Failed => {
                    keep_recent(needed, None);
                    return Gathered::Unavailable;
                }
            }
            state.step = state.step.saturating_add(1);
        }
        // Files that were looked at before a wait may have changed since.
        if state.begun == turn() {
            keep_recent(needed, Some(&state.sets));
        }
        Gathered::Ready(state.sets)
    }
}

impl State {
    fn wants_newer(&self, needed: KeysNeeded<'_>) -> bool {
        needed.kid.is_some_and(|kid| !has_kid(&self.sets, kid))
    }
}

/// Whether some key of the sets has that `kid`.
pub fn has_kid(sets: &KeySets, kid: &str) -> bool {
    sets.iter().any(|set| set.has_kid(kid))
}

/// Keys of files that no request decides, and of URLs, are the same for whoever asks in this turn.
fn keep_recent(needed: KeysNeeded<'_>, sets: Option<&KeySets>) {
    let KeysNeeded { sources, rules, .. } = needed;
    if sources.list.iter().all(|source| source.is_literal() && !source.is_fetched()) {
        let kept = KeptSources { sources: sources.id, fresh_for: rules.fresh_for };
        worker::this().recent_keys.borrow_mut().keep(kept, turn(), sets);
    }
}
