//! One JSON Web Key (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2) → a key ready for use.

mod key;
mod material;
mod members;
mod permissions;

pub use key::{Key, ShortSecret};
pub use members::{decode, member, required_text};
