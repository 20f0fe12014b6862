//! Inheritance, and the warnings that only the whole configuration can give.

use std::cell::Cell;
use std::rc::Rc;

use super::conf::{
    Effective, Ineffective, KeySource, LocationConf, MainConf, ServerConf, Typed, Watched,
};
use super::ffi::conf::{Conf, ConfError, Inherit};
use crate::auth::policy::{Acceptance, TokenType, Verification};

impl Inherit for LocationConf {
    fn inherit(&mut self, parent: &Self, cf: &mut Conf<'_>) -> Result<(), ConfError> {
        let effective = match &parent.effective {
            Some(effective) => on_level(&self.typed, effective.clone()),
            // The level `http` is only ever a parent, and has no level above.
            None => on_level(&self.typed, on_level(&parent.typed, Effective::default())),
        };
        warn_without_keys(&effective, cf);
        warn_uncached(&effective, cf);
        note_use(&effective);
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
        key_cache: typed.key_cache.unwrap_or(parent.key_cache),
        for_requests: match typed.key_cache {
            Some(_) => typed.for_requests.clone(),
            None => parent.for_requests,
        },
        token_cache: typed.token_cache.unwrap_or(parent.token_cache),
    }
}

/// Each place that says `auth_jwt` and ends up without keys is told once.
fn warn_without_keys(effective: &Effective, cf: &mut Conf<'_>) {
    let Some((auth, _)) = effective.enabled() else { return };
    if effective.key_sources.is_none() && !auth.warned.replace(true) {
        let place = &auth.place;
        let consequence = match effective.verification.token_type {
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

/// Watches what the directive under way says.
pub fn watch(cf: &Conf<'_>, what: Ineffective) -> Option<Rc<Watched>> {
    let watched = Rc::new(Watched { place: cf.place(), what, used: Cell::new(false) });
    cf.main_conf::<MainConf>()?.watched.borrow_mut().push(watched.clone());
    Some(watched)
}

/// What has an effect on a level that asks for a token.
fn note_use(effective: &Effective) {
    if effective.enabled().is_none() {
        return;
    }
    let note = |watched: Option<&Watched>| watched.iter().for_each(|one| one.used.set(true));
    let sources = effective.key_sources.as_deref();
    note(sources.and_then(|sources| sources.watched.as_deref()));
    note(effective.requirements.as_deref().and_then(|own| own.watched.as_deref()));
    let is_cached =
        |source: &KeySource| matches!(source, KeySource::Request(uri) if uri.is_literal());
    if sources.is_some_and(|sources| sources.list.iter().any(is_cached)) {
        note(effective.for_requests.as_deref());
    }
}

/// Tells, once the whole configuration is read, what of it no level makes use of.
pub fn warn_without_effect(cf: &mut Conf<'_>) {
    let watched = cf.main_conf::<MainConf>().map(|conf| conf.watched.take()).unwrap_or_default();
    for Watched { place, what, .. } in
        watched.iter().filter(|one| !one.used.get()).map(|one| &**one)
    {
        match what {
            Ineffective::WhileOff(name) => cf.warn(format_args!(
                "\"{name}\" in {place} has no effect: \"auth_jwt\" is off wherever it applies, turn it on or remove this"
            )),
            Ineffective::RequestsOnly => cf.warn(format_args!(
                "\"refresh=\" or \"stale=\" of \"auth_jwt_key_cache\" in {place} has no effect: it needs an \"auth_jwt_key_request\" without variables"
            )),
        }
    }
}
