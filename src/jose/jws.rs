//! A JWS (RFC 7515 §5.2): the signature is judged first, and only then is the payload read. What is
//! proven of a token is a type of its own: `Signed`, or `Unproven`; of a JWE see `DecryptedClaims`.

use std::rc::Rc;

use zeroize::{Zeroize, Zeroizing};

use super::algorithm::SignatureAlgorithm;
use super::base64url;
use super::claims::Claims;
use super::compact::{Compact, JwsSegments};
use super::error::{Malformed, TokenError, Tried};
use super::header::{Header, Headers};
use super::jwe::Decrypted;
use super::jwk::Key;
use super::key_set::KeySet;
use super::select::try_verification_keys;
use super::token::Token;

/// A JWS whose form is right; its claims are out of reach until it is verified.
#[derive(Debug)]
pub struct Jws<'t> {
    header: Rc<Header>,
    algorithm: SignatureAlgorithm,
    payload: Vec<u8>,
    /// Whether the payload was encrypted: it is wiped then.
    secret: bool,
    /// The payload, where it has been read before the signature is judged.
    claims: Option<Claims>,
    signature: Vec<u8>,
    signed: &'t [u8],
}

/// A token, alone or inside a JWE, whose signature one of the keys has verified.
#[derive(Debug)]
pub struct Signed(Token);

/// A token whose signature nobody has verified.
#[derive(Debug)]
pub struct Unproven(Token);

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
        let payload = base64url::decode(segments.payload)?;
        let signature = base64url::decode(segments.signature)?;
        let signed = segments.signed;
        Ok(Self { header, algorithm, payload, secret: false, claims: None, signature, signed })
    }

    /// The JOSE header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The algorithm of the signature.
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// The claims that nobody has verified yet: good for nothing but the choice of keys.
    pub fn unverified_claims(&mut self) -> Result<&Claims, Malformed> {
        let claims = self.take_claims()?;
        Ok(self.claims.insert(claims))
    }

    /// Verifies the signature with the keys of `sets` that may serve it.
    pub fn verify(self, sets: &[impl AsRef<KeySet>]) -> Result<Signed, TokenError> {
        self.judge(sets)?;
        self.read_claims().map(Signed)
    }

    /// Verifies the signature with `key` alone, whatever its `kid`.
    pub fn verify_by(self, key: &Key) -> Result<Signed, TokenError> {
        let algorithm = self.algorithm;
        let key = key.for_verification(algorithm).ok_or(TokenError::UnknownKey)?;
        match key.verify(algorithm, self.signed, &self.signature) {
            true => self.read_claims().map(Signed),
            false => Err(TokenError::InvalidSignature(algorithm, Tried::All)),
        }
    }

    /// Reads the claims without a look at the signature.
    pub fn unproven(self) -> Result<Unproven, TokenError> {
        self.read_claims().map(Unproven)
    }

    fn judge(&self, sets: &[impl AsRef<KeySet>]) -> Result<(), TokenError> {
        let (kid, algorithm) = (self.header.kid(), self.algorithm);
        try_verification_keys(sets, kid.as_deref(), algorithm, |key| {
            key.verify(algorithm, self.signed, &self.signature).then_some(())
        })
    }

    fn read_claims(mut self) -> Result<Token, TokenError> {
        let claims = self.take_claims()?;
        Ok(Token { header: self.header, claims, nested: None })
    }

    fn take_claims(&mut self) -> Result<Claims, Malformed> {
        if let Some(claims) = self.claims.take() {
            return Ok(claims);
        }
        let payload = std::mem::take(&mut self.payload);
        if self.secret {
            return Claims::parse_secret(&Zeroizing::new(payload));
        }
        Claims::parse(payload)
    }
}

impl Signed {
    /// Reads what a JWE has decrypted to as a JWS, has `judge` look at it, and verifies its signature
    /// with the keys of `sets` that may serve it.
    #[inline(never)]
    pub fn nested<E: From<TokenError> + From<Malformed>>(
        decrypted: Decrypted,
        sets: &[impl AsRef<KeySet>],
        judge: impl FnOnce(&mut Jws<'_>) -> Result<(), E>,
    ) -> Result<Self, E> {
        let (header, plaintext) = decrypted.into_parts();
        let text = std::str::from_utf8(&plaintext).map_err(|_| Malformed::Nested)?;
        let Ok(Compact::Jws(segments)) = Compact::split(text.as_bytes()) else {
            return Err(Malformed::Nested.into());
        };
        let mut jws = Jws::parse(segments)?;
        jws.secret = true;
        let judged = judge(&mut jws).and_then(|()| Ok(jws.judge(sets)?));
        // The payload was encrypted: it is wiped, whatever the verdict.
        judged.inspect_err(|_| jws.payload.zeroize())?;
        let claims = jws.take_claims()?;
        let nested = Some(Zeroizing::new(text.to_owned()));
        Ok(Self(Token { header: Rc::new(header), claims, nested }))
    }

    /// What it says.
    pub fn token(&self) -> &Token {
        &self.0
    }
}

impl Unproven {
    /// What it says.
    pub fn token(&self) -> &Token {
        &self.0
    }
}
