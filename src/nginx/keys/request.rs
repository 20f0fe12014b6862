//! Key requests. Each serves the request that asks, alone; where the operator has said by
//! `auth_jwt_key_cache` that the keys are the same for whoever asks, one at a time for a source serves
//! all, and who comes meanwhile waits.

use std::rc::Rc;
use std::sync::Arc;

use ngx::ffi::{NGX_LOG_ERR, NGX_LOG_NOTICE, NGX_LOG_WARN};

use super::answers::Parsed;
use super::fetch::{DEADLINE, Fetch, FetchError};
use super::flight::{Flight, Outcome};
use super::shared::Asked;
use super::source::{Serves, SourceId};
use crate::jose::key_set::KeySet;
use crate::nginx::conf::ServerConf;
use crate::nginx::context::{Context, Lead, Own, Waiting};
use crate::nginx::ffi::body_filter::{BodyCollector, Piece};
use crate::nginx::ffi::deadline::Deadline;
use crate::nginx::ffi::handed_down::HandedDown;
use crate::nginx::ffi::request::Request;
use crate::nginx::ffi::subrequest::{Ended, Requester, Subrequest};
use crate::nginx::ffi::time::monotonic_milliseconds;
use crate::nginx::ffi::uri::Uri;
use crate::nginx::ffi::wait::Waiter;
use crate::nginx::worker;

/// How far a request has come with one source.
pub enum Progress {
    Ready(Arc<KeySet>),
    /// The access phase is run again once there is more.
    Pending(Waiting),
    /// It has been logged.
    Failed,
}

/// What a request wants of a source.
pub struct Wanted<'w> {
    pub id: SourceId,
    pub server: &'w ServerConf,
    /// The host that a fetch for everybody asks for.
    pub host: &'w [u8],
    pub uri: Uri<'w>,
    pub serves: Serves,
    /// Newer keys than those at hand.
    pub ahead: bool,
    /// Others have begun the fetch of everybody and left, once too often: no more waiting for them.
    pub alone: bool,
    /// The client's token: no header that carries it goes to the key server.
    pub token: &'w [u8],
}

/// The fetch that was waited for brought nothing: ask again.
pub enum Again {
    /// Whoever made it has left.
    Left,
    /// It has failed; the second time that is final.
    Failed { flight: Rc<Flight>, reason: Rc<str> },
}

/// Asks for keys.
#[inline(never)]
pub fn ask(request: Request<'_>, wanted: Wanted<'_>) -> Progress {
    let Serves::Everybody(rules) = wanted.serves else {
        let handed_down = HandedDown::Request { secret: wanted.token };
        return start(request, wanted.uri, handed_down, wanted.id, None);
    };
    let handed_down = HandedDown::Host { host: wanted.host, names: wanted.server.names() };
    if wanted.alone {
        return start(request, wanted.uri, handed_down, wanted.id, None);
    }
    let now = monotonic_milliseconds();
    let asked = worker::with(|worker| {
        let mut sources = worker.shared_sources.borrow_mut();
        match sources.ask(&wanted.id, now, rules, wanted.ahead) {
            Asked::Fetch => Err(sources.begin(wanted.id.clone(), now, wanted.ahead)),
            asked => Ok(asked),
        }
    });
    match asked {
        Ok(Asked::Keys(keys)) => Progress::Ready(keys),
        Ok(Asked::Wait(flight)) => wait(request, flight),
        Ok(Asked::Fetch) => Progress::Failed,
        Err(flight) => {
            // From here on the fetch is given up when the request is.
            let lead = Some(Lead { flight, rules });
            start(request, wanted.uri, handed_down, wanted.id, lead)
        }
    }
}

fn start(
    request: Request<'_>,
    uri: Uri<'_>,
    handed_down: HandedDown<'_>,
    source: SourceId,
    lead: Option<Lead>,
) -> Progress {
    match Subrequest::start::<KeyRequests>(request, uri, handed_down) {
        Some(subrequest) => {
            let deadline = Deadline::new(subrequest.clone(), DEADLINE);
            let fetch = Fetch::new(subrequest);
            let serves_all = matches!(handed_down, HandedDown::Host { .. });
            Progress::Pending(Waiting::Own(Own { fetch, deadline, source, serves_all, lead }))
        }
        None => {
            let uri = source.uri.escape_ascii();
            request.log(NGX_LOG_ERR, format_args!("key request \"{uri}\" could not be made"));
            Progress::Failed
        }
    }
}

fn wait(request: Request<'_>, flight: Rc<Flight>) -> Progress {
    match Waiter::new(request) {
        Some(waiter) => {
            flight.add_waiter(&waiter);
            Progress::Pending(Waiting::Shared { flight, _waiter: waiter })
        }
        None => Progress::Failed,
    }
}

