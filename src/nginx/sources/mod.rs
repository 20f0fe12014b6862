//! Key sources: how a request gets the keys of each.

pub mod key_source;

pub mod file;
pub mod request;
pub mod url;
