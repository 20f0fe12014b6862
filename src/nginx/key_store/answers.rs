//! Answers that have been parsed: the same bytes of a source are not parsed again.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::room::make_room;
use crate::jose::crypto::Fingerprint;
use crate::jose::error::KeySetError;
use crate::jose::key_set::{KeySet, Notice};

/// The answers that are remembered have this much together. In bytes.
const MAX_KEPT: usize = 16 << 20;

/// What tells one source of fetched keys from another.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SourceId {
    pub server: u64,
    /// The URI evaluated.
    pub uri: Box<[u8]>,
    /// The host that a fetch for everybody asks for; else empty.
    pub host: Box<[u8]>,
}

/// What a worker has been answered.
#[derive(Default)]
pub struct Answers(HashMap<Id, Answer, foldhash::quality::RandomState>);

#[derive(Clone, PartialEq, Eq, Hash)]
struct Id {
    /// What hosts of a server answer alike is one set.
    server: u64,
    uri: Box<[u8]>,
    fingerprint: Fingerprint,
}

struct Answer {
    keys: Arc<KeySet>,
    /// In bytes.
    size: usize,
    /// In milliseconds.
    used: u64,
}

/// An answer's keys.
pub struct Parsed {
    pub keys: Arc<KeySet>,
    /// Of the answer, in bytes.
    pub size: usize,
    /// Whether these bytes have not been seen before, as far as is remembered.
    pub anew: bool,
}

impl Answers {
    /// The keys that `source` has answered with; where they are parsed, `told` hears of what is
    /// to be told of them.
    pub fn keys(
        &mut self,
        source: &SourceId,
        mut bytes: Zeroizing<Vec<u8>>,
        now: u64,
        told: impl FnMut(Notice),
    ) -> Result<Parsed, KeySetError> {
        let (size, fingerprint) = (bytes.len(), Fingerprint::of(&bytes));
        let id = Id { server: source.server, uri: source.uri.clone(), fingerprint };
        if let Some(known) = self.0.get_mut(&id) {
            known.used = now;
            return Ok(Parsed { keys: known.keys.clone(), size, anew: false });
        }
        let keys = Arc::new(KeySet::parse(mem::take(&mut *bytes), told)?);
        make_room(&mut self.0, size, MAX_KEPT, |answer| answer.size, |answer| Some(answer.used));
        self.0.insert(id, Answer { keys: keys.clone(), size, used: now });
        Ok(Parsed { keys, size, anew: true })
    }
}
