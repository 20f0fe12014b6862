//! Syntax:  `auth_jwt_require $value ... [error=401 | 403];`
//! Default: –
//! Context: `http`, `server`, `location`, `limit_except`

use std::ffi::CStr;
use std::rc::Rc;

use ngx::ffi::NGX_CONF_1MORE;

use crate::auth::require::{Failure, has_text};
use crate::nginx::conf::{LocationConf, Needs, Requirement, Requirements};
use crate::nginx::ffi::command::{Context, Directive};
use crate::nginx::ffi::conf::{Conf, ConfError};
use crate::nginx::lint;

const NAME: &str = "auth_jwt_require";

pub struct AuthJwtRequire;

impl Directive for AuthJwtRequire {
    const NAME: &'static CStr = c"auth_jwt_require";
    const CONTEXT: Context = Context::Everywhere;
    const ARGUMENTS: u32 = NGX_CONF_1MORE;
    type Conf = LocationConf;

    fn set(cf: &mut Conf<'_>, conf: &mut LocationConf) -> Result<(), ConfError> {
        let mut values = Vec::new();
        let mut failure = None;
        for argument in cf.arguments() {
            match argument.strip_prefix(b"error=") {
                Some(_) if failure.is_some() => {
                    let text = format!("duplicate parameter \"error=\" in \"{NAME}\" directive");
                    return Err(ConfError::Message(text));
                }
                Some(b"401") => failure = Some(Failure::Unauthorized),
                Some(b"403") => failure = Some(Failure::Forbidden),
                Some(_) => {
                    let allowed = "\"error=401\" or \"error=403\"";
                    return Err(ConfError::invalid_parameter(NAME, argument, allowed));
                }
                None if starts_with_variable(argument) => {
                    if has_text(argument) {
                        warn_of_text(argument, cf);
                    }
                    values.push(cf.complex_value(argument)?);
                }
                None => {
                    let allowed = "a value that starts with a variable, such as \"$allowed\"";
                    return Err(ConfError::invalid_value(NAME, argument, allowed));
                }
            }
        }
        if values.is_empty() {
            let text = format!("no value in \"{NAME}\" directive, it needs at least one variable");
            return Err(ConfError::Message(text));
        }
        let requirement = Requirement { values, failure: failure.unwrap_or_default() };
        // While the level is read nobody shares the list.
        let requirements = conf.typed.requirements.get_or_insert_with(|| {
            let place = lint::note(cf, Needs::AuthJwt(NAME));
            Rc::new(Requirements { list: Vec::new(), place })
        });
        match Rc::get_mut(requirements) {
            Some(requirements) => requirements.list.push(requirement),
            None => return Err(ConfError::Message("requirements are in use".to_owned())),
        }
        Ok(())
    }
}

fn warn_of_text(value: &[u8], cf: &mut Conf<'_>) {
    let (value, place) = (value.escape_ascii(), cf.place());
    cf.warn(format_args!(
        "\"{value}\" of \"auth_jwt_require\" in {place} has text beside its variables and so always holds: compare in a \"map\" and require its result"
    ));
}

fn starts_with_variable(value: &[u8]) -> bool {
    value.first() == Some(&b'$') && value.len() > 1
}
