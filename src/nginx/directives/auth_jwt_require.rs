//! Syntax:  `auth_jwt_require $value ... [error=401 | 403];`
//! Default: –
//! Context: `http`, `server`, `location`, `limit_except`

use super::rule::{FAILURES, add, parameter};
use super::{Conf, ConfError, LocationConf};
use crate::auth::require::{Requirement, has_text};

pub fn set(cf: &mut Conf<'_>, conf: &LocationConf) -> Result<(), ConfError> {
    let (failure, arguments) = parameter("error=", &FAILURES, cf.arguments(), cf)?;
    let mut values = Vec::with_capacity(arguments.len());
    for argument in arguments {
        if !starts_with_variable(argument) {
            let allowed = "a value that starts with a variable, such as \"$allowed\"";
            return Err(cf.invalid_value(argument, allowed));
        }
        if has_text(argument) {
            warn_of_text(argument, cf);
        }
        values.push(cf.complex_value(argument)?);
    }
    if values.is_empty() {
        return Err(ConfError::Message(
            "no value in \"auth_jwt_require\" directive, it needs at least one variable".to_owned(),
        ));
    }
    let requirement = Requirement { values, failure: failure.unwrap_or_default() };
    add(&conf.typed.requirements, requirement, cf);
    Ok(())
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
