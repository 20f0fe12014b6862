//! Subrequests whose answer is collected: started by the access phase, body-less, without the
//! client's credentials, their bodies kept from the client by a filter.

use std::mem::zeroed;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};

use ngx::ffi::{
    NGX_ERROR, NGX_HTTP_CLIENT_CLOSED_REQUEST, NGX_HTTP_CLOSE, NGX_HTTP_REQUEST_TIME_OUT,
    NGX_HTTP_SPECIAL_RESPONSE, NGX_HTTP_SUBREQUEST_IN_MEMORY, NGX_HTTP_SUBREQUEST_WAITED, NGX_OK,
    ngx_chain_t, ngx_http_core_main_conf_t, ngx_http_core_module, ngx_http_post_subrequest_t,
    ngx_http_request_body_t, ngx_http_request_t, ngx_http_subrequest, ngx_http_top_body_filter,
    ngx_http_upstream_state_t, ngx_http_variable_t, ngx_http_variable_value_t, ngx_int_t,
    ngx_list_init, ngx_list_push, ngx_palloc, ngx_pcalloc, ngx_post_event, ngx_posted_events,
    ngx_str_t, ngx_table_elt_t, ngx_uint_t,
};
use ngx::http::HttpModuleConfExt;

use super::guard::{Entry, guarded};
use super::request::{Request, bytes};

