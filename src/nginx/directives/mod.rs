//! The directives, one file each, and the table that nginx reads.

mod auth_jwt;
mod auth_jwt_audience;
mod auth_jwt_cache;
mod auth_jwt_claim_set;
mod auth_jwt_dry_run;
mod auth_jwt_fetch_proxy;
mod auth_jwt_header_set;
mod auth_jwt_issuer;
mod auth_jwt_issuers;
mod auth_jwt_key_cache;
mod auth_jwt_key_file;
mod auth_jwt_key_request;
mod auth_jwt_leeway;
mod auth_jwt_optional;
mod auth_jwt_require;
mod auth_jwt_require_claim;
mod auth_jwt_require_scope;
mod auth_jwt_state_path;
mod auth_jwt_type;
mod key_source;
mod rule;
mod set_variable;

// What each of them names.
use std::ffi::CStr;

use ngx::ffi::ngx_command_t;

use super::conf::LocationConf;
use super::ffi::command::{AllowedIn, Directive, END, command};
use super::ffi::conf::{Conf, ConfError};

/// Every directive, and the end mark.
pub const DIRECTIVES: [ngx_command_t; 20] = [
    command::<auth_jwt::AuthJwt>(),
    command::<auth_jwt_audience::AuthJwtAudience>(),
    command::<auth_jwt_cache::AuthJwtCache>(),
    command::<auth_jwt_claim_set::AuthJwtClaimSet>(),
    command::<auth_jwt_dry_run::AuthJwtDryRun>(),
    command::<auth_jwt_fetch_proxy::AuthJwtFetchProxy>(),
    command::<auth_jwt_header_set::AuthJwtHeaderSet>(),
    command::<auth_jwt_issuer::AuthJwtIssuer>(),
    command::<auth_jwt_issuers::AuthJwtIssuers>(),
    command::<auth_jwt_key_cache::AuthJwtKeyCache>(),
    command::<auth_jwt_key_file::AuthJwtKeyFile>(),
    command::<auth_jwt_key_request::AuthJwtKeyRequest>(),
    command::<auth_jwt_leeway::AuthJwtLeeway>(),
    command::<auth_jwt_optional::AuthJwtOptional>(),
    command::<auth_jwt_require::AuthJwtRequire>(),
    command::<auth_jwt_require_claim::AuthJwtRequireClaim>(),
    command::<auth_jwt_require_scope::AuthJwtRequireScope>(),
    command::<auth_jwt_state_path::AuthJwtStatePath>(),
    command::<auth_jwt_type::AuthJwtType>(),
    END,
];

/// An argument that must be UTF-8 and not empty; `allowed` completes "it must be".
fn text(argument: &[u8], allowed: &str, cf: &Conf<'_>) -> Result<String, ConfError> {
    let text = std::str::from_utf8(argument).ok().filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| cf.invalid_value(argument, allowed))
}
