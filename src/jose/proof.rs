//! A DPoP proof (RFC 9449 §4.2): a JWS that has its key with it. What of it depends on the request is
//! judged elsewhere (`auth/binding`).

use std::fmt;

use super::algorithm::{Scheme, SignatureAlgorithm};
use super::claims::Claims;
use super::compact::Compact;
use super::crypto::Fingerprint;
use super::error::{KeyError, Malformed, TokenError};
use super::json::{Kind, Object};
use super::jwk::Key;
use super::jws::{Jws, Signed};
use super::thumbprint::thumbprint;

/// `typ` of a proof.
const TYP: &str = "dpop+jwt";

/// The members of a private key, or of a secret (RFC 7518 §6.2.2, §6.3.2, §6.4).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A proof that is signed with the key that was asked for.
#[derive(Debug)]
pub struct Proof(Signed);

/// Why a proof is refused by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofError {
    /// Not three segments.
    NotAJws,
    Malformed(Malformed),
    Typ,
    /// `alg` is unknown to us, or symmetric.
    Algorithm,
    /// `jwk` is not there, or is no object.
    NoKey,
    PrivateKey,
    /// `jwk` cannot be used.
    Key(KeyError),
    /// `jwk` is not the key that was asked for.
    OtherKey,
    /// `jwk` may not serve `alg`.
    UnfitKey,
    Signature,
}

impl Proof {
    /// Reads `proof`, whose `jwk` must have the thumbprint `key`, and verifies its signature. Another key is
    /// not tried: who has none that a token is bound to cannot choose what is computed.
    pub fn verify(proof: &[u8], key: Fingerprint) -> Result<Self, ProofError> {
        let Ok(Compact::Jws(segments)) = Compact::split(proof) else {
            return Err(ProofError::NotAJws);
        };
        let jws = Jws::parse(segments)?;
        if jws.header().typ().as_deref() != Some(TYP) {
            return Err(ProofError::Typ);
        }
        if !is_allowed(jws.algorithm()) {
            return Err(ProofError::Algorithm);
        }
        let jwk = jws.header().object().value("jwk");
        let jwk = jwk.filter(|jwk| jwk.kind() == Kind::Object).ok_or(ProofError::NoKey)?;
        let jwk = Object::parse(jwk.text().into()).map_err(KeyError::Json)?;
        if PRIVATE.iter().any(|name| jwk.value(name).is_some()) {
            return Err(ProofError::PrivateKey);
        }
        if thumbprint(&jwk)? != key {
            return Err(ProofError::OtherKey);
        }
        Ok(Self(jws.verify_by(&Key::from_object(&jwk)?)?))
    }

    /// What it says.
    pub fn claims(&self) -> &Claims {
        self.0.token().claims()
    }
}

/// The algorithms that proofs may be signed with: all that we serve but the symmetric ones.
pub fn algorithms() -> impl Iterator<Item = SignatureAlgorithm> {
    let all = SignatureAlgorithm::all().map(|(_, algorithm)| algorithm);
    all.filter(|algorithm| is_allowed(*algorithm))
}

fn is_allowed(algorithm: SignatureAlgorithm) -> bool {
    match algorithm.scheme() {
        Scheme::Hmac(_) => false,
        Scheme::Rsa(..) | Scheme::Ecdsa(..) | Scheme::EdDsa(_) => true,
    }
}

impl From<KeyError> for ProofError {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}

impl From<TokenError> for ProofError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Malformed(malformed) => Self::Malformed(malformed),
            TokenError::WrongType => Self::NotAJws,
            TokenError::UnsupportedAlgorithm => Self::Algorithm,
            TokenError::UnknownKey => Self::UnfitKey,
            TokenError::InvalidSignature(..) | TokenError::DecryptionFailed(_) => Self::Signature,
        }
    }
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAJws => f.write_str("not three segments"),
            Self::Malformed(malformed) => malformed.fmt(f),
            Self::Typ => write!(f, "\"typ\" is not \"{TYP}\""),
            Self::Algorithm => f.write_str("\"alg\" is not supported"),
            Self::NoKey => f.write_str("\"jwk\" is not an object"),
            Self::PrivateKey => f.write_str("\"jwk\" is not a public key"),
            Self::Key(error) => write!(f, "\"jwk\" is not usable: {error}"),
            Self::OtherKey => f.write_str("\"jwk\" is another key"),
            Self::UnfitKey => f.write_str("\"jwk\" does not fit \"alg\""),
            Self::Signature => f.write_str("signature validation failed"),
        }
    }
}

#[cfg(test)]
pub(crate) mod minted;
#[cfg(test)]
mod tests;
