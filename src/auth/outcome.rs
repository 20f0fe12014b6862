//! Every way a request ends: a row each with `$auth_jwt_status`, status and error code, and the log line.

use std::fmt;
use std::rc::Rc;

use super::binding::BindingFault;
use super::require::Failure;
use super::word::Word;
use crate::jose::error::{Malformed, TokenError};

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The request carries no token.
    NoToken,
    /// The token itself is refused.
    Token(TokenError),
    /// None of the level's issuers has issued it.
    UnknownIssuer,
    /// The issuer's tokens are not signed so.
    AlgorithmNotAllowed,
    WrongTyp,
    Expired,
    NotYetValid,
    /// It lacks `exp` or `iat`, or was issued for too long or too long ago.
    WrongLifetime,
    /// It is bound to its holder, or must be, and that is not proven.
    Unproven(BindingFault),
    WrongAudience,
    InsufficientScope,
    /// A rule for a claim fails, by its path.
    ClaimMismatch(Failure, Rc<str>),
    RequirementFailed(Failure),
    /// A key source could not be had; it has been logged with its name.
    KeysUnavailable,
}

/// The `error` of a challenge (RFC 6750 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    InvalidToken,
    InsufficientScope,
    /// RFC 9449 §12.2.
    InvalidDpopProof,
}

impl ErrorCode {
    /// As challenges have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::InvalidDpopProof => "invalid_dpop_proof",
        }
    }
}

/// What becomes of a request that has been judged.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Accepted,
    /// It carries no token, and none is asked for.
    Anonymous,
    Refused(Refusal),
    /// It would be refused, but for the dry run.
    DryRun(Refusal),
}

/// What a location lets pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leniency {
    /// A request without a token (`auth_jwt_optional`).
    pub optional: bool,
    /// Whatever would be refused (`auth_jwt_dry_run`).
    pub dry_run: bool,
}

/// The word `$auth_jwt_status` has where `auth_jwt` is off.
pub const OFF: &str = "off";

/// What follows from a refusal, beside its log line.
struct Row {
    word: Word,
    status: u16,
    error: Option<ErrorCode>,
}

const fn row(word: Word, status: u16, error: Option<ErrorCode>) -> Row {
    Row { word, status, error }
}

impl Refusal {
    const fn row(&self) -> Row {
        const INVALID: Option<ErrorCode> = Some(ErrorCode::InvalidToken);
        const SCOPE: Option<ErrorCode> = Some(ErrorCode::InsufficientScope);
        const PROOF: Option<ErrorCode> = Some(ErrorCode::InvalidDpopProof);
        match self {
            Self::NoToken => row(Word::NoToken, 401, None),
            Self::Token(TokenError::Malformed(_)) => row(Word::MalformedToken, 401, INVALID),
            Self::Token(TokenError::WrongType) => row(Word::WrongType, 401, INVALID),
            Self::Token(TokenError::UnsupportedAlgorithm) => {
                row(Word::UnsupportedAlgorithm, 401, INVALID)
            }
            Self::Token(TokenError::UnknownKey) => row(Word::UnknownKey, 401, INVALID),
            Self::Token(TokenError::InvalidSignature(..)) => {
                row(Word::InvalidSignature, 401, INVALID)
            }
            Self::Token(TokenError::DecryptionFailed(_)) => {
                row(Word::DecryptionFailed, 401, INVALID)
            }
            Self::UnknownIssuer => row(Word::UnknownIssuer, 401, INVALID),
            Self::AlgorithmNotAllowed => row(Word::UnsupportedAlgorithm, 401, INVALID),
            Self::WrongTyp => row(Word::WrongTyp, 401, INVALID),
            Self::Expired => row(Word::Expired, 401, INVALID),
            Self::NotYetValid => row(Word::NotYetValid, 401, INVALID),
            Self::WrongLifetime => row(Word::WrongLifetime, 401, INVALID),
            Self::Unproven(BindingFault::Missing(_)) => row(Word::ProofMissing, 401, INVALID),
            Self::Unproven(BindingFault::OtherCertificate | BindingFault::Certificate) => {
                row(Word::WrongCertificate, 401, INVALID)
            }
            Self::Unproven(BindingFault::Proof(_)) => row(Word::InvalidProof, 401, PROOF),
            Self::WrongAudience => row(Word::WrongAudience, 401, INVALID),
            Self::InsufficientScope => row(Word::InsufficientScope, 403, SCOPE),
            Self::ClaimMismatch(Failure::Unauthorized, _) => row(Word::ClaimMismatch, 401, INVALID),
            Self::ClaimMismatch(Failure::Forbidden, _) => row(Word::ClaimMismatch, 403, SCOPE),
            Self::RequirementFailed(Failure::Unauthorized) => {
                row(Word::RequirementFailed, 401, INVALID)
            }
            Self::RequirementFailed(Failure::Forbidden) => row(Word::RequirementFailed, 403, SCOPE),
            Self::KeysUnavailable => row(Word::KeysUnavailable, 500, None),
        }
    }

    /// Its word.
    pub fn word(&self) -> Word {
        self.row().word
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.row().status
    }

    /// The `error` of the challenge; a request without a token gets a bare one.
    pub fn error_code(&self) -> Option<ErrorCode> {
        self.row().error
    }

    /// Whether the client is to blame: it is challenged, and the line is logged at `info`. Else it is a
    /// key source, which has logged at `error` by itself.
    pub fn is_the_clients(&self) -> bool {
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
            Self::UnknownIssuer => f.write_str("JWT issuer is not known"),
            Self::AlgorithmNotAllowed => f.write_str("JWT algorithm is not allowed"),
            Self::WrongTyp => f.write_str("JWT typ is not allowed"),
            Self::Expired => f.write_str("expired JWT token"),
            Self::NotYetValid => f.write_str("JWT token is not yet valid"),
            Self::WrongLifetime => f.write_str("JWT lifetime is not allowed"),
            Self::Unproven(fault) => fault.fmt(f),
            Self::WrongAudience => f.write_str("JWT audience is another"),
            Self::InsufficientScope => f.write_str("JWT scope is insufficient"),
            Self::ClaimMismatch(_, path) => write!(f, "JWT claim \"{path}\" does not match"),
            Self::RequirementFailed(_) => f.write_str("JWT requirement is not met"),
            Self::KeysUnavailable => f.write_str("JWT keys are unavailable"),
        }
    }
}

impl Verdict {
    /// What becomes of a request that was judged so.
    pub fn new<T>(judged: Result<T, Refusal>, leniency: Leniency) -> Self {
        match judged {
            Ok(_) => Self::Accepted,
            Err(Refusal::NoToken) if leniency.optional => Self::Anonymous,
            Err(refusal) if leniency.dry_run => Self::DryRun(refusal),
            Err(refusal) => Self::Refused(refusal),
        }
    }

    /// The word `$auth_jwt_status` has for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Accepted => Word::Ok.text(),
            Self::Anonymous => Word::NoToken.text(),
            Self::Refused(refusal) => refusal.word().text(),
            Self::DryRun(refusal) => refusal.word().dry_run_text(),
        }
    }
}

impl<T> From<Result<T, Refusal>> for Verdict {
    fn from(judged: Result<T, Refusal>) -> Self {
        Self::new(judged, Leniency::default())
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
