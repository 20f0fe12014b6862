//! Where the keys of an issuer are, and how those that are not on this machine are fetched.

use super::key_cache::Rules;
use super::url::{Url, UrlError};

/// Where keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// `key_file`
    File(String),
    Remote(Box<Remote>),
}

/// Where keys are fetched from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remote {
    /// `key_url`: a JWK Set.
    KeySet(Url),
    /// `config_url`, or where the issuer by its URL says where its keys are.
    Discovery(Discovery),
}

impl Remote {
    /// The URL that is asked first.
    pub fn url(&self) -> &Url {
        match self {
            Self::KeySet(url) | Self::Discovery(Discovery { url, .. }) => url,
        }
    }
}

/// A document that names the URL of the keys (OpenID Connect Discovery, RFC 8414).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    pub url: Url,
    /// Where the document is sought when the first place answers 404.
    pub fallback: Option<Url>,
    /// Whose it must say it is.
    pub issuer: String,
}

impl Discovery {
    /// Where an issuer says where its keys are: OpenID Connect Discovery, then RFC 8414.
    pub fn of(issuer: &str) -> Result<Self, UrlError> {
        let own: Url = issuer.parse()?;
        let (url, fallback) = (own.openid_configuration()?, own.authorization_server()?);
        Ok(Self { url, fallback: Some(fallback), issuer: issuer.to_owned() })
    }
}

/// How keys by URL are fetched. Times are in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchSettings {
    /// `key_cache`
    pub cache: Rules,
    /// Of one fetch, all in all.
    pub timeout: u64,
    /// `ssl_trusted_certificate`; `None`: what the system trusts.
    pub certificates: Option<String>,
}

impl Default for FetchSettings {
    fn default() -> Self {
        let cache =
            Rules { fresh_for: 600_000, refresh_every: Some(30_000), stale_for: 86_400_000 };
        Self { cache, timeout: 5_000, certificates: None }
    }
}
