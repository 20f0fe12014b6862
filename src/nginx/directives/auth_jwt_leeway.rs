//! Syntax:  `auth_jwt_leeway time;`
//! Default: `auth_jwt_leeway 0s;`
//! Context: `http`, `server`, `location`, `limit_except`

use std::ffi::CStr;

use ngx::ffi::NGX_CONF_TAKE1;

use super::{Conf, ConfError, Context, Directive, LocationConf};
use crate::nginx::ffi::conf::parse_seconds;

pub struct AuthJwtLeeway;

impl Directive for AuthJwtLeeway {
    const NAME: &'static CStr = c"auth_jwt_leeway";
    const CONTEXT: Context = Context::Everywhere;
    const ARGUMENTS: u32 = NGX_CONF_TAKE1;
    type Conf = LocationConf;

    fn set(cf: &mut Conf<'_>, conf: &LocationConf) -> Result<(), ConfError> {
        cf.once(&conf.typed.leeway, |cf| {
            let time = cf.argument();
            let allowed = "a time in seconds or larger units, such as \"30s\" or \"1m\"";
            parse_seconds(time).ok_or_else(|| cf.invalid_value(time, allowed))
        })
    }
}
