//! An issuer, as its block describes it: which tokens are its own, and what it asks of them. And the
//! issuers of a level, of which the `iss` of a token picks one.

use std::collections::HashMap;
use std::rc::Rc;

use super::audience;
use super::claim_path::ClaimPath;
use super::numeric_date::{NumericDate, Validity, issued_at};
use super::outcome::Refusal;
use crate::jose::algorithm::SignatureAlgorithm;
use crate::jose::claims::Claims;
use crate::jose::header::Header;

/// An `auth_jwt_issuer` block, but for its keys.
#[derive(Debug, Default)]
pub struct Issuer {
    /// No other has it.
    pub id: u64,
    pub name: String,
    /// A token whose `iss` is one of them is its own.
    pub issuers: Vec<String>,
    /// `None`: any.
    pub audience: Option<Vec<String>>,
    /// `None`: all that its keys serve.
    pub algorithms: Option<Vec<SignatureAlgorithm>>,
    pub typ: Typ,
    pub may_lack_exp: bool,
    /// In seconds, as are those that follow.
    pub leeway: Option<u64>,
    pub max_lifetime: Option<u64>,
    pub max_age: Option<u64>,
    pub scope_claim: Option<Vec<ClaimPath>>,
}

/// Which `typ` a token may have.
#[derive(Debug, Default, PartialEq, Eq)]
pub enum Typ {
    /// None, `JWT` or `at+jwt`.
    #[default]
    Usual,
    Any,
    /// In small letters, without `application/`.
    Of(Vec<String>),
}

/// The issuers of a level: however many they are, it takes one look-up to find a token's.
#[derive(Debug)]
pub struct Issuers {
    by_iss: HashMap<String, Rc<Issuer>, foldhash::quality::RandomState>,
    /// The issuer, where there is only one.
    only: Option<Rc<Issuer>>,
}

/// Two issuers that claim the same `iss`.
#[derive(Debug, PartialEq, Eq)]
pub struct Conflict {
    pub iss: String,
    pub names: [String; 2],
}

impl Issuers {
    /// A table of `issuers`.
    pub fn new(issuers: &[Rc<Issuer>]) -> Result<Self, Conflict> {
        let mut by_iss = HashMap::<_, Rc<Issuer>, _>::default();
        for issuer in issuers {
            for iss in &issuer.issuers {
                let earlier = by_iss.insert(iss.clone(), issuer.clone());
                if let Some(earlier) = earlier.filter(|earlier| !Rc::ptr_eq(earlier, issuer)) {
                    let names = [earlier.name.clone(), issuer.name.clone()];
                    return Err(Conflict { iss: iss.clone(), names });
                }
            }
        }
        let only = match issuers {
            [only] => Some(only.clone()),
            _ => None,
        };
        Ok(Self { by_iss, only })
    }

    /// The issuer whose `iss` it is.
    pub fn find(&self, iss: &str) -> Option<&Rc<Issuer>> {
        self.by_iss.get(iss)
    }

    /// The issuer, where there is only one: a token that is encrypted does not say whose it is.
    pub fn only(&self) -> Option<&Rc<Issuer>> {
        self.only.as_ref()
    }
}

impl Issuer {
    /// Judges `iss`.
    pub fn judge_origin(&self, claims: &Claims) -> Result<(), Refusal> {
        let iss = claims.value("iss").and_then(|iss| iss.as_str());
        let is_own = iss.is_some_and(|iss| self.issuers.iter().any(|own| *own == iss));
        if is_own { Ok(()) } else { Err(Refusal::UnknownIssuer) }
    }

    /// Judges `alg` and `typ`; `algorithm` is that of the signature, where there is one.
    pub fn judge_header(
        &self,
        header: &Header,
        algorithm: Option<SignatureAlgorithm>,
    ) -> Result<(), Refusal> {
        let is_listed =
            |algorithm| self.algorithms.as_ref().is_none_or(|allowed| allowed.contains(&algorithm));
        if !algorithm.is_none_or(is_listed) {
            return Err(Refusal::AlgorithmNotAllowed);
        }
        let typ = header.typ();
        let typ = typ.as_deref().map(media_type);
        let allowed = match (&self.typ, typ.as_deref()) {
            (Typ::Any, _) | (Typ::Usual, None) => true,
            (Typ::Usual, Some(typ)) => matches!(typ, "jwt" | "at+jwt"),
            (Typ::Of(allowed), typ) => typ.is_some_and(|typ| allowed.iter().any(|own| own == typ)),
        };
        if allowed { Ok(()) } else { Err(Refusal::WrongTyp) }
    }

    /// Judges for how long the token was issued.
    pub fn judge_lifetime(&self, claims: &Claims, validity: Validity) -> Result<(), Refusal> {
        let expires = validity.expires();
        let fits = match (expires, self.max_lifetime) {
            (expires, None) => self.may_lack_exp || expires.is_some(),
            (None, Some(_)) => false,
            (Some(expires), Some(longest)) => issued_at(claims)
                .is_some_and(|issued| expires.seconds_since(issued) <= longest as f64),
        };
        if fits { Ok(()) } else { Err(Refusal::WrongLifetime) }
    }

    /// Judges how long ago the token was issued.
    pub fn judge_age(&self, claims: &Claims, now: NumericDate, leeway: u64) -> Result<(), Refusal> {
        let Some(oldest) = self.max_age else { return Ok(()) };
        let age = issued_at(claims).map(|issued| now.seconds_since(issued));
        let leeway = leeway as f64;
        let fits = age.is_some_and(|age| -leeway <= age && age <= oldest as f64 + leeway);
        if fits { Ok(()) } else { Err(Refusal::WrongLifetime) }
    }

    /// Whether the token is for one of the issuer's audiences.
    pub fn has_audience(&self, claims: &Claims) -> bool {
        let is_for = |own: &Vec<String>| audience::is_for(claims, own.iter().map(String::as_bytes));
        self.audience.as_ref().is_none_or(is_for)
    }
}

/// A media type as RFC 7515 §4.1.9 compares it: in small letters, without `application/`.
pub fn media_type(typ: &str) -> String {
    let typ = typ.to_ascii_lowercase();
    typ.strip_prefix("application/").map(str::to_owned).unwrap_or(typ)
}
