//! Key requests: one subrequest at a time for a source; who comes meanwhile waits and shares.

use std::sync::Arc;

use ngx::ffi::{NGX_LOG_ERR, NGX_LOG_NOTICE, NGX_LOG_WARN};

use super::fetch::{Answer, DEADLINE, Fetch, Outcome, SourceId};
use crate::auth::key_cache::Rules;
use crate::jose::key_set::KeySet;
use crate::nginx::context::{Context, Own, Waiting};
use crate::nginx::ffi::deadline::Deadline;
use crate::nginx::ffi::request::Request;
use crate::nginx::ffi::subrequest::{Collector, Ended, Subrequest};
use crate::nginx::ffi::time::monotonic_milliseconds;
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
    pub rules: Rules,
    /// Newer keys than those at hand.
    pub ahead: bool,
    /// The client's token: no header that carries it goes to the key server.
    pub token: &'w [u8],
}

/// Asks for keys.
#[inline(never)]
pub fn ask(request: Request<'_>, wanted: Wanted<'_>) -> Progress {
    let now = monotonic_milliseconds();
    let answer = worker::with(|worker| {
        let mut sources = worker.key_requests.borrow_mut();
        match sources.ask(&wanted.id, now, wanted.rules, wanted.ahead) {
            Answer::Fetch => Err(sources.begin(wanted.id, now, wanted.ahead)),
            answer => Ok(answer),
        }
    });
    match answer {
        Ok(Answer::Keys(keys)) => Progress::Ready(keys),
        Ok(Answer::Wait(fetch)) => {
            let waiter = Waiter::new(request);
            fetch.add_waiter(&waiter);
            Progress::Pending(Waiting::Shared { fetch, rules: wanted.rules, _waiter: waiter })
        }
        Ok(Answer::Fetch) => Progress::Failed,
        Err(fetch) => {
            // From here on the fetch is given up when the request is.
            let own = Own(fetch.clone());
            let uri = &fetch.source.uri;
            match Subrequest::start::<Fetches>(request, uri, wanted.token) {
                Some(subrequest) => {
                    fetch.subrequest.set(Some(subrequest));
                    let deadline = Deadline::new(subrequest, DEADLINE);
                    Progress::Pending(Waiting::Own { fetch: own, deadline, rules: wanted.rules })
                }
                None => {
                    let uri = uri.escape_ascii();
                    let text = format_args!("key request \"{uri}\" could not be made");
                    request.log(NGX_LOG_ERR, text);
                    Progress::Failed
                }
            }
        }
    }
}

/// Looks again at what the request waits for.
#[inline(never)]
pub fn resume(request: Request<'_>, waiting: Waiting) -> Result<Progress, Again> {
    match waiting {
        Waiting::Own { fetch, deadline, rules } if fetch.0.is_done() => {
            if deadline.is_over() {
                fetch.0.expire();
            }
            Ok(conclude(request, &fetch.0, rules))
        }
        Waiting::Shared { fetch, rules, .. } if fetch.outcome().is_some() => {
            let id = &fetch.source;
            match fetch.outcome() {
                Some(Outcome::Keys(keys)) => Ok(Progress::Ready(keys)),
                Some(Outcome::Abandoned) => Err(Again),
                None => Err(Again),
                Some(Outcome::Failed(reason)) => {
                    let now = monotonic_milliseconds();
                    let kept = worker::with(|worker| {
                        worker.key_requests.borrow_mut().after_failure(id, now, rules)
                    });
                    Ok(kept.map_or_else(
                        || {
                            let uri = id.uri.escape_ascii();
                            let text = format_args!("key request \"{uri}\", shared, {reason}");
                            request.log(NGX_LOG_ERR, text);
                            Progress::Failed
                        },
                        Progress::Ready,
                    ))
                }
            }
        }
        waiting => Ok(Progress::Pending(waiting)),
    }
}

/// The fetch that was waited for is gone: ask again.
pub struct Again;

fn conclude(request: Request<'_>, fetch: &Fetch, rules: Rules) -> Progress {
    let uri = fetch.source.uri.escape_ascii();
    let told = |skipped| {
        request.log(NGX_LOG_NOTICE, format_args!("key request \"{uri}\": {skipped}"));
    };
    let subrequest = fetch.subrequest.get();
    let now = monotonic_milliseconds();
    let concluded =
        worker::with(|worker| worker.key_requests.borrow_mut().conclude(fetch, now, rules, told));
    if let Some(error) = &concluded.error {
        request.log(NGX_LOG_ERR, format_args!("key request \"{uri}\" {error}"));
    }
    if concluded.tell_stale {
        request
            .log(NGX_LOG_WARN, format_args!("key request \"{uri}\" fails, its last keys serve on"));
    }
    if concluded.error.is_none()
        && let Some(subrequest) = subrequest
        && let Some(peer) = subrequest.plain_peer().filter(|peer| !is_local(peer))
        && worker::with(|worker| worker.key_requests.borrow_mut().tells_plain(&fetch.source))
    {
        let peer = peer.escape_ascii();
        request.log(
            NGX_LOG_WARN,
            format_args!(
                "key request \"{uri}\" gets its keys from {peer} without TLS, so they could be replaced on the way: use https"
            ),
        );
    }
    concluded.keys.map_or(Progress::Failed, Progress::Ready)
}

/// Whether nothing leaves this machine on the way to the peer, named as nginx names it.
fn is_local(peer: &[u8]) -> bool {
    [&b"unix:"[..], b"127.", b"[::1]:"].iter().any(|prefix| peer.starts_with(prefix))
}

/// Collects the answers.
pub struct Fetches;

impl Collector for Fetches {
    fn take(subrequest: Request<'_>, pieces: &mut dyn Iterator<Item = &[u8]>) -> bool {
        with_fetch(subrequest, |fetch| {
            if !fetch.collect(pieces)
                && let Some(subrequest) = fetch.subrequest.get()
            {
                subrequest.stop();
            }
        })
        .is_some()
    }

    fn ended(subrequest: Request<'_>, how: Ended) {
        with_fetch(subrequest, |fetch| match how {
            Ended::Well => {}
            Ended::ErrorPageFollows => fetch.restart(),
            Ended::Broken => fetch.broke(),
        });
    }
}

/// Calls `body` with the fetch that `subrequest` is made for, if it is one.
fn with_fetch<T>(subrequest: Request<'_>, body: impl FnOnce(&Fetch) -> T) -> Option<T> {
    Context::of(subrequest)?.with_own_fetch(subrequest, body)
}
