//! Syntax:  `auth_jwt_key_request uri;`
//! Default: –
//! Context: `http`, `server`, `location`, `limit_except`

use super::{Conf, ConfError, LocationConf, key_source};
use crate::nginx::sources::request::KeyRequest;

pub fn set(cf: &mut Conf<'_>, conf: &LocationConf) -> Result<(), ConfError> {
    let text = cf.argument();
    let uri = cf.complex_value(text)?;
    match text.first() {
        Some(b'/' | b'$') => {}
        Some(_) if !uri.is_literal() => warn_without_slash(text, cf),
        _ => {
            let allowed = "a URI of this server that begins with \"/\", such as \"/_jwks\"; keys of another server come by a location with \"proxy_pass\", or by \"key_url\" of an issuer";
            return Err(cf.invalid_value(text, allowed));
        }
    }
    key_source::add(Box::new(KeyRequest(uri)), cf, conf)
}

fn warn_without_slash(uri: &[u8], cf: &mut Conf<'_>) {
    let (uri, place) = (uri.escape_ascii(), cf.place());
    cf.warn(format_args!(
        "\"{uri}\" of \"auth_jwt_key_request\" in {place} never begins with \"/\": every request with a token is answered with 500"
    ));
}