/// Who collects the answers.
pub trait Collector {
    /// Takes a piece of the body of `subrequest`; `false` if the subrequest is not this
    /// collector's, and its body goes its usual way.
    fn take(subrequest: Request<'_>, pieces: &mut dyn Iterator<Item = &[u8]>) -> bool;

    /// The subrequest has come to an end.
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

/// A subrequest that was started. It lives as long as its main request.
#[derive(Clone, Copy)]
pub struct Subrequest(NonNull<ngx_http_request_t>);

impl Subrequest {
    /// Starts a GET of `uri` (`?args` included) for the main request `request`. Headers that carry
    /// `secret` are left out. `None` where nginx refuses; it has logged why.
    pub fn start<C: Collector>(request: Request<'_>, uri: &[u8], secret: &[u8]) -> Option<Self> {
        let uri = request.copy(uri)?;
        let mut parts = uri.splitn(2, |byte| *byte == b'?');
        let mut path = string(parts.next().unwrap_or_default());
        let mut arguments = string(parts.next().unwrap_or_default());
        let raw = request.as_ptr();
        // SAFETY: all memory comes from the request's pool; nginx only queues the subrequest, so
        // what is changed here is in force before it runs.
        unsafe {
            let post = ngx_palloc((*raw).pool, size_of::<ngx_http_post_subrequest_t>());
            let post = NonNull::new(post.cast::<ngx_http_post_subrequest_t>())?;
            post.write(ngx_http_post_subrequest_t {
                handler: Some(ended::<C>),
                data: ptr::null_mut(),
            });
            let mut subrequest = ptr::null_mut();
            let code = ngx_http_subrequest(
                raw,
                &raw mut path,
                &raw mut arguments,
                &raw mut subrequest,
                post.as_ptr(),
                (NGX_HTTP_SUBREQUEST_WAITED | NGX_HTTP_SUBREQUEST_IN_MEMORY) as ngx_uint_t,
            );
            if code != NGX_OK as ngx_int_t {
                return None;
            }
            let subrequest = NonNull::new(subrequest)?;
            let prepared = without_body(subrequest).is_some()
                && with_own_headers(subrequest, secret).is_some()
                && with_own_variables(subrequest).is_some();
            prepared.then_some(Self(subrequest))
        }
    }

    /// Whether `request` is this subrequest.
    pub fn is(self, request: Request<'_>) -> bool {
        self.0.as_ptr() == request.as_ptr()
    }

    /// Whether the subrequest is over, its error page included.
    pub fn is_done(self) -> bool {
        self.raw().done() != 0
    }

    /// The status of the answer; 0 where there is none.
    pub fn status(self) -> usize {
        self.raw().headers_out.status
    }

    /// `Content-Length` of the answer.
    pub fn content_length(self) -> Option<u64> {
        u64::try_from(self.raw().headers_out.content_length_n).ok()
    }

    /// `Content-Encoding` of the answer, unless it is `identity`.
    pub fn content_encoding(&self) -> Option<&[u8]> {
        // SAFETY: null, or a header that lives as long as the request.
        let header = unsafe { self.raw().headers_out.content_encoding.as_ref() }?;
        let value = bytes(&header.value);
        (header.hash != 0 && !value.eq_ignore_ascii_case(b"identity")).then_some(value)
    }

    /// Where the answer came from, if that was by a connection without TLS.
    pub fn plain_peer(&self) -> Option<&[u8]> {
        // SAFETY: null, or structures of the request's pool; the array holds states, and the name
        // of a peer lives as long as the request.
        unsafe {
            let upstream = self.raw().upstream.as_ref().filter(|upstream| upstream.ssl() == 0);
            let states = upstream.and(self.raw().upstream_states.as_ref())?;
            let last = states.as_slice::<ngx_http_upstream_state_t>().last()?;
            last.peer.as_ref().map(bytes)
        }
    }

    /// Ends an answer that is too long, as if the upstream had failed: to return an error from the
    /// filter would close the client's connection.
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

    /// Ends an answer that takes too long, as if nginx had waited for the upstream in vain.
    pub fn time_out(self) {
        // SAFETY: null, or structures of the request's pool and of the upstream's connection. The
        // event is posted, so that nothing is freed while somebody still uses it.
        unsafe {
            let connection = self.raw().upstream.as_ref().map(|upstream| upstream.peer.connection);
            if let Some(connection) = connection.and_then(|connection| connection.as_ref()) {
                (*connection.read).set_timedout(1);
                ngx_post_event(connection.read, &raw mut ngx_posted_events);
            }
        }
    }

    fn raw(&self) -> &ngx_http_request_t {
        // SAFETY: valid as long as the main request, in whose context it is kept.
        unsafe { self.0.as_ref() }
    }
}

fn string(text: &[u8]) -> ngx_str_t {
    ngx_str_t { len: text.len(), data: text.as_ptr().cast_mut() }
}

/// Nobody reads the client's body for the subrequest, and it announces none.
///
/// # Safety
///
/// `subrequest` is valid and has not run yet; so for the two below.
unsafe fn without_body(subrequest: NonNull<ngx_http_request_t>) -> Option<()> {
    // SAFETY: as above.
    unsafe {
        let request = subrequest.as_ptr();
        let body = ngx_pcalloc((*request).pool, size_of::<ngx_http_request_body_t>());
        (*request).request_body = NonNull::new(body.cast())?.as_ptr();
        (*request).headers_in.content_length_n = -1;
        (*request).headers_in.set_chunked(0);
    }
    Some(())
}

/// The client's headers but for those that speak of its body, its connection, its cache, or who it
/// is. Only the subrequest's copy is changed.
unsafe fn with_own_headers(subrequest: NonNull<ngx_http_request_t>, secret: &[u8]) -> Option<()> {
    // SAFETY: as above; the parent's list is a valid list of headers, the elements are copied.
    unsafe {
        let request = subrequest.as_ptr();
        let headers = &raw mut (*request).headers_in;
        let parents: ngx::ffi::ngx_list_t = (*headers).headers;
        let list = &raw mut (*headers).headers;
        if ngx_list_init(list, (*request).pool, 16, size_of::<ngx_table_elt_t>())
            != NGX_OK as ngx_int_t
        {
            return None;
        }
        let mut part = &raw const parents.part;
        while let Some(current) = part.as_ref() {
            for at in 0..current.nelts {
                let header = current.elts.cast::<ngx_table_elt_t>().add(at).read();
                if passes(bytes(&header.key), bytes(&header.value), secret) {
                    let place = ngx_list_push(list).cast::<ngx_table_elt_t>();
                    NonNull::new(place)?.write(header);
                }
            }
            part = current.next;
        }
        let headers = &mut *headers;
        for pointer in [
            &mut headers.connection,
            &mut headers.if_modified_since,
            &mut headers.if_unmodified_since,
            &mut headers.if_match,
            &mut headers.if_none_match,
            &mut headers.content_length,
            &mut headers.content_range,
            &mut headers.content_type,
            &mut headers.range,
            &mut headers.if_range,
            &mut headers.transfer_encoding,
            &mut headers.te,
            &mut headers.expect,
            &mut headers.upgrade,
            &mut headers.authorization,
            &mut headers.keep_alive,
            #[cfg(ngx_feature = "http_gzip")]
            &mut headers.accept_encoding,
            #[cfg(nginx_1_23)]
            &mut headers.cookie,
        ] {
            *pointer = ptr::null_mut();
        }
        #[cfg(not(nginx_1_23))]
        {
            headers.cookies = zeroed();
        }
        headers.user = zeroed();
        headers.passwd = zeroed();
    }
    Some(())
}

fn passes(name: &[u8], value: &[u8], secret: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    let left_out = matches!(
        &*name,
        b"accept-encoding"
            | b"authorization"
            | b"connection"
            | b"cookie"
            | b"expect"
            | b"http2-settings"
            | b"keep-alive"
            | b"proxy-authorization"
            | b"proxy-connection"
            | b"range"
            | b"te"
            | b"trailer"
            | b"transfer-encoding"
            | b"upgrade"
    );
    let carries_secret = || memchr::memmem::find(value, secret).is_some();
    !left_out && !name.starts_with(b"content-") && !name.starts_with(b"if-") && !carries_secret()
}

/// nginx shares the values of variables between a request and its subrequests. Here they part: the
/// subrequest must not see `$http_authorization` as the client sent it, nor leave the main request
/// without it. What else has been set is handed down.
unsafe fn with_own_variables(subrequest: NonNull<ngx_http_request_t>) -> Option<()> {
    // SAFETY: as above; there are as many values as core's configuration has indexed variables.
    unsafe {
        let request = subrequest.as_ptr();
        let core_module = &raw const ngx_http_core_module;
        let core =
            (*request).http_main_conf_unchecked::<ngx_http_core_main_conf_t>(&*core_module)?;
        let variables = core.as_ref().variables.as_slice::<ngx_http_variable_t>();
        let size = variables.len().checked_mul(size_of::<ngx_http_variable_value_t>())?;
        let values = ngx_palloc((*request).pool, size.max(1)).cast::<ngx_http_variable_value_t>();
        NonNull::new(values)?
            .copy_from_nonoverlapping(NonNull::new((*request).variables)?, variables.len());
        for (at, variable) in variables.iter().enumerate() {
            if depends_on_headers(bytes(&variable.name)) {
                let value = &mut *values.add(at);
                value.set_valid(0);
                value.set_not_found(0);
            }
        }
        (*request).variables = values;
    }
    Some(())
}

fn depends_on_headers(variable: &[u8]) -> bool {
    [&b"http_"[..], b"cookie_", b"content_"].iter().any(|prefix| variable.starts_with(prefix))
        || variable == b"remote_user"
}

/// # Safety
///
/// nginx calls it with the subrequest that it was given with.
unsafe extern "C" fn ended<C: Collector>(
    subrequest: *mut ngx_http_request_t,
    _data: *mut std::ffi::c_void,
    code: ngx_int_t,
) -> ngx_int_t {
    // These would close the client's connection; it gets an answer instead.
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
            C::ended(subrequest, how);
        }
    });
    if closes { NGX_OK as ngx_int_t } else { code }
}

