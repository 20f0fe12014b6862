//! Why keys do not come, and what to do about it, beyond what the module says.

use std::env;
use std::io;

use ngx_http_auth_jwt_module::auth::key_place::{Discovery, Remote};
use ngx_http_auth_jwt_module::auth::url::{Url, UrlError};
use ngx_http_auth_jwt_module::fetch::error::{DocumentError, FetchError};
use ngx_http_auth_jwt_module::fetch::once::{Failed, Order};
use ngx_http_auth_jwt_module::jose::error::KeySetError;

use super::pretty::quoted;

/// In which other programs find a proxy.
const PROXIES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

/// What may help a fetch that has failed.
pub fn of(failed: &Failed, order: &Order) -> Vec<String> {
    let mut hints = Vec::from_iter(own(failed, order));
    if may_want_proxy(&failed.error) && order.proxy.is_none() && !order.place.url().is_local() {
        let named = PROXIES.into_iter().find(|name| env::var_os(name).is_some());
        hints.extend(named.map(|name| {
            format!("${name} names a proxy, of which nginx knows nothing: \"auth_jwt_fetch_proxy URL;\" in http does, and --proxy here")
        }));
    }
    hints
}

fn may_want_proxy(error: &FetchError) -> bool {
    matches!(error, FetchError::HostNotFound | FetchError::Io(_) | FetchError::TooSlow)
}

fn own(failed: &Failed, order: &Order) -> Option<String> {
    let text = match &failed.error {
        FetchError::Status(status) => return of_status(*status, failed, order),
        FetchError::Encoded(_) => {
            "the module asks for no compression, and undoes none: that server compresses all the same"
        }
        FetchError::TooSlow => {
            "\"timeout\" in the block is the time of one fetch with all its steps (\"nginx-jwt keys --timeout TIME\" to try); a firewall that drops packets looks like this, too"
        }
        FetchError::HostNotFound => {
            "names are resolved by this system (/etc/hosts, /etc/resolv.conf), not by nginx's \"resolver\""
        }
        FetchError::NothingTrusted => {
            "install your distribution's package ca-certificates, or name a file: \"ssl_trusted_certificate FILE;\" in the block, \"nginx-jwt keys --trusted-certificate FILE\" to try it"
        }
        FetchError::Tls(reason) => return of_tls(reason, order),
        FetchError::Proxy(_) => {
            "the proxy must allow CONNECT to that host and port: its own log says why it does not"
        }
        FetchError::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            "nothing listens at that port"
        }
        FetchError::Document(error) => return of_document(error),
        FetchError::KeySet(KeySetError::Json(_)) => {
            "what was answered is no JSON, perhaps a page to log in or an error page: \"curl\" shows it"
        }
        FetchError::KeySet(KeySetError::NoKeys) => {
            "that is neither a JWK Set nor a document with \"jwks_uri\""
        }
        FetchError::KeySet(KeySetError::Empty) if failed.notices.is_empty() => {
            "the set has no keys at all: the identity provider must make one"
        }
        FetchError::KeySet(KeySetError::Empty) => {
            "the set is well-formed, but no key in it can be used: the lines above say why"
        }
        _ => return None,
    };
    Some(text.to_owned())
}

fn of_status(status: u16, failed: &Failed, order: &Order) -> Option<String> {
    let text = match status {
        300..=399 => "no redirect is followed: name the URL it leads to (\"curl -sI\" shows it)",
        401 | 403 => "keys must be there for everybody: no credentials are sent",
        404 | 410 => match &order.place {
            Remote::Discovery(discovery) if discovery.url.text() == failed.url => {
                "is the issuer's URL whole, with its path? An issuer that describes itself nowhere needs \"key_url URL;\" with its JWK Set"
            }
            Remote::Discovery(discovery) if is_fallback(discovery, &failed.url) => return None,
            Remote::Discovery(_) => "the issuer's own document names that URL: the fault is its",
            Remote::KeySet(_) => {
                "give the issuer's URL, the \"iss\" of its tokens: it may say where its keys are"
            }
        },
        429 => "it asks to be asked less often",
        500.. => "the fault is that server's; the module tries again by itself",
        _ => return None,
    };
    Some(text.to_owned())
}

