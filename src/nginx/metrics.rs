//! Answers with metrics.

use std::time::Instant;

use super::conf::MainConf;
use super::counting;
use super::ffi::guard::Entry;
use super::ffi::phase::{Decision, PhaseHandler};
use super::ffi::request::Request;
use super::ffi::response::{Method, NGINX_VERSION};
use super::key_conf::IssuerConf;
use super::worker;
use crate::auth::key_cache::Rules;
use crate::fetch::clock;
use crate::metrics::accept::prefers_html;
use crate::metrics::page::{self, Page};
use crate::metrics::prometheus::{self, PrometheusText};
use crate::metrics::report::{Failure, IssuerKeys, Report};

/// The handler of locations with `auth_jwt_metrics`.
pub struct Metrics;

/// What is told changes from moment to moment, and depends on who asks.
const HEADERS: [(&str, &str); 3] =
    [("Cache-Control", "no-store"), ("Vary", "Accept"), ("X-Content-Type-Options", "nosniff")];

impl PhaseHandler for Metrics {
    const ENTRY: Entry = Entry::Metrics;

    fn handle(request: Request<'_>) -> Decision {
        match request.method() {
            Method::Get | Method::Head => {}
            Method::Options | Method::Other => {
                return request.answer(405, "text/plain", &[("Allow", "GET, HEAD")], b"");
            }
        }
        let Some(report) = report(request) else { return Decision::Error };
        if prefers_html(&request.accept()) {
            let [caching, vary, sniffing] = HEADERS;
            let headers = [caching, vary, sniffing, ("Content-Security-Policy", page::POLICY)];
            let page = Page(&report).to_string();
            return request.answer(200, page::CONTENT_TYPE, &headers, page.as_bytes());
        }
        let text = PrometheusText(&report).to_string();
        request.answer(200, prometheus::CONTENT_TYPE, &HEADERS, text.as_bytes())
    }
}

fn report(request: Request<'_>) -> Option<Report> {
    let main = request.main_conf::<MainConf>()?;
    let issuers = main.issuers.borrow();
    let used = issuers.iter().filter(|(_, issuer)| issuer.is_used.get());
    Some(Report {
        version: env!("CARGO_PKG_VERSION"),
        nginx: NGINX_VERSION,
        issuers: used.map(|(name, issuer)| keys_of(name, issuer, request)).collect(),
        ..Report::new(counting::memory()?)
    })
}

/// The keys of an issuer: of all its files and URLs.
fn keys_of(name: &str, issuer: &IssuerConf, request: Request<'_>) -> IssuerKeys {
    // Who looks at metrics sees what requests see, and has no file read that they would not.
    let rules = Rules { fresh_for: issuer.files_kept_for.get(), ..Rules::default() };
    let files = issuer.sources.list.iter().filter_map(|source| source.count(request, rules));
    let mut told = IssuerKeys { name: name.to_owned(), keys: files.sum(), ..IssuerKeys::default() };
    let worker = worker::this();
    let sources = worker.url_sources.borrow();
    let Some(sources) = sources.as_deref() else { return told };
    let now = clock::now();
    for source in issuer.urls.iter().filter_map(|url| sources.source(url.id)) {
        let condition = source.condition(Instant::now());
        told.keys = told.keys.saturating_add(condition.keys);
        // A time that lies ahead is of a clock that was set back.
        let age = condition.fetched.map(|fetched| now.saturating_sub(fetched));
        told.age = told.age.max(age);
        told.failure = told.failure.or(condition.failure.map(|failure| Failure {
            reason: failure.reason,
            ago: now.saturating_sub(failure.at),
        }));
    }
    told
}
