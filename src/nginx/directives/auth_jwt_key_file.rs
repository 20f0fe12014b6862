//! Syntax:  `auth_jwt_key_file file;`
//! Default: –
//! Context: `http`, `server`, `location`, `limit_except`

use super::{CStr, Conf, ConfError, Directive, LocationConf, key_source};
use crate::nginx::conf::KeySource;
use crate::nginx::keys::file::climbs;

pub struct AuthJwtKeyFile;

impl Directive for AuthJwtKeyFile {
    const NAME: &'static CStr = c"auth_jwt_key_file";
    type Conf = LocationConf;

    fn set(cf: &mut Conf<'_>, conf: &LocationConf) -> Result<(), ConfError> {
        let file = cf.argument();
        if file.is_empty() {
            return Err(cf.invalid_value(file, "the name of a file"));
        }
        let climbs = climbs(file).saturating_add(climbs(cf.conf_prefix()));
        let name = cf.complex_path(file)?;
        key_source::add(KeySource::File { name, climbs }, cf, conf);
        Ok(())
    }
}
