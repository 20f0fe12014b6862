//! Syntax:  `auth_jwt_state_path path | off;`
//! Default: a directory `auth_jwt` beside that of `client_body_temp_path`
//! Context: `http`
//!
//! Not a directive of NGINX Plus. Where keys that were fetched by URL are kept: all workers share them, and
//! they are there after a restart.

use super::{Conf, ConfError};
use crate::nginx::conf::MainConf;

pub fn set(cf: &mut Conf<'_>, conf: &MainConf) -> Result<(), ConfError> {
    cf.once(&conf.state_path, |cf| match cf.argument() {
        b"off" => Ok(None),
        path if path.is_empty() || path.contains(&b'$') => {
            Err(cf.invalid_value(path, "\"off\" or the path of a directory, without variables"))
        }
        path => Ok(Some(cf.under_prefix(path))),
    })
}
