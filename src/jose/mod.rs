//! JOSE: JWS, JWK, JWA and proofs of possession as the RFCs have them (7515, 7517, 7518, 7519, 7638, 8037,
//! 8725, 9449, 9864).
//!
//! Bytes in, verdict out. Nothing here knows a clock, a file, a configuration or nginx.

pub mod algorithm;
pub mod base64url;
pub mod claims;
pub mod compact;
pub mod crypto;
pub mod error;
pub mod header;
pub mod json;
pub mod jwe;
pub mod jwk;
pub mod jws;
pub mod key_set;
pub mod proof;
pub mod secret;
pub mod select;
pub mod thumbprint;
pub mod token;