fn is_fallback(discovery: &Discovery, url: &str) -> bool {
    discovery.fallback.as_ref().is_some_and(|fallback| fallback.text() == url)
}

fn of_tls(reason: &str, order: &Order) -> Option<String> {
    let text = match &order.certificates {
        _ if reason.contains("not valid for name") => {
            "the certificate is another host's: the URL must name the host as its certificate does"
        }
        _ if reason.contains("expired") || reason.contains("not valid yet") => {
            "the server's certificate is not valid now: is the clock of this machine right?"
        }
        None if is_of_another(reason) => {
            "no authority that this system trusts has signed its certificate: name the file with your own, \"ssl_trusted_certificate FILE;\" in the block, \"nginx-jwt keys --trusted-certificate FILE\" to try it"
        }
        Some(_) if is_of_another(reason) => {
            "no certificate in the file of \"ssl_trusted_certificate\" has signed it: the file must hold the root, and the server must send those between"
        }
        _ if reason.contains("CaUsedAsEndEntity") => {
            "the server has an authority's own certificate (\"CA:TRUE\", as \"openssl req -x509\" makes them): it needs one with \"basicConstraints=CA:FALSE\", which may be signed by itself"
        }
        _ if reason.contains("InvalidContentType") => "that port does not speak TLS",
        _ if reason.contains("ProtocolVersion") || reason.contains("ServerDoesNotSupport") => {
            "the server must speak TLS 1.2 or 1.3"
        }
        _ => return None,
    };
    Some(text.to_owned())
}

/// Whether the certificate leads elsewhere, perhaps to an authority of the same name, with another kind of key.
fn is_of_another(reason: &str) -> bool {
    ["UnknownIssuer", "BadSignature", "ForPublicKeyContext"]
        .into_iter()
        .any(|error| reason.contains(error))
}

fn of_document(error: &DocumentError) -> Option<String> {
    match error {
        DocumentError::Issuer(own, _) if own.contains('{') => {
            Some("that is a document for all tenants: name the URL of yours".to_owned())
        }
        DocumentError::Issuer(own, wanted) => {
            let slash = own.trim_end_matches('/') == wanted.trim_end_matches('/');
            let what = if slash { "the \"/\" at the end counts" } else { "byte by byte" };
            let own = quoted(own);
            Some(format!(
                "{what}: if that is the \"iss\" of its tokens, the block must name {own} as its first issuer"
            ))
        }
        DocumentError::JwksUri(_, UrlError::Insecure) => {
            Some(insecure("the identity provider must name one with https"))
        }
        DocumentError::Json(_) => Some(
            "what was answered is no JSON, perhaps an error page: \"curl\" shows it".to_owned(),
        ),
        DocumentError::Missing(_) | DocumentError::JwksUri(..) => None,
    }
}

/// Why a URL cannot be fetched from, where its text is at fault.
pub fn of_url(text: &str, error: UrlError) -> Option<String> {
    match (error, text.strip_prefix("http://")) {
        (UrlError::Insecure, Some(rest)) => Some(insecure(&format!("try \"https://{rest}\""))),
        (UrlError::Query, _) => Some("an issuer has no query".to_owned()),
        _ => None,
    }
}

fn insecure(advice: &str) -> String {
    format!("whoever is on the way could replace the keys: {advice}")
}

/// What a block says for a document at `url` that is of the issuer `own`.
pub fn block(url: &Url, own: &str) -> String {
    let default = own.parse().and_then(|own: Url| own.openid_configuration());
    let config_url = match default {
        Ok(default) if default == *url => String::new(),
        _ => format!(" config_url {};", url.text()),
    };
    format!("in the block: issuer {};{config_url}", quoted(own).trim_matches('"'))
}
