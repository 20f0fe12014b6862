//! Syntax:  `auth_jwt_leeway time;`
//! Default: `auth_jwt_leeway 0s;`
//! Context: `http`, `server`, `location`, `limit_except`

use std::ffi::CStr;

use ngx::ffi::NGX_CONF_TAKE1;

use crate::nginx::conf::LocationConf;
use crate::nginx::ffi::command::{Context, Directive};
use crate::nginx::ffi::conf::{Conf, ConfError, parse_seconds};

pub struct AuthJwtLeeway;

impl Directive for AuthJwtLeeway {
    const NAME: &'static CStr = c"auth_jwt_leeway";
    const CONTEXT: Context = Context::Everywhere;
    const ARGUMENTS: u32 = NGX_CONF_TAKE1;
    type Conf = LocationConf;

    fn set(cf: &mut Conf<'_>, conf: &mut LocationConf) -> Result<(), ConfError> {
        if conf.typed.leeway.is_some() {
            return Err(ConfError::Duplicate);
        }
        let time = cf.arguments().into_iter().next().unwrap_or_default();
        let seconds = parse_seconds(time).ok_or_else(|| {
            let allowed = "a time in seconds or larger units, such as \"30s\" or \"1m\"";
            ConfError::invalid_value("auth_jwt_leeway", time, allowed)
        })?;
        conf.typed.leeway = Some(seconds);
        Ok(())
    }
}
