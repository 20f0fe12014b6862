//! A JWS (RFC 7515 §5.2): the signature is judged first, and only then is the payload read. What a
//! token has proven, a JWE too, is `Verified`.

use zeroize::Zeroizing;

use super::algorithm::SignatureAlgorithm;
use super::base64url;
use super::claims::Claims;
use super::compact::{Compact, JwsSegments};
use super::error::{Malformed, TokenError};
use super::header::Header;
use super::jwe::Decrypted;
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

/// A token whose signature was verified, that was decrypted, or that a configuration without keys
/// took on trust ([`Jws::without_keys`]). Only this file makes one.
#[derive(Debug)]
pub struct Verified {
    header: Header,
    claims: Claims,
    /// The JWS that was encrypted, where there is one.
    nested: Option<Zeroizing<String>>,
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
        self.judge(sets)?;
        self.read_claims()
    }

    /// Takes the claims on trust: for a configuration that names no key source at all.
    pub fn without_keys(self) -> Result<Verified, TokenError> {
        self.read_claims()
    }

    fn judge(&self, sets: &[impl AsRef<KeySet>]) -> Result<(), TokenError> {
        let kid = self.header.kid();
        let mut keys = verification_keys(sets, kid.as_deref(), self.algorithm).peekable();
        if keys.peek().is_none() {
            return Err(TokenError::UnknownKey);
        }
        if !keys.any(|key| key.verify(self.algorithm, self.signed, &self.signature)) {
            return Err(TokenError::InvalidSignature(self.algorithm));
        }
        Ok(())
    }

    fn read_claims(self) -> Result<Verified, TokenError> {
        let claims = Claims::parse(self.payload)?;
        Ok(Verified { header: self.header, claims, nested: None })
    }
}

impl Verified {
    /// What a JWE has decrypted to, read as claims.
    pub fn encrypted(decrypted: Decrypted) -> Result<Self, TokenError> {
        let (header, plaintext) = decrypted.into_parts();
        let claims = Claims::parse_secret(&plaintext)?;
        Ok(Self { header, claims, nested: None })
    }

    /// What a JWE has decrypted to, read as a JWS, whose signature is verified with the keys of
    /// `sets` that may serve it.
    pub fn nested(decrypted: Decrypted, sets: &[impl AsRef<KeySet>]) -> Result<Self, TokenError> {
        let (header, plaintext) = decrypted.into_parts();
        let text = std::str::from_utf8(&plaintext).map_err(|_| Malformed::Nested)?;
        let Ok(Compact::Jws(segments)) = Compact::split(text.as_bytes()) else {
            return Err(Malformed::Nested.into());
        };
        let mut jws = Jws::parse(segments)?;
        let judged = jws.judge(sets);
        // The payload was encrypted: it is wiped, whatever the verdict.
        let payload = Zeroizing::new(std::mem::take(&mut jws.payload));
        judged?;
        let claims = Claims::parse_secret(&payload)?;
        Ok(Self { header, claims, nested: Some(Zeroizing::new(text.to_owned())) })
    }

    /// How long its texts are, in bytes.
    pub fn text_length(&self) -> usize {
        let nested = self.nested.as_ref().map_or(0, |jws| jws.len());
        let claims = self.claims.object().text().len().saturating_add(nested);
        self.header.object().text().len().saturating_add(claims)
    }

    /// How many members its objects have.
    pub fn member_count(&self) -> usize {
        self.header.object().len().saturating_add(self.claims.object().len())
    }

    /// The claims.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The JOSE header; of a JWE the outer one.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What the token carries: the claims as JSON, or the JWS that was encrypted.
    pub fn payload(&self) -> &str {
        match &self.nested {
            Some(jws) => jws,
            None => self.claims.object().text(),
        }
    }
}
