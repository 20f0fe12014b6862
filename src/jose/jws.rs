//! A JWS (RFC 7515 §5.2): the signature is judged first, and only then is the payload read.

use super::algorithm::SignatureAlgorithm;
use super::base64url;
use super::claims::Claims;
use super::compact::JwsSegments;
use super::error::{Malformed, TokenError};
use super::header::Header;
use super::key_set::KeySet;
use super::select::verification_keys;

/// A JWS whose form is right; its claims are out of reach until it is verified.
#[derive(Debug)]
pub struct Jws<'t> {
    header: Header,
    algorithm: SignatureAlgorithm,
    payload: Vec<u8>,
    signature: Vec<u8>,
    signed: &'t [u8],
}

/// A JWS whose signature was verified, or that a configuration without keys took on trust
/// ([`Jws::without_keys`]). Only this file makes one.
#[derive(Debug)]
pub struct Verified {
    header: Header,
    claims: Claims,
}

impl<'t> Jws<'t> {
    /// Decodes the segments and reads the header.
    pub fn parse(segments: JwsSegments<'t>) -> Result<Self, TokenError> {
        let header = Header::parse(segments.header)?;
        let algorithm = header.signature_algorithm()?;
        let decode = |segment| base64url::decode(segment).map_err(|_| Malformed::Base64);
        let payload = decode(segments.payload)?;
        let signature = decode(segments.signature)?;
        Ok(Self { header, algorithm, payload, signature, signed: segments.signed })
    }

    /// The JOSE header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Verifies the signature with the keys of `sets` that may serve it.
    pub fn verify(self, sets: &[impl AsRef<KeySet>]) -> Result<Verified, TokenError> {
        let kid = self.header.kid();
        let mut keys = verification_keys(sets, kid.as_deref(), self.algorithm).peekable();
        if keys.peek().is_none() {
            return Err(TokenError::UnknownKey);
        }
        if !keys.any(|key| key.verify(self.algorithm, self.signed, &self.signature)) {
            return Err(TokenError::InvalidSignature(self.algorithm));
        }
        drop(keys);
        drop(kid);
        self.read_claims()
    }

    /// Takes the claims on trust: for a configuration that names no key source at all.
    pub fn without_keys(self) -> Result<Verified, TokenError> {
        self.read_claims()
    }

    fn read_claims(self) -> Result<Verified, TokenError> {
        let claims = Claims::parse(self.payload)?;
        Ok(Verified { header: self.header, claims })
    }
}

impl Verified {
    /// How long its texts are, in bytes.
    pub fn text_length(&self) -> usize {
        self.header.object().text().len().saturating_add(self.claims.object().text().len())
    }

    /// How many members its objects have.
    pub fn member_count(&self) -> usize {
        self.header.object().len().saturating_add(self.claims.object().len())
    }

    /// The claims.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The JOSE header.
    pub fn header(&self) -> &Header {
        &self.header
    }
}
