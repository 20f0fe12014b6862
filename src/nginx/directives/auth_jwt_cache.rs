//! Syntax:  `auth_jwt_cache size | off;`
//! Default: `auth_jwt_cache 16m;`
//! Context: `http`, `server`, `location`
//!
//! Not a directive of NGINX Plus. Each one makes a cache of verified tokens, of `size` bytes at the
//! most in each worker, which all share that inherit it.

use super::{Conf, ConfError, LocationConf};
use crate::nginx::ffi::conf::parse_size;
use crate::nginx::server::unique;
use crate::nginx::worker::TokenCacheSetting;

/// A smaller cache would hold nothing of use.
const SMALLEST: usize = 64 << 10;

pub fn set(cf: &mut Conf<'_>, conf: &LocationConf) -> Result<(), ConfError> {
    cf.once(&conf.typed.token_cache, |cf| match (cf.argument(), parse_size(cf.argument())) {
        (b"off", _) => Ok(TokenCacheSetting::Off),
        (_, Some(size)) if size >= SMALLEST => Ok(TokenCacheSetting::On { id: unique(), size }),
        (value, _) => Err(cf.invalid_value(value, "\"off\" or a size of at least \"64k\"")),
    })
}
