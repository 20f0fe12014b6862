//! Inheritance: what was typed on a level, and the level above → what holds.

use super::conf::{Effective, LocationConf, MainConf, ServerConf, Typed};
use super::ffi::conf::{Conf, ConfError, Inherit};
use crate::auth::policy::{Acceptance, Verification};

impl Inherit for LocationConf {
    fn inherit(&mut self, parent: &Self, cf: &mut Conf<'_>) -> Result<(), ConfError> {
        let effective = match &parent.effective {
            Some(effective) => on_level(&self.typed, effective.clone()),
            // The level `http` is only ever a parent, and has no level above.
            None => on_level(&self.typed, on_level(&parent.typed, Effective::default())),
        };
        if let Some(main) = cf.main_conf::<MainConf>() {
            main.levels.borrow_mut().push(effective.clone());
        }
        self.effective = Some(effective);
        Ok(())
    }
}

impl Inherit for ServerConf {
    fn inherit(&mut self, _: &Self, cf: &mut Conf<'_>) -> Result<(), ConfError> {
        self.names = cf.server_names()?;
        Ok(())
    }
}

/// Each directive is replaced as a whole, a list of sources or requirements too.
fn on_level(typed: &Typed, parent: Effective) -> Effective {
    let (key_cache, key_cache_place) = match &typed.key_cache {
        Some((rules, place)) => (*rules, Some(place.clone())),
        None => (parent.key_cache, parent.key_cache_place),
    };
    let key_sources = typed.key_sources.clone().or(parent.key_sources);
    Effective {
        auth: typed.auth.clone().or(parent.auth),
        requirements: typed.requirements.clone().or(parent.requirements),
        verification: Verification {
            token_type: typed.token_type.unwrap_or(parent.verification.token_type),
            sources: key_sources.as_deref().map(|sources| sources.id),
        },
        acceptance: Acceptance { leeway: typed.leeway.unwrap_or(parent.acceptance.leeway) },
        key_sources,
        key_cache,
        key_cache_place,
        token_cache: typed.token_cache.unwrap_or(parent.token_cache),
    }
}
