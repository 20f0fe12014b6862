//! Syntax:  `auth_jwt_key_cache time;`
//! Default: `auth_jwt_key_cache 0;`
//! Context: `http`, `server`, `location`, `limit_except`

use std::ffi::CStr;

use ngx::ffi::NGX_CONF_TAKE1;

use crate::nginx::conf::LocationConf;
use crate::nginx::ffi::command::{Context, Directive};
use crate::nginx::ffi::conf::{Conf, ConfError, parse_milliseconds};

pub struct AuthJwtKeyCache;

impl Directive for AuthJwtKeyCache {
    const NAME: &'static CStr = c"auth_jwt_key_cache";
    const CONTEXT: Context = Context::Everywhere;
    const ARGUMENTS: u32 = NGX_CONF_TAKE1;
    type Conf = LocationConf;

    fn set(cf: &mut Conf<'_>, conf: &mut LocationConf) -> Result<(), ConfError> {
        if conf.typed.key_cache.is_some() {
            return Err(ConfError::Duplicate);
        }
        let time = cf.arguments().into_iter().next().unwrap_or_default();
        let milliseconds = parse_milliseconds(time).ok_or_else(|| {
            ConfError::invalid_value("auth_jwt_key_cache", time, "a time such as \"10m\" or \"0\"")
        })?;
        conf.typed.key_cache = Some(milliseconds);
        Ok(())
    }
}
