//! Syntax:  `auth_jwt_status_zone name;`
//! Default: `auth_jwt_status_zone default;`
//! Context: `http`, `server`, `location`
//!
//! Not a directive of NGINX Plus. The zone that verdicts are counted in.

use super::{Conf, ConfError, LocationConf};
use crate::nginx::zone::Zone;

pub fn set(cf: &mut Conf<'_>, conf: &LocationConf) -> Result<(), ConfError> {
    cf.once(&conf.typed.zone, |cf| {
        let name = cf.argument();
        let text =
            std::str::from_utf8(name).ok().filter(|text| !text.is_empty() && !text.contains('$'));
        let text =
            text.ok_or_else(|| cf.invalid_value(name, "a name in UTF-8, without variables"))?;
        Ok(Zone::new(text.to_owned()))
    })
}
