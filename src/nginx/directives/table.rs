//! The table of directives that nginx reads.

use ngx::ffi::ngx_command_t;

use super::auth_jwt::AuthJwt;
use super::auth_jwt_cache::AuthJwtCache;
use super::auth_jwt_claim_set::AuthJwtClaimSet;
use super::auth_jwt_header_set::AuthJwtHeaderSet;
use super::auth_jwt_key_cache::AuthJwtKeyCache;
use super::auth_jwt_key_file::AuthJwtKeyFile;
use super::auth_jwt_key_request::AuthJwtKeyRequest;
use super::auth_jwt_leeway::AuthJwtLeeway;
use super::auth_jwt_require::AuthJwtRequire;
use super::auth_jwt_type::AuthJwtType;
use crate::nginx::ffi::command::{END, command};

/// Every directive, and the end mark.
pub const DIRECTIVES: [ngx_command_t; 11] = [
    command::<AuthJwt>(),
    command::<AuthJwtCache>(),
    command::<AuthJwtClaimSet>(),
    command::<AuthJwtHeaderSet>(),
    command::<AuthJwtKeyCache>(),
    command::<AuthJwtKeyFile>(),
    command::<AuthJwtKeyRequest>(),
    command::<AuthJwtLeeway>(),
    command::<AuthJwtRequire>(),
    command::<AuthJwtType>(),
    END,
];
