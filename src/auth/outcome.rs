//! Every way a request ends → status, log line, error code, `$auth_jwt_status`. One table.

use std::fmt;

use super::require::Failure;
use crate::jose::error::{Malformed, TokenError};

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The request carries no token.
    NoToken,
    /// The token itself is refused.
    Token(TokenError),
    Expired,
    NotYetValid,
    RequirementFailed(Failure),
    /// A key source could not be had; it has been logged with its name.
    KeysUnavailable,
}

/// Whose fault it is, and so at which level it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Logged at `info`.
    Client,
    /// Logged at `error`, by the source that failed.
    KeySource,
}

/// The `error` of a challenge (RFC 6750 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    InvalidToken,
    InsufficientScope,
}

/// The last verdict on a request, as `$auth_jwt_status` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Accepted,
    Refused(Refusal),
}

impl Refusal {
    /// The HTTP status.
    pub fn status(self) -> u16 {
        match self {
            Self::KeysUnavailable => 500,
            Self::RequirementFailed(Failure::Forbidden) => 403,
            _ => 401,
        }
    }

    /// Whose fault it is.
    pub fn fault(self) -> Fault {
        match self {
            Self::KeysUnavailable => Fault::KeySource,
            _ => Fault::Client,
        }
    }

    /// The `error` of the challenge; a request without a token gets a bare one.
    pub fn error_code(self) -> Option<ErrorCode> {
        match self {
            Self::NoToken | Self::KeysUnavailable => None,
            Self::RequirementFailed(Failure::Forbidden) => Some(ErrorCode::InsufficientScope),
            _ => Some(ErrorCode::InvalidToken),
        }
    }

    /// Whether the answer carries a challenge.
    pub fn challenges(self) -> bool {
        self.status() != 500
    }
}

impl Verdict {
    /// The word `$auth_jwt_status` has for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Accepted => "ok",
            Self::Refused(refusal) => match refusal {
                Refusal::NoToken => "no_token",
                Refusal::Token(TokenError::Malformed(_)) => "malformed_token",
                Refusal::Token(TokenError::WrongType) => "wrong_type",
                Refusal::Token(TokenError::UnsupportedAlgorithm) => "unsupported_algorithm",
                Refusal::Token(TokenError::UnknownKey) => "unknown_key",
                Refusal::Token(TokenError::InvalidSignature(..)) => "invalid_signature",
                Refusal::Token(TokenError::DecryptionFailed(_)) => "decryption_failed",
                Refusal::Expired => "expired",
                Refusal::NotYetValid => "not_yet_valid",
                Refusal::RequirementFailed(_) => "requirement_failed",
                Refusal::KeysUnavailable => "keys_unavailable",
            },
        }
    }
}

/// The word `$auth_jwt_status` has where `auth_jwt` is off.
pub const OFF: &str = "off";

impl<T> From<Result<T, Refusal>> for Verdict {
    fn from(result: Result<T, Refusal>) -> Self {
        result.map_or_else(Self::Refused, |_| Self::Accepted)
    }
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        Self::Token(error)
    }
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        Self::Token(malformed.into())
    }
}

/// The log line. `expired JWT token` and `JWT HS validation failed` are known to be scraped.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoToken => f.write_str("no JWT was provided"),
            Self::Token(TokenError::Malformed(reason)) => write!(f, "malformed JWT: {reason}"),
            Self::Token(TokenError::WrongType) => f.write_str("JWT is not of the type asked for"),
            Self::Token(TokenError::UnsupportedAlgorithm) => {
                f.write_str("JWT algorithm is not supported")
            }
            Self::Token(TokenError::UnknownKey) => f.write_str("no key found for the JWT"),
            Self::Token(TokenError::InvalidSignature(algorithm, tried)) => {
                write!(f, "JWT {} validation failed{tried}", algorithm.family())
            }
            Self::Token(TokenError::DecryptionFailed(tried)) => {
                write!(f, "JWT decryption failed{tried}")
            }
            Self::Expired => f.write_str("expired JWT token"),
            Self::NotYetValid => f.write_str("JWT token is not yet valid"),
            Self::RequirementFailed(_) => f.write_str("JWT requirement is not met"),
            Self::KeysUnavailable => f.write_str("JWT keys are unavailable"),
        }
    }
}
