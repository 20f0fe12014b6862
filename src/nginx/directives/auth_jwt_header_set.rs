//! Syntax:  `auth_jwt_header_set $variable name ...;`
//! Default: –
//! Context: `http`
//!
//! The names are a path from the root of the JOSE header, one argument a level.

use ngx::ffi::NGX_CONF_2MORE;

use super::set_variable::define;
use super::{AllowedIn, CStr, Conf, ConfError, Directive};
use crate::nginx::conf::{MainConf, Part};

pub struct AuthJwtHeaderSet;

impl Directive for AuthJwtHeaderSet {
    const NAME: &'static CStr = c"auth_jwt_header_set";
    const ALLOWED_IN: AllowedIn = AllowedIn::Http;
    const ARGUMENTS: u32 = NGX_CONF_2MORE;
    type Conf = MainConf;

    fn set(cf: &mut Conf<'_>, conf: &MainConf) -> Result<(), ConfError> {
        define(Part::Header, cf, conf)
    }
}
