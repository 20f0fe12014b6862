//! Key requests (`auth_jwt_key_request`). Each serves the request that asks, alone; where the operator
//! has said by `auth_jwt_key_cache` that the keys are the same for whoever asks, one at a time for a
//! source serves all, and who comes meanwhile waits.

use std::rc::Rc;

use ngx::ffi::{NGX_LOG_ERR, NGX_LOG_NOTICE, NGX_LOG_WARN};

use super::key_source::{Asking, KeySource, Pending, Progress};
use crate::auth::key_cache::Rules;
use crate::nginx::ffi::body_filter::{BodyCollector, Piece};
use crate::nginx::ffi::complex_value::ComplexValue;
use crate::nginx::ffi::forwarded::Forwarded;
use crate::nginx::ffi::request::Request;
use crate::nginx::ffi::subrequest::{Ended, Requester, Subrequest};
use crate::nginx::ffi::time::monotonic_milliseconds;
use crate::nginx::ffi::uri::Uri;
use crate::nginx::ffi::wait::Waiter;
use crate::nginx::key_store::answers::{Parsed, SourceId};
use crate::nginx::key_store::fetch::{Fetch, FetchError};
use crate::nginx::key_store::shared::{Asked, Flight, Outcome, SharedSources};
use crate::nginx::server::ServerConf;
use crate::nginx::worker;

/// So many may begin a fetch that a request waits for, and leave, before it fetches for itself.
const MAX_LEFT: u32 = 1;

/// A key request: its URI.
pub struct KeyRequest(pub ComplexValue);

/// A request that asks for keys which are everybody's.
struct Sharing {
    source: SourceId,
    rules: Rules,
    /// Whether it wants newer keys than those at hand.
    ahead: bool,
    /// Whether a fetch of another request's that it waited for has failed.
    failed: bool,
    /// How many have begun a fetch that it waited for, and left.
    left: u32,
}

/// A request that waits for another one's fetch.
struct Waiting {
    sharing: Sharing,
    flight: Rc<Flight>,
    _waiter: Rc<Waiter>,
}

/// A request that fetches; dropped before its end, the fetch is given up.
struct Fetching {
    fetch: Rc<Fetch>,
    source: SourceId,
    /// Where others may wait for it.
    lead: Option<Lead>,
}

/// A fetch that others may wait for.
struct Lead {
    flight: Rc<Flight>,
    rules: Rules,
}

impl KeySource for KeyRequest {
    fn ask(&self, Asking { request, rules, token, newer_for }: Asking<'_>) -> Progress {
        let ahead = newer_for.is_some();
        // Keys that are kept by time are everybody's; a URI that a request decides is its own.
        let is_everybodys = rules.fresh_for > 0 && self.0.is_literal();
        // Without a time for its keys, a request has fetched the newest itself.
        if ahead && !is_everybodys {
            return Progress::Failed;
        }
        let server = request.server_conf::<ServerConf>();
        let (Ok(text), Some(server)) = (self.0.evaluate(request), server) else {
            return Progress::Failed;
        };
        let source =
            |host: &[u8]| SourceId { server: server.id, uri: text.into(), host: host.into() };
        if is_everybodys {
            let source = source(server.names().host_of(request));
            return share(request, Sharing { source, rules, ahead, failed: false, left: 0 });
        }
        let uri = match self.0.is_literal() {
            true => Ok(Uri::literal(text)),
            false => Uri::from_outside(request, text),
        };
        match uri {
            Ok(uri) => start(request, uri, Forwarded::Request { secret: token }, source(b""), None),
            Err(reason) => {
                let uri = text.escape_ascii();
                request
                    .log(NGX_LOG_ERR, format_args!("key request \"{uri}\" is refused: {reason}"));
                Progress::Failed
            }
        }
    }

    fn is_literal(&self) -> bool {
        self.0.is_literal()
    }

    fn is_fetched(&self) -> bool {
        true
    }
}

/// Counts a key request that is over.
fn count(good: bool) {
    if let Some(key_requests) = worker::this().key_requests.get() {
        key_requests.count(good);
    }
}

/// Calls `body` with what the worker keeps of sources whose keys are everybody's.
fn with_shared<T>(body: impl FnOnce(&mut SharedSources) -> T) -> T {
    body(&mut worker::this().shared_sources.borrow_mut())
}

/// Asks for keys that are everybody's.
fn share(request: Request<'_>, sharing: Sharing) -> Progress {
    let Some(server) = request.server_conf::<ServerConf>() else { return Progress::Failed };
    let Sharing { source, rules, ahead, left, .. } = &sharing;
    let now = monotonic_milliseconds();
    let asked = with_shared(|sources| sources.ask(source, now, *rules, *ahead));
    let lead = match asked {
        Asked::Keys(keys) => return Progress::Ready(keys),
        Asked::Wait(_) if *left > MAX_LEFT => None,
        Asked::Wait(flight) => {
            let Some(waiter) = Waiter::new(request) else { return Progress::Failed };
            flight.add_waiter(&waiter);
            return Progress::Pending(Box::new(Waiting { sharing, flight, _waiter: waiter }));
        }
        Asked::Fetch => {
            let flight = with_shared(|sources| sources.begin(source.clone(), now, *ahead));
            // From here on the fetch is given up when the request is.
            Some(Lead { flight, rules: *rules })
        }
    };
    let SourceId { uri, host, .. } = source.clone();
    let forwarded = Forwarded::Host { host: &host, names: server.names() };
    start(request, Uri::literal(&uri), forwarded, sharing.source, lead)
}

