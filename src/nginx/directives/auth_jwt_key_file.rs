//! Syntax:  `auth_jwt_key_file file;`
//! Default: –
//! Context: `http`, `server`, `location`, `limit_except`

use std::ffi::CStr;

use ngx::ffi::NGX_CONF_TAKE1;

use super::key_source;
use crate::nginx::conf::{KeySource, LocationConf};
use crate::nginx::ffi::command::{Context, Directive};
use crate::nginx::ffi::conf::{Conf, ConfError};
use crate::nginx::keys::file::climbs;

pub struct AuthJwtKeyFile;

impl Directive for AuthJwtKeyFile {
    const NAME: &'static CStr = c"auth_jwt_key_file";
    const CONTEXT: Context = Context::Everywhere;
    const ARGUMENTS: u32 = NGX_CONF_TAKE1;
    type Conf = LocationConf;

    fn set(cf: &mut Conf<'_>, conf: &mut LocationConf) -> Result<(), ConfError> {
        let file = cf.arguments().into_iter().next().unwrap_or_default();
        if file.is_empty() {
            let allowed = "the name of a file";
            return Err(ConfError::invalid_value("auth_jwt_key_file", file, allowed));
        }
        let climbs = climbs(file).saturating_add(climbs(cf.conf_prefix()));
        let name = cf.complex_path(file)?;
        let literal = name.is_literal();
        key_source::add(KeySource::File { name, climbs }, literal, cf, conf)
    }
}
