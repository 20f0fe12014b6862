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

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<char> = hex.chars().filter(|digit| !digit.is_whitespace()).collect();
        let pair = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16);
        digits.chunks(2).filter_map(|digits| pair(digits).ok()).collect()
    }

    /// RFC 3394 §4: (key, wrapped, unwrapped).
    const VECTORS: [(&str, &str, &str); 6] = [
        (
            "000102030405060708090A0B0C0D0E0F",
            "1FA68B0A8112B447 AEF34BD8FB5A7B82 9D3E862371D2CFE5",
            "00112233445566778899AABBCCDDEEFF",
        ),
        (
            "000102030405060708090A0B0C0D0E0F1011121314151617",
            "96778B25AE6CA435 F92B5B97C050AED2 468AB8A17AD84E5D",
            "00112233445566778899AABBCCDDEEFF",
        ),
        (
            "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F",
            "64E8C3F9CE0F5BA2 63E9777905818A2A 93C8191E7D6E8AE7",
            "00112233445566778899AABBCCDDEEFF",
        ),
        (
            "000102030405060708090A0B0C0D0E0F1011121314151617",
            "031D33264E15D332 68F24EC260743EDC E1C6C7DDEE725A93 6BA814915C6762D2",
            "00112233445566778899AABBCCDDEEFF0001020304050607",
        ),
        (
            "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F",
            "A8F9BC1612C68B3F F6E6F4FBE30E71E4 769C8B80A32CB895 8CD5D17D6B254DA1",
            "00112233445566778899AABBCCDDEEFF0001020304050607",
        ),
        (
            "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F",
            "28C9F404C4B810F4 CBCCB35CFB87F826 3F5786E2D80ED326 CBC7F0E71A99F43B FB988B9B7A02DD21",
            "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F",
        ),
    ];

    #[test]
    fn vectors_of_rfc_3394() {
        for (key, wrapped, unwrapped) in VECTORS {
            let found = unwrap(&bytes(key), &bytes(wrapped));
            assert_eq!(found.as_deref(), Some(&bytes(unwrapped)), "{wrapped}");
        }
    }

    #[test]
    fn each_flipped_bit_is_refused() {
        for (key, wrapped, _) in VECTORS {
            let wrapped = bytes(wrapped);
            for bit in 0..wrapped.len() * 8 {
                let mut flipped = wrapped.clone();
                if let Some(byte) = flipped.get_mut(bit / 8) {
                    *byte ^= 1 << (bit % 8);
                }
                assert!(unwrap(&bytes(key), &flipped).is_none(), "bit {bit}");
            }
        }
    }

    #[test]
    fn odd_lengths_are_refused() {
        for key_length in [0, 8, 16, 24, 32, 40] {
            for length in [0, 1, 7, 8, 15, 16, 17, 23, 25, 33] {
                assert!(unwrap(&vec![7; key_length], &vec![7; length]).is_none());
            }
        }
    }
}
