//! Syntax:  `auth_jwt_key_request uri;`
//! Default: –
//! Context: `http`, `server`, `location`, `limit_except`

use std::ffi::CStr;

use ngx::ffi::NGX_CONF_TAKE1;

use super::key_source;
use crate::nginx::conf::{KeySource, LocationConf};
use crate::nginx::ffi::command::{Context, Directive};
use crate::nginx::ffi::conf::{Conf, ConfError};

pub struct AuthJwtKeyRequest;

impl Directive for AuthJwtKeyRequest {
    const NAME: &'static CStr = c"auth_jwt_key_request";
    const CONTEXT: Context = Context::Everywhere;
    const ARGUMENTS: u32 = NGX_CONF_TAKE1;
    type Conf = LocationConf;

    fn set(cf: &mut Conf<'_>, conf: &mut LocationConf) -> Result<(), ConfError> {
        let uri = cf.arguments().into_iter().next().unwrap_or_default();
        if uri.is_empty() {
            let allowed = "a URI of this server, such as \"/_jwks\"";
            return Err(ConfError::invalid_value("auth_jwt_key_request", uri, allowed));
        }
        let uri = cf.complex_value(uri)?;
        let literal = uri.is_literal();
        key_source::add(KeySource::Request(uri), literal, cf, conf)
    }
}
