//! AES-GCM with an initialization vector of 96 and a tag of 128 bits (RFC 7518 §4.7, §5.3).

use aws_lc_rs::aead::{AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::jose::secret::Secret;

/// The length of an initialization vector, in bytes.
pub const IV_LENGTH: usize = 12;

/// The length of a tag, in bytes. A shorter one is never compared.
pub const TAG_LENGTH: usize = 16;

/// The plaintext, if `tag` is that of `ciphertext` and `aad` under `key`, a key of 16,
/// 24 or 32 bytes.
pub fn open(key: &[u8], iv: &[u8], aad: &[u8], ciphertext: &[u8], tag: &[u8]) -> Option<Secret> {
    let algorithm = match key.len() {
        16 => &AES_128_GCM,
        24 => &AES_192_GCM,
        32 => &AES_256_GCM,
        _ => return None,
    };
    let iv: [u8; IV_LENGTH] = iv.try_into().ok()?;
    let tag: &[u8; TAG_LENGTH] = tag.try_into().ok()?;
    let key = LessSafeKey::new(UnboundKey::new(algorithm, key).ok()?);
    let nonce = Nonce::assume_unique_for_key(iv);
    let mut plaintext = Zeroizing::new(vec![0; ciphertext.len()]);
    key.open_separate_gather(nonce, Aad::from(aad), ciphertext, tag, &mut plaintext).ok()?;
    Some(plaintext)
}