/// The filter that follows ours.
static NEXT: AtomicPtr<std::ffi::c_void> = AtomicPtr::new(ptr::null_mut());

type BodyFilter = unsafe extern "C" fn(*mut ngx_http_request_t, *mut ngx_chain_t) -> ngx_int_t;

/// Puts the filter that collects bodies for `C` on top of the chain. Called while nginx reads its
/// configuration, once each time.
pub fn add_body_filter<C: Collector>() {
    // SAFETY: nginx reads its configuration in one thread.
    unsafe {
        if let Some(next) = ngx_http_top_body_filter {
            NEXT.store(next as *mut std::ffi::c_void, Ordering::Relaxed);
        }
        ngx_http_top_body_filter = Some(filter::<C>);
    }
}

/// # Safety
///
/// nginx calls it with a valid request and a valid chain.
unsafe extern "C" fn filter<C: Collector>(
    request: *mut ngx_http_request_t,
    chain: *mut ngx_chain_t,
) -> ngx_int_t {
    // SAFETY: as above; buffers of a request that asked for memory hold their bytes there.
    let taken = guarded(Entry::BodyFilter, Err(()), || unsafe {
        let Some(subrequest) = Request::from_raw(request) else { return Err(()) };
        if subrequest.raw().subrequest_in_memory() == 0 {
            return Ok(false);
        }
        Ok(C::take(subrequest, &mut Pieces(chain)))
    });
    match taken {
        Ok(true) => NGX_OK as ngx_int_t,
        Ok(false) => {
            let next = NEXT.load(Ordering::Relaxed);
            if next.is_null() {
                return NGX_ERROR as ngx_int_t;
            }
            // SAFETY: what was stored is the filter that was on top before ours.
            unsafe {
                let next: BodyFilter =
                    std::mem::transmute::<*mut std::ffi::c_void, BodyFilter>(next);
                next(request, chain)
            }
        }
        Err(()) => NGX_ERROR as ngx_int_t,
    }
}

/// The bytes of a chain, each buffer consumed as it is read.
struct Pieces(*mut ngx_chain_t);

impl Iterator for Pieces {
    type Item = &'static [u8];

    fn next(&mut self) -> Option<Self::Item> {
        // SAFETY: a valid chain; the slice is used before the filter returns, as `take` sees it
        // under a lifetime of its own.
        unsafe {
            loop {
                let link = self.0.as_ref()?;
                self.0 = link.next;
                let Some(buffer) = link.buf.as_mut() else { continue };
                let (start, end) = (buffer.pos, buffer.last);
                buffer.pos = buffer.last;
                buffer.file_pos = buffer.file_last;
                let in_memory =
                    buffer.memory() != 0 || buffer.temporary() != 0 || buffer.mmap() != 0;
                if in_memory && !start.is_null() && start < end {
                    return Some(std::slice::from_raw_parts(
                        start,
                        end.offset_from_unsigned(start),
                    ));
                }
            }
        }
    }
}
