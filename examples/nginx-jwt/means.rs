//! How keys by URL are fetched, as options say it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ngx_http_auth_jwt_module::auth::key_place::{FetchSettings, Remote};
use ngx_http_auth_jwt_module::fetch::certificates::Certificates;
use ngx_http_auth_jwt_module::fetch::once::Order;
use ngx_http_auth_jwt_module::fetch::proxy::Proxy;

use super::input::Failure;
use super::time;

/// A proxy, as a message describes it.
pub const PROXY: &str = "it must be that of an HTTP proxy, such as \"http://proxy.example.com:3128\", without path and variables";

/// What is to be another than usual.
#[derive(Default)]
pub struct Means {
    pub certificates: Option<Certificates>,
    pub timeout: Option<Duration>,
    pub proxy: Option<Proxy>,
}

#[derive(clap::Args)]
pub struct MeansArguments {
    /// Certificates in PEM to trust in place of the system's, as ssl_trusted_certificate says
    #[arg(long, value_name = "FILE")]
    trusted_certificate: Option<PathBuf>,
    /// The time of one fetch, all in all, as timeout says; 5s without it
    #[arg(long, value_name = "TIME", value_parser = timeout)]
    timeout: Option<Duration>,
    #[command(flatten)]
    proxy: ProxyArgument,
}

#[derive(clap::Args)]
pub struct ProxyArgument {
    /// The HTTP proxy by way of which keys are fetched, as auth_jwt_fetch_proxy says
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
}

impl MeansArguments {
    pub fn read(&self) -> Result<Means, Failure> {
        let certificates = self.trusted_certificate.as_ref().map(|file| {
            certificates(file).map_err(|error| format!("\"{}\" {error}", file.display()))
        });
        let certificates = certificates.transpose()?;
        Ok(Means { certificates, timeout: self.timeout, ..self.proxy.read()? })
    }

    /// The first that is given.
    pub fn given(&self) -> Option<&'static str> {
        match self {
            Self { trusted_certificate: Some(_), .. } => Some("--trusted-certificate"),
            Self { timeout: Some(_), .. } => Some("--timeout"),
            Self { proxy: ProxyArgument { proxy: Some(_) }, .. } => Some("--proxy"),
            _ => None,
        }
    }
}

impl ProxyArgument {
    /// The URL may hold a password, and is not shown.
    pub fn read(&self) -> Result<Means, Failure> {
        let proxy = self.proxy.as_ref().map(|url| Proxy::parse(url).ok_or(()));
        let proxy = proxy.transpose().map_err(|()| format!("invalid URL of --proxy, {PROXY}"))?;
        Ok(Means { proxy, ..Means::default() })
    }
}

impl Means {
    /// A fetch from there.
    pub fn order(&self, place: Remote) -> Order {
        let timeout = Duration::from_millis(FetchSettings::default().timeout);
        let mut order = Order { place, timeout, certificates: None, proxy: None };
        self.change(&mut order);
        order
    }

    /// Changes what is to be another.
    pub fn change(&self, order: &mut Order) {
        if let Some(certificates) = &self.certificates {
            order.certificates = Some(certificates.clone());
        }
        if let Some(timeout) = self.timeout {
            order.timeout = timeout;
        }
        if let Some(proxy) = &self.proxy {
            order.proxy = Some(proxy.clone());
        }
    }
}

/// The certificates of a file; the error goes on from its name.
pub fn certificates(file: &Path) -> Result<Certificates, String> {
    let pem = fs::read(file).map_err(|error| format!("cannot be read: {error}"))?;
    Certificates::parse(&pem).map_err(|error| format!("is not usable: {error}"))
}

/// As the module takes it.
fn timeout(text: &str) -> Result<Duration, String> {
    let time = time::nginx_milliseconds(text.as_bytes()).filter(|time| *time > 0);
    let time = time.ok_or("it must be a time above 0, such as \"10s\"")?;
    Ok(Duration::from_millis(time))
}
