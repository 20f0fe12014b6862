//! The directives, one file each, and the table that nginx reads.

mod auth_jwt;
mod auth_jwt_audience;
mod auth_jwt_cache;
mod auth_jwt_certificate;
mod auth_jwt_claim_set;
mod auth_jwt_dpop;
mod auth_jwt_dry_run;
mod auth_jwt_fetch_proxy;
mod auth_jwt_header_set;
mod auth_jwt_issuer;
mod auth_jwt_issuers;
mod auth_jwt_key_cache;
mod auth_jwt_key_file;
mod auth_jwt_key_request;
mod auth_jwt_leeway;
mod auth_jwt_metrics;
mod auth_jwt_optional;
mod auth_jwt_require;
mod auth_jwt_require_claim;
mod auth_jwt_require_scope;
mod auth_jwt_resource;
mod auth_jwt_state_path;
mod auth_jwt_status_zone;
mod auth_jwt_type;
mod binding;
mod key_source;
mod rule;
mod set_variable;

use ngx::ffi::{
    NGX_CONF_1MORE, NGX_CONF_2MORE, NGX_CONF_BLOCK, NGX_CONF_NOARGS, NGX_CONF_TAKE1,
    NGX_CONF_TAKE12, NGX_CONF_TAKE123, ngx_command_t,
};

use super::conf::LocationConf;
use super::ffi::command::AllowedIn::{Everywhere, Http, LocationAlone, Locations, Servers};
use super::ffi::command::{END, command};
use super::ffi::conf::{Conf, ConfError};

/// A block behind a name.
const NAMED_BLOCK: u32 = NGX_CONF_BLOCK | NGX_CONF_TAKE1;

/// Every directive: its name, where it may stand, how many arguments it takes, and what sets it. Then the
/// end mark.
pub const DIRECTIVES: [ngx_command_t; 25] = [
    command(c"auth_jwt", Everywhere, NGX_CONF_TAKE12, auth_jwt::set),
    command(c"auth_jwt_audience", Everywhere, NGX_CONF_1MORE, auth_jwt_audience::set),
    command(c"auth_jwt_cache", Locations, NGX_CONF_TAKE1, auth_jwt_cache::set),
    command(c"auth_jwt_certificate", Everywhere, NGX_CONF_1MORE, auth_jwt_certificate::set),
    command(c"auth_jwt_claim_set", Http, NGX_CONF_2MORE, auth_jwt_claim_set::set),
    command(c"auth_jwt_dpop", Everywhere, NGX_CONF_1MORE, auth_jwt_dpop::set),
    command(c"auth_jwt_dry_run", Everywhere, NGX_CONF_TAKE1, auth_jwt_dry_run::set),
    command(c"auth_jwt_fetch_proxy", Http, NGX_CONF_TAKE1, auth_jwt_fetch_proxy::set),
    command(c"auth_jwt_header_set", Http, NGX_CONF_2MORE, auth_jwt_header_set::set),
    command(c"auth_jwt_issuer", Http, NAMED_BLOCK, auth_jwt_issuer::set),
    command(c"auth_jwt_issuers", Everywhere, NGX_CONF_1MORE, auth_jwt_issuers::set),
    command(c"auth_jwt_key_cache", Everywhere, NGX_CONF_TAKE123, auth_jwt_key_cache::set),
    command(c"auth_jwt_key_file", Everywhere, NGX_CONF_TAKE1, auth_jwt_key_file::set),
    command(c"auth_jwt_key_request", Everywhere, NGX_CONF_TAKE1, auth_jwt_key_request::set),
    command(c"auth_jwt_leeway", Everywhere, NGX_CONF_TAKE1, auth_jwt_leeway::set),
    command(c"auth_jwt_metrics", LocationAlone, NGX_CONF_NOARGS, auth_jwt_metrics::set),
    command(c"auth_jwt_optional", Everywhere, NGX_CONF_TAKE1, auth_jwt_optional::set),
    command(c"auth_jwt_require", Everywhere, NGX_CONF_1MORE, auth_jwt_require::set),
    command(c"auth_jwt_require_claim", Everywhere, NGX_CONF_2MORE, auth_jwt_require_claim::set),
    command(c"auth_jwt_require_scope", Everywhere, NGX_CONF_1MORE, auth_jwt_require_scope::set),
    command(c"auth_jwt_resource", Servers, NGX_CONF_1MORE, auth_jwt_resource::set),
    command(c"auth_jwt_state_path", Http, NGX_CONF_TAKE1, auth_jwt_state_path::set),
    command(c"auth_jwt_status_zone", Locations, NGX_CONF_TAKE1, auth_jwt_status_zone::set),
    command(c"auth_jwt_type", Everywhere, NGX_CONF_TAKE1, auth_jwt_type::set),
    END,
];

/// An argument that must be UTF-8 and not empty; `allowed` completes "it must be".
fn text(argument: &[u8], allowed: &str, cf: &Conf<'_>) -> Result<String, ConfError> {
    let text = std::str::from_utf8(argument).ok().filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| cf.invalid_value(argument, allowed))
}
