//! Syntax:  `auth_jwt_type signed | encrypted | nested;`
//! Default: `auth_jwt_type signed;`
//! Context: `http`, `server`, `location`, `limit_except`

use super::{Conf, ConfError, LocationConf};
use crate::auth::policy::TokenType;

pub fn set(cf: &mut Conf<'_>, conf: &LocationConf) -> Result<(), ConfError> {
    cf.once(&conf.typed.token_type, |cf| match cf.argument() {
        b"signed" => Ok(TokenType::Signed),
        b"encrypted" => Ok(TokenType::Encrypted),
        b"nested" => Ok(TokenType::Nested),
        value => Err(cf.invalid_value(value, "\"signed\", \"encrypted\" or \"nested\"")),
    })
}
