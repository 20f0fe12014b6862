//! Syntax:  `auth_jwt_key_cache time [refresh=time] [stale=time];`
//! Default: `auth_jwt_key_cache 0;`
//! Context: `http`, `server`, `location`, `limit_except`
//!
//! NGINX Plus has the time alone; `refresh=` and `stale=` are ours, and off by default.

use std::ffi::CStr;

use ngx::ffi::NGX_CONF_TAKE123;

use crate::auth::key_cache::Rules;
use crate::nginx::conf::{LocationConf, Needs, Place};
use crate::nginx::ffi::command::{Context, Directive};
use crate::nginx::ffi::conf::{Conf, ConfError, parse_milliseconds};
use crate::nginx::lint;

const NAME: &str = "auth_jwt_key_cache";

pub struct AuthJwtKeyCache;

impl Directive for AuthJwtKeyCache {
    const NAME: &'static CStr = c"auth_jwt_key_cache";
    const CONTEXT: Context = Context::Everywhere;
    const ARGUMENTS: u32 = NGX_CONF_TAKE123;
    type Conf = LocationConf;

    fn set(cf: &mut Conf<'_>, conf: &mut LocationConf) -> Result<(), ConfError> {
        if conf.typed.key_cache.is_some() {
            return Err(ConfError::Duplicate);
        }
        let arguments = cf.arguments();
        let mut arguments = arguments.into_iter();
        let first = arguments.next().unwrap_or_default();
        let fresh_for = time(first, first, "a time such as \"10m\" or \"0\"")?;
        let (mut refresh, mut stale) = (None, None);
        for parameter in arguments {
            let (place, value) = if let Some(value) = parameter.strip_prefix(b"refresh=") {
                (&mut refresh, value)
            } else if let Some(value) = parameter.strip_prefix(b"stale=") {
                (&mut stale, value)
            } else {
                let allowed = "\"refresh=time\" or \"stale=time\"";
                return Err(ConfError::invalid_parameter(NAME, parameter, allowed));
            };
            if place.is_some() {
                let parameter = parameter.escape_ascii();
                let text = format!("duplicate parameter \"{parameter}\" in \"{NAME}\" directive");
                return Err(ConfError::Message(text));
            }
            *place =
                Some(time(value, parameter, "a time such as \"refresh=30s\" or \"stale=1h\"")?);
        }
        let place = match (fresh_for, refresh) {
            _ if refresh.or(stale).is_none() => cf.place(),
            (0, _) => warn_timeless(cf),
            (_, Some(0)) => warn_never(cf),
            _ => lint::note(cf, Needs::KeyRequest),
        };
        let rules = Rules {
            fresh_for,
            refresh_every: refresh.filter(|interval| *interval > 0),
            stale_for: stale.unwrap_or_default(),
        };
        conf.typed.key_cache = Some((rules, place));
        Ok(())
    }
}

fn warn_timeless(cf: &mut Conf<'_>) -> Place {
    let place = cf.place();
    cf.warn(format_args!(
        "\"refresh=\" or \"stale=\" of \"auth_jwt_key_cache\" in {place} has no effect: nothing is kept for a time of 0"
    ));
    place
}

fn warn_never(cf: &mut Conf<'_>) -> Place {
    let place = cf.place();
    cf.warn(format_args!(
        "\"refresh=0\" of \"auth_jwt_key_cache\" in {place} has no effect: name an interval, such as \"refresh=30s\""
    ));
    place
}

fn time(value: &[u8], shown: &[u8], allowed: &str) -> Result<u64, ConfError> {
    parse_milliseconds(value).ok_or_else(|| ConfError::invalid_value(NAME, shown, allowed))
}
