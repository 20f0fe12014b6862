//! A JWS (RFC 7515 §5.2): the signature is judged first, and only then is the payload read. What a
//! token has proven, a JWE too, is `Verified`.

use std::rc::Rc;

use zeroize::Zeroizing;

use super::algorithm::SignatureAlgorithm;
use super::base64url;
use super::claims::Claims;
use super::compact::{Compact, JwsSegments};
use super::error::{Malformed, TokenError};
use super::header::{Header, Headers};
use super::jwe::Decrypted;
use super::key_set::KeySet;
use super::select::{Missed, try_verification_keys};

/// Signatures up to this length are decoded on the stack: those of RSA with 4096 bits, and all that
/// are not of RSA. In bytes.
const ORDINARY_SIGNATURE: usize = 512;

/// A JWS whose form is right; its claims are out of reach until it is verified.
#[derive(Debug)]
pub struct Jws<'t> {
    header: Rc<Header>,
    algorithm: SignatureAlgorithm,
    payload: Vec<u8>,
    /// As it was written; it has been checked that it can be decoded.
    signature: &'t [u8],
    signed: &'t [u8],
}

/// A token whose signature was verified, that was decrypted, or that a configuration without keys
/// took on trust ([`Jws::without_keys`]). Only this file makes one.
#[derive(Debug)]
pub struct Verified {
    header: Rc<Header>,
    claims: Claims,
    /// The JWS that was encrypted, where there is one.
    nested: Option<Zeroizing<String>>,
}

impl<'t> Jws<'t> {
    /// Decodes the segments and reads the header.
    pub fn parse(segments: JwsSegments<'t>) -> Result<Self, TokenError> {
        Self::with_header(Rc::new(Header::parse(segments.header)?), segments)
    }

    /// As [`Jws::parse`]; a header that is among `headers` is not read again.
    pub fn parse_with(
        segments: JwsSegments<'t>,
        headers: &mut Headers,
    ) -> Result<Self, TokenError> {
        Self::with_header(headers.read(segments.header)?, segments)
    }

    fn with_header(header: Rc<Header>, segments: JwsSegments<'t>) -> Result<Self, TokenError> {
        let algorithm = header.signature_algorithm()?;
        let payload = base64url::decode(segments.payload).map_err(|_| Malformed::Base64)?;
        base64url::check(segments.signature).map_err(|_| Malformed::Base64)?;
        let JwsSegments { signature, signed, .. } = segments;
        Ok(Self { header, algorithm, payload, signature, signed })
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
        let mut room = [0; ORDINARY_SIGNATURE];
        let long;
        let signature = match base64url::decode_into(self.signature, &mut room) {
            Some(signature) => signature,
            None => {
                long = base64url::decode(self.signature).map_err(|_| Malformed::Base64)?;
                &long
            }
        };
        let (kid, algorithm) = (self.header.kid(), self.algorithm);
        let verified = try_verification_keys(sets, kid.as_deref(), algorithm, |key| {
            key.verify(algorithm, self.signed, signature).then_some(())
        });
        verified.map_err(|missed| match missed {
            Missed::NoKey => TokenError::UnknownKey,
            Missed::NoneDid(tried) => TokenError::InvalidSignature(algorithm, tried),
        })
    }

    fn read_claims(self) -> Result<Verified, TokenError> {
        let claims = Claims::parse(self.payload)?;
        Ok(Verified { header: self.header, claims, nested: None })
    }
}

impl Verified {
    /// What a JWE has decrypted to, read as claims.
    #[inline(never)]
    pub fn encrypted(decrypted: Decrypted) -> Result<Self, TokenError> {
        let (header, plaintext) = decrypted.into_parts();
        let claims = Claims::parse_secret(&plaintext)?;
        Ok(Self { header: Rc::new(header), claims, nested: None })
    }

    /// What a JWE has decrypted to, read as a JWS, whose signature is verified with the keys of
    /// `sets` that may serve it.
    #[inline(never)]
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
        let nested = Some(Zeroizing::new(text.to_owned()));
        Ok(Self { header: Rc::new(header), claims, nested })
    }

    /// How long its texts are, in bytes.
    pub fn text_length(&self) -> usize {
        let nested = self.nested.as_ref().map_or(0, |jws| jws.len());
        let claims = self.claims.object().text_length().saturating_add(nested);
        self.header.object().text_length().saturating_add(claims)
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
