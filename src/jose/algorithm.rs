//! The algorithms of RFC 7518, RFC 8037 and RFC 9864 that we serve. A name is resolved here, once;
//! further in nothing compares strings.

/// An `alg` of a JWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    Hs256,
    Hs384,
    Hs512,
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    Es512,
    /// Ed25519 or Ed448, whichever the key is for (RFC 8037 §3.1).
    EdDsa,
    /// RFC 9864 §2.2.
    Ed25519,
    /// RFC 9864 §2.2.
    Ed448,
}

use SignatureAlgorithm::*;

const SIGNATURE_NAMES: [(&str, SignatureAlgorithm); 15] = [
    ("HS256", Hs256),
    ("HS384", Hs384),
    ("HS512", Hs512),
    ("RS256", Rs256),
    ("RS384", Rs384),
    ("RS512", Rs512),
    ("PS256", Ps256),
    ("PS384", Ps384),
    ("PS512", Ps512),
    ("ES256", Es256),
    ("ES384", Es384),
    ("ES512", Es512),
    ("EdDSA", EdDsa),
    ("Ed25519", Ed25519),
    ("Ed448", Ed448),
];

impl SignatureAlgorithm {
    /// Each algorithm with its name.
    pub fn all() -> impl Iterator<Item = (&'static str, Self)> {
        SIGNATURE_NAMES.into_iter()
    }

    /// The algorithm of that name; `None` for one we do not serve, `none` among them.
    pub fn from_name(name: &str) -> Option<Self> {
        SIGNATURE_NAMES.iter().find(|(known, _)| *known == name).map(|(_, algorithm)| *algorithm)
    }

    /// The name in the registry.
    pub fn name(self) -> &'static str {
        let row = SIGNATURE_NAMES.iter().find(|(_, known)| *known == self);
        row.map_or("", |(name, _)| name)
    }

    /// The family as log lines name it: `HS`, `RS`, `PS`, `ES` or `EdDSA`.
    pub fn family(self) -> &'static str {
        match self {
            Hs256 | Hs384 | Hs512 => "HS",
            Rs256 | Rs384 | Rs512 => "RS",
            Ps256 | Ps384 | Ps512 => "PS",
            Es256 | Es384 | Es512 => "ES",
            EdDsa | Ed25519 | Ed448 => "EdDSA",
        }
    }
}

/// An `alg` of a JWE: how the content key is had (RFC 7518 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyManagement {
    Dir,
    A128Kw,
    A192Kw,
    A256Kw,
    A128GcmKw,
    A192GcmKw,
    A256GcmKw,
    RsaOaep,
    RsaOaep256,
    RsaOaep384,
    RsaOaep512,
    EcdhEs,
    EcdhEsA128Kw,
    EcdhEsA192Kw,
    EcdhEsA256Kw,
}

const KEY_MANAGEMENT_NAMES: [(&str, KeyManagement); 15] = [
    ("dir", KeyManagement::Dir),
    ("A128KW", KeyManagement::A128Kw),
    ("A192KW", KeyManagement::A192Kw),
    ("A256KW", KeyManagement::A256Kw),
    ("A128GCMKW", KeyManagement::A128GcmKw),
    ("A192GCMKW", KeyManagement::A192GcmKw),
    ("A256GCMKW", KeyManagement::A256GcmKw),
    ("RSA-OAEP", KeyManagement::RsaOaep),
    ("RSA-OAEP-256", KeyManagement::RsaOaep256),
    ("RSA-OAEP-384", KeyManagement::RsaOaep384),
    ("RSA-OAEP-512", KeyManagement::RsaOaep512),
    ("ECDH-ES", KeyManagement::EcdhEs),
    ("ECDH-ES+A128KW", KeyManagement::EcdhEsA128Kw),
    ("ECDH-ES+A192KW", KeyManagement::EcdhEsA192Kw),
    ("ECDH-ES+A256KW", KeyManagement::EcdhEsA256Kw),
];

impl KeyManagement {
    /// Each algorithm with its name.
    pub fn all() -> impl Iterator<Item = (&'static str, Self)> {
        KEY_MANAGEMENT_NAMES.into_iter()
    }

    /// The algorithm of that name, if we serve it.
    pub fn from_name(name: &str) -> Option<Self> {
        KEY_MANAGEMENT_NAMES.iter().find(|(known, _)| *known == name).map(|(_, found)| *found)
    }

    /// The name in the registry.
    pub fn name(self) -> &'static str {
        let row = KEY_MANAGEMENT_NAMES.iter().find(|(_, known)| *known == self);
        row.map_or("", |(name, _)| name)
    }

    /// Whether it takes a public key to encrypt, which says nothing of who did.
    pub fn is_by_public_key(self) -> bool {
        match self {
            Self::RsaOaep
            | Self::RsaOaep256
            | Self::RsaOaep384
            | Self::RsaOaep512
            | Self::EcdhEs
            | Self::EcdhEsA128Kw
            | Self::EcdhEsA192Kw
            | Self::EcdhEsA256Kw => true,
            Self::Dir
            | Self::A128Kw
            | Self::A192Kw
            | Self::A256Kw
            | Self::A128GcmKw
            | Self::A192GcmKw
            | Self::A256GcmKw => false,
        }
    }

    /// The length of the AES key that the content key is wrapped with, in bytes; `None` where no
    /// AES key wraps it.
    pub fn wrapping_key_length(self) -> Option<usize> {
        match self {
            Self::A128Kw | Self::A128GcmKw | Self::EcdhEsA128Kw => Some(16),
            Self::A192Kw | Self::A192GcmKw | Self::EcdhEsA192Kw => Some(24),
            Self::A256Kw | Self::A256GcmKw | Self::EcdhEsA256Kw => Some(32),
            Self::Dir
            | Self::RsaOaep
            | Self::RsaOaep256
            | Self::RsaOaep384
            | Self::RsaOaep512
            | Self::EcdhEs => None,
        }
    }
}

