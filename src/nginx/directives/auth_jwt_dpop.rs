//! Syntax:  `auth_jwt_dpop off | optional | required [base=value] [window=time];`
//! Default: `optional` where the level names issuers, else `off`
//! Context: `http`, `server`, `location`, `limit_except`
//!
//! Not a directive of NGINX Plus. Whether a token that is bound to a key must come with a proof of it (DPoP, RFC 9449),
//! and whether each must be bound to one.

use super::binding::{mode, parameters};
use super::{Conf, ConfError, LocationConf};
use crate::auth::binding::htu::check_base;
use crate::auth::binding::{DEFAULT_WINDOW, LONGEST_WINDOW};
use crate::nginx::binding_conf::ProofConf;
use crate::nginx::ffi::conf::parse_seconds;

pub fn set(cf: &mut Conf<'_>, conf: &LocationConf) -> Result<(), ConfError> {
    cf.once(&conf.typed.proof, |cf| {
        let (mode, place) = mode(cf)?;
        let allowed = "\"base=value\" or \"window=time\"";
        let [base, window] = parameters(cf, mode, ["base=", "window="], allowed)?;
        let base = match base {
            Some(own) if !own.value.contains(&b'$') && check_base(own.value).is_err() => {
                let allowed = "\"base=\" and a URL that begins with \"https://\" or \"http://\", without credentials, query and fragment";
                return Err(cf.invalid_value(own.whole, allowed));
            }
            Some(own) => Some(cf.complex_value(own.value)?),
            None => None,
        };
        let window = match window {
            Some(own) => {
                let time = parse_seconds(own.value).filter(|time| (1..=LONGEST_WINDOW).contains(time));
                let allowed = format!("a time from \"window=1s\" to \"window={LONGEST_WINDOW}s\"");
                time.ok_or_else(|| cf.invalid_value(own.whole, &allowed))?
            }
            None => DEFAULT_WINDOW,
        };
        Ok(ProofConf { mode, base, window, place })
    })
}
