//! The only module that calls the cryptographic libraries: keys parsed once, ready for use.
//!
//! aws-lc-rs does all but two: Ed448 is `crrl`'s, and the AES key wrap of 192 bits runs over aws-lc's
//! AES because aws-lc-rs has it for 128 and 256 bits only.

mod aes_cbc_hmac;
mod aes_gcm;
mod aes_key_wrap;
mod content;
mod decryption;
mod fingerprint;
mod key_agreement;
mod verification;
#[cfg(test)]
mod wycheproof;

pub use content::EncryptedContent;
pub use decryption::{DecryptionKey, EncryptedKey, KeyParameters};
pub use fingerprint::Fingerprint;
pub use key_agreement::{AgreementKey, PublicPoint};
pub use verification::VerificationKey;
