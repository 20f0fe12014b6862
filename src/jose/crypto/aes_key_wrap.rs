//! AES key wrap (RFC 3394, RFC 7518 §4.4).

use aws_lc_rs::cipher::{AES_192, DecryptingKey, DecryptionContext, UnboundCipherKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::key_wrap::{AES_128, AES_256, AesKek, KeyWrap};
use zeroize::Zeroizing;

use crate::jose::secret::Secret;

/// What a right key leaves in front of the unwrapped one (RFC 3394 §2.2.3.1).
const INITIAL_VALUE: [u8; 8] = [0xa6; 8];

/// The key that `wrapped` holds, if `key`, of 16, 24 or 32 bytes, has wrapped it.
pub fn unwrap(key: &[u8], wrapped: &[u8]) -> Option<Secret> {
    let cipher = match key.len() {
        16 => &AES_128,
        24 => return unwrap_with_192_bits(key, wrapped),
        32 => &AES_256,
        _ => return None,
    };
    let mut unwrapped = Zeroizing::new(vec![0; wrapped.len().checked_sub(8)?]);
    AesKek::new(cipher, key).ok()?.unwrap(wrapped, &mut unwrapped).ok()?;
    Some(unwrapped)
}

/// RFC 3394 §2.2.2 over the block cipher: aws-lc-rs wraps with 128 and 256 bits only.
fn unwrap_with_192_bits(key: &[u8], wrapped: &[u8]) -> Option<Secret> {
    let cipher = DecryptingKey::ecb(UnboundCipherKey::new(&AES_192, key).ok()?).ok()?;
    let (integrity, blocks) = wrapped.split_first_chunk::<8>()?;
    if blocks.len() < 16 || !blocks.len().is_multiple_of(8) {
        return None;
    }
    let mut integrity = *integrity;
    let mut unwrapped = Zeroizing::new(blocks.to_vec());
    let mut step = u64::try_from(blocks.len()).ok()?.checked_mul(6)? >> 3;
    for _ in 0..6 {
        for register in unwrapped.chunks_exact_mut(8).rev() {
            let (left, right) = (u64::from_be_bytes(integrity) ^ step, &*register);
            let mut block = Zeroizing::new([0; 16]);
            let (high, low) = block.split_at_mut_checked(8)?;
            high.copy_from_slice(&left.to_be_bytes());
            low.copy_from_slice(right);
            cipher.decrypt(block.as_mut_slice(), DecryptionContext::None).ok()?;
            let (high, low) = block.split_at_checked(8)?;
            integrity.copy_from_slice(high);
            register.copy_from_slice(low);
            step = step.wrapping_sub(1);
        }
    }
    verify_slices_are_equal(&integrity, &INITIAL_VALUE).ok()?;
    Some(unwrapped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_lengths_are_refused() {
        for key_length in [0, 8, 16, 24, 32, 40] {
            for length in [0, 1, 7, 8, 15, 16, 17, 23, 25, 33] {
                assert!(unwrap(&vec![7; key_length], &vec![7; length]).is_none());
            }
        }
    }
}
