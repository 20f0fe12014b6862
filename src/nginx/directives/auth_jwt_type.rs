//! Syntax:  `auth_jwt_type signed | encrypted | nested;`
//! Default: `auth_jwt_type signed;`
//! Context: `http`, `server`, `location`, `limit_except`

use std::ffi::CStr;

use ngx::ffi::NGX_CONF_TAKE1;

use crate::auth::policy::TokenType;
use crate::nginx::conf::LocationConf;
use crate::nginx::ffi::command::{Context, Directive};
use crate::nginx::ffi::conf::{Conf, ConfError};

const NAME: &str = "auth_jwt_type";

pub struct AuthJwtType;

impl Directive for AuthJwtType {
    const NAME: &'static CStr = c"auth_jwt_type";
    const CONTEXT: Context = Context::Everywhere;
    const ARGUMENTS: u32 = NGX_CONF_TAKE1;
    type Conf = LocationConf;

    fn set(cf: &mut Conf<'_>, conf: &mut LocationConf) -> Result<(), ConfError> {
        if conf.typed.token_type.is_some() {
            return Err(ConfError::Duplicate);
        }
        let value = cf.arguments().into_iter().next().unwrap_or_default();
        conf.typed.token_type = Some(match value {
            b"signed" => TokenType::Signed,
            b"encrypted" => TokenType::Encrypted,
            b"nested" => TokenType::Nested,
            _ => {
                let allowed = "\"signed\", \"encrypted\" or \"nested\"";
                return Err(ConfError::invalid_value(NAME, value, allowed));
            }
        });
        Ok(())
    }
}
