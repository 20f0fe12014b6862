//! Syntax:  `auth_jwt_require_scope scope ... [match=all | any];`
//! Default: –
//! Context: `http`, `server`, `location`, `limit_except`
//!
//! Not a directive of NGINX Plus. Which scopes a token needs.

use super::rule::{add, operand, parameter};
use super::{Conf, ConfError, LocationConf};
use crate::auth::scope_rule::{Match, ScopeRule};

pub fn set(cf: &mut Conf<'_>, conf: &LocationConf) -> Result<(), ConfError> {
    let rows = [(&b"all"[..], Match::All), (b"any", Match::Any)];
    let (matches, values) = parameter("match=", &rows, cf.arguments(), cf)?;
    if values.is_empty() {
        return Err("no scope in \"auth_jwt_require_scope\" directive, it must name at least one"
            .to_owned()
            .into());
    }
    let scopes = values.into_iter().map(|value| operand(cf, value));
    let scopes = scopes.collect::<Result<_, _>>()?;
    let rule = ScopeRule { scopes, matches: matches.unwrap_or_default() };
    add(&conf.typed.scopes, rule, cf);
    Ok(())
}
