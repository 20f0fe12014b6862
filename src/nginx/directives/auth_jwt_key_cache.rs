//! Syntax:  `auth_jwt_key_cache time [refresh=time] [stale=time];`
//! Default: `auth_jwt_key_cache 0;`
//! Context: `http`, `server`, `location`, `limit_except`
//!
//! NGINX Plus has the time alone; `refresh=` and `stale=` are ours, and off by default.

use super::{Conf, ConfError, LocationConf};
use crate::auth::key_cache::Rules;
use crate::nginx::conf::{KeyCache, Needs};
use crate::nginx::ffi::conf::parse_milliseconds;
use crate::nginx::lint;

pub fn set(cf: &mut Conf<'_>, conf: &LocationConf) -> Result<(), ConfError> {
    cf.once(&conf.typed.key_cache, key_cache)
}

fn key_cache(cf: &mut Conf<'_>) -> Result<KeyCache, ConfError> {
    let time = |cf: &Conf<'_>, value, shown, allowed| {
        parse_milliseconds(value).ok_or_else(|| cf.invalid_value(shown, allowed))
    };
    let first = cf.argument();
    let fresh_for = time(cf, first, first, "a time such as \"10m\" or \"0\"")?;
    let (mut refresh, mut stale) = (None, None);
    for parameter in cf.arguments().into_iter().skip(1) {
        let (place, value) = if let Some(value) = parameter.strip_prefix(b"refresh=") {
            (&mut refresh, value)
        } else if let Some(value) = parameter.strip_prefix(b"stale=") {
            (&mut stale, value)
        } else {
            let allowed = "\"refresh=time\" or \"stale=time\"";
            return Err(cf.invalid_parameter(parameter, allowed));
        };
        if place.is_some() {
            return Err(cf.duplicate_parameter(parameter));
        }
        let allowed = "a time such as \"refresh=30s\" or \"stale=1h\"";
        *place = Some(time(cf, value, parameter, allowed)?);
    }
    let place = match refresh.or(stale) {
        Some(_) if fresh_for > 0 && refresh != Some(0) => lint::note(cf, Needs::KeyRequest),
        _ => cf.place(),
    };
    if refresh.or(stale).is_some() && fresh_for == 0 {
        cf.warn(format_args!(
            "\"refresh=\" or \"stale=\" of \"auth_jwt_key_cache\" in {place} has no effect: nothing is kept for a time of 0"
        ));
    } else if refresh == Some(0) {
        cf.warn(format_args!(
            "\"refresh=0\" of \"auth_jwt_key_cache\" in {place} has no effect: name an interval, such as \"refresh=30s\""
        ));
    }
    let refresh_every = refresh.filter(|interval| *interval > 0);
    let rules = Rules { fresh_for, refresh_every, stale_for: stale.unwrap_or_default() };
    Ok(KeyCache { rules, place })
}
