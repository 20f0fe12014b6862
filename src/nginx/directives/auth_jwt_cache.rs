//! Syntax:  `auth_jwt_cache size | off;`
//! Default: `auth_jwt_cache 16m;`
//! Context: `http`, `server`, `location`
//!
//! Not a directive of NGINX Plus. Each one makes a cache of verified tokens, of `size` bytes at the
//! most in each worker, which all share that inherit it.

use std::ffi::CStr;

use ngx::ffi::NGX_CONF_TAKE1;

use crate::nginx::conf::{LocationConf, TokenCache, unique};
use crate::nginx::ffi::command::{Context, Directive};
use crate::nginx::ffi::conf::{Conf, ConfError, parse_size};

/// A smaller cache would hold nothing of use.
const SMALLEST: usize = 64 << 10;

pub struct AuthJwtCache;

impl Directive for AuthJwtCache {
    const NAME: &'static CStr = c"auth_jwt_cache";
    const CONTEXT: Context = Context::Locations;
    const ARGUMENTS: u32 = NGX_CONF_TAKE1;
    type Conf = LocationConf;

    fn set(cf: &mut Conf<'_>, conf: &mut LocationConf) -> Result<(), ConfError> {
        if conf.typed.token_cache.is_some() {
            return Err(ConfError::Duplicate);
        }
        let value = cf.arguments().into_iter().next().unwrap_or_default();
        conf.typed.token_cache = Some(match (value, parse_size(value)) {
            (b"off", _) => TokenCache::Off,
            (_, Some(size)) if size >= SMALLEST => TokenCache::On { id: unique(), size },
            _ => {
                let allowed = "\"off\" or a size of at least \"64k\"";
                return Err(ConfError::invalid_value("auth_jwt_cache", value, allowed));
            }
        });
        Ok(())
    }
}
