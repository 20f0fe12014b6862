//! Where keys come from.

pub mod file;
pub mod gather;
