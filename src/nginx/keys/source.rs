//! What tells one source of fetched keys from another.

use crate::auth::key_cache::Rules;

/// A source.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SourceId {
    pub server: u64,
    /// The URI evaluated.
    pub uri: Box<[u8]>,
    /// The host that a fetch for everybody asks for; else empty.
    pub host: Box<[u8]>,
}

/// Whom a fetch serves.
#[derive(Clone, Copy, Debug)]
pub enum Serves {
    /// The request that asks, and nobody else.
    Itself,
    /// All who ask for the keys of the source, under these rules.
    Everybody(Rules),
}

impl Serves {
    /// Keys that are kept by time are everybody's; a name that a request decides is its own.
    pub fn under(rules: Rules, is_literal: bool) -> Self {
        if rules.fresh_for > 0 && is_literal { Self::Everybody(rules) } else { Self::Itself }
    }
}
