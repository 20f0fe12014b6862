//! `htu`: the URL of a request, compared by RFC 3986 §6.2.2 and §6.2.3.

use std::fmt;

/// Why a text is no base of URLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaseError {
    /// Neither `https://` nor `http://` with a host.
    NotAUrl,
    Credentials,
    Query,
    Fragment,
}

impl fmt::Display for BaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAUrl => "it is no URL of \"https:\" or \"http:\"",
            Self::Credentials => "it has credentials",
            Self::Query => "it has a query",
            Self::Fragment => "it has a fragment",
        })
    }
}

/// Whether `text` is a base: scheme and authority, perhaps with a path.
pub fn check_base(text: &[u8]) -> Result<(), BaseError> {
    let _ = text;
    Err(BaseError::NotAUrl)
}
