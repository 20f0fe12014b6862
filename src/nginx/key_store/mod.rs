//! What a worker keeps of key sources, and fetches under way. Nothing here knows a request's
//! configuration. Files are listed in the order in which they may import each other.

mod room;

pub mod fetch;
pub mod file;
pub mod recent;

pub mod answers;
pub mod shared;
pub mod url;
