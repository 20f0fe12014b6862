//! AES-CBC with HMAC (RFC 7518 §5.2): the tag is compared before a byte is decrypted, so
//! there is no padding oracle.

use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey,
};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{self, HMAC_SHA256, HMAC_SHA384, HMAC_SHA512};
use aws_lc_rs::iv::FixedLength;
use zeroize::Zeroizing;

use crate::jose::secret::Secret;

/// The length of an initialization vector, in bytes.
const IV_LENGTH: usize = 16;

/// The plaintext, if `tag` is that of all the rest under `key`. The length of the key, 32, 48 or 64
/// bytes, decides on AES and hash; its first half authenticates, its second half decrypts.
pub fn open(key: &[u8], iv: &[u8], aad: &[u8], ciphertext: &[u8], tag: &[u8]) -> Option<Secret> {
    let (cipher, hash, half) = match key.len() {
        32 => (&AES_128, HMAC_SHA256, 16),
        48 => (&AES_192, HMAC_SHA384, 24),
        64 => (&AES_256, HMAC_SHA512, 32),
        _ => return None,
    };
    let iv: &[u8; IV_LENGTH] = iv.try_into().ok()?;
    let (authentication_key, encryption_key) = key.split_at_checked(half)?;

    let bits = u64::try_from(aad.len()).ok()?.checked_mul(8)?;
    let mut context = hmac::Context::with_key(&hmac::Key::new(hash, authentication_key));
    for part in [aad, iv, ciphertext, &bits.to_be_bytes()] {
        context.update(part);
    }
    let authentication = context.sign();
    // The tag is the first half of the hash, and compared whole: a shorter one is never right.
    verify_slices_are_equal(authentication.as_ref().get(..half)?, tag).ok()?;

    let key = UnboundCipherKey::new(cipher, encryption_key).ok()?;
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).ok()?;
    let mut plaintext = Zeroizing::new(ciphertext.to_vec());
    let iv = DecryptionContext::Iv128(FixedLength::from(iv));
    let length = key.decrypt(&mut plaintext, iv).ok()?.len();
    plaintext.truncate(length);
    Some(plaintext)
}
