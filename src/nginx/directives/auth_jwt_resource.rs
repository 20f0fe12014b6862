//! Syntax:  `auth_jwt_resource uri [name=text] [documentation=url] [scopes=list] | off;`
//! Default: –
//! Context: `server`, `location`
//!
//! Not a directive of NGINX Plus. The identifier of a protected resource (RFC 9728): tokens must be for it, its
//! metadata are served, and challenges lead to them.

use super::{Conf, ConfError, LocationConf, text};
use crate::auth::resource::Resource;
use crate::auth::scope_rule::each_once;
use crate::nginx::conf::ResourceConf;

/// A URL, as a message describes it.
const URL: &str = "a URL that begins with \"https://\" (\"http://\" to this machine alone), without credentials, fragment and variables";

/// Scopes, likewise.
const SCOPES: &str = "scopes, separated by spaces";

pub fn set(cf: &mut Conf<'_>, conf: &LocationConf) -> Result<(), ConfError> {
    cf.once(&conf.typed.resource, |cf| {
        let place = cf.place();
        let resource = match cf.arguments().as_slice() {
            [b"off"] => None,
            [uri, parameters @ ..] => Some(resource(uri, parameters, cf)?),
            [] => None,
        };
        Ok(ResourceConf::new(resource, place))
    })
}

fn resource(uri: &[u8], parameters: &[&[u8]], cf: &Conf<'_>) -> Result<Resource, ConfError> {
    let has_variables = |value: &[u8]| value.contains(&b'$');
    let identifier = std::str::from_utf8(uri).ok().filter(|_| !has_variables(uri));
    let identifier = identifier.and_then(|uri| Resource::new(uri).ok());
    let mut resource = identifier.ok_or_else(|| cf.invalid_value(uri, URL))?;
    for parameter in parameters {
        let value = |name: &str| parameter.strip_prefix(name.as_bytes());
        let is_twice = if let Some(name) = value("name=") {
            resource.name.replace(text(name, "the name of a resource", cf)?).is_some()
        } else if let Some(url) = value("documentation=") {
            let parsed = std::str::from_utf8(url).ok().and_then(|url| url.parse().ok());
            let parsed = parsed.ok_or_else(|| cf.invalid_value(url, URL))?;
            resource.documentation.replace(parsed).is_some()
        } else if let Some(list) = value("scopes=") {
            let list = text(list, SCOPES, cf)?;
            let scopes = each_once(list.split_ascii_whitespace());
            if scopes.is_empty() {
                return Err(cf.invalid_value(list.as_bytes(), SCOPES));
            }
            let scopes = scopes.into_iter().map(str::to_owned).collect();
            !std::mem::replace(&mut resource.scopes, scopes).is_empty()
        } else {
            let allowed = "\"name=text\", \"documentation=url\" or \"scopes=list\"";
            return Err(cf.invalid_parameter(parameter, allowed));
        };
        if is_twice {
            return Err(cf.duplicate_parameter(parameter));
        }
        if has_variables(parameter) {
            return Err(cf.invalid_parameter(parameter, "a parameter without variables"));
        }
    }
    Ok(resource)
}
