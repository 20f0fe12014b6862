//! Why a token, a key or a key set is refused. The texts go into log lines: they name what is
//! wrong and never quote a token, a claim or a secret.

use std::fmt;

use super::algorithm::SignatureAlgorithm;

/// Why a token is refused, in the order in which the checks are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// Not a token by RFC 7515 to 7519, or by the limits we set.
    Malformed(Malformed),
    /// A JWE where a JWS is asked for, or the other way round.
    WrongType,
    /// `alg` or `enc` is none of those we serve.
    UnsupportedAlgorithm,
    /// No key may serve this token.
    UnknownKey,
    /// Keys were tried, and none verifies the signature.
    InvalidSignature(SignatureAlgorithm, Tried),
    /// Keys were tried, and none decrypts the token. That a key, a padding or a tag was wrong is one
    /// error (RFC 7516 §11.5).
    DecryptionFailed(Tried),
}

/// Which of the keys that fit were tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    All,
    /// So many, which is the most that are tried; others fit as well.
    Only(usize),
}

/// What follows the reason in a log line.
impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => Ok(()),
            Self::Only(count) => write!(f, ": {count} keys were tried, others were not"),
        }
    }
}

/// What is malformed about a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Neither three nor five segments.
    SegmentCount,
    /// A segment is not strict base64url.
    Base64,
    /// The header is not a JSON object.
    Header(JsonError),
    /// The payload is not a JSON object.
    Payload(JsonError),
    /// A header member is missing or not a string.
    HeaderMember(&'static str),
    /// A header member that the algorithm needs is missing or not what RFC 7518 says it is.
    HeaderValue(&'static str),
    /// A header member asks for what we do not do (`crit`, `b64`, `zip`).
    HeaderExtension(&'static str),
    /// What a nested token decrypts to is not a JWS.
    Nested,
    /// `exp` or `nbf` is not a finite number.
    NumericDate(&'static str),
}

impl From<Malformed> for TokenError {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SegmentCount => f.write_str("neither three nor five segments"),
            Self::Base64 => f.write_str("a segment is not base64url"),
            Self::Header(error) => write!(f, "header {error}"),
            Self::Payload(error) => write!(f, "payload {error}"),
            Self::HeaderMember(name) => write!(f, "header member \"{name}\" is not a string"),
            Self::HeaderValue(name) => {
                write!(f, "header member \"{name}\" is missing or malformed")
            }
            Self::HeaderExtension(name) => write!(f, "header member \"{name}\" is not supported"),
            Self::Nested => f.write_str("the decrypted content is not a JWS"),
            Self::NumericDate(name) => write!(f, "claim \"{name}\" is not a finite number"),
        }
    }
}

/// Why a text is not a JSON object we read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonError {
    NotUtf8,
    NotAnObject,
    DuplicateMember,
    LoneSurrogate,
    TooDeep,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotUtf8 => "is not valid UTF-8",
            Self::NotAnObject => "is not a JSON object",
            Self::DuplicateMember => "has a duplicate member",
            Self::LoneSurrogate => "has a lone surrogate",
            Self::TooDeep => "is nested too deep",
        })
    }
}

/// Why one key of a set cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// The entry is not a JSON object.
    Json(JsonError),
    /// A member is not what RFC 7517, 7518 or 8037 says it is.
    Member(&'static str, MemberFault),
    UnknownKeyType,
    UnknownCurve,
    /// `alg` is unknown to us, or one we refuse.
    UnknownAlgorithm,
    /// `alg` cannot be served by a key of this type or curve.
    UnfitAlgorithm,
    /// The RSA modulus has this many bits, outside 2048 to 8192.
    ModulusSize(usize),
    /// The RSA exponent is even, below 3 or above 33 bits.
    Exponent,
    /// `x` and `y` of an `EC` key are no point of its curve.
    NotOnCurve,
    /// A secret that a URL tells.
    Symmetric,
    /// The cryptographic library refuses the key.
    Rejected,
}

impl KeyError {
    /// Refuses a member of `found` octets, unless so many are `wanted`.
    pub fn check_length(name: &'static str, found: usize, wanted: usize) -> Result<(), Self> {
        match found == wanted {
            true => Ok(()),
            false => Err(Self::Member(name, MemberFault::Length { found, wanted })),
        }
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "the entry {error}"),
            Self::Member(name, fault) => write!(f, "member \"{name}\" {fault}"),
            Self::UnknownKeyType => f.write_str("unknown \"kty\""),
            Self::UnknownCurve => f.write_str("unknown \"crv\""),
            Self::UnknownAlgorithm => f.write_str("unknown \"alg\""),
            Self::UnfitAlgorithm => f.write_str("\"alg\" does not fit the key"),
            Self::ModulusSize(bits) => {
                write!(f, "an RSA modulus of {bits} bits, 2048 to 8192 are allowed")
            }
            Self::Exponent => {
                f.write_str("the RSA exponent is not an odd number from 3 to 33 bits")
            }
            Self::NotOnCurve => {
                f.write_str("the point of members \"x\" and \"y\" is not on the curve")
            }
            Self::Symmetric => f.write_str("\"kty\" is \"oct\", and what a URL tells is no secret"),
            Self::Rejected => f.write_str("the key is not valid"),
        }
    }
}

/// What is wrong about a member of a JWK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberFault {
    Missing,
    NotAString,
    NotAnArrayOfStrings,
    NotBase64Url,
    Empty,
    /// In octets.
    Length {
        found: usize,
        wanted: usize,
    },
    /// The public key of an `OKP` key is no point of its curve.
    NotOnCurve,
}

impl fmt::Display for MemberFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("is missing"),
            Self::NotAString => f.write_str("is not a string"),
            Self::NotAnArrayOfStrings => f.write_str("is not an array of strings"),
            Self::NotBase64Url => f.write_str("is not base64url"),
            Self::Empty => f.write_str("is empty"),
            Self::Length { found, wanted } => write!(f, "has {found} octets, not {wanted}"),
            Self::NotOnCurve => f.write_str("is not on the curve"),
        }
    }
}

/// Why a text is no JWK Set we can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySetError {
    /// Not a JSON object.
    Json(JsonError),
    /// An object that is neither a JWK Set nor a JWK.
    NoKeys,
    /// A JWK Set, but none of its keys can be used.
    Empty,
}

impl fmt::Display for KeySetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "JWK set {error}"),
            Self::NoKeys => f.write_str("JWK set has no \"keys\" array"),
            Self::Empty => f.write_str("empty JWK set"),
        }
    }
}
