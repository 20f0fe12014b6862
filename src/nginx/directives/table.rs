//! The table of directives that nginx reads.

use ngx::ffi::ngx_command_t;

use super::{auth_jwt::AuthJwt, auth_jwt_key_file::AuthJwtKeyFile};
use crate::nginx::ffi::command::{END, command};

/// Every directive, and the end mark.
pub const DIRECTIVES: [ngx_command_t; 3] = [command::<AuthJwt>(), command::<AuthJwtKeyFile>(), END];
