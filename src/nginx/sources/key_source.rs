//! What every key source is to a request: keys, a wait, or a failure.

use std::sync::Arc;

use crate::auth::key_cache::Rules;
use crate::jose::key_set::KeySet;
use crate::nginx::ffi::request::Request;

/// Where keys come from.
pub trait KeySource {
    /// Its keys.
    fn ask(&self, asking: Asking<'_>) -> Progress;

    /// How many keys it has under `rules` for whoever asks, as far as that is known without waiting.
    fn count(&self, _request: Request<'_>, _rules: Rules) -> Option<usize> {
        None
    }

    /// Whether its name holds no variable.
    fn is_literal(&self) -> bool;

    /// Whether requests fetch its keys, so that `refresh=` and `stale=` of `auth_jwt_key_cache` speak of them.
    fn is_fetched(&self) -> bool {
        false
    }

    /// Whether it looks for newer keys, whatever `auth_jwt_key_cache` says, where none at hand has a `kid`.
    fn refreshes(&self) -> bool {
        false
    }
}

/// Who asks, and under which rules.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    pub request: Request<'a>,
    /// `auth_jwt_key_cache`.
    pub rules: Rules,
    /// The client's token: no header that carries it goes to a key server.
    pub token: &'a [u8],
    /// The `kid` that newer keys than those at hand are wanted for, as far as they may be had ahead of time.
    pub newer_for: Option<&'a str>,
}

/// How far a request has come with one source.
pub enum Progress {
    Ready(Arc<KeySet>),
    /// The access phase is run again once there is more.
    Pending(Box<dyn Pending>),
    /// It has been logged.
    Failed,
}

/// A source that a request waits for.
pub trait Pending {
    /// Looks again.
    fn resume(self: Box<Self>, request: Request<'_>) -> Progress;
}
