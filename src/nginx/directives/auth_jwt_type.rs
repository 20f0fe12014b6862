//! Syntax:  `auth_jwt_type signed | encrypted | nested;`
//! Default: `auth_jwt_type signed;`
//! Context: `http`, `server`, `location`, `limit_except`

use std::ffi::CStr;

use ngx::ffi::NGX_CONF_TAKE1;

use super::{Conf, ConfError, Context, Directive, LocationConf};
use crate::auth::policy::TokenType;

pub struct AuthJwtType;

impl Directive for AuthJwtType {
    const NAME: &'static CStr = c"auth_jwt_type";
    const CONTEXT: Context = Context::Everywhere;
    const ARGUMENTS: u32 = NGX_CONF_TAKE1;
    type Conf = LocationConf;

    fn set(cf: &mut Conf<'_>, conf: &LocationConf) -> Result<(), ConfError> {
        cf.once(&conf.typed.token_type, |cf| match cf.argument() {
            b"signed" => Ok(TokenType::Signed),
            b"encrypted" => Ok(TokenType::Encrypted),
            b"nested" => Ok(TokenType::Nested),
            value => Err(cf.invalid_value(value, "\"signed\", \"encrypted\" or \"nested\"")),
        })
    }
}