fn start(
    request: Request<'_>,
    uri: Uri<'_>,
    forwarded: Forwarded<'_>,
    source: SourceId,
    lead: Option<Lead>,
) -> Progress {
    let Some(subrequest) = Subrequest::start::<KeyRequests>(request, uri, forwarded) else {
        let uri = source.uri.escape_ascii();
        request.log(NGX_LOG_ERR, format_args!("key request \"{uri}\" could not be made"));
        count(false);
        return Progress::Failed;
    };
    let address = subrequest.address;
    let fetch = Rc::new(Fetch::new(subrequest, matches!(forwarded, Forwarded::Host { .. })));
    worker::this().fetches.borrow_mut().insert(address, fetch.clone());
    Progress::Pending(Box::new(Fetching { fetch, source, lead }))
}

impl Pending for Waiting {
    fn resume(mut self: Box<Self>, request: Request<'_>) -> Progress {
        match self.flight.outcome() {
            None => return Progress::Pending(self),
            Some(Outcome::Keys(keys)) => return Progress::Ready(keys),
            Some(Outcome::Abandoned) => {
                self.sharing.left = self.sharing.left.saturating_add(1);
            }
            // That newer keys cannot be had is told by who has fetched.
            Some(Outcome::Failed(_)) if self.sharing.ahead => return Progress::Failed,
            // Nobody's failure is somebody else's: ask once more, for oneself.
            Some(Outcome::Failed(_)) if !self.sharing.failed => self.sharing.failed = true,
            Some(Outcome::Failed(reason)) => {
                let uri = self.sharing.source.uri.escape_ascii();
                request.log(NGX_LOG_ERR, format_args!("key request \"{uri}\", shared, {reason}"));
                return Progress::Failed;
            }
        }
        share(request, self.sharing)
    }
}

impl Pending for Fetching {
    fn resume(self: Box<Self>, request: Request<'_>) -> Progress {
        if self.fetch.subrequest.is_done() {
            self.conclude(request)
        } else {
            Progress::Pending(self)
        }
    }
}

impl Fetching {
    #[inline(never)]
    fn conclude(&self, request: Request<'_>) -> Progress {
        let uri = self.source.uri.escape_ascii();
        let on_notice = |notice| {
            request.log(NGX_LOG_NOTICE, format_args!("key request \"{uri}\": {notice}"));
        };
        let now = monotonic_milliseconds();
        let result = self.fetch.answer().and_then(|bytes| {
            let worker = worker::this();
            let parsed = worker.answers.borrow_mut().keys(&self.source, bytes, now, on_notice);
            parsed.map_err(FetchError::KeySet)
        });
        count(result.is_ok());
        match &result {
            Ok(parsed) => self.warn_of_plain_peer(request, parsed),
            Err(error) => request.log(NGX_LOG_ERR, format_args!("key request \"{uri}\" {error}")),
        }
        let keys = match &self.lead {
            None => result.ok().map(|parsed| parsed.keys),
            Some(Lead { flight, rules }) => {
                let concluded =
                    with_shared(|sources| sources.conclude(flight, now, *rules, result.as_ref()));
                if concluded.tell_stale {
                    let text = format_args!("key request \"{uri}\" fails, its last keys serve on");
                    request.log(NGX_LOG_WARN, text);
                }
                concluded.keys
            }
        };
        keys.map_or(Progress::Failed, Progress::Ready)
    }

    /// Keys that come from another machine without TLS could be anybody's. Told when they are new.
    fn warn_of_plain_peer(&self, request: Request<'_>, parsed: &Parsed) {
        if let Some(peer) =
            self.fetch.subrequest.plain_peer().filter(|peer| parsed.anew && !is_local(peer))
        {
            let (uri, peer) = (self.source.uri.escape_ascii(), peer.escape_ascii());
            request.log(
                NGX_LOG_WARN,
                format_args!(
                    "key request \"{uri}\" gets its keys from {peer} without TLS, so they could be replaced on the way: use https"
                ),
            );
        }
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        worker::this().fetches.borrow_mut().remove(&self.fetch.subrequest.address);
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        with_shared(|sources| sources.abandon(&self.flight));
    }
}

/// Whether nothing leaves this machine on the way to the peer, named as nginx names it.
fn is_local(peer: &[u8]) -> bool {
    [&b"unix:"[..], b"127.", b"[::1]:"].iter().any(|prefix| peer.starts_with(prefix))
}

/// The subrequests that are made here.
pub struct KeyRequests;

impl BodyCollector for KeyRequests {
    fn take(sender: Request<'_>, pieces: &mut dyn Iterator<Item = Piece<'_>>) -> bool {
        let fetch = worker::this().fetch_of(sender);
        if let Some(fetch) = &fetch {
            fetch.collect(sender, pieces);
        }
        fetch.is_some()
    }
}

impl Requester for KeyRequests {
    fn ended(subrequest: Request<'_>, how: Ended) {
        let fetch = worker::this().fetch_of(subrequest);
        let is_its = |fetch: &Rc<Fetch>| fetch.subrequest.address == subrequest.address();
        let Some(fetch) = fetch.filter(is_its) else { return };
        match how {
            Ended::Well => {}
            Ended::ErrorPageFollows => fetch.restart(),
            Ended::Broken => fetch.broke(),
        }
    }
}
