//! Syntax:  `auth_jwt_audience value ...;`
//! Default: –
//! Context: `http`, `server`, `location`, `limit_except`
//!
//! Not a directive of NGINX Plus. Whom tokens must be for, in place of the issuers' `audience`.

use ngx::ffi::NGX_CONF_1MORE;

use super::rule::{add, operand};
use super::{CStr, Conf, ConfError, Directive, LocationConf};

pub struct AuthJwtAudience;

impl Directive for AuthJwtAudience {
    const NAME: &'static CStr = c"auth_jwt_audience";
    const ARGUMENTS: u32 = NGX_CONF_1MORE;
    type Conf = LocationConf;

    fn set(cf: &mut Conf<'_>, conf: &LocationConf) -> Result<(), ConfError> {
        for value in cf.arguments() {
            let value = operand(cf, value)?;
            add(&conf.typed.audience, value, cf);
        }
        Ok(())
    }
}
