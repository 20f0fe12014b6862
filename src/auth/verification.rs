//! From the bytes of a token to what is proven of it. Nothing here depends on the moment or on the
//! request, so that a verified token can be kept.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::num::NonZeroU64;
use std::rc::Rc;
use std::sync::Arc;

use smallvec::SmallVec;

use super::binding::Confirmation;
use super::issuer::{Issuer, Issuers};
use super::numeric_date::Validity;
use super::outcome::Refusal;
use super::policy::TokenType;
use crate::jose::compact::Compact;
use crate::jose::error::TokenError;
use crate::jose::header::Headers;
use crate::jose::json::Value;
use crate::jose::jwe::{DecryptedClaims, Jwe};
use crate::jose::jws::{Jws, Signed, Unproven};
use crate::jose::key_set::KeySet;
use crate::jose::token::Token;

/// A token that is kept remembers this many locations whose rules it keeps.
const REMEMBERED: usize = 4;

/// A token whose form, header and type are right. Judged before any key is had, so that a broken
/// key source cannot turn a bad token into a server error.
#[derive(Debug)]
pub enum Parsed<'t> {
    Signed(Jws<'t>),
    Encrypted(Box<Jwe<'t>>),
    Nested(Box<Jwe<'t>>),
}

/// A token of which is proven what its location asks for.
#[derive(Debug)]
pub struct VerifiedToken {
    proof: Proof,
    validity: Validity,
    /// Of the key sets it was verified with.
    generations: SmallVec<[u64; 1]>,
    /// Who has issued it, where the location names issuers.
    issuer: Option<Rc<Issuer>>,
    /// The rules it is known to keep, by their number, as far as they depend on the token alone.
    kept: Cell<[Option<NonZeroU64>; REMEMBERED]>,
    /// What it is bound to, once somebody has asked.
    confirmation: OnceCell<Option<Box<Confirmation>>>,
}

#[derive(Debug)]
enum Proof {
    Signature(Signed),
    Decryption(DecryptedClaims),
    /// The location names no key source: it takes tokens on trust, as NGINX Plus does.
    Nothing(Unproven),
}

impl<'t> Parsed<'t> {
    /// Splits the token and reads its header, unless that is among `headers`; then finds whose token it
    /// claims to be, where there are `issuers`.
    #[inline(never)]
    pub fn new(
        token: &'t [u8],
        token_type: TokenType,
        issuers: Option<&Issuers>,
        headers: &mut Headers,
    ) -> Result<(Self, Option<Rc<Issuer>>), Refusal> {
        let mut parsed = match (Compact::split(token)?, token_type) {
            (Compact::Jws(segments), TokenType::Signed) => {
                Self::Signed(Jws::parse_with(segments, headers)?)
            }
            (Compact::Jwe(segments), TokenType::Encrypted) => {
                Self::Encrypted(Box::new(Jwe::parse(segments)?))
            }
            (Compact::Jwe(segments), TokenType::Nested) => {
                Self::Nested(Box::new(Jwe::parse(segments)?))
            }
            (other, TokenType::Signed | TokenType::Encrypted | TokenType::Nested) => {
                other.check_form()?;
                return Err(TokenError::WrongType.into());
            }
        };
        let issuer = issuers.map(|issuers| parsed.claimed_issuer(issuers)).transpose()?;
        Ok((parsed, issuer))
    }

    /// The token's `kid`; of a JWE that of the outer header.
    pub fn kid(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Signed(jws) => jws.header().kid(),
            Self::Encrypted(jwe) | Self::Nested(jwe) => jwe.header().kid(),
        }
    }

    /// Whose token it claims to be: nothing but the choice of keys follows from that. Judges what that
    /// issuer asks of the header. A token that is encrypted is the only issuer's, until it is decrypted.
    fn claimed_issuer(&mut self, issuers: &Issuers) -> Result<Rc<Issuer>, Refusal> {
        match self {
            Self::Signed(jws) => {
                let iss = jws.unverified_claims()?.value("iss").and_then(Value::as_str);
                let issuer = iss.and_then(|iss| issuers.find(&iss).cloned());
                let issuer = issuer.ok_or(Refusal::UnknownIssuer)?;
                issuer.judge_header(jws.header(), Some(jws.algorithm()))?;
                Ok(issuer)
            }
            Self::Encrypted(_) | Self::Nested(_) => {
                issuers.only().cloned().ok_or(Refusal::UnknownIssuer)
            }
        }
    }

    /// Decrypts the token, verifies its signature, or both, with the keys of `sets`; then reads `exp`
    /// and `nbf`. What was encrypted is only now known to be of `issuer`, the one it claims.
    pub fn verify(
        self,
        sets: &[Arc<KeySet>],
        issuer: Option<Rc<Issuer>>,
    ) -> Result<VerifiedToken, Refusal> {
        let proof = match self {
            Self::Signed(jws) => Proof::Signature(jws.verify(sets)?),
            Self::Encrypted(jwe) => {
                let claims = jwe.decrypt(sets)?.claims()?;
                if let Some(issuer) = &issuer {
                    issuer.judge_origin(claims.token().claims())?;
                    issuer.judge_header(claims.token().header(), None)?;
                }
                Proof::Decryption(claims)
            }
            Self::Nested(jwe) => {
                Proof::Signature(Signed::nested(jwe.decrypt(sets)?, sets, |jws| {
                    let Some(issuer) = &issuer else { return Ok(()) };
                    issuer.judge_origin(jws.unverified_claims()?)?;
                    issuer.judge_header(jws.header(), Some(jws.algorithm()))
                })?)
            }
        };
        VerifiedToken::new(proof, generations(sets).collect(), issuer)
    }

    /// Takes a JWS on trust; nothing can be decrypted so.
    pub fn trust(self) -> Result<VerifiedToken, Refusal> {
        match self {
            Self::Signed(jws) => {
                VerifiedToken::new(Proof::Nothing(jws.unproven()?), SmallVec::new(), None)
            }
            Self::Encrypted(_) | Self::Nested(_) => Err(Refusal::KeysUnavailable),
        }
    }
}

impl VerifiedToken {
    fn new(
        proof: Proof,
        generations: SmallVec<[u64; 1]>,
        issuer: Option<Rc<Issuer>>,
    ) -> Result<Self, Refusal> {
        let validity = Validity::of(proof.token().claims())?;
        Ok(Self {
            proof,
            validity,
            generations,
            issuer,
            kept: Cell::default(),
            confirmation: OnceCell::new(),
        })
    }

    /// Who has issued it, where the location names issuers.
    pub fn issuer(&self) -> Option<&Rc<Issuer>> {
        self.issuer.as_ref()
    }

    /// Whether it is known to keep the rules of number `id`, as far as they depend on it alone.
    pub(super) fn keeps(&self, id: NonZeroU64) -> bool {
        self.kept.get().contains(&Some(id))
    }

    /// Remembers that it keeps the rules of number `id`.
    pub(super) fn remember_kept(&self, id: NonZeroU64) {
        let mut kept = self.kept.get();
        kept.rotate_right(1);
        if let Some(first) = kept.first_mut() {
            *first = Some(id);
        }
        self.kept.set(kept);
    }

    /// What it is bound to, if it is (RFC 7800).
    pub fn confirmation(&self) -> Option<&Confirmation> {
        let find = || Confirmation::of(self.token().claims()).map(Box::new);
        self.confirmation.get_or_init(find).as_deref()
    }

    /// What it says.
    pub fn token(&self) -> &Token {
        self.proof.token()
    }

    /// When it holds.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// Whether nothing says who made it: it was encrypted with a public key, and is not signed.
    pub fn is_anybodys(&self) -> bool {
        match &self.proof {
            Proof::Decryption(claims) => claims.is_anybodys(),
            Proof::Signature(_) | Proof::Nothing(_) => false,
        }
    }

    /// Whether it was verified with these very key sets, told by their [`generations`].
    pub fn holds_under(&self, generations: impl IntoIterator<Item = u64>) -> bool {
        self.generations.iter().copied().eq(generations)
    }
}

impl Proof {
    fn token(&self) -> &Token {
        match self {
            Self::Signature(signed) => signed.token(),
            Self::Decryption(claims) => claims.token(),
            Self::Nothing(unproven) => unproven.token(),
        }
    }
}

/// What tells key sets from all others, in their order.
pub fn generations(sets: &[Arc<KeySet>]) -> impl Iterator<Item = u64> {
    sets.iter().map(|set| set.generation())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_keys_end_it() {
        let set = || {
            let json = br#"{"kty":"oct","k":"AA"}"#.to_vec();
            KeySet::parse(json, |_| ()).map(Arc::new)
        };
        let (Ok(one), Ok(same_bytes_read_anew)) = (set(), set()) else { unreachable!("a key set") };
        // HS256 of the secret, a zero byte.
        let token = b"eyJhbGciOiJIUzI1NiJ9.e30.4E_Bsx-pJi3kOW9wVXN8CgbATwP09D9V5gxh9-9zSZ0";
        let parsed = Parsed::new(token, TokenType::Signed, None, &mut Headers::default());
        let verified =
            parsed.and_then(|(parsed, _)| parsed.verify(std::slice::from_ref(&one), None));
        let Ok(verified) = verified else { unreachable!("a good token") };
        let holds_under = |sets: &[Arc<KeySet>]| verified.holds_under(generations(sets));
        assert!(holds_under(std::slice::from_ref(&one)));
        assert!(!holds_under(std::slice::from_ref(&same_bytes_read_anew)));
        assert!(!holds_under(&[one, same_bytes_read_anew]));
        assert!(!holds_under(&[]));
    }
}
