//! Where keys come from. Files are listed in the order in which they may import each other.

pub mod fetch;
pub mod file;
pub mod source;

pub mod answers;
pub mod flight;
pub mod shared;

pub mod request;

pub mod gather;

use std::sync::Arc;

use smallvec::SmallVec;

use crate::jose::key_set::KeySet;

/// The key sets of a location's sources, in order.
pub type KeySets = SmallVec<[Arc<KeySet>; 1]>;
