//! What tells one source of fetched keys from another.

/// A source.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SourceId {
    pub server: u64,
    /// The URI evaluated.
    pub uri: Box<[u8]>,
    /// The host that a fetch for everybody asks for; else empty.
    pub host: Box<[u8]>,
}
