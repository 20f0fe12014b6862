//! A server: what tells it from others where keys are fetched from it, and its resources.

use std::cell::OnceCell;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ffi::server_name::ServerNames;
use super::resources::Resources;

/// The configuration of a server.
pub struct ServerConf {
    /// No other server has it, one of an earlier configuration included: keys that were fetched
    /// from one are never taken for those of another.
    pub id: u64,
    pub names: OnceCell<ServerNames>,
    /// `auth_jwt_resource`, of all its levels.
    pub resources: Resources,
}

impl ServerConf {
    pub fn names(&self) -> &ServerNames {
        self.names.get_or_init(ServerNames::default)
    }
}

impl Default for ServerConf {
    fn default() -> Self {
        Self { id: unique(), names: OnceCell::new(), resources: Resources::default() }
    }
}

/// A number that nothing else in this process has, of this configuration or an earlier one.
pub fn unique() -> u64 {
    static NUMBERS: AtomicU64 = AtomicU64::new(1);
    NUMBERS.fetch_add(1, Ordering::Relaxed)
}
