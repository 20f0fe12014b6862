//! What a location asks of a token, beside its keys and requirements.

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Acceptance {
    /// `auth_jwt_leeway`, in seconds.
    pub leeway: u64,
}
