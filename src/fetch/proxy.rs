//! The HTTP proxy by way of which keys are fetched (`auth_jwt_fetch_proxy`).

use http::uri::Authority;

use crate::auth::url::is_this_machine;

/// A proxy.
#[derive(Clone)]
pub struct Proxy {
    pub(super) ureq: ureq::Proxy,
    is_local: bool,
}

impl Proxy {
    /// The proxy of that URL: `http:`, with a host, perhaps a port and credentials, and no path.
    pub fn parse(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("http://")?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#', '$']) {
            return None;
        }
        let parsed: Authority = authority.parse().ok()?;
        let after_host = authority.rsplit('@').next()?.strip_prefix(parsed.host())?;
        let has_good_port = after_host.is_empty() || parsed.port_u16().is_some_and(|port| port > 0);
        if parsed.host().is_empty() || !has_good_port {
            return None;
        }
        let ureq = ureq::Proxy::new(&format!("http://{authority}")).ok()?;
        Some(Self { ureq, is_local: is_this_machine(parsed.host()) })
    }

    /// Whether it is on this machine.
    pub fn is_local(&self) -> bool {
        self.is_local
    }
}

#[cfg(test)]
mod tests {
    use super::Proxy;

    #[test]
    fn which_urls() {
        for (url, is_allowed) in [
            ("http://proxy", true),
            ("http://proxy:3128", true),
            ("http://proxy:3128/", true),
            ("http://192.0.2.1:3128", true),
            ("http://[2001:db8::1]:3128", true),
            ("http://user:secret@proxy:3128", true),
            ("https://proxy", false),
            ("socks5://proxy", false),
            ("proxy:3128", false),
            ("http://", false),
            ("http://:3128", false),
            ("http://proxy:0", false),
            ("http://proxy:x", false),
            ("http://proxy/path", false),
            ("http://proxy?query", false),
            ("http://proxy#fragment", false),
            ("http://$proxy", false),
            ("http://a b", false),
            ("", false),
        ] {
            assert_eq!(Proxy::parse(url).is_some(), is_allowed, "{url}");
        }
    }
}
