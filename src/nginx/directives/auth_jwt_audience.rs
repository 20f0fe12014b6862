//! Syntax:  `auth_jwt_audience value ...;`
//! Default: –
//! Context: `http`, `server`, `location`, `limit_except`
//!
//! Not a directive of NGINX Plus. Whom tokens must be for, in place of the issuers' `audience`.

use super::rule::{add, operand};
use super::{Conf, ConfError, LocationConf};

pub fn set(cf: &mut Conf<'_>, conf: &LocationConf) -> Result<(), ConfError> {
    for value in cf.arguments() {
        let value = operand(cf, value)?;
        add(&conf.typed.audience, value, cf);
    }
    Ok(())
}
