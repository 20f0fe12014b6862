//! A usable key: what it is made of, and what it may be used for.

use super::material::{Material, Wanted};
use super::members::optional_text;
use super::permissions::Permissions;
use crate::jose::algorithm::{ContentEncryption, KeyAlgorithm, KeyManagement, SignatureAlgorithm};
use crate::jose::crypto::{DecryptionKey, VerificationKey};
use crate::jose::error::KeyError;
use crate::jose::json::Object;

/// A usable key.
pub struct Key {
    kid: Option<Box<str>>,
    algorithm: Option<KeyAlgorithm>,
    permissions: Permissions,
    verification: Option<VerificationKey>,
    decryption: Option<DecryptionKey>,
}

impl Key {
    /// Reads the JWK `text`.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let jwk = Object::parse_secret(text.as_bytes()).map_err(KeyError::Json)?;
        Self::from_object(&jwk)
    }

    /// Reads a JWK whose JSON has been read.
    pub fn from_object(jwk: &Object) -> Result<Self, KeyError> {
        let kid = optional_text(jwk, "kid")?;
        let algorithm = match optional_text(jwk, "alg")? {
            Some(name) => Some(KeyAlgorithm::from_name(&name).ok_or(KeyError::UnknownAlgorithm)?),
            None => None,
        };
        let permissions = Permissions::of(jwk)?;
        let signs = algorithm.is_none_or(|own| matches!(own, KeyAlgorithm::Signature(_)));
        let encrypts = algorithm.is_none_or(|own| !matches!(own, KeyAlgorithm::Signature(_)));
        let wanted = Wanted {
            verification: signs && permissions.verifies(),
            decryption: encrypts && permissions.decrypts(),
        };
        let Material { kind, verification, decryption } = Material::of(jwk, wanted)?;
        if algorithm.is_some_and(|algorithm| !kind.fits(algorithm)) {
            return Err(KeyError::UnfitAlgorithm);
        }
        Ok(Self { kid, algorithm, permissions, verification, decryption })
    }

    /// The key's `kid`.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The key, if its type, curve, `alg`, `use` and `key_ops` let it verify `algorithm`.
    pub fn for_verification(&self, algorithm: SignatureAlgorithm) -> Option<&VerificationKey> {
        let bound_elsewhere =
            self.algorithm.is_some_and(|own| own != KeyAlgorithm::Signature(algorithm));
        if bound_elsewhere || !self.permissions.verifies() {
            return None;
        }
        self.verification.as_ref().filter(|key| key.serves(algorithm))
    }

    /// The key, if its type, curve, size, `alg`, `use` and `key_ops` let it decrypt tokens of
    /// `algorithm` and `encryption`.
    pub fn for_decryption(
        &self,
        algorithm: KeyManagement,
        encryption: ContentEncryption,
    ) -> Option<&DecryptionKey> {
        let bound_elsewhere = self.algorithm.is_some_and(|own| match own {
            KeyAlgorithm::KeyManagement(own) => own != algorithm,
            // RFC 7517 says not which of the two a content key names; both are in use.
            KeyAlgorithm::ContentEncryption(own) => {
                algorithm != KeyManagement::Dir || own != encryption
            }
            KeyAlgorithm::Signature(_) => true,
        });
        if bound_elsewhere || !self.permissions.decrypts_by(algorithm) {
            return None;
        }
        self.decryption.as_ref().filter(|key| key.serves(algorithm, encryption))
    }
}
