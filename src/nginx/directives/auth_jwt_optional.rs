//! Syntax:  `auth_jwt_optional on | off;`
//! Default: `auth_jwt_optional off;`
//! Context: `http`, `server`, `location`, `limit_except`
//!
//! Not a directive of NGINX Plus. Whether a request without a token passes.

use super::rule::switch;
use super::{Conf, ConfError, LocationConf};

pub fn set(cf: &mut Conf<'_>, conf: &LocationConf) -> Result<(), ConfError> {
    cf.once(&conf.typed.optional, switch)
}
