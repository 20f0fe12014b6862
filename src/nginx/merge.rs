//! Inheritance: what was typed on a level, and the level above → what holds.

use std::rc::Rc;

use super::conf::{Effective, LocationConf, MainConf, Typed};
use super::ffi::conf::{Conf, ConfError, Inherit};
use super::server::ServerConf;
use crate::auth::policy::{Acceptance, Verification};

impl Inherit for LocationConf {
    fn inherit(&self, parent: &Self, cf: &mut Conf<'_>) -> Result<(), ConfError> {
        // The level `http` has none above, so nginx does not merge it.
        let parent = parent.effective.get_or_init(|| on_level(&parent.typed, Effective::default()));
        let effective = self.effective.get_or_init(|| on_level(&self.typed, parent.clone()));
        if let Some(main) = cf.main_conf::<MainConf>() {
            main.levels.borrow_mut().push(effective.clone());
        }
        Ok(())
    }
}

impl Inherit for ServerConf {
    fn inherit(&self, _: &Self, cf: &mut Conf<'_>) -> Result<(), ConfError> {
        cf.once(&self.names, Conf::server_names)
    }
}

/// Each directive is replaced as a whole, a list of sources or requirements too.
fn on_level(typed: &Typed, parent: Effective) -> Effective {
    let (key_cache, key_cache_place) = match typed.key_cache.get() {
        Some((rules, place)) => (*rules, Some(place.clone())),
        None => (parent.key_cache, parent.key_cache_place),
    };
    let key_sources = typed.key_sources.take().map(Rc::new).or(parent.key_sources);
    Effective {
        auth: typed.auth.get().cloned().or(parent.auth),
        requirements: typed.requirements.take().map(Rc::new).or(parent.requirements),
        verification: Verification {
            token_type: typed.token_type.get().copied().unwrap_or(parent.verification.token_type),
            sources: key_sources.as_deref().map(|sources| sources.id),
        },
        acceptance: Acceptance {
            leeway: typed.leeway.get().copied().unwrap_or(parent.acceptance.leeway),
        },
        key_sources,
        key_cache,
        key_cache_place,
        token_cache: typed.token_cache.get().copied().unwrap_or(parent.token_cache),
    }
}
