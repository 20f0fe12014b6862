//! All key sources of a location, in order → the keys it verifies with.

use ngx::ffi::{NGX_LOG_ERR, NGX_LOG_NOTICE};

use super::request::{self, Again, Progress, Wanted};
use super::source::{Serves, SourceId};
use super::{KeySets, file};
use crate::auth::key_cache::Rules;
use crate::nginx::conf::{Effective, KeySource, KeySources, ServerConf};
use crate::nginx::context::{Context, Gathering};
use crate::nginx::ffi::complex_value::ComplexValue;
use crate::nginx::ffi::request::Request;
use crate::nginx::ffi::time;
use crate::nginx::ffi::uri::Uri;
use crate::nginx::worker;

/// So many may begin a fetch that a request waits for, and leave, before it fetches for itself.
const MAX_LEFT: u32 = 1;

/// What a request that needs keys gets.
pub enum Gathered {
    Ready(KeySets),
    /// The access phase is run again once there is more.
    Pending,
    /// A source cannot be had; it has been logged.
    Unavailable,
}

/// Who needs keys, and for what.
#[derive(Clone, Copy)]
pub struct Need<'n> {
    pub conf: &'n Effective,
    pub sources: &'n KeySources,
    pub token: &'n [u8],
    pub kid: Option<&'n str>,
}

/// The key sets of `need.sources`. Where none has the token's `kid`, those that may be fetched
/// ahead of their time are asked once more.
#[inline(never)]
pub fn gather(request: Request<'_>, context: &Context, need: Need<'_>) -> Gathered {
    let mut gathering = context.take_gathering(request.location());
    let count = need.sources.list.len();
    loop {
        let ahead = gathering.step >= count;
        let at = if ahead { gathering.step.saturating_sub(count) } else { gathering.step };
        let Some(source) = need.sources.list.get(at) else { break };
        if ahead && !wants_newer(&gathering, need) {
            break;
        }
        let waited = gathering.waiting.is_some();
        let progress = match gathering.waiting.take() {
            Some(waiting) => match request::resume(request, waiting) {
                Ok(progress) => progress,
                Err(Again::Left) => {
                    gathering.left = gathering.left.saturating_add(1);
                    continue;
                }
                // That newer keys cannot be had is told by who has fetched.
                Err(Again::Failed { .. }) if ahead => Progress::Failed,
                // Nobody's failure is somebody else's: ask once more, for oneself.
                Err(Again::Failed { .. }) if !gathering.failed_once => {
                    gathering.failed_once = true;
                    continue;
                }
                Err(Again::Failed { flight, reason }) => {
                    request::tell_failed(request, &flight, &reason);
                    Progress::Failed
                }
            },
            None if ahead && gathering.newest.contains(&at) => Progress::Failed,
            None => ask(request, need, source, ahead, gathering.left > MAX_LEFT),
        };
        match progress {
            Progress::Pending(waiting) => {
                gathering.waiting = Some(waiting);
                context.keep_gathering(gathering);
                return Gathered::Pending;
            }
            Progress::Ready(keys) if ahead => {
                if let Some(place) = gathering.sets.get_mut(at) {
                    *place = keys;
                }
            }
            Progress::Ready(keys) => {
                gathering.sets.push(keys);
                if waited {
                    gathering.newest.push(at);
                }
            }
            // The keys at hand are good; there are no newer ones.
            Progress::Failed if ahead => {}
            Progress::Failed => {
                keep(need, None);
                return Gathered::Unavailable;
            }
        }
        gathering.step = gathering.step.saturating_add(1);
        gathering.failed_once = false;
        gathering.left = 0;
    }
    keep(need, Some(&gathering.sets));
    Gathered::Ready(gathering.sets)
}

/// Keys of files that no request decides are the same for whoever asks within this millisecond.
fn keep(need: Need<'_>, sets: Option<&KeySets>) {
    let fixed =
        |source: &KeySource| matches!(source, KeySource::File { name, .. } if name.is_literal());
    if need.sources.list.iter().all(fixed) {
        let now = time::monotonic_milliseconds();
        worker::with(|worker| worker.keep_recent(need.sources.id, now, sets));
    }
}

fn wants_newer(gathering: &Gathering, need: Need<'_>) -> bool {
    need.conf.key_cache.refresh_every.is_some()
        && need.kid.is_some_and(|kid| !gathering.sets.iter().any(|set| set.has_kid(kid)))
}

fn ask(
    request: Request<'_>,
    need: Need<'_>,
    source: &KeySource,
    ahead: bool,
    alone: bool,
) -> Progress {
    match source {
        // A file is looked at as often as it may be; there is nothing newer to be had.
        KeySource::File { .. } if ahead => Progress::Failed,
        KeySource::File { name, climbs } => {
            let rules = rules(need, name);
            match name.evaluate(request) {
                Ok(name) if file::climbs(name) > *climbs => refuse_file(request, name),
                Ok(name) => key_file(request, name, rules.fresh_for),
                Err(_) => Progress::Failed,
            }
        }
        KeySource::Request(uri) => key_request(request, need, uri, ahead, alone),
    }
}

/// Keys from a name that a request decides are never kept by time.
fn rules(need: Need<'_>, name: &ComplexValue) -> Rules {
    if name.is_literal() { need.conf.key_cache } else { Rules::default() }
}

fn key_request(
    request: Request<'_>,
    need: Need<'_>,
    uri: &ComplexValue,
    ahead: bool,
    alone: bool,
) -> Progress {
    let serves = Serves::under(need.conf.key_cache, uri.is_literal());
    // Without a time for its keys, a request has fetched the newest itself.
    if ahead && matches!(serves, Serves::Itself) {
        return Progress::Failed;
    }
    let server = request.server_conf::<ServerConf>();
    let (Ok(text), Some(server)) = (uri.evaluate(request), server) else {
        return Progress::Failed;
    };
    let parsed = match uri.is_literal() {
        true => Ok(Uri::literal(text)),
        false => Uri::from_outside(request, text),
    };
    let uri = match parsed {
        Ok(uri) => uri,
        Err(reason) => {
            let uri = text.escape_ascii();
            request.log(NGX_LOG_ERR, format_args!("key request \"{uri}\" is refused: {reason}"));
            return Progress::Failed;
        }
    };
    let host = match serves {
        Serves::Everybody(_) => server.names().host_of(request),
        Serves::Itself => b"",
    };
    let id = SourceId { server: server.id, uri: text.into(), host: host.into() };
    let token = need.token;
    request::ask(request, Wanted { id, server, host, uri, serves, ahead, alone, token })
}

/// A client may have a say in the values of variables; a file of its own would be keys of its own.
fn refuse_file(request: Request<'_>, name: &[u8]) -> Progress {
    let name = name.escape_ascii();
    let text = format_args!("key file \"{name}\" is refused: a variable brings \"..\" into it");
    request.log(NGX_LOG_ERR, text);
    Progress::Failed
}

fn key_file(request: Request<'_>, name: &[u8], fresh_for: u64) -> Progress {
    let shown = name.escape_ascii();
    let told = |skipped| {
        request.log(NGX_LOG_NOTICE, format_args!("key file \"{shown}\": {skipped}"));
    };
    let now = time::monotonic_milliseconds();
    let keys =
        worker::with(|worker| worker.key_files.borrow_mut().keys(name, now, fresh_for, told));
    match keys {
        Ok(keys) => Progress::Ready(keys),
        Err(error) => {
            request.log(NGX_LOG_ERR, format_args!("key file \"{shown}\" {error}"));
            Progress::Failed
        }
    }
}
