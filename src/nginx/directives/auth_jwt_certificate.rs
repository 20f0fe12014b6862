//! Syntax:  `auth_jwt_certificate off | optional | required [cert=value];`
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
        let allowed = "\"cert=\" and a value, such as \"cert=$http_x_client_cert\"";
        let [certificate] = parameters(cf, mode, ["cert="], allowed)?;
        let certificate = match certificate {
            Some(own) if own.value.is_empty() => {
                return Err(cf.invalid_parameter(own.whole, allowed));
            }
            Some(own) => {
                if !own.value.contains(&b'$') {
                    cf.warn(format_args!(
                        "\"cert=\" of \"auth_jwt_certificate\" in {place} has no variable: every client has that certificate"
                    ));
                }
                Some(cf.complex_value(own.value)?)
            }
            None => None,
        };
        Ok(CertificateConf { mode, certificate, place })
    })
}
