//! What lists of key sources gave in this turn of nginx's event loop, as far as it is the same for whoever asks: such
//! sources are not asked again so soon.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use smallvec::SmallVec;

use crate::auth::verification::VerifiedToken;
use crate::jose::key_set::KeySet;

/// The key sets of a list of sources, in order.
pub type KeySets = SmallVec<[Arc<KeySet>; 1]>;

/// A list of sources, and for how long its keys are used without being looked at: keys that are kept
/// longer on one level are not handed to another that would see a change at once.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeptSources {
    pub sources: u64,
    /// In milliseconds.
    pub fresh_for: u64,
}

/// By list. It keeps no keys alive: those that are forgotten are gone.
#[derive(Default)]
pub struct RecentKeys(HashMap<KeptSources, Recent, foldhash::fast::RandomState>);

struct Recent {
    /// In which turn.
    gathered: u64,
    sets: SmallVec<[(u64, Weak<KeySet>); 1]>,
}

impl RecentKeys {
    /// The keys of a list, if they were gathered in this very turn.
    pub fn sets(&self, sources: KeptSources, turn: u64) -> Option<KeySets> {
        self.of(sources, turn)?.sets.iter().map(|(_, set)| set.upgrade()).collect()
    }

    /// Whether a token that was verified before still holds, as far as is known without gathering keys;
    /// `sources` are the location's own, its issuers for one.
    pub fn hold(
        &self,
        token: &VerifiedToken,
        sources: Option<u64>,
        fresh_for: u64,
        turn: u64,
    ) -> bool {
        let issuer = token.issuer().map(|issuer| issuer.id);
        let Some(sources) = issuer.or(sources) else { return token.holds_under([]) };
        self.of(KeptSources { sources, fresh_for }, turn)
            .is_some_and(|recent| token.holds_under(recent.sets.iter().map(|set| set.0)))
    }

    /// Keeps what was gathered in a turn of a list; `None`, and nothing is kept.
    pub fn keep(&mut self, sources: KeptSources, turn: u64, sets: Option<&KeySets>) {
        match sets {
            Some(sets) => {
                let sets = sets.iter().map(|set| (set.generation(), Arc::downgrade(set)));
                self.0.insert(sources, Recent { gathered: turn, sets: sets.collect() });
            }
            None => drop(self.0.remove(&sources)),
        }
    }

    fn of(&self, sources: KeptSources, turn: u64) -> Option<&Recent> {
        self.0.get(&sources).filter(|recent| recent.gathered == turn)
    }
}
