//! Syntax:  `auth_jwt_fetch_proxy url;`
//! Default: –
//! Context: `http`
//!
//! Not a directive of NGINX Plus. The HTTP proxy by way of which keys are fetched.

use super::{Conf, ConfError};
use crate::fetch::proxy::Proxy;
use crate::nginx::conf::MainConf;

pub fn set(cf: &mut Conf<'_>, conf: &MainConf) -> Result<(), ConfError> {
    cf.once(&conf.fetch_proxy, |cf| {
        let proxy = std::str::from_utf8(cf.argument()).ok().and_then(Proxy::parse);
        // The URL may hold a password, and is not shown.
        proxy.ok_or_else(|| {
            ConfError::Message("invalid URL in \"auth_jwt_fetch_proxy\" directive, it must be that of an HTTP proxy, such as \"http://proxy.example.com:3128\", without path and variables".to_owned())
        })
    })
}
