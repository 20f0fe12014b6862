//! Subrequests whose answer is collected: started by the access phase, body-less, without the
//! client's credentials. Their bodies are collected by a filter (see `body_filter`).

use std::ptr::{self, NonNull};

use ngx::ffi::{
    NGX_ERROR, NGX_HTTP_CLIENT_CLOSED_REQUEST, NGX_HTTP_CLOSE, NGX_HTTP_REQUEST_TIME_OUT,
    NGX_HTTP_SPECIAL_RESPONSE, NGX_HTTP_SUBREQUEST_WAITED, NGX_OK, ngx_http_post_subrequest_t,
    ngx_http_request_t, ngx_http_subrequest, ngx_http_upstream_state_t, ngx_int_t, ngx_palloc,
    ngx_post_event, ngx_posted_events, ngx_uint_t,
};

use super::bits::{is_done, need_in_memory};
use super::forwarded::{Forwarded, prepare};
use super::guard::{Entry, guarded};
use super::pooled::Pooled;
use super::request::{Address, Request, bytes, string};
use super::uri::Uri;

/// Who started subrequests.
pub trait Requester {
    /// A subrequest has come to an end; it may be one that somebody else started.
    fn ended(subrequest: Request<'_>, how: Ended);
}

/// How a subrequest has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With the answer that was collected.
    Well,
    /// With an error, whose page is now made and collected.
    ErrorPageFollows,
    /// Without a whole answer.
    Broken,
}

/// An answer that lacks its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutShort {
    /// In bytes; without `Content-Length`, at least so many.
    pub missing: u64,
    /// `Content-Length`.
    pub announced: Option<u64>,
}

/// A subrequest that was started. Once its main request is gone, it is over and has no answer.
#[derive(Clone)]
pub struct Subrequest {
    request: Pooled<ngx_http_request_t>,
    /// Which request it is, or was.
    pub address: Address,
}

impl Subrequest {
    /// Starts a GET of `uri` for the main request `request`. `None` where nginx refuses, which has
    /// then logged why, or where `request` already has a subrequest under way.
    pub fn start<R: Requester>(
        request: Request<'_>,
        uri: Uri<'_>,
        forwarded: Forwarded<'_>,
    ) -> Option<Self> {
        let mut path = string(request.copy(uri.path)?);
        let mut arguments = string(request.copy(uri.arguments)?);
        let whole = string(request.copy(uri.text)?);
        let raw = request.as_ptr();
        // SAFETY: all memory comes from the request's pool; nginx only queues the subrequest, so
        // what is changed here is in force before it runs.
        unsafe {
            // nginx would hold its output back until the connection's current request has finished.
            if (*(*raw).connection).data != raw.cast() || !(*raw).postponed.is_null() {
                return None;
            }
            let post = ngx_palloc((*raw).pool, size_of::<ngx_http_post_subrequest_t>());
            let post = NonNull::new(post.cast::<ngx_http_post_subrequest_t>())?;
            post.write(ngx_http_post_subrequest_t {
                handler: Some(ended::<R>),
                data: ptr::null_mut(),
            });
            let mut subrequest = ptr::null_mut();
            // Not NGX_HTTP_SUBREQUEST_IN_MEMORY: nginx then refuses subrequests of the subrequest, which
            // SSI and proxy_cache_background_update make.
            let code = ngx_http_subrequest(
                raw,
                &raw mut path,
                &raw mut arguments,
                &raw mut subrequest,
                post.as_ptr(),
                NGX_HTTP_SUBREQUEST_WAITED as ngx_uint_t,
            );
            if code != NGX_OK as ngx_int_t {
                return None;
            }
            let subrequest = Request::from_raw(subrequest)?;
            prepare(subrequest, forwarded)?;
            // Subrequests of the subrequest inherit it.
            need_in_memory(subrequest);
            if matches!(forwarded, Forwarded::Host { .. }) {
                (*subrequest.as_ptr()).unparsed_uri = whole;
            }
            Some(Self { request: subrequest.pooled()?, address: subrequest.address() })
        }
    }

    /// Whether the subrequest is over, its error page included.
    pub fn is_done(&self) -> bool {
        self.raw().is_none_or(is_done)
    }

    /// The status of the answer; 0 where there is none.
    pub fn status(&self) -> usize {
        self.raw().map_or(0, |request| request.headers_out.status)
    }

