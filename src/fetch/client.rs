//! One GET: HTTP/1.1, by way of a proxy if there is one, with TLS 1.2 or 1.3 on aws-lc-rs.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use rustls::CertificateError;
use rustls::Error::InvalidCertificate;
use rustls::crypto::aws_lc_rs;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, Error, Proxy};

use super::error::{FetchError, MAX_SIZE};
use crate::auth::url::Url;

const USER_AGENT: &str = concat!("ngx_http_auth_jwt_module/", env!("CARGO_PKG_VERSION"));

/// The status of a server that offers keys by their own media type alone (RFC 7517 section 8.5.2), as Kubernetes does.
const NOT_ACCEPTABLE: u16 = 406;
const KEY_SET: &str = "application/jwk-set+json";

/// The stack of a thread that only waits. In bytes.
const STACK: usize = 64 << 10;

/// The body of the answer that `url` gives before `deadline`, if it is a good one.
pub fn get(
    url: &Url,
    deadline: Instant,
    trusted: RootCerts,
    proxy: Option<&Proxy>,
) -> Result<Vec<u8>, FetchError> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left == Duration::ZERO {
        return Err(FetchError::TooSlow);
    }
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(aws_lc_rs::default_provider()))
        .root_certs(trusted)
        .build();
    let agent: Agent = Agent::config_builder()
        .tls_config(tls)
        .proxy(proxy.cloned())
        .timeout_global(Some(left))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .max_idle_connections(0)
        .user_agent(USER_AGENT)
        .accept("application/json")
        .accept_encoding("")
        .build()
        .into();
    let _watch = agent.config().proxy().map(|_| watch(&agent, left)).transpose()?;
    let failed = |error| match Instant::now() < deadline {
        true => reason(error),
        false => FetchError::TooSlow,
    };
    let mut response = agent.get(url.text()).call().map_err(failed)?;
    if response.status() == NOT_ACCEPTABLE {
        let left = deadline.saturating_duration_since(Instant::now());
        let again = agent.get(url.text()).header("accept", KEY_SET).config();
        response = again.timeout_global(Some(left)).build().call().map_err(failed)?;
    }
    if response.status() != 200 {
        return Err(FetchError::Status(response.status().as_u16()));
    }
    if let Some(encoding) = response.headers().get("content-encoding") {
        let encoding = String::from_utf8_lossy(encoding.as_bytes()).into_owned();
        return Err(FetchError::Encoded(encoding));
    }
    response.body_mut().with_config().limit(MAX_SIZE).read_to_vec().map_err(failed)
}

/// Ends what `agent` does when the time is over, unless the sender that this returns is dropped before. ureq gives
/// each read of a proxy's answer the whole time anew.
fn watch(agent: &Agent, left: Duration) -> Result<Sender<()>, FetchError> {
    let (watch, is_over) = mpsc::channel();
    let agent = agent.clone();
    let builder = thread::Builder::new().name("auth_jwt_watch".to_owned()).stack_size(STACK);
    let thread = builder.spawn(move || {
        if is_over.recv_timeout(left) == Err(RecvTimeoutError::Timeout) {
            agent.shutdown();
        }
    });
    thread.map(|_| watch).map_err(|_| FetchError::Thread)
}

/// An error of ureq as one of ours.
fn reason(error: Error) -> FetchError {
    match error {
        Error::Timeout(_) => FetchError::TooSlow,
        Error::BodyExceedsLimit(_) => FetchError::TooLarge,
        Error::HostNotFound => FetchError::HostNotFound,
        Error::ConnectProxyFailed(reason) => FetchError::Proxy(reason),
        Error::Tls(reason) => FetchError::Tls(reason.to_owned()),
        Error::Rustls(error) => of_tls(&error),
        Error::Io(error) => of_io(error),
        other => FetchError::Http(other.to_string()),
    }
}

/// What rustls says, but without the time of the check: the same failure has the same words.
fn of_tls(error: &rustls::Error) -> FetchError {
    FetchError::Tls(match error {
        InvalidCertificate(CertificateError::ExpiredContext { .. }) => {
            "invalid peer certificate: certificate expired".to_owned()
        }
        InvalidCertificate(CertificateError::NotValidYetContext { .. }) => {
            "invalid peer certificate: certificate not valid yet".to_owned()
        }
        _ => error.to_string(),
    })
}

fn of_io(error: io::Error) -> FetchError {
    if matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) {
        return FetchError::TooSlow;
    }
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return FetchError::Cut;
    }
    let mut cause: Option<&dyn std::error::Error> = error.get_ref().map(|own| own as _);
    while let Some(own) = cause {
        if let Some(tls) = own.downcast_ref::<rustls::Error>() {
            return of_tls(tls);
        }
        cause = own.source();
    }
    // The resolver's own words.
    match error.to_string().strip_prefix("failed to lookup address information") {
        Some(_) => FetchError::HostNotFound,
        None => FetchError::Io(error),
    }
}
