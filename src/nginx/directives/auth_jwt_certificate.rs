//! Syntax:  `auth_jwt_certificate off | optional | required [cert=$variable];`
//! Default: `optional` where the level names issuers, else `off`
//! Context: `http`, `server`, `location`, `limit_except`
//!
//! Not a directive of NGINX Plus. Whether a token that is bound to a certificate (RFC 8705) must come with it, and
//! whether each must be bound to one.

use super::binding::{mode, parameters};
use super::{Conf, ConfError, LocationConf};
use crate::nginx::binding_conf::CertificateConf;

pub fn set(cf: &mut Conf<'_>, conf: &LocationConf) -> Result<(), ConfError> {
    cf.once(&conf.typed.certificate, |cf| {
        let (mode, place) = mode(cf)?;
        let allowed = "\"cert=\" and a value with variables";
        let [certificate] = parameters(cf, mode, ["cert="], allowed)?;
        let certificate = match certificate {
            // One that all requests have is nobody's.
            Some(own) if !own.value.contains(&b'$') => {
                return Err(cf.invalid_parameter(own.whole, allowed));
            }
            Some(own) => Some(cf.complex_value(own.value)?),
            None => None,
        };
        Ok(CertificateConf { mode, certificate, place })
    })
}
