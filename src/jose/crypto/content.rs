//! Encrypted content, and what opens it (RFC 7518 §5).

use super::{aes_cbc_hmac, aes_gcm};
use crate::jose::algorithm::ContentEncryption::{self, *};
use crate::jose::secret::Secret;

/// The encrypted content of a token.
#[derive(Debug)]
pub struct EncryptedContent {
    pub initialization_vector: Vec<u8>,
    pub ciphertext: Vec<u8>,
    pub tag: Vec<u8>,
}

impl EncryptedContent {
    /// The plaintext, if `key` has encrypted it by `encryption` and authenticated it together with
    /// `additional_data`.
    pub fn open(
        &self,
        encryption: ContentEncryption,
        key: &[u8],
        additional_data: &[u8],
    ) -> Option<Secret> {
        let open = match encryption {
            A128CbcHs256 | A192CbcHs384 | A256CbcHs512 => aes_cbc_hmac::open,
            A128Gcm | A192Gcm | A256Gcm => aes_gcm::open,
        };
        open(key, &self.initialization_vector, additional_data, &self.ciphertext, &self.tag)
    }
}
