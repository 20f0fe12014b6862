//! A JWE (RFC 7516 §5.2): form and header first, then keys. Why a token does not decrypt is never
//! told: a bad key, a bad padding and a bad tag are one error.

use zeroize::Zeroizing;

use super::base64url;
use super::compact::JweSegments;
use super::crypto::{EncryptedContent, EncryptedKey};
use super::error::{Malformed, TokenError};
use super::header::Header;
use super::key_set::KeySet;
use super::select::decryption_keys;

/// A JWE whose form is right.
#[derive(Debug)]
pub struct Jwe<'t> {
    header: Header,
    key: EncryptedKey,
    content: EncryptedContent,
    /// The header as it was written, which the tag covers (RFC 7516 §5.1 step 14).
    additional_data: &'t [u8],
}

/// A JWE that one of the keys has decrypted, and whose tag was right. Only this file makes one.
pub struct Decrypted {
    header: Header,
    plaintext: Zeroizing<Vec<u8>>,
}

impl<'t> Jwe<'t> {
    /// Decodes the segments and reads the header.
    pub fn parse(segments: JweSegments<'t>) -> Result<Self, TokenError> {
        let header = Header::parse(segments.header)?;
        let (algorithm, encryption) = header.encryption_algorithms()?;
        let parameters = header.key_parameters(algorithm)?;
        let decode = |segment| base64url::decode(segment).map_err(|_| Malformed::Base64);
        let bytes = decode(segments.encrypted_key)?;
        let content = EncryptedContent {
            initialization_vector: decode(segments.initialization_vector)?,
            ciphertext: decode(segments.ciphertext)?,
            tag: decode(segments.tag)?,
        };
        let key = EncryptedKey { algorithm, encryption, parameters, bytes };
        Ok(Self { header, key, content, additional_data: segments.header })
    }

    /// The JOSE header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Decrypts with the keys of `sets` that may serve it.
    pub fn decrypt(self, sets: &[impl AsRef<KeySet>]) -> Result<Decrypted, TokenError> {
        let kid = self.header.kid();
        let EncryptedKey { algorithm, encryption, .. } = self.key;
        let mut keys = decryption_keys(sets, kid.as_deref(), algorithm, encryption).peekable();
        if keys.peek().is_none() {
            return Err(TokenError::UnknownKey);
        }
        let plaintext = keys
            .find_map(|key| key.content_key(&self.key)?.open(&self.content, self.additional_data));
        drop(keys);
        drop(kid);
        let plaintext = plaintext.ok_or(TokenError::DecryptionFailed)?;
        Ok(Decrypted { header: self.header, plaintext })
    }
}

impl Decrypted {
    /// The JOSE header and the plaintext.
    pub fn into_parts(self) -> (Header, Zeroizing<Vec<u8>>) {
        (self.header, self.plaintext)
    }
}
