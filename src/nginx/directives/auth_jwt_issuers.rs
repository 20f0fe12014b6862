//! Syntax:  `auth_jwt_issuers name ... | off;`
//! Default: –
//! Context: `http`, `server`, `location`, `limit_except`
//!
//! Not a directive of NGINX Plus. Whose tokens are accepted: the `iss` of each picks the issuer, and
//! its keys are tried and no others.

use std::cell::OnceCell;
use std::collections::HashSet;

use super::key_source::beside;
use super::{Conf, ConfError, LocationConf, text};
use crate::nginx::conf::Needs;
use crate::nginx::key_conf::{IssuerNames, Keys};
use crate::nginx::lint;

pub fn set(cf: &mut Conf<'_>, conf: &LocationConf) -> Result<(), ConfError> {
    if let Some(Keys::Sources(sources)) = &*conf.typed.keys.borrow() {
        return Err(beside("auth_jwt_issuers", "a key source", &sources.place));
    }
    cf.once(&conf.typed.keys, |cf| {
        let arguments = cf.arguments();
        match arguments.as_slice() {
            [b"off"] => return Ok(Keys::Off(cf.place())),
            arguments if arguments.contains(&&b"off"[..]) => {
                return Err(cf.invalid_value(b"off", "names of issuers, or \"off\" alone"));
            }
            _ => {}
        }
        let mut seen = HashSet::new();
        if let Some(twice) = arguments.iter().find(|name| !seen.insert(**name)) {
            return Err(cf.invalid_value(twice, "named once"));
        }
        let name = |name| text(name, "the name of an \"auth_jwt_issuer\" block", cf);
        let names = arguments.into_iter().map(name).collect::<Result<_, _>>()?;
        let place = lint::note(cf, Needs::AuthJwt);
        Ok(Keys::Issuers(IssuerNames { names, place, issuers: OnceCell::new() }))
    })
}
