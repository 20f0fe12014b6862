//! Keys that decrypt, or agree on, content keys (RFC 7518 §4).

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand;
use aws_lc_rs::rsa::{
    KeyPair, KeyPairComponents, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384,
    OAEP_SHA512_MGF1SHA512, OaepAlgorithm, OaepPrivateDecryptingKey, PrivateDecryptingKey,
    PublicKeyComponents,
};
use zeroize::Zeroizing;

use super::aes_gcm::{self, IV_LENGTH, TAG_LENGTH};
use super::aes_key_wrap;
use super::key_agreement::{AgreementKey, Context, PublicPoint};
use super::verification::without_leading_zeros;
use crate::jose::algorithm::{ContentEncryption, KeyManagement, KeyType, Mode, OaepHash};
use crate::jose::error::KeyError;
use crate::jose::secret::Secret;

/// A key that gives content keys.
pub enum DecryptionKey {
    /// It is the content key, or an AES key that wraps it.
    Secret(Secret),
    Rsa(Box<OaepPrivateDecryptingKey>),
    Agreement(AgreementKey),
}

/// The encrypted content key of a token.
#[derive(Debug)]
pub struct EncryptedKey {
    pub algorithm: KeyManagement,
    pub encryption: ContentEncryption,
    pub parameters: KeyParameters,
    /// The second segment, decoded.
    pub bytes: Vec<u8>,
}

/// What the algorithm needs to know beyond the encrypted key.
#[derive(Debug)]
pub enum KeyParameters {
    None,
    /// RFC 7518 §4.7.1.
    AesGcm {
        iv: [u8; IV_LENGTH],
        tag: [u8; TAG_LENGTH],
    },
    /// RFC 7518 §4.6.1.
    Agreement {
        ephemeral: PublicPoint,
        party_u: Vec<u8>,
        party_v: Vec<u8>,
    },
}

impl DecryptionKey {
    /// A symmetric key; `None` for a length that no algorithm asks for.
    pub fn secret(bytes: Secret) -> Option<Self> {
        matches!(bytes.len(), 16 | 24 | 32 | 48 | 64).then_some(Self::Secret(bytes))
    }

    /// The RSA key of modulus `n`, exponent `e`, big-endian, and the private members that belong to
    /// them: `d`, `p`, `q`, `dp`, `dq` and `qi` (RFC 7518 §6.3.2).
    pub fn rsa(n: &[u8], e: &[u8], private: &[Secret; 6]) -> Result<Self, KeyError> {
        let public_key =
            PublicKeyComponents { n: without_leading_zeros(n), e: without_leading_zeros(e) };
        let [d, p, q, dp, dq, qi] = private.each_ref().map(|member| member.as_slice());
        let components = KeyPairComponents { public_key, d, p, q, dP: dp, dQ: dq, qInv: qi };
        // aws-lc-rs reads components as a key that signs; its PKCS #8 is wiped when dropped.
        let pair = KeyPair::from_components(&components).map_err(|_| KeyError::Rejected)?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError::Rejected)?;
        let key = PrivateDecryptingKey::from_pkcs8(der.as_ref()).map_err(|_| KeyError::Rejected)?;
        let key = OaepPrivateDecryptingKey::new(key).map_err(|_| KeyError::Rejected)?;
        Ok(Self::Rsa(Box::new(key)))
    }

    /// The private key `d` that belongs to `public`.
    pub fn agreement(d: &[u8], public: &PublicPoint) -> Result<Self, KeyError> {
        AgreementKey::new(d, public).map(Self::Agreement)
    }

    /// Whether a key of this type and size may serve `algorithm` with `encryption` at all.
    pub fn serves(&self, algorithm: KeyManagement, encryption: ContentEncryption) -> bool {
        let (key_type, length) = match self {
            Self::Secret(bytes) => (KeyType::Secret, Some(bytes.len())),
            Self::Rsa(_) => (KeyType::Rsa, None),
            Self::Agreement(key) => (KeyType::Curve(key.curve()), None),
        };
        let fits = match algorithm.mode() {
            Mode::Direct => length == Some(encryption.key_length()),
            Mode::AesKeyWrap(wanted) | Mode::AesGcm(wanted) => length == Some(wanted),
            Mode::RsaOaep(_) | Mode::Agreement(_) => true,
        };
        fits && algorithm.takes(key_type)
    }

    /// The content key of a token; only what it opens tells whether it is the right one. Where
    /// decryption fails, or gives the wrong length, it is a random one, so that neither time nor error
    /// distinguishes a wrong key from a wrong tag (RFC 7516 §11.5). `None` only where there is no
    /// randomness.
    pub fn content_key(&self, encrypted: &EncryptedKey) -> Option<Secret> {
        let length = encrypted.encryption.key_length();
        let mut random = Zeroizing::new(vec![0; length]);
        rand::fill(&mut random).ok()?;
        let found = self.decrypt(encrypted).filter(|found| found.len() == length);
        Some(found.unwrap_or(random))
    }

    pub(super) fn decrypt(&self, encrypted: &EncryptedKey) -> Option<Secret> {
        use Mode::*;
        let EncryptedKey { algorithm, encryption, parameters, bytes } = encrypted;
        if !self.serves(*algorithm, *encryption) {
            return None;
        }
        match (algorithm.mode(), self, parameters) {
            // RFC 7516 §5.2 step 10: where the key is agreed on, none may be sent.
            (Direct, Self::Secret(key), _) => bytes.is_empty().then(|| key.clone()),
            (AesKeyWrap(_), Self::Secret(key), _) => aes_key_wrap::unwrap(key, bytes),
            (AesGcm(_), Self::Secret(key), KeyParameters::AesGcm { iv, tag }) => {
                aes_gcm::open(key, iv, &[], bytes, tag)
            }
            (RsaOaep(hash), Self::Rsa(key), _) => decrypt_oaep(key, hash, bytes),
            (
                Agreement(wrapping_key_length),
                Self::Agreement(key),
                KeyParameters::Agreement { ephemeral, party_u, party_v },
            ) => {
                let agree = |algorithm, length| {
                    key.agree(ephemeral, &Context { algorithm, party_u, party_v }, length)
                };
                match wrapping_key_length {
                    Some(length) => aes_key_wrap::unwrap(&agree(algorithm.name(), length)?, bytes),
                    None if !bytes.is_empty() => None,
                    None => agree(encryption.name(), encryption.key_length()),
                }
            }
            (Direct | AesKeyWrap(_) | AesGcm(_) | RsaOaep(_) | Agreement(_), ..) => None,
        }
    }
}

fn decrypt_oaep(
    key: &OaepPrivateDecryptingKey,
    hash: OaepHash,
    encrypted: &[u8],
) -> Option<Secret> {
    let algorithm: &'static OaepAlgorithm = match hash {
        OaepHash::Sha1 => &OAEP_SHA1_MGF1SHA1,
        OaepHash::Sha256 => &OAEP_SHA256_MGF1SHA256,
        OaepHash::Sha384 => &OAEP_SHA384_MGF1SHA384,
        OaepHash::Sha512 => &OAEP_SHA512_MGF1SHA512,
    };
    let mut decrypted = Zeroizing::new(vec![0; key.min_output_size()]);
    let length = key.decrypt(algorithm, encrypted, &mut decrypted, None).ok()?.len();
    decrypted.truncate(length);
    Some(decrypted)
}
