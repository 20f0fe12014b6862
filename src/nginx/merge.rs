//! Inheritance, and the warnings that only the whole configuration can give.

use super::conf::{Effective, LocationConf, Typed};
use super::ffi::conf::{Conf, ConfError, Inherit};
use crate::auth::policy::Policy;

impl Inherit for LocationConf {
    fn inherit(&mut self, parent: &Self, cf: &mut Conf<'_>) -> Result<(), ConfError> {
        // The level `http` is only ever a parent, and has no level above.
        let parent = parent.effective.clone().unwrap_or_else(|| on_level(&parent.typed, None));
        let effective = on_level(&self.typed, Some(parent));
        warn_without_keys(&effective, cf);
        self.effective = Some(effective);
        Ok(())
    }
}

/// Each directive is replaced as a whole, a list of key sources too.
fn on_level(typed: &Typed, parent: Option<Effective>) -> Effective {
    let (auth, key_sources) = match parent {
        Some(parent) => (parent.auth, parent.key_sources),
        None => (None, None),
    };
    Effective {
        auth: typed.auth.clone().or(auth),
        key_sources: typed.key_sources.clone().or(key_sources),
        policy: Policy::default(),
    }
}

/// Each place that says `auth_jwt` and ends up without keys is told once.
fn warn_without_keys(effective: &Effective, cf: &mut Conf<'_>) {
    let Some((auth, _)) = effective.enabled() else { return };
    if effective.key_sources.is_none() && !auth.warned.replace(true) {
        let place = &auth.place;
        cf.warn_elsewhere(format_args!(
            "no \"auth_jwt_key_file\" goes with \"auth_jwt\" in {place}: \
             signatures of tokens are not verified"
        ));
    }
}