/// An `enc` of a JWE: how the content is encrypted (RFC 7518 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentEncryption {
    A128CbcHs256,
    A192CbcHs384,
    A256CbcHs512,
    A128Gcm,
    A192Gcm,
    A256Gcm,
}

const CONTENT_ENCRYPTION_NAMES: [(&str, ContentEncryption); 6] = [
    ("A128CBC-HS256", ContentEncryption::A128CbcHs256),
    ("A192CBC-HS384", ContentEncryption::A192CbcHs384),
    ("A256CBC-HS512", ContentEncryption::A256CbcHs512),
    ("A128GCM", ContentEncryption::A128Gcm),
    ("A192GCM", ContentEncryption::A192Gcm),
    ("A256GCM", ContentEncryption::A256Gcm),
];

impl ContentEncryption {
    /// Each algorithm with its name.
    pub fn all() -> impl Iterator<Item = (&'static str, Self)> {
        CONTENT_ENCRYPTION_NAMES.into_iter()
    }

    /// The encryption of that name, if we serve it.
    pub fn from_name(name: &str) -> Option<Self> {
        CONTENT_ENCRYPTION_NAMES.iter().find(|(known, _)| *known == name).map(|(_, found)| *found)
    }

    /// The name in the registry.
    pub fn name(self) -> &'static str {
        let row = CONTENT_ENCRYPTION_NAMES.iter().find(|(_, known)| *known == self);
        row.map_or("", |(name, _)| name)
    }

    /// The length of the content key, in bytes.
    pub fn key_length(self) -> usize {
        match self {
            Self::A128Gcm => 16,
            Self::A192Gcm => 24,
            Self::A256Gcm | Self::A128CbcHs256 => 32,
            Self::A192CbcHs384 => 48,
            Self::A256CbcHs512 => 64,
        }
    }
}

/// What the `alg` of a JWK binds the key to (RFC 7517 §4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyAlgorithm {
    Signature(SignatureAlgorithm),
    KeyManagement(KeyManagement),
    /// A `dir` key may name the content encryption it is for.
    ContentEncryption(ContentEncryption),
}

impl KeyAlgorithm {
    /// The algorithm of that name, if we serve it in any role.
    pub fn from_name(name: &str) -> Option<Self> {
        SignatureAlgorithm::from_name(name)
            .map(Self::Signature)
            .or_else(|| KeyManagement::from_name(name).map(Self::KeyManagement))
            .or_else(|| ContentEncryption::from_name(name).map(Self::ContentEncryption))
    }
}

/// The elliptic curves of RFC 7518 §6.2 and RFC 8037 §2 that we serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Curve {
    P256,
    P384,
    P521,
    Ed25519,
    Ed448,
    X25519,
}

impl Curve {
    /// The curve a `kty` of `EC` may name in `crv`.
    pub fn from_ec_name(name: &str) -> Option<Self> {
        match name {
            "P-256" => Some(Self::P256),
            "P-384" => Some(Self::P384),
            "P-521" => Some(Self::P521),
            _ => None,
        }
    }

    /// The curve a `kty` of `OKP` may name in `crv`.
    pub fn from_okp_name(name: &str) -> Option<Self> {
        match name {
            "Ed25519" => Some(Self::Ed25519),
            "Ed448" => Some(Self::Ed448),
            "X25519" => Some(Self::X25519),
            _ => None,
        }
    }

    /// The length of one coordinate (EC) or of the public key (OKP), in bytes.
    pub fn coordinate_length(self) -> usize {
        match self {
            Self::P256 | Self::Ed25519 | Self::X25519 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
            Self::Ed448 => 57,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_never_served_has_no_row() {
        for name in [
            "none",
            "None",
            "NONE",
            "",
            "hs256",
            "HS256 ",
            "ES256K",
            "RSA1_5",
            "PBES2-HS256+A128KW",
        ] {
            assert_eq!(KeyAlgorithm::from_name(name), None, "{name:?}");
        }
    }

    #[test]
    fn names_lead_there_and_back() {
        for (name, algorithm) in KEY_MANAGEMENT_NAMES {
            assert_eq!(algorithm.name(), name);
            assert_eq!(KeyManagement::from_name(name), Some(algorithm));
        }
        for (name, encryption) in CONTENT_ENCRYPTION_NAMES {
            assert_eq!(encryption.name(), name);
            assert_eq!(ContentEncryption::from_name(name), Some(encryption));
        }
    }

    #[test]
    fn names_are_unique_across_roles() {
        assert_eq!(KeyAlgorithm::from_name("HS256"), Some(KeyAlgorithm::Signature(Hs256)));
        assert_eq!(
            KeyAlgorithm::from_name("dir"),
            Some(KeyAlgorithm::KeyManagement(KeyManagement::Dir))
        );
        assert_eq!(
            KeyAlgorithm::from_name("A128GCM"),
            Some(KeyAlgorithm::ContentEncryption(ContentEncryption::A128Gcm))
        );
    }
}
