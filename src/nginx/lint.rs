//! Warnings of what nginx accepts but has no effect or an unwanted one, once the whole configuration
//! is read.

use std::collections::HashSet;
use std::rc::Rc;

use super::conf::{Dependent, Effective, MainConf, Needs};
use super::ffi::conf::Conf;
use super::key_conf::Place;
use crate::auth::policy::TokenType;

/// Directives, by the address of their place: two may stand on one line.
type Directives = HashSet<*const str>;

/// Notes that the directive being read has an effect only beside another one.
pub fn note(cf: &Conf<'_>, needs: Needs) -> Place {
    let place = cf.place();
    if let Some(main) = cf.main_conf::<MainConf>() {
        let directive = cf.directive().escape_ascii().to_string();
        main.dependent.borrow_mut().push(Dependent { directive, place: place.clone(), needs });
    }
    place
}

/// Warns of the configuration that has been read.
pub fn check(cf: &mut Conf<'_>) {
    let Some(main) = cf.main_conf::<MainConf>() else { return };
    let levels = main.levels.borrow();
    let (mut warned, mut effective) = (Directives::new(), Directives::new());
    // What holds on a level, whether or not it asks for a token.
    let mut held = Directives::new();
    for level in &*levels {
        warn_without_keys(level, &mut warned, cf);
        warn_uncached(level, &mut warned, cf);
        warn_of_dry_run(level, &mut warned, cf);
        note_effective(level, &mut effective);
        held.extend(level.settings.places().map(Rc::as_ptr));
    }
    for (name, block) in &*main.issuers.borrow() {
        if !block.is_used.get() {
            let place = &block.place;
            cf.warn(format_args!(
                "nobody uses issuer \"{name}\" in {place}: name it in \"auth_jwt_issuers\", or remove it"
            ));
        }
    }
    // Without a server nothing has an effect, and nothing is wrong with that.
    if levels.is_empty() {
        return;
    }
    for dependent in main.dependent.take() {
        let place = Rc::as_ptr(&dependent.place);
        if !effective.contains(&place) {
            warn_without_effect(dependent, held.contains(&place), cf);
        }
    }
}

fn warn_without_keys(level: &Effective, warned: &mut Directives, cf: &mut Conf<'_>) {
    let Some((auth, _)) = level.enabled() else { return };
    if level.settings.keys.is_none() && warned.insert(Rc::as_ptr(&auth.place)) {
        let place = &auth.place;
        let consequence = match level.verification.token_type {
            TokenType::Signed => "signatures of tokens are not verified",
            TokenType::Encrypted | TokenType::Nested => {
                "every request with a token is answered with 500"
            }
        };
        cf.warn(format_args!("no key source goes with \"auth_jwt\" in {place}: {consequence}"));
    }
}

/// Keys from a name with variables are never cached by time.
fn warn_uncached(level: &Effective, warned: &mut Directives, cf: &mut Conf<'_>) {
    let sources = level.sources().filter(|_| level.key_rules.fresh_for > 0);
    let place = sources.and_then(|sources| sources.with_variables.as_ref());
    if let Some(place) = place.filter(|place| warned.insert(Rc::as_ptr(place))) {
        cf.warn(format_args!(
            "\"auth_jwt_key_cache\" does not apply to the key source with variables in {place}"
        ));
    }
}

fn warn_of_dry_run(level: &Effective, warned: &mut Directives, cf: &mut Conf<'_>) {
    let on = level.settings.dry_run.as_deref().filter(|switch| switch.on);
    let place = on.filter(|_| level.enabled().is_some()).map(|switch| &switch.place);
    if let Some(place) = place.filter(|place| warned.insert(Rc::as_ptr(place))) {
        cf.warn(format_args!(
            "\"auth_jwt_dry_run\" is on in {place}: no token is refused where it applies"
        ));
    }
}

/// Notes what has an effect on a level that asks for a token.
fn note_effective(level: &Effective, effective: &mut Directives) {
    if level.enabled().is_none() {
        return;
    }
    let settings = &level.settings;
    let fetches = level.sources().is_some_and(|sources| {
        sources.list.iter().any(|source| source.is_fetched() && source.is_literal())
    });
    effective.extend(settings.places().map(Rc::as_ptr));
    let key_cache = settings.key_cache.as_deref().filter(|_| fetches);
    effective.extend(key_cache.map(|key_cache| Rc::as_ptr(&key_cache.place)));
}

fn warn_without_effect(
    Dependent { directive, place, needs }: Dependent,
    is_held: bool,
    cf: &mut Conf<'_>,
) {
    match needs {
        Needs::AuthJwt if !is_held => cf.warn(format_args!(
            "\"{directive}\" in {place} has no effect: each level below has its own, remove this"
        )),
        Needs::AuthJwt => cf.warn(format_args!(
            "\"{directive}\" in {place} has no effect: \"auth_jwt\" is off wherever it applies, turn it on or remove this"
        )),
        Needs::KeyRequest => cf.warn(format_args!(
            "\"refresh=\" or \"stale=\" of \"auth_jwt_key_cache\" in {place} has no effect: it needs an \"auth_jwt_key_request\" without variables"
        )),
    }
}
