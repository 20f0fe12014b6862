//! URLs that keys are fetched from, and those of protected resources.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use http::Uri;

/// A longer text is no URL of ours. In bytes.
const MAX_LENGTH: usize = 2_048;

/// A URL that keys may be fetched from: `https:`, or `http:` to this machine; without credentials and
/// without a fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    text: String,
    uri: Uri,
}

/// Why keys may not be fetched from a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlError {
    NotAUrl,
    /// Neither `https:`, nor `http:` to this machine.
    Insecure,
    Credentials,
    Fragment,
    Query,
}

impl Url {
    /// The text of it, as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The host and the port, if it names one.
    pub fn authority(&self) -> &str {
        self.uri.authority().map_or("", |authority| authority.as_str())
    }

    /// Scheme, host and port, if it names one.
    pub fn origin(&self) -> String {
        format!("{}://{}", self.uri.scheme_str().unwrap_or_default(), self.authority())
    }

    /// `/` where it names none.
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    /// What is behind `?`.
    pub fn query(&self) -> Option<&str> {
        self.uri.query()
    }

    /// Whether it leads to this machine.
    pub fn is_local(&self) -> bool {
        is_this_machine(self.uri.host().unwrap_or_default())
    }

    /// Whether it is plain HTTP, which stays on this machine unless a proxy is on the way.
    pub fn is_plain(&self) -> bool {
        self.uri.scheme_str() == Some("http")
    }

    /// Where an issuer of this URL describes itself (OpenID Connect Discovery §4). An issuer has no query.
    pub fn openid_configuration(&self) -> Result<Self, UrlError> {
        if self.uri.query().is_some() {
            return Err(UrlError::Query);
        }
        format!("{}/.well-known/openid-configuration", self.without_slash()).parse()
    }

    /// Where an issuer of this URL describes itself by RFC 8414 §3: before its path.
    pub fn authorization_server(&self) -> Result<Self, UrlError> {
        let text = self.without_slash();
        let after_scheme = text.find("://").map_or(0, |at| at.saturating_add(3));
        let path = text.get(after_scheme..).and_then(|rest| rest.find('/'));
        let origin = path.map_or(text.len(), |at| at.saturating_add(after_scheme));
        let (origin, path) = text.split_at_checked(origin).unwrap_or((text, ""));
        format!("{origin}/.well-known/oauth-authorization-server{path}").parse()
    }

    /// Both specifications remove a slash that ends an issuer.
    fn without_slash(&self) -> &str {
        self.text.strip_suffix('/').unwrap_or(&self.text)
    }
}

/// Whether nothing leaves this machine on the way to `host`.
pub fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host == "[::1]"
        || Ipv4Addr::from_str(host).is_ok_and(|address| address.is_loopback())
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        // Others would do to a log what they like.
        if text.len() > MAX_LENGTH || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(UrlError::NotAUrl);
        }
        // A `Uri` forgets it.
        if text.contains('#') {
            return Err(UrlError::Fragment);
        }
        let uri = Uri::from_str(text).map_err(|_| UrlError::NotAUrl)?;
        // A `Uri` may be a host alone.
        uri.scheme().ok_or(UrlError::NotAUrl)?;
        let authority = uri.authority().ok_or(UrlError::NotAUrl)?;
        if authority.as_str().contains('@') {
            return Err(UrlError::Credentials);
        }
        let has_port = authority.as_str().len() > authority.host().len();
        if authority.host().is_empty()
            || has_port && authority.port_u16().is_none_or(|port| port == 0)
        {
            return Err(UrlError::NotAUrl);
        }
        let url = Self { text: text.to_owned(), uri };
        match url.uri.scheme_str() {
            Some("https") => Ok(url),
            Some("http") if url.is_local() => Ok(url),
            _ => Err(UrlError::Insecure),
        }
    }
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAUrl => "it is no URL",
            Self::Insecure => "it is neither \"https:\" nor \"http:\" to this machine",
            Self::Credentials => "it has credentials",
            Self::Fragment => "it has a fragment",
            Self::Query => "it has a query",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_urls() {
        use UrlError::*;
        for (text, expected) in [
            ("https://id.example.com", Ok(())),
            ("https://id.example.com/", Ok(())),
            ("HTTPS://id.example.com:8443/a/b?c=d", Ok(())),
            ("https://[2001:db8::1]/keys", Ok(())),
            ("https://192.0.2.1/keys", Ok(())),
            ("http://localhost/keys", Ok(())),
            ("http://LOCALHOST:8080/keys", Ok(())),
            ("http://127.0.0.1:1/", Ok(())),
            ("http://127.255.255.254/", Ok(())),
            ("http://[::1]:80/", Ok(())),
            ("http://id.example.com/keys", Err(Insecure)),
            ("http://localhost.example.com/", Err(Insecure)),
            ("http://127.0.0.1.example.com/", Err(Insecure)),
            ("http://127.1/", Err(Insecure)),
            ("http://128.0.0.1/", Err(Insecure)),
            ("http://[::2]/", Err(Insecure)),
            ("http://[::ffff:127.0.0.1]/", Err(Insecure)),
            ("ftp://localhost/", Err(Insecure)),
            ("file:///etc/passwd", Err(NotAUrl)),
            ("id.example.com", Err(NotAUrl)),
            ("id.example.com:443", Err(NotAUrl)),
            ("id.example.com/keys", Err(NotAUrl)),
            ("//id.example.com/keys", Err(NotAUrl)),
            ("/keys", Err(NotAUrl)),
            ("", Err(NotAUrl)),
            ("https://", Err(NotAUrl)),
            ("https:///keys", Err(NotAUrl)),
            ("https://a b/", Err(NotAUrl)),
            ("https://a/\u{9b}31m", Err(NotAUrl)),
            ("https://a/\u{202e}", Err(NotAUrl)),
            ("https://a/\n", Err(NotAUrl)),
            ("https://\u{e4}.example.com/", Err(NotAUrl)),
            ("https://a:/", Err(NotAUrl)),
            ("https://a:0/", Err(NotAUrl)),
            ("https://a:65536/", Err(NotAUrl)),
            ("https://a:b/", Err(NotAUrl)),
            ("https://user@a/", Err(Credentials)),
            ("https://user:secret@a/", Err(Credentials)),
            ("http://localhost@id.example.com/", Err(Credentials)),
            ("https://a/#", Err(Fragment)),
            ("https://a/b#c", Err(Fragment)),
        ] {
            assert_eq!(Url::from_str(text).map(|_| ()), expected, "{text}");
        }
    }

    #[test]
    fn where_an_issuer_describes_itself() {
        for (issuer, openid, oauth) in [
            (
                "https://a",
                "https://a/.well-known/openid-configuration",
                "https://a/.well-known/oauth-authorization-server",
            ),
            (
                "https://a/",
                "https://a/.well-known/openid-configuration",
                "https://a/.well-known/oauth-authorization-server",
            ),
            (
                "https://a:1/b/c/",
                "https://a:1/b/c/.well-known/openid-configuration",
                "https://a:1/.well-known/oauth-authorization-server/b/c",
            ),
        ] {
            let Ok(url) = Url::from_str(issuer) else { unreachable!("{issuer}") };
            let text = |url: Result<Url, UrlError>| url.map(|url| url.text().to_owned());
            assert_eq!(text(url.openid_configuration()).as_deref(), Ok(openid));
            assert_eq!(text(url.authorization_server()).as_deref(), Ok(oauth));
        }
    }
}
