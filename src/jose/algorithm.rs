//! The algorithms of RFC 7518, RFC 8037 and RFC 9864 that we serve: one row each, and whatever tells
//! them apart follows from it. A name is resolved here, once; further in nothing compares strings.

/// Declares an enum whose variants are the rows of a table: the name in the registry, and what tells
/// it from the others. There is no variant without its row.
macro_rules! table {
    (
        $(#[$doc:meta])* $table:ident, $column:ident: $type:ty {
            $($(#[$about:meta])* $variant:ident = $name:literal, $is:expr;)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $table { $($(#[$about])* $variant,)* }

        impl $table {
            /// Each with its name.
            pub fn all() -> impl Iterator<Item = (&'static str, Self)> {
                [$(($name, Self::$variant),)*].into_iter()
            }

            /// The one of that name; `None` for one we do not serve, `none` among them.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::all().find(|(known, _)| *known == name).map(|(_, found)| found)
            }

            /// The name in the registry.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What the table says of it.
            pub const fn $column(self) -> $type {
                match self { $(Self::$variant => $is,)* }
            }
        }
    };
}

use Sha2::*;

table! {
    /// An `alg` of a JWS.
    SignatureAlgorithm, scheme: Scheme {
        Hs256 = "HS256", Scheme::Hmac(Sha256);
        Hs384 = "HS384", Scheme::Hmac(Sha384);
        Hs512 = "HS512", Scheme::Hmac(Sha512);
        Rs256 = "RS256", Scheme::Rsa(Padding::Pkcs1, Sha256);
        Rs384 = "RS384", Scheme::Rsa(Padding::Pkcs1, Sha384);
        Rs512 = "RS512", Scheme::Rsa(Padding::Pkcs1, Sha512);
        Ps256 = "PS256", Scheme::Rsa(Padding::Pss, Sha256);
        Ps384 = "PS384", Scheme::Rsa(Padding::Pss, Sha384);
        Ps512 = "PS512", Scheme::Rsa(Padding::Pss, Sha512);
        Es256 = "ES256", Scheme::Ecdsa(Curve::P256, Sha256);
        Es384 = "ES384", Scheme::Ecdsa(Curve::P384, Sha384);
        Es512 = "ES512", Scheme::Ecdsa(Curve::P521, Sha512);
        /// Ed25519 or Ed448, whichever the key is for (RFC 8037 §3.1).
        EdDsa = "EdDSA", Scheme::EdDsa(&[Curve::Ed25519, Curve::Ed448]);
        /// RFC 9864 §2.2.
        Ed25519 = "Ed25519", Scheme::EdDsa(&[Curve::Ed25519]);
        /// RFC 9864 §2.2.
        Ed448 = "Ed448", Scheme::EdDsa(&[Curve::Ed448]);
    }
}

table! {
    /// An `alg` of a JWE: how the content key is determined (RFC 7518 §4).
    KeyManagement, mode: Mode {
        Dir = "dir", Mode::Direct;
        A128Kw = "A128KW", Mode::AesKeyWrap(16);
        A192Kw = "A192KW", Mode::AesKeyWrap(24);
        A256Kw = "A256KW", Mode::AesKeyWrap(32);
        A128GcmKw = "A128GCMKW", Mode::AesGcm(16);
        A192GcmKw = "A192GCMKW", Mode::AesGcm(24);
        A256GcmKw = "A256GCMKW", Mode::AesGcm(32);
        RsaOaep = "RSA-OAEP", Mode::RsaOaep(OaepHash::Sha1);
        RsaOaep256 = "RSA-OAEP-256", Mode::RsaOaep(OaepHash::Sha256);
        RsaOaep384 = "RSA-OAEP-384", Mode::RsaOaep(OaepHash::Sha384);
        RsaOaep512 = "RSA-OAEP-512", Mode::RsaOaep(OaepHash::Sha512);
        EcdhEs = "ECDH-ES", Mode::Agreement(None);
        EcdhEsA128Kw = "ECDH-ES+A128KW", Mode::Agreement(Some(16));
        EcdhEsA192Kw = "ECDH-ES+A192KW", Mode::Agreement(Some(24));
        EcdhEsA256Kw = "ECDH-ES+A256KW", Mode::Agreement(Some(32));
    }
}

table! {
    /// An `enc` of a JWE: how the content is encrypted (RFC 7518 §5). With the length of the content
    /// key, in bytes.
    ContentEncryption, key_length: usize {
        A128CbcHs256 = "A128CBC-HS256", 32;
        A192CbcHs384 = "A192CBC-HS384", 48;
        A256CbcHs512 = "A256CBC-HS512", 64;
        A128Gcm = "A128GCM", 16;
        A192Gcm = "A192GCM", 24;
        A256Gcm = "A256GCM", 32;
    }
}

table! {
    /// The elliptic curves of RFC 7518 §6.2 and RFC 8037 §2 that we serve, as `crv` names them. With
    /// what is done with a key, and the length of one coordinate (EC) or of the public key (OKP), in
    /// bytes.
    Curve, row: (CurveUse, usize) {
        P256 = "P-256", (CurveUse::Ec, 32);
        P384 = "P-384", (CurveUse::Ec, 48);
        P521 = "P-521", (CurveUse::Ec, 66);
        Ed25519 = "Ed25519", (CurveUse::OkpSigns, 32);
        Ed448 = "Ed448", (CurveUse::OkpSigns, 57);
        X25519 = "X25519", (CurveUse::OkpAgrees, 32);
    }
}

/// How a JWS is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Hmac(Sha2),
    Rsa(Padding, Sha2),
    Ecdsa(Curve, Sha2),
    /// With a key of one of these curves.
    EdDsa(&'static [Curve]),
}

/// How an RSA signature is padded (RFC 8017 §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    Pkcs1,
    Pss,
}

/// The hash of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sha2 {
    Sha256,
    Sha384,
    Sha512,
}

