//! Why a token is refused whose binding is not proven. The texts go into log lines: they never quote a
//! token, a proof or a certificate.

use std::fmt;

use crate::jose::error::Malformed;
use crate::jose::proof::ProofError;

/// Why a binding is not proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindingFault {
    Missing(Missing),
    /// It is another than the one that the token is bound to.
    OtherCertificate,
    /// It cannot be read.
    Certificate,
    Proof(ProofFault),
}

/// What is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// `cnf` is no object, or says nothing that is known here.
    Confirmation,
    /// The token is bound to no certificate, and must be.
    CertificateBinding,
    /// The token is bound to no key, and must be.
    KeyBinding,
    Certificate,
    /// There is no `DPoP`.
    Proof,
    /// The token came as that of a bearer.
    Scheme,
}

/// What is wrong with a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofFault {
    /// There are several.
    Several,
    /// The token is bound to no key.
    Unbound,
    /// The token is bound to a key that there cannot be.
    Confirmation,
    /// By itself.
    Error(ProofError),
    /// A claim is not what it must be, by its name.
    Claim(&'static str),
    /// `exp` or `nbf` is no time.
    Time(Malformed),
    Method,
    /// What the operator calls the URL of the request is none.
    Base,
    Target,
    Token,
    TooOld,
    TooNew,
    Expired,
    NotYetValid,
    Replayed,
    /// Whether it was used before is not known.
    MaybeReplayed,
    NoRoom,
}

impl From<Missing> for BindingFault {
    fn from(missing: Missing) -> Self {
        Self::Missing(missing)
    }
}

impl From<ProofFault> for BindingFault {
    fn from(fault: ProofFault) -> Self {
        Self::Proof(fault)
    }
}

impl fmt::Display for BindingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(missing) => missing.fmt(f),
            Self::OtherCertificate => f.write_str("JWT is bound to another certificate"),
            Self::Certificate => f.write_str("client certificate cannot be read"),
            Self::Proof(fault) => write!(f, "invalid DPoP proof: {fault}"),
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Confirmation => "JWT claim \"cnf\" names neither a certificate nor a key",
            Self::CertificateBinding => "JWT is not bound to a certificate",
            Self::KeyBinding => "JWT is not bound to a key",
            Self::Certificate => "JWT is bound to a certificate, and the client has none",
            Self::Proof => "no DPoP proof was provided",
            Self::Scheme => "JWT is bound to a key, but was sent as \"Bearer\"",
        })
    }
}

impl fmt::Display for ProofFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Several => f.write_str("there is more than one"),
            Self::Unbound => f.write_str("the JWT is not bound to a key"),
            Self::Confirmation => f.write_str("\"jkt\" of the JWT is not a thumbprint"),
            Self::Error(error) => error.fmt(f),
            Self::Claim(name) => write!(f, "claim \"{name}\" is missing or malformed"),
            Self::Time(malformed) => malformed.fmt(f),
            Self::Method => f.write_str("\"htm\" is another method"),
            Self::Base => f.write_str("the base is not a URL"),
            Self::Target => f.write_str("\"htu\" is another URL"),
            Self::Token => f.write_str("\"ath\" is of another JWT"),
            Self::TooOld => f.write_str("\"iat\" is too long ago"),
            Self::TooNew => f.write_str("\"iat\" is in the future"),
            Self::Expired => f.write_str("it has expired"),
            Self::NotYetValid => f.write_str("it is not yet valid"),
            Self::Replayed => f.write_str("\"jti\" was used before"),
            Self::MaybeReplayed => {
                f.write_str("whether \"jti\" was used before is not known any more")
            }
            Self::NoRoom => f.write_str("there is no room to remember \"jti\""),
        }
    }
}