    /// What an answer that an upstream has cut short lacks; what filters have made of its length is
    /// another matter.
    pub fn cut_short(&self) -> Option<CutShort> {
        // SAFETY: null, or structures of the request's pool.
        let (upstream, pipe) = unsafe {
            let upstream = self.raw()?.upstream.as_ref()?;
            (upstream, upstream.pipe.as_ref().filter(|_| upstream.buffering() != 0))
        };
        // What an error page follows is no answer. A length of -1 is that of an answer without one.
        let missing = match pipe {
            Some(pipe) if pipe.upstream_done() != 0 => return None,
            Some(pipe) => pipe.length,
            None => upstream.length,
        };
        let missing = u64::try_from(missing).ok().filter(|missing| *missing > 0)?;
        let announced = u64::try_from(upstream.headers_in.content_length_n).ok();
        (upstream.header_sent() != 0).then_some(CutShort { missing, announced })
    }

    /// `Content-Encoding` of the answer, unless it is `identity`.
    pub fn content_encoding(&self) -> Option<&[u8]> {
        // SAFETY: null, or a header that lives as long as the request.
        let header = unsafe { self.raw()?.headers_out.content_encoding.as_ref() }?;
        let value = bytes(&header.value);
        (header.hash != 0 && !value.eq_ignore_ascii_case(b"identity")).then_some(value)
    }

    /// Where the answer came from, if that was by a connection without TLS.
    pub fn plain_peer(&self) -> Option<&[u8]> {
        // SAFETY: null, or structures of the request's pool; the array holds states, and the name
        // of a peer lives as long as the request.
        unsafe {
            let request = self.raw()?;
            let upstream = request.upstream.as_ref().filter(|upstream| upstream.ssl() == 0);
            let states = upstream.and(request.upstream_states.as_ref())?;
            let last = states.as_slice::<ngx_http_upstream_state_t>().last()?;
            last.peer.as_ref().map(bytes)
        }
    }

    /// Ends an answer that takes too long, or that of the subrequest of its own that has the turn, as if
    /// nginx had waited for the upstream in vain.
    pub fn time_out(&self) {
        // SAFETY: null, or structures of the request's pool and of the upstream's connection; the
        // connection's data is the request that has the turn. The event is posted, so that nothing is
        // freed while somebody still uses it.
        unsafe {
            let Some(own) = self.raw() else { return };
            let turn = Request::from_raw((*own.connection).data.cast::<ngx_http_request_t>());
            let is_own = |request: Request<'_>| request.address() == self.address;
            let turn = turn.filter(|turn| turn.lineage().any(is_own));
            let sender = turn.as_ref().map_or(own, |turn| turn.raw());
            if let Some(connection) =
                sender.upstream.as_ref().and_then(|upstream| upstream.peer.connection.as_ref())
            {
                (*connection.read).set_timedout(1);
                ngx_post_event(connection.read, &raw mut ngx_posted_events);
            }
        }
    }

    fn raw(&self) -> Option<&ngx_http_request_t> {
        // SAFETY: nginx changes nothing while we read, and frees no request within a call of ours.
        self.request.get().map(|request| unsafe { request.as_ref() })
    }
}

impl Request<'_> {
    /// Ends the answer of a subrequest that is too long, as if the upstream had failed: to return an error
    /// from the filter would close the client's connection.
    pub fn stop(self) {
        // SAFETY: null, or structures of the request's pool that only this thread changes.
        unsafe {
            if let Some(upstream) = self.raw().upstream.as_mut() {
                upstream.length = 0;
                if let Some(pipe) = upstream.pipe.as_mut() {
                    pipe.set_upstream_error(1);
                }
            }
        }
    }
}

/// # Safety
///
/// nginx calls it with the subrequest that it was given with.
unsafe extern "C" fn ended<R: Requester>(
    subrequest: *mut ngx_http_request_t,
    _data: *mut std::ffi::c_void,
    code: ngx_int_t,
) -> ngx_int_t {
    // On these codes nginx would close the client's connection without an answer.
    let closing = [NGX_HTTP_REQUEST_TIME_OUT, NGX_HTTP_CLOSE, NGX_HTTP_CLIENT_CLOSED_REQUEST];
    let closes =
        code == NGX_ERROR as ngx_int_t || closing.iter().any(|status| code == *status as ngx_int_t);
    let how = match code {
        _ if closes => Ended::Broken,
        code if code >= NGX_HTTP_SPECIAL_RESPONSE as ngx_int_t => Ended::ErrorPageFollows,
        _ => Ended::Well,
    };
    guarded(Entry::SubrequestEnded, (), || {
        // SAFETY: as above.
        if let Some(subrequest) = unsafe { Request::from_raw(subrequest) } {
            R::ended(subrequest, how);
        }
    });
    // From an upstream this code means that the client has left: nginx ends its request, and logs 499.
    // SAFETY: as above.
    let has_left = code == NGX_HTTP_CLIENT_CLOSED_REQUEST as ngx_int_t
        && unsafe { !(*subrequest).upstream.is_null() };
    if closes && !has_left { NGX_OK as ngx_int_t } else { code }
}
