//! What a location asks of a token.

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

/// The rules a token is judged by, keys and requirements apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Policy {
    pub token_type: TokenType,
    /// `auth_jwt_leeway`, in seconds.
    pub leeway: u64,
}
