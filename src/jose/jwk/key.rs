//! A usable key: what it is made of, and what it may be used for.

use std::fmt;

use super::material::{Material, Wanted};
use super::members::optional_text;
use super::permissions::Permissions;
use crate::jose::algorithm::{
    ContentEncryption, KeyAlgorithm, KeyManagement, Scheme, SignatureAlgorithm,
};
use crate::jose::crypto::{DecryptionKey, VerificationKey};
use crate::jose::error::KeyError;
use crate::jose::json::Object;

/// Without an `alg` a secret is advised to be as long as the shortest hash. In octets.
const ADVISED_SECRET: usize = 32;

/// An HMAC secret that is shorter than the hash it goes with (RFC 7518 §3.2). It serves all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShortSecret {
    octets: usize,
    wanted: usize,
    /// The JWK's `alg`.
    algorithm: Option<SignatureAlgorithm>,
}

/// A usable key.
pub struct Key {
    kid: Option<Box<str>>,
    algorithm: Option<KeyAlgorithm>,
    permissions: Permissions,
    verification: Option<VerificationKey>,
    decryption: Option<DecryptionKey>,
    is_symmetric: bool,
    short_secret: Option<ShortSecret>,
}

impl Key {
    /// Reads the JWK `text`.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        Self::from_object(&Object::parse_secret(text.as_bytes()).map_err(KeyError::Json)?)
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
        let Material { key_type, secret_length, verification, decryption } =
            Material::of(jwk, wanted)?;
        if algorithm.is_some_and(|algorithm| !algorithm.takes(key_type)) {
            return Err(KeyError::UnfitAlgorithm);
        }
        let short_secret = secret_length
            .filter(|_| wanted.verification)
            .and_then(|octets| ShortSecret::of(octets, algorithm));
        let is_symmetric = secret_length.is_some();
        Ok(Self {
            kid,
            algorithm,
            permissions,
            verification,
            decryption,
            is_symmetric,
            short_secret,
        })
    }

    /// Whether it is a secret that whoever verifies with it has, too.
    pub fn is_symmetric(&self) -> bool {
        self.is_symmetric
    }

    /// What to note of its secret, if that is short.
    pub fn short_secret(&self) -> Option<ShortSecret> {
        self.short_secret
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

impl ShortSecret {
    fn of(octets: usize, algorithm: Option<KeyAlgorithm>) -> Option<Self> {
        let algorithm = match algorithm {
            Some(KeyAlgorithm::Signature(algorithm)) => Some(algorithm),
            _ => None,
        };
        let wanted = match algorithm.map(SignatureAlgorithm::scheme) {
            Some(Scheme::Hmac(hash)) => hash.length(),
            Some(Scheme::Rsa(..) | Scheme::Ecdsa(..) | Scheme::EdDsa(_)) | None => ADVISED_SECRET,
        };
        (octets < wanted).then_some(Self { octets, wanted, algorithm })
    }
}

impl fmt::Display for ShortSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { octets, wanted, algorithm } = self;
        write!(f, "a secret of {octets} octets, ")?;
        match algorithm.map(SignatureAlgorithm::name) {
            Some(name) => write!(f, "{name} asks for {wanted} at least (RFC 7518 section 3.2)"),
            None => write!(f, "{wanted} at least are advised (RFC 7518 section 3.2)"),
        }
    }
}
