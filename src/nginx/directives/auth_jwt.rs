//! Syntax:  `auth_jwt realm [token=$variable] | off [token=$variable];`
//! Default: `auth_jwt off;`
//! Context: `http`, `server`, `location`, `limit_except`

use super::{Conf, ConfError, LocationConf};
use crate::nginx::conf::{self, Realm};

pub fn set(cf: &mut Conf<'_>, conf: &LocationConf) -> Result<(), ConfError> {
    cf.once(&conf.typed.auth, auth_jwt)
}

fn auth_jwt(cf: &mut Conf<'_>) -> Result<conf::AuthJwt, ConfError> {
    let realm = match cf.argument() {
        b"off" => Realm::Off,
        realm => {
            if is_set_by_client(realm) {
                warn_of_realm(realm, cf);
            }
            Realm::On(cf.complex_value(realm)?)
        }
    };
    let mut token = None;
    for parameter in cf.arguments().into_iter().skip(1) {
        match parameter.strip_prefix(b"token=") {
            Some(value) if value.contains(&b'$') => token = Some(cf.complex_value(value)?),
            _ => {
                let allowed = "\"token=\" and a value with variables";
                return Err(cf.invalid_parameter(parameter, allowed));
            }
        }
    }
    Ok(conf::AuthJwt { realm, token, place: cf.place() })
}

/// Whether a realm is nothing but a variable that the client decides. It is how an older module of this
/// name was told where the token is.
fn is_set_by_client(realm: &[u8]) -> bool {
    let Some(name) = realm.strip_prefix(b"$") else { return false };
    let name = name.strip_prefix(b"{").and_then(|name| name.strip_suffix(b"}")).unwrap_or(name);
    let name = name.to_ascii_lowercase();
    [&b"http_"[..], b"arg_", b"cookie_"].iter().any(|prefix| name.starts_with(prefix))
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

fn warn_of_realm(realm: &[u8], cf: &mut Conf<'_>) {
    let (realm, place) = (realm.escape_ascii(), cf.place());
    cf.warn(format_args!(
        "the client decides the realm \"{realm}\" of \"auth_jwt\" in {place}, and \"off\" there turns the check off: for a token in a variable write \"token={realm}\" behind a realm"
    ));
}
