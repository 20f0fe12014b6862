//! Syntax:  `auth_jwt_key_file file;`
//! Default: –
//! Context: `http`, `server`, `location`, `limit_except`

use std::ffi::CStr;
use std::rc::Rc;

use ngx::ffi::NGX_CONF_TAKE1;

use crate::nginx::conf::{KeySource, LocationConf};
use crate::nginx::ffi::command::{Context, Directive};
use crate::nginx::ffi::conf::{Conf, ConfError};

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
        let name = cf.complex_path(file)?;
        let with_variables = (!name.is_literal()).then(|| cf.place());
        // While the level is read nobody shares the list.
        let sources = conf.typed.key_sources.get_or_insert_default();
        match Rc::get_mut(sources) {
            Some(sources) => {
                sources.list.push(KeySource::File(name));
                sources.with_variables = sources.with_variables.take().or(with_variables);
            }
            None => return Err(ConfError::Message("key sources are in use".to_owned())),
        }
        Ok(())
    }
}
