//! Keys by URL, fetched as the module does, and what was asked and answered on the way.

use std::time::{Duration, Instant};

use ngx_http_auth_jwt_module::auth::key_place::{Discovery, Remote};
use ngx_http_auth_jwt_module::auth::url::{Url, UrlError};
use ngx_http_auth_jwt_module::fetch::discovery::jwks_uri;
use ngx_http_auth_jwt_module::fetch::error::FetchError;
use ngx_http_auth_jwt_module::fetch::once::{Exchange, Failed, Fetched, Order, fetch_observed};
use ngx_http_auth_jwt_module::jose::error::KeySetError;
use ngx_http_auth_jwt_module::jose::key_set;

use super::fetch_hints;
use super::means::Means;
use super::pretty::quoted;

/// How a fetch came out.
pub struct Told {
    /// Each URL that was asked, what it answered, and how long that took, in lines.
    pub steps: String,
    pub result: Result<Fetched, Failed>,
    /// What may help.
    pub hints: Vec<String>,
}

/// What the text of a URL tells.
enum Guess {
    /// A JWK Set or a document that names one, nothing else.
    AsGiven,
    Issuer,
    Either,
}

/// Fetches for a source of a block.
pub fn fetch(order: &Order) -> Told {
    let mut steps = String::new();
    let iss = match &order.place {
        Remote::Discovery(discovery) => Some(discovery.issuer.as_str()),
        Remote::KeySet(_) => None,
    };
    let result = fetch_observed(order, |step| steps.push_str(&told(&step, iss, order)));
    let hints = result.as_ref().err().map(|failed| fetch_hints::of(failed, order));
    Told { steps, result, hints: hints.unwrap_or_default() }
}

/// Finds out what a URL is, and fetches the keys. A document must say that it is of the issuer `iss`; without
/// one it may be anybody's, but where the URL is an issuer's.
pub fn explore(url: &Url, iss: Option<&str>, means: &Means) -> Result<Told, UrlError> {
    let guess = guess(url);
    if let Guess::Issuer = guess {
        return by_issuer(url, iss, means);
    }
    let told = as_given(url, iss, means);
    let failure = told.result.as_ref().err().map(|failed| &failed.error);
    if matches!(guess, Guess::AsGiven) || !failure.is_some_and(is_something_else) {
        return Ok(told);
    }
    let is_nothing = matches!(failure, Some(FetchError::Status(404)));
    let found = by_issuer(url, iss, means)?;
    let steps = format!("{}  no JWK Set: taken as an issuer\n{}", told.steps, found.steps);
    let mut hints = if is_nothing || found.result.is_ok() { Vec::new() } else { told.hints };
    hints.retain(|hint| !found.hints.contains(hint));
    hints.extend(found.hints);
    Ok(Told { steps, hints, result: found.result })
}

/// Whether something answers there that may be anything but keys.
fn is_something_else(failure: &FetchError) -> bool {
    match failure {
        FetchError::Status(status) => matches!(status, 300..=428),
        FetchError::Encoded(_) | FetchError::TooLarge => true,
        FetchError::KeySet(error) => !matches!(error, KeySetError::Empty),
        _ => false,
    }
}

fn guess(url: &Url) -> Guess {
    let (_, rest) = url.text().split_once("://").unwrap_or_default();
    let (_, path) = rest.split_once('/').unwrap_or_default();
    match path {
        _ if rest.contains('?') || path.contains(".well-known/") => Guess::AsGiven,
        "" => Guess::Issuer,
        _ => Guess::Either,
    }
}

/// As a block whose `issuer` this is, without any place of keys.
fn by_issuer(url: &Url, iss: Option<&str>, means: &Means) -> Result<Told, UrlError> {
    let mut place = Discovery::of(url.text())?;
    if let Some(iss) = iss.filter(|iss| *iss != url.text()) {
        place = Discovery { fallback: None, issuer: iss.to_owned(), ..place };
    }
    Ok(fetch(&means.order(Remote::Discovery(place))))
}

