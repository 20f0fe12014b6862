//! Symmetric JWE by RustCrypto, both ways: the targets make tokens with it.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::generic_array::GenericArray;
use aes::cipher::{
    BlockDecrypt, BlockDecryptMut, BlockEncrypt, BlockEncryptMut, KeyInit, KeyIvInit,
};
use aes::{Aes128, Aes192, Aes256};
use aes_gcm::AesGcm;
use aes_gcm::aead::AeadInPlace;
use aes_gcm::aead::consts::U12;
use hmac::{Hmac, Mac};
use sha2::{Sha256, Sha384, Sha512};

/// A ciphertext and its tag.
pub type Sealed = (Vec<u8>, Vec<u8>);

/// `enc`: the plaintext, if `key` and everything else is right.
pub fn open(
    enc: &str,
    key: &[u8],
    iv: &[u8],
    sealed: (&[u8], &[u8]),
    aad: &[u8],
) -> Option<Vec<u8>> {
    let (ciphertext, tag) = sealed;
    if enc.ends_with("GCM") {
        return gcm_open(key, iv, (ciphertext, tag), aad);
    }
    let (mac, cipher) = key.split_at(key.len() / 2);
    if iv.len() != 16 || cbc_tag(mac, iv, ciphertext, aad)? != tag {
        return None;
    }
    match cipher.len() {
        16 => cbc::Decryptor::<Aes128>::new_from_slices(cipher, iv)
            .ok()?
            .decrypt_padded_vec_mut::<Pkcs7>(ciphertext),
        24 => cbc::Decryptor::<Aes192>::new_from_slices(cipher, iv)
            .ok()?
            .decrypt_padded_vec_mut::<Pkcs7>(ciphertext),
        _ => cbc::Decryptor::<Aes256>::new_from_slices(cipher, iv)
            .ok()?
            .decrypt_padded_vec_mut::<Pkcs7>(ciphertext),
    }
    .ok()
}

/// `enc`: seals `plaintext`; `None` for a key or an IV of the wrong length.
pub fn seal(enc: &str, key: &[u8], iv: &[u8], plaintext: &[u8], aad: &[u8]) -> Option<Sealed> {
    if enc.ends_with("GCM") {
        return gcm_seal(key, iv, plaintext, aad);
    }
    let (mac, cipher) = key.split_at(key.len() / 2);
    let ciphertext = match cipher.len() {
        16 => cbc::Encryptor::<Aes128>::new_from_slices(cipher, iv)
            .ok()?
            .encrypt_padded_vec_mut::<Pkcs7>(plaintext),
        24 => cbc::Encryptor::<Aes192>::new_from_slices(cipher, iv)
            .ok()?
            .encrypt_padded_vec_mut::<Pkcs7>(plaintext),
        _ => cbc::Encryptor::<Aes256>::new_from_slices(cipher, iv)
            .ok()?
            .encrypt_padded_vec_mut::<Pkcs7>(plaintext),
    };
    let tag = cbc_tag(mac, iv, &ciphertext, aad)?;
    Some((ciphertext, tag))
}

/// RFC 7518 §5.2.2.1: the first half of an HMAC over AAD, IV, ciphertext and the AAD's bit length.
fn cbc_tag(key: &[u8], iv: &[u8], ciphertext: &[u8], aad: &[u8]) -> Option<Vec<u8>> {
    let bits = (aad.len() as u64 * 8).to_be_bytes();
    let text = [aad, iv, ciphertext, &bits].concat();
    let mut tag = match key.len() {
        16 => <Hmac<Sha256> as Mac>::new_from_slice(key)
            .ok()?
            .chain_update(text)
            .finalize()
            .into_bytes()
            .to_vec(),
        24 => <Hmac<Sha384> as Mac>::new_from_slice(key)
            .ok()?
            .chain_update(text)
            .finalize()
            .into_bytes()
            .to_vec(),
        _ => <Hmac<Sha512> as Mac>::new_from_slice(key)
            .ok()?
            .chain_update(text)
            .finalize()
            .into_bytes()
            .to_vec(),
    };
    tag.truncate(key.len());
    Some(tag)
}

