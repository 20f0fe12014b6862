//! What a location asks of a token, beside its keys and requirements.

use std::num::NonZeroU64;

use super::binding::Binding;
use super::claim_rule::ClaimRule;
use super::operand::{NoVariables, Operand};
use super::scope_rule::ScopeRule;

/// `auth_jwt_type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TokenType {
    /// A JWS.
    #[default]
    Signed,
    /// A JWE of claims.
    Encrypted,
    /// A JWE of a JWS.
    Nested,
}

/// What the verification of a token depends on. Locations in which it is the same share cached tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Verification {
    pub token_type: TokenType,
    /// Which list of key sources, by number; without one a JWS is taken on trust.
    pub sources: Option<u64>,
}

/// What the acceptance of a verified token depends on, beside the moment and the request.
#[derive(Debug)]
pub struct Acceptance<'a, V> {
    /// `auth_jwt_leeway`, in seconds.
    pub leeway: u64,
    /// `None` where there are neither rules nor issuers.
    pub rules: Option<Rules<'a, V>>,
    /// `auth_jwt_certificate` and `auth_jwt_dpop`.
    pub binding: Binding,
}

impl Acceptance<'_, NoVariables> {
    /// Times alone are judged, `leeway` in seconds.
    pub fn without_rules(leeway: u64) -> Self {
        Self { leeway, rules: None, binding: Binding::OFF }
    }
}

/// What a location asks of the claims.
#[derive(Debug)]
pub struct Rules<'a, V> {
    /// No other location has it.
    pub id: NonZeroU64,
    /// `auth_jwt_audience`, which stands in place of the issuer's.
    pub audience: Option<&'a [Operand<V>]>,
    pub scopes: &'a [ScopeRule<V>],
    pub claims: &'a [ClaimRule<V>],
    /// Whether every request has the same rules: none has variables.
    pub are_fixed: bool,
}
