//! The directives, one file each.

mod auth_jwt;
mod auth_jwt_cache;
mod auth_jwt_claim_set;
mod auth_jwt_header_set;
mod auth_jwt_key_cache;
mod auth_jwt_key_file;
mod auth_jwt_key_request;
mod auth_jwt_leeway;
mod auth_jwt_require;
mod auth_jwt_type;
mod key_source;
mod set_variable;
pub mod table;

// What each of them names.
use std::ffi::CStr;

use super::conf::LocationConf;
use super::ffi::command::{Context, Directive};
use super::ffi::conf::{Conf, ConfError};
