//! Syntax:  `auth_jwt_dry_run on | off;`
//! Default: `auth_jwt_dry_run off;`
//! Context: `http`, `server`, `location`, `limit_except`
//!
//! Not a directive of NGINX Plus. Whether what would be refused is only told.

use super::rule::switch;
use super::{Conf, ConfError, LocationConf};

pub fn set(cf: &mut Conf<'_>, conf: &LocationConf) -> Result<(), ConfError> {
    cf.once(&conf.typed.dry_run, switch)
}
