//! Syntax:  `auth_jwt realm [token=$variable] | off [token=$variable];`
//! Default: `auth_jwt off;`
//! Context: `http`, `server`, `location`, `limit_except`

use std::cell::Cell;
use std::ffi::CStr;
use std::rc::Rc;

use ngx::ffi::NGX_CONF_TAKE12;

use crate::nginx::conf::{self, LocationConf, Realm};
use crate::nginx::ffi::command::{Context, Directive};
use crate::nginx::ffi::conf::{Conf, ConfError};

const NAME: &str = "auth_jwt";

pub struct AuthJwt;

impl Directive for AuthJwt {
    const NAME: &'static CStr = c"auth_jwt";
    const CONTEXT: Context = Context::Everywhere;
    const ARGUMENTS: u32 = NGX_CONF_TAKE12;
    type Conf = LocationConf;

    fn set(cf: &mut Conf<'_>, conf: &mut LocationConf) -> Result<(), ConfError> {
        if conf.typed.auth.is_some() {
            return Err(ConfError::Duplicate);
        }
        let arguments = cf.arguments();
        let mut arguments = arguments.into_iter();
        let realm = match arguments.next().unwrap_or_default() {
            b"off" => Realm::Off,
            realm => Realm::On(cf.complex_value(realm)?),
        };
        let mut token = None;
        for parameter in arguments {
            match parameter.strip_prefix(b"token=") {
                Some(value) if value.contains(&b'$') => token = Some(cf.complex_value(value)?),
                _ => {
                    let allowed = "\"token=\" and a value with variables";
                    return Err(ConfError::invalid_parameter(NAME, parameter, allowed));
                }
            }
        }
        let place = cf.place();
        let auth = conf::AuthJwt { realm, token, place, warned: Cell::new(false) };
        conf.typed.auth = Some(Rc::new(auth));
        Ok(())
    }
}