/// A key management mode (RFC 7516 §2), and how it works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The key is the content key.
    Direct,
    /// Wrapped with an AES key of so many bytes.
    AesKeyWrap(usize),
    /// Encrypted with an AES key of so many bytes.
    AesGcm(usize),
    RsaOaep(OaepHash),
    /// It is agreed on, or is wrapped with an AES key of so many bytes that is.
    Agreement(Option<usize>),
}

/// The hash of RSA-OAEP, and of its mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OaepHash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// The `kty` a curve goes with, and what its keys do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CurveUse {
    /// Signs and agrees.
    Ec,
    OkpSigns,
    OkpAgrees,
}

/// What decides which algorithms a key may serve: `kty`, and the curve where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    Secret,
    Rsa,
    Curve(Curve),
}

impl SignatureAlgorithm {
    /// The family as log lines name it: `HS`, `RS`, `PS`, `ES` or `EdDSA`.
    pub fn family(self) -> &'static str {
        match self.scheme() {
            Scheme::Hmac(_) => "HS",
            Scheme::Rsa(Padding::Pkcs1, _) => "RS",
            Scheme::Rsa(Padding::Pss, _) => "PS",
            Scheme::Ecdsa(..) => "ES",
            Scheme::EdDsa(_) => "EdDSA",
        }
    }

    /// Whether a key of `key_type` may serve it.
    pub fn takes(self, key_type: KeyType) -> bool {
        match self.scheme() {
            Scheme::Hmac(_) => key_type == KeyType::Secret,
            Scheme::Rsa(..) => key_type == KeyType::Rsa,
            Scheme::Ecdsa(curve, _) => key_type == KeyType::Curve(curve),
            Scheme::EdDsa(curves) => curves.iter().any(|curve| key_type == KeyType::Curve(*curve)),
        }
    }
}

impl KeyManagement {
    /// Whether it takes a public key to encrypt, which says nothing of who did.
    pub fn is_by_public_key(self) -> bool {
        match self.mode() {
            Mode::RsaOaep(_) | Mode::Agreement(_) => true,
            Mode::Direct | Mode::AesKeyWrap(_) | Mode::AesGcm(_) => false,
        }
    }

    /// The length of the AES key that the content key is wrapped with, in bytes; `None` where no
    /// AES key wraps it.
    pub fn wrapping_key_length(self) -> Option<usize> {
        match self.mode() {
            Mode::AesKeyWrap(length) | Mode::AesGcm(length) => Some(length),
            Mode::Agreement(length) => length,
            Mode::Direct | Mode::RsaOaep(_) => None,
        }
    }

    /// Whether a key of `key_type` may serve it.
    pub fn takes(self, key_type: KeyType) -> bool {
        match self.mode() {
            Mode::Direct | Mode::AesKeyWrap(_) | Mode::AesGcm(_) => key_type == KeyType::Secret,
            Mode::RsaOaep(_) => key_type == KeyType::Rsa,
            Mode::Agreement(_) => {
                matches!(key_type, KeyType::Curve(curve) if curve.agrees())
            }
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

    /// Whether a key of `key_type` may name it.
    pub fn takes(self, key_type: KeyType) -> bool {
        match self {
            Self::Signature(algorithm) => algorithm.takes(key_type),
            Self::KeyManagement(algorithm) => algorithm.takes(key_type),
            Self::ContentEncryption(_) => key_type == KeyType::Secret,
        }
    }
}

impl Sha2 {
    /// How long it is, in bytes.
    pub fn length(self) -> usize {
        match self {
            Sha256 => 32,
            Sha384 => 48,
            Sha512 => 64,
        }
    }
}

impl Curve {
    /// The curve that `crv` names, if it goes with `kty`.
    pub fn of(kty: &str, crv: &str) -> Option<Self> {
        Self::from_name(crv).filter(|curve| match curve.row().0 {
            CurveUse::Ec => kty == "EC",
            CurveUse::OkpSigns | CurveUse::OkpAgrees => kty == "OKP",
        })
    }

    /// The length of one coordinate (EC) or of the public key (OKP), in bytes.
    pub fn coordinate_length(self) -> usize {
        self.row().1
    }

    /// Whether keys are agreed on with it.
    pub fn agrees(self) -> bool {
        match self.row().0 {
            CurveUse::Ec | CurveUse::OkpAgrees => true,
            CurveUse::OkpSigns => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_never_served_has_no_row() {
        let unknown = ["", "hs256", "HS256 ", "ES256K", "RSA1_5", "PBES2-HS256+A128KW"];
        for name in ["none", "None", "NONE"].into_iter().chain(unknown) {
            assert_eq!(KeyAlgorithm::from_name(name), None, "{name:?}");
        }
    }

    #[test]
    fn names_lead_there_and_back_whatever_the_role() {
        let found = KeyAlgorithm::from_name;
        for (name, algorithm) in SignatureAlgorithm::all() {
            assert_eq!(algorithm.name(), name);
            assert_eq!(found(name), Some(KeyAlgorithm::Signature(algorithm)));
        }
        for (name, algorithm) in KeyManagement::all() {
            assert_eq!(algorithm.name(), name);
            assert_eq!(found(name), Some(KeyAlgorithm::KeyManagement(algorithm)));
        }
        for (name, encryption) in ContentEncryption::all() {
            assert_eq!(encryption.name(), name);
            assert_eq!(found(name), Some(KeyAlgorithm::ContentEncryption(encryption)));
        }
    }
}