/// AES-GCM with an IV of 96 bits and a tag of 128.
pub fn gcm_open(key: &[u8], iv: &[u8], sealed: (&[u8], &[u8]), aad: &[u8]) -> Option<Vec<u8>> {
    let (mut text, tag) = (sealed.0.to_vec(), sealed.1);
    if iv.len() != 12 || tag.len() != 16 {
        return None;
    }
    let (iv, tag) = (GenericArray::from_slice(iv), GenericArray::from_slice(tag));
    match key.len() {
        16 => AesGcm::<Aes128, U12>::new_from_slice(key)
            .ok()?
            .decrypt_in_place_detached(iv, aad, &mut text, tag),
        24 => AesGcm::<Aes192, U12>::new_from_slice(key)
            .ok()?
            .decrypt_in_place_detached(iv, aad, &mut text, tag),
        _ => AesGcm::<Aes256, U12>::new_from_slice(key)
            .ok()?
            .decrypt_in_place_detached(iv, aad, &mut text, tag),
    }
    .ok()?;
    Some(text)
}

/// As [`gcm_open`], the other way.
pub fn gcm_seal(key: &[u8], iv: &[u8], plaintext: &[u8], aad: &[u8]) -> Option<Sealed> {
    if iv.len() != 12 {
        return None;
    }
    let (mut text, iv) = (plaintext.to_vec(), GenericArray::from_slice(iv));
    let tag = match key.len() {
        16 => AesGcm::<Aes128, U12>::new_from_slice(key)
            .ok()?
            .encrypt_in_place_detached(iv, aad, &mut text),
        24 => AesGcm::<Aes192, U12>::new_from_slice(key)
            .ok()?
            .encrypt_in_place_detached(iv, aad, &mut text),
        _ => AesGcm::<Aes256, U12>::new_from_slice(key)
            .ok()?
            .encrypt_in_place_detached(iv, aad, &mut text),
    };
    Some((text, tag.ok()?.to_vec()))
}

/// RFC 3394 §2.2.3.4.
const WRAP_IV: [u8; 8] = [0xa6; 8];

/// RFC 3394 §2.2.1; the key is a multiple of eight bytes.
pub fn wrap(wrapping: &[u8], key: &[u8]) -> Option<Vec<u8>> {
    let mut blocks: Vec<[u8; 8]> =
        key.chunks_exact(8).map(|chunk| chunk.try_into().unwrap()).collect();
    let mut a = WRAP_IV;
    let count = blocks.len();
    for step in 0..6 * count {
        let at = step % count;
        let block = cipher(wrapping, [a, blocks[at]].concat(), true)?;
        let counter = (step as u64 + 1).to_be_bytes();
        a = std::array::from_fn(|byte| block[byte] ^ counter[byte]);
        blocks[at].copy_from_slice(&block[8..]);
    }
    Some([vec![a], blocks].concat().concat())
}

/// RFC 3394 §2.2.2.
pub fn unwrap(wrapping: &[u8], wrapped: &[u8]) -> Option<Vec<u8>> {
    if !wrapped.len().is_multiple_of(8) || wrapped.len() < 24 {
        return None;
    }
    let mut blocks: Vec<[u8; 8]> =
        wrapped.chunks_exact(8).map(|chunk| chunk.try_into().unwrap()).collect();
    let mut a = blocks.remove(0);
    let count = blocks.len();
    for step in (0..6 * count).rev() {
        let at = step % count;
        let counter = (step as u64 + 1).to_be_bytes();
        let masked: [u8; 8] = std::array::from_fn(|byte| a[byte] ^ counter[byte]);
        let block = cipher(wrapping, [masked, blocks[at]].concat(), false)?;
        a.copy_from_slice(&block[..8]);
        blocks[at].copy_from_slice(&block[8..]);
    }
    (a == WRAP_IV).then(|| blocks.concat())
}

/// One AES block.
fn cipher(key: &[u8], block: Vec<u8>, encrypt: bool) -> Option<Vec<u8>> {
    fn run<C: KeyInit + BlockEncrypt + BlockDecrypt>(
        key: &[u8],
        block: Vec<u8>,
        encrypt: bool,
    ) -> Option<Vec<u8>> {
        let cipher = C::new_from_slice(key).ok()?;
        let mut block = GenericArray::clone_from_slice(&block);
        if encrypt {
            cipher.encrypt_block(&mut block)
        } else {
            cipher.decrypt_block(&mut block)
        };
        Some(block.to_vec())
    }
    match key.len() {
        16 => run::<Aes128>(key, block, encrypt),
        24 => run::<Aes192>(key, block, encrypt),
        _ => run::<Aes256>(key, block, encrypt),
    }
}
