//! The directives, one file each.

mod auth_jwt;
mod auth_jwt_key_file;
pub mod table;
