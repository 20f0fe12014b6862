//! Every way a request ends → `$auth_jwt_status`, status, error code, log line: a row each.

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

/// The word `$auth_jwt_status` has where `auth_jwt` is off.
pub const OFF: &str = "off";

/// What follows from a refusal, beside its log line.
struct Row {
    word: &'static str,
    status: u16,
    error: Option<ErrorCode>,
}

const fn row(word: &'static str, status: u16, error: Option<ErrorCode>) -> Row {
    Row { word, status, error }
}

impl Refusal {
    const fn row(self) -> Row {
        const INVALID: Option<ErrorCode> = Some(ErrorCode::InvalidToken);
        match self {
            Self::NoToken => row("no_token", 401, None),
            Self::Token(TokenError::Malformed(_)) => row("malformed_token", 401, INVALID),
            Self::Token(TokenError::WrongType) => row("wrong_type", 401, INVALID),
            Self::Token(TokenError::UnsupportedAlgorithm) => {
                row("unsupported_algorithm", 401, INVALID)
            }
            Self::Token(TokenError::UnknownKey) => row("unknown_key", 401, INVALID),
            Self::Token(TokenError::InvalidSignature(..)) => row("invalid_signature", 401, INVALID),
            Self::Token(TokenError::DecryptionFailed(_)) => row("decryption_failed", 401, INVALID),
            Self::Expired => row("expired", 401, INVALID),
            Self::NotYetValid => row("not_yet_valid", 401, INVALID),
            Self::RequirementFailed(Failure::Unauthorized) => {
                row("requirement_failed", 401, INVALID)
            }
            Self::RequirementFailed(Failure::Forbidden) => {
                row("requirement_failed", 403, Some(ErrorCode::InsufficientScope))
            }
            Self::KeysUnavailable => row("keys_unavailable", 500, None),
        }
    }

    /// The HTTP status.
    pub fn status(self) -> u16 {
        self.row().status
    }

    /// The `error` of the challenge; a request without a token gets a bare one.
    pub fn error_code(self) -> Option<ErrorCode> {
        self.row().error
    }

    /// Whether the client is to blame: it is challenged, and the line is logged at `info`. Else it is a
    /// key source, which has logged at `error` by itself.
    pub fn is_the_clients(self) -> bool {
        self.status() != 500
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

impl Verdict {
    /// The word `$auth_jwt_status` has for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Accepted => "ok",
            Self::Refused(refusal) => refusal.row().word,
        }
    }
}

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
