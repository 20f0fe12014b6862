//! What `auth_jwt` decides: policy, the order of checks, the outcome and the challenge.
//!
//! Time and keys come as arguments. Nothing here knows nginx.

pub mod acceptance;
mod admission;
mod audience;
pub mod authorization;
pub mod binding;
pub mod challenge;
pub mod claim_path;
pub mod claim_rule;
pub mod issuer;
pub mod issuer_block;
pub mod judgement;
pub mod key_cache;
pub mod key_place;
pub mod numeric_date;
pub mod operand;
pub mod outcome;
pub mod policy;
pub mod render;
pub mod require;
pub mod resource;
pub mod scope_rule;
mod texts;
pub mod token_cache;
pub mod unverified;
pub mod url;
pub mod verification;
pub mod word;
