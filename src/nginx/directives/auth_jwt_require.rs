//! Syntax:  `auth_jwt_require $value ... [error=401 | 403];`
//! Default: –
//! Context: `http`, `server`, `location`, `limit_except`

use ngx::ffi::NGX_CONF_1MORE;

use super::{CStr, Conf, ConfError, Directive, LocationConf};
use crate::auth::require::{Failure, has_text};
use crate::nginx::conf::{Needs, Requirement, Requirements};
use crate::nginx::lint;

pub struct AuthJwtRequire;

impl Directive for AuthJwtRequire {
    const NAME: &'static CStr = c"auth_jwt_require";
    const ARGUMENTS: u32 = NGX_CONF_1MORE;
    type Conf = LocationConf;

    fn set(cf: &mut Conf<'_>, conf: &LocationConf) -> Result<(), ConfError> {
        let (mut values, mut failure) = (Vec::new(), None);
        for argument in cf.arguments() {
            match argument.strip_prefix(b"error=") {
                Some(_) if failure.is_some() => {
                    return Err(ConfError::Message(
                        "duplicate parameter \"error=\" in \"auth_jwt_require\" directive"
                            .to_owned(),
                    ));
                }
                Some(b"401") => failure = Some(Failure::Unauthorized),
                Some(b"403") => failure = Some(Failure::Forbidden),
                Some(_) => {
                    let allowed = "\"error=401\" or \"error=403\"";
                    return Err(cf.invalid_parameter(argument, allowed));
                }
                None if starts_with_variable(argument) => {
                    if has_text(argument) {
                        warn_of_text(argument, cf);
                    }
                    values.push(cf.complex_value(argument)?);
                }
                None => {
                    let allowed = "a value that starts with a variable, such as \"$allowed\"";
                    return Err(cf.invalid_value(argument, allowed));
                }
            }
        }
        if values.is_empty() {
            return Err(ConfError::Message(
                "no value in \"auth_jwt_require\" directive, it needs at least one variable"
                    .to_owned(),
            ));
        }
        let mut requirements = conf.typed.requirements.borrow_mut();
        let requirements = requirements.get_or_insert_with(|| {
            let place = lint::note(cf, Needs::AuthJwt);
            Requirements { list: Vec::new(), place }
        });
        requirements.list.push(Requirement { values, failure: failure.unwrap_or_default() });
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
