//! Syntax:  `auth_jwt_require_claim path operator [value ...] [error=401 | 403];`
//! Default: –
//! Context: `http`, `server`, `location`, `limit_except`
//!
//! Not a directive of NGINX Plus. What a claim must hold.

use super::rule::{FAILURES, add, operand, parameter};
use super::{Conf, ConfError, LocationConf};
use crate::auth::claim_rule::ClaimRule;
use crate::auth::require::Failure;

pub fn set(cf: &mut Conf<'_>, conf: &LocationConf) -> Result<(), ConfError> {
    let (failure, words) = parameter("error=", &FAILURES, cf.arguments(), cf)?;
    let failure = failure.unwrap_or(Failure::Forbidden);
    let [path, operator, values @ ..] = words.as_slice() else {
        return Err("no operator in \"auth_jwt_require_claim\" directive, it must follow the path"
            .to_owned()
            .into());
    };
    let rule = ClaimRule::parse(path, operator, values, failure, |value| operand(cf, value));
    let rule = rule.map_err(|error| match error {
        ConfError::Message(text) => {
            ConfError::Message(format!("{text} in \"auth_jwt_require_claim\" directive"))
        }
        error => error,
    })?;
    add(&conf.typed.claims, rule, cf);
    Ok(())
}
