//! One fetch of the keys of a source, from its URL to a key set.

use std::time::{Duration, Instant};

use super::certificates::{Certificates, trusted};
use super::client::get;
use super::discovery::jwks_uri;
use super::error::FetchError;
use super::proxy::Proxy;
use crate::auth::key_place::{Discovery, Remote};
use crate::auth::url::Url;
use crate::jose::key_set::{KeySet, Notice};

/// What is fetched, and how.
#[derive(Clone)]
pub struct Order {
    pub place: Remote,
    /// How long it may take, all in all.
    pub timeout: Duration,
    pub certificates: Option<Certificates>,
    pub proxy: Option<Proxy>,
}

/// Keys that were fetched.
pub struct Fetched {
    /// The URL of the key set.
    pub url: String,
    /// What was answered there.
    pub document: Vec<u8>,
    pub keys: KeySet,
    pub notices: Vec<Notice>,
}

/// A fetch that failed.
pub struct Failed {
    pub url: String,
    pub error: FetchError,
    /// Why the keys of a set cannot be used, where none can.
    pub notices: Vec<Notice>,
}

impl Failed {
    fn at(url: &Url, error: FetchError) -> Self {
        Self { url: url.text().to_owned(), error, notices: Vec::new() }
    }
}

/// A URL that was asked on the way to the keys, and what came of it.
pub struct Exchange<'s> {
    pub url: &'s Url,
    /// What was answered.
    pub answer: Result<&'s [u8], &'s FetchError>,
    pub took: Duration,
}

/// Fetches the keys. It takes no longer than the order allows.
pub fn fetch(order: &Order) -> Result<Fetched, Failed> {
    fetch_observed(order, |_| ())
}

/// [`fetch`], which tells `observe` of each exchange once it is done.
pub fn fetch_observed(
    order: &Order,
    mut observe: impl FnMut(Exchange<'_>),
) -> Result<Fetched, Failed> {
    let started = Instant::now();
    let deadline = started.checked_add(order.timeout).unwrap_or(started);
    let mut get = |url: &Url| {
        let asked = Instant::now();
        let proxy = order.proxy.as_ref().map(|proxy| &proxy.ureq);
        let trusted = trusted(order.certificates.as_ref());
        let answer = trusted.and_then(|trusted| get(url, deadline, trusted, proxy));
        let took = asked.elapsed();
        observe(Exchange { url, answer: answer.as_deref(), took });
        answer
    };
    let found;
    let url = match &order.place {
        Remote::KeySet(url) => url,
        Remote::Discovery(discovery) => {
            found = discover(discovery, &mut get)?;
            &found
        }
    };
    let document = get(url).map_err(|error| Failed::at(url, error))?;
    let mut notices = Vec::new();
    match KeySet::parse_public(document.clone(), |notice| notices.push(notice)) {
        Ok(keys) => Ok(Fetched { url: url.text().to_owned(), document, keys, notices }),
        Err(error) => Err(Failed { notices, ..Failed::at(url, FetchError::KeySet(error)) }),
    }
}

/// Where an issuer says its keys are.
fn discover(
    Discovery { url, fallback, issuer }: &Discovery,
    mut get: impl FnMut(&Url) -> Result<Vec<u8>, FetchError>,
) -> Result<Url, Failed> {
    let mut asked = url;
    let mut answer = get(url);
    if let (Err(FetchError::Status(404)), Some(fallback)) = (&answer, fallback) {
        match get(fallback) {
            // Neither place has it: the first is the one to look at.
            Err(FetchError::Status(404)) => {}
            other => (asked, answer) = (fallback, other),
        }
    }
    let document = answer.map_err(|error| Failed::at(asked, error))?;
    let uri = jwks_uri(&document, issuer).map_err(FetchError::Document);
    uri.map_err(|error| Failed::at(asked, error))
}
