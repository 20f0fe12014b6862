//! Syntax:  `auth_jwt_key_file file;`
//! Default: –
//! Context: `http`, `server`, `location`, `limit_except`

use super::{Conf, ConfError, LocationConf, key_source};
use crate::nginx::sources::file::KeyFile;

pub fn set(cf: &mut Conf<'_>, conf: &LocationConf) -> Result<(), ConfError> {
    let file = cf.argument();
    if file.is_empty() {
        return Err(cf.invalid_value(file, "the name of a file"));
    }
    let name = cf.complex_path(file)?;
    key_source::add(Box::new(KeyFile::new(name, file, cf.conf_prefix())), cf, conf)
}
