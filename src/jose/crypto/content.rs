//! Content keys and what they open (RFC 7518 §5).

use super::{aes_cbc_hmac, aes_gcm};
use crate::jose::algorithm::{Cipher, ContentEncryption};
use crate::jose::secret::Secret;

/// A content key; whether it is the right one only [`ContentKey::open`] finds out.
pub struct ContentKey {
    encryption: ContentEncryption,
    bytes: Secret,
}

/// The encrypted content of a token.
#[derive(Debug)]
pub struct EncryptedContent {
    pub initialization_vector: Vec<u8>,
    pub ciphertext: Vec<u8>,
    pub tag: Vec<u8>,
}

impl ContentKey {
    pub(super) fn new(encryption: ContentEncryption, bytes: Secret) -> Self {
        Self { encryption, bytes }
    }

    /// The plaintext, if this key has encrypted `content` and authenticated it together with
    /// `additional_data`.
    pub fn open(&self, content: &EncryptedContent, additional_data: &[u8]) -> Option<Secret> {
        let open = match self.encryption.row().0 {
            Cipher::AesCbcHmac => aes_cbc_hmac::open,
            Cipher::AesGcm => aes_gcm::open,
        };
        let EncryptedContent { initialization_vector, ciphertext, tag } = content;
        open(&self.bytes, initialization_vector, additional_data, ciphertext, tag)
    }
}
