//! Where keys come from. Files are listed in the order in which they may import each other.

pub mod fetch;
pub mod file;

pub mod request;

pub mod gather;
