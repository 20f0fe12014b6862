//! Syntax:  `auth_jwt_header_set $variable name ...;`
//! Default: –
//! Context: `http`
//!
//! The names are a path from the root of the JOSE header, one argument a level.

use super::set_variable::define;
use super::{Conf, ConfError};
use crate::nginx::conf::{MainConf, Part};

pub fn set(cf: &mut Conf<'_>, conf: &MainConf) -> Result<(), ConfError> {
    define(Part::Header, cf, conf)
}
