//! Syntax:  `auth_jwt_leeway time;`
//! Default: `auth_jwt_leeway 0s;`
//! Context: `http`, `server`, `location`, `limit_except`

use super::{Conf, ConfError, LocationConf};
use crate::nginx::ffi::conf::parse_seconds;

pub fn set(cf: &mut Conf<'_>, conf: &LocationConf) -> Result<(), ConfError> {
    cf.once(&conf.typed.leeway, |cf| {
        let time = cf.argument();
        let allowed = "a time in seconds or larger units, such as \"30s\" or \"1m\"";
        parse_seconds(time).ok_or_else(|| cf.invalid_value(time, allowed))
    })
}