/// Looks again at what the request waits for.
#[inline(never)]
pub fn resume(request: Request<'_>, waiting: Waiting) -> Result<Progress, Again> {
    match waiting {
        Waiting::Own(own) if own.fetch.is_done() => {
            if own.deadline.is_over() {
                own.fetch.expire();
            }
            Ok(conclude(request, &own))
        }
        Waiting::Shared { flight, _waiter } => match flight.outcome() {
            Some(Outcome::Keys(keys)) => Ok(Progress::Ready(keys)),
            Some(Outcome::Failed(reason)) => Err(Again::Failed { flight, reason }),
            Some(Outcome::Abandoned) => Err(Again::Left),
            None => Ok(Progress::Pending(Waiting::Shared { flight, _waiter })),
        },
        waiting => Ok(Progress::Pending(waiting)),
    }
}

/// Tells that a fetch which the request waited for has failed, once more.
pub fn tell_failed(request: Request<'_>, flight: &Flight, reason: &str) {
    let uri = flight.source.uri.escape_ascii();
    request.log(NGX_LOG_ERR, format_args!("key request \"{uri}\", shared, {reason}"));
}

fn conclude(request: Request<'_>, own: &Own) -> Progress {
    let uri = own.source.uri.escape_ascii();
    let told = |notice| {
        request.log(NGX_LOG_NOTICE, format_args!("key request \"{uri}\": {notice}"));
    };
    let now = monotonic_milliseconds();
    let result = own.fetch.answer().and_then(|bytes| {
        worker::with(|worker| {
            let parsed = worker.answers.borrow_mut().keys(&own.source, bytes, now, told);
            parsed.map_err(FetchError::KeySet)
        })
    });
    match &result {
        Ok(parsed) => tell_plain(request, own, parsed),
        Err(error) => request.log(NGX_LOG_ERR, format_args!("key request \"{uri}\" {error}")),
    }
    let keys = match &own.lead {
        None => result.ok().map(|parsed| parsed.keys),
        Some(Lead { flight, rules }) => {
            let concluded = worker::with(|worker| {
                let mut sources = worker.shared_sources.borrow_mut();
                sources.conclude(flight, now, *rules, result.as_ref())
            });
            if concluded.tell_stale {
                let text = format_args!("key request \"{uri}\" fails, its last keys serve on");
                request.log(NGX_LOG_WARN, text);
            }
            concluded.keys
        }
    };
    keys.map_or(Progress::Failed, Progress::Ready)
}

/// Keys that come from another machine without TLS could be anybody's. That is told when they are new.
fn tell_plain(request: Request<'_>, own: &Own, parsed: &Parsed) {
    let subrequest = own.fetch.subrequest();
    if let Some(peer) = subrequest.plain_peer().filter(|peer| parsed.anew && !is_local(peer)) {
        let (uri, peer) = (own.source.uri.escape_ascii(), peer.escape_ascii());
        request.log(
            NGX_LOG_WARN,
            format_args!(
                "key request \"{uri}\" gets its keys from {peer} without TLS, so they could be replaced on the way: use https"
            ),
        );
    }
}

/// Whether nothing leaves this machine on the way to the peer, named as nginx names it.
fn is_local(peer: &[u8]) -> bool {
    [&b"unix:"[..], b"127.", b"[::1]:"].iter().any(|prefix| peer.starts_with(prefix))
}

/// The subrequests that are made here.
pub struct KeyRequests;

impl BodyCollector for KeyRequests {
    fn wants(sender: Request<'_>) -> bool {
        with_fetch(sender, |fetch| fetch.subrequest().includes(sender)) == Some(true)
    }

    fn take(sender: Request<'_>, pieces: &mut dyn Iterator<Item = Piece<'_>>) {
        with_fetch(sender, |fetch| fetch.collect(sender, pieces));
    }
}

impl Requester for KeyRequests {
    fn ended(subrequest: Request<'_>, how: Ended) {
        with_fetch(subrequest, |fetch| match how {
            _ if !fetch.subrequest().is(subrequest) => {}
            Ended::Well => {}
            Ended::ErrorPageFollows => fetch.restart(),
            Ended::Broken => fetch.broke(),
        });
    }
}

/// Calls `body` with the fetch that the main request of `request` has under way, if it has one.
fn with_fetch<T>(request: Request<'_>, body: impl FnOnce(&Fetch) -> T) -> Option<T> {
    request.made_context::<Context>()?.with_own_fetch(|own| body(&own.fetch))
}
