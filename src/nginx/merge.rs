//! Inheritance, and the warnings that only the whole configuration can give.

use super::conf::{Effective, LocationConf, Typed};
use super::ffi::conf::{Conf, ConfError, Inherit};
use crate::auth::policy::{Policy, TokenType};

impl Inherit for LocationConf {
    fn inherit(&mut self, parent: &Self, cf: &mut Conf<'_>) -> Result<(), ConfError> {
        let effective = match &parent.effective {
            Some(effective) => on_level(&self.typed, effective.clone()),
            // The level `http` is only ever a parent, and has no level above.
            None => on_level(&self.typed, on_level(&parent.typed, Effective::default())),
        };
        warn_without_keys(&effective, cf);
        warn_uncached(&effective, cf);
        self.effective = Some(effective);
        Ok(())
    }
}

/// Each directive is replaced as a whole, a list of sources or requirements too.
fn on_level(typed: &Typed, parent: Effective) -> Effective {
    Effective {
        auth: typed.auth.clone().or(parent.auth),
        key_sources: typed.key_sources.clone().or(parent.key_sources),
        requirements: typed.requirements.clone().or(parent.requirements),
        policy: Policy {
            token_type: typed.token_type.unwrap_or(parent.policy.token_type),
            leeway: typed.leeway.unwrap_or(parent.policy.leeway),
        },
        key_cache: typed.key_cache.unwrap_or(parent.key_cache),
        token_cache: typed.token_cache.unwrap_or(parent.token_cache),
    }
}

/// Each place that says `auth_jwt` and ends up without keys is told once.
fn warn_without_keys(effective: &Effective, cf: &mut Conf<'_>) {
    let Some((auth, _)) = effective.enabled() else { return };
    if effective.key_sources.is_none() && !auth.warned.replace(true) {
        let place = &auth.place;
        let consequence = match effective.policy.token_type {
            TokenType::Signed => "signatures of tokens are not verified",
            TokenType::Encrypted | TokenType::Nested => {
                "every request with a token is answered with 500"
            }
        };
        cf.warn(format_args!("no key source goes with \"auth_jwt\" in {place}: {consequence}"));
    }
}

/// Keys from a name with variables are never cached by time; that is told once for each list.
fn warn_uncached(effective: &Effective, cf: &mut Conf<'_>) {
    let Some(sources) =
        effective.key_sources.as_deref().filter(|_| effective.key_cache.fresh_for > 0)
    else {
        return;
    };
    let Some(place) = &sources.with_variables else { return };
    if !sources.warned.replace(true) {
        cf.warn(format_args!(
            "\"auth_jwt_key_cache\" does not apply to the key source with variables in {place}"
        ));
    }
}
