//! Syntax:  `auth_jwt_key_request uri;`
//! Default: –
//! Context: `http`, `server`, `location`, `limit_except`

use std::ffi::CStr;

use ngx::ffi::NGX_CONF_TAKE1;

use super::key_source;
use crate::nginx::conf::{KeySource, LocationConf};
use crate::nginx::ffi::command::{Context, Directive};
use crate::nginx::ffi::conf::{Conf, ConfError};

const NAME: &str = "auth_jwt_key_request";

pub struct AuthJwtKeyRequest;

impl Directive for AuthJwtKeyRequest {
    const NAME: &'static CStr = c"auth_jwt_key_request";
    const CONTEXT: Context = Context::Everywhere;
    const ARGUMENTS: u32 = NGX_CONF_TAKE1;
    type Conf = LocationConf;

    fn set(cf: &mut Conf<'_>, conf: &mut LocationConf) -> Result<(), ConfError> {
        let text = cf.arguments().into_iter().next().unwrap_or_default();
        let uri = cf.complex_value(text)?;
        let literal = uri.is_literal();
        match text.first() {
            Some(b'/' | b'$') => {}
            Some(_) if !literal => warn_without_slash(text, cf),
            _ => {
                let allowed = "a URI of this server that begins with \"/\", such as \"/_jwks\"; keys of another server come by a location with \"proxy_pass\"";
                return Err(ConfError::invalid_value(NAME, text, allowed));
            }
        }
        key_source::add(KeySource::Request(uri), literal, cf, conf)
    }
}

fn warn_without_slash(uri: &[u8], cf: &mut Conf<'_>) {
    let (uri, place) = (uri.escape_ascii(), cf.place());
    cf.warn(format_args!(
        "\"{uri}\" of \"auth_jwt_key_request\" in {place} never begins with \"/\": every request with a token is answered with 500"
    ));
}