/// As `key_url`, or as `config_url` where the answer is a document that names another URL.
fn as_given(url: &Url, iss: Option<&str>, means: &Means) -> Told {
    let order = means.order(Remote::KeySet(url.clone()));
    let (mut steps, mut document) = (String::new(), None);
    let started = Instant::now();
    let result = fetch_observed(&order, |step| {
        steps.push_str(&told(&step, iss, &order));
        document = step.answer.ok().map(<[u8]>::to_vec);
    });
    let is_document =
        matches!(result, Err(Failed { error: FetchError::KeySet(KeySetError::NoKeys), .. }));
    let document = document.filter(|document| is_document && text(document, "jwks_uri").is_some());
    let Some(document) = document else {
        let hints = result.as_ref().err().map(|failed| fetch_hints::of(failed, &order));
        return Told { steps, result, hints: hints.unwrap_or_default() };
    };
    let own = text(&document, "issuer").unwrap_or_default();
    let issuer = iss.unwrap_or(&own).to_owned();
    let place = Discovery { url: url.clone(), fallback: None, issuer };
    match jwks_uri(&document, &place.issuer) {
        Ok(uri) => {
            let timeout = order.timeout.saturating_sub(started.elapsed());
            let told = fetch(&Order { place: Remote::KeySet(uri), timeout, ..order.clone() });
            let hints = match &told.result {
                Ok(_) => vec![fetch_hints::block(url, &own)],
                Err(failed) => {
                    fetch_hints::of(failed, &Order { place: Remote::Discovery(place), ..order })
                }
            };
            Told { steps: steps + &told.steps, hints, ..told }
        }
        Err(error) => {
            let error = FetchError::Document(error);
            let failed = Failed { url: url.text().to_owned(), error, notices: Vec::new() };
            let place = Remote::Discovery(place);
            let hints = fetch_hints::of(&failed, &Order { place, ..order });
            Told { steps, result: Err(failed), hints }
        }
    }
}

impl Told {
    /// What the module logs at level `notice` for that block, and whether it is of a key that is skipped.
    pub fn notices(&self, block: Option<&str>) -> Vec<(bool, String)> {
        let (url, notices) = match &self.result {
            Ok(fetched) => (&fetched.url, &fetched.notices),
            Err(failed) => (&failed.url, &failed.notices),
        };
        let line = |notice| format!("{}\"{url}\": {notice}", prefix(block));
        notices.iter().map(|notice| (notice.skips(), line(notice))).collect()
    }

    /// What it logs at level `error`.
    pub fn error(&self, block: Option<&str>) -> Option<String> {
        let Failed { url, error, .. } = self.result.as_ref().err()?;
        Some(format!("{}keys cannot be fetched from \"{url}\": {error}", prefix(block)))
    }
}

fn prefix(block: Option<&str>) -> String {
    block.map(|name| format!("issuer \"{name}\": ")).unwrap_or_default()
}

/// A step, and what a document says where it is one; `iss` is whose it must say it is.
fn told(step: &Exchange<'_>, iss: Option<&str>, order: &Order) -> String {
    let way = match order.proxy {
        Some(_) => " by way of the proxy",
        _ => "",
    };
    let (url, took) = (step.url.text(), milliseconds(step.took));
    let document = match step.answer {
        Ok(document) => document,
        Err(error) => return format!("GET {url}{way}\n  {error} ({took})\n"),
    };
    let mut lines = format!("GET {url}{way}\n  200, {} bytes ({took})\n", document.len());
    if let Some(uri) = text(document, "jwks_uri") {
        let own = text(document, "issuer");
        let says =
            own.as_deref().map_or("no issuer".to_owned(), |own| format!("issuer {}", quoted(own)));
        let equal = match (own, iss) {
            (Some(own), Some(iss)) if own == iss => ", as it must be".to_owned(),
            (Some(_), Some(iss)) => format!(", but it must be {}", quoted(iss)),
            (None, _) | (_, None) => String::new(),
        };
        lines.push_str(&format!("  {says}{equal}\n  jwks_uri {}\n", quoted(&uri)));
    }
    lines
}

fn milliseconds(took: Duration) -> String {
    format!("{} ms", took.as_millis())
}

/// A member of a document that is a string.
fn text(document: &[u8], name: &str) -> Option<String> {
    let document = key_set::document(document).ok()?;
    Some(document.value(name)?.as_str()?.into_owned())
}
