//! A zone: locations whose verdicts are counted together.

use std::cell::OnceCell;
use std::rc::Rc;

use crate::metrics::counters::ZoneCounters;

/// A zone, as it is named (`auth_jwt_status_zone`).
pub struct Zone {
    pub name: String,
    /// Once the configuration is taken into use, where verdicts are counted.
    pub counters: OnceCell<Rc<ZoneCounters>>,
}

impl Zone {
    pub fn new(name: String) -> Self {
        Self { name, counters: OnceCell::new() }
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self::new("default".to_owned())
    }
}
