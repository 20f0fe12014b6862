//! What is forwarded to a subrequest of the request it is made for: never the client's body or
//! credentials, and where its answer serves others too, no header and no variable that one client
//! decides. What the connection tells (addresses, ports, TLS) is that of the client that asks.

use std::mem::zeroed;
use std::ptr::{self, NonNull};

use ngx::ffi::{
    NGX_OK, ngx_http_headers_in_t, ngx_http_request_body_t, ngx_http_request_t,
    ngx_http_variable_t, ngx_http_variable_value_t, ngx_int_t, ngx_list_init, ngx_list_t,
    ngx_pcalloc, ngx_table_elt_t,
};
use ngx::http::{HttpModuleMainConf, NgxHttpCoreModule};

use super::header;
use super::request::{Request, bytes, string};
use super::server_name::ServerNames;

/// What is forwarded to a subrequest.
#[derive(Clone, Copy)]
pub enum Forwarded<'s> {
    /// All variables, and the client's headers but for those that speak of its body, its connection,
    /// its cache or who it is, and those that carry `secret`.
    Request { secret: &'s [u8] },
    /// A host, and what the server's names capture of it.
    Host { host: &'s [u8], names: &'s ServerNames },
}

/// Gives `subrequest` its own body, headers and variables; `None` where there is no memory.
///
/// # Safety
///
/// `subrequest` is valid and has not run yet; so for the functions below.
pub(super) unsafe fn prepare(subrequest: Request<'_>, forwarded: Forwarded<'_>) -> Option<()> {
    // SAFETY: the caller's promise; zeros are headers that nobody has read yet, as nginx begins with. What
    // fails below leaves the subrequest without any.
    unsafe {
        let request = subrequest.as_ptr();
        let headers = &raw mut (*request).headers_in;
        let clients = headers.read();
        headers.write(zeroed());
        (*headers).content_length_n = -1;
        (*headers).keep_alive_n = -1;
        // Nobody reads the client's body for it.
        let body = ngx_pcalloc((*request).pool, size_of::<ngx_http_request_body_t>());
        (*request).request_body = NonNull::new(body.cast())?.as_ptr();
        match forwarded {
            Forwarded::Request { secret } => headers_of_request(request, &clients, secret)?,
            Forwarded::Host { host, .. } => host_alone(subrequest, &clients, host)?,
        }
        own_variables(subrequest, forwarded)
    }
}

/// Of the client's headers `Host` alone, as `host`.
unsafe fn host_alone(
    subrequest: Request<'_>,
    clients: &ngx_http_headers_in_t,
    host: &[u8],
) -> Option<()> {
    let host = subrequest.copy(host)?;
    let request = subrequest.as_ptr();
    // SAFETY: as above; the host lies in the request's pool.
    unsafe {
        let headers = &raw mut (*request).headers_in;
        empty_list(request, &raw mut (*headers).headers, 1)?;
        (*headers).server = string(host);
        if let Some(mut header) = clients.host.as_ref().copied().filter(|_| !host.is_empty()) {
            header.value = (*headers).server;
            #[cfg(nginx_1_23)]
            {
                header.next = ptr::null_mut();
            }
            (*headers).host = header::push(&raw mut (*headers).headers, header)?.as_ptr();
        }
    }
    Some(())
}

/// The client's headers as [`Forwarded::Request`] says.
unsafe fn headers_of_request(
    request: *mut ngx_http_request_t,
    clients: &ngx_http_headers_in_t,
    secret: &[u8],
) -> Option<()> {
    // SAFETY: as above; the client's list is a valid list of headers, the elements are copied. A list
    // refers to itself, so it is made in its place.
    unsafe {
        let headers = &mut (*request).headers_in;
        *headers = *clients;
        headers.content_length_n = -1;
        headers.set_chunked(0);
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
        headers.headers = zeroed();
        let list = &raw mut (*request).headers_in.headers;
        empty_list(request, list, 16)?;
        for header in header::headers(&clients.headers) {
            let header = header.read();
            if passes(bytes(&header.key), bytes(&header.value), secret) {
                header::push(list, header)?;
            }
        }
    }
    Some(())
}

/// # Safety
///
/// `request` is valid; `list` is a place for a list, which becomes one of room for `count` headers.
unsafe fn empty_list(
    request: *mut ngx_http_request_t,
    list: *mut ngx_list_t,
    count: usize,
) -> Option<()> {
    // SAFETY: as above.
    let code = unsafe { ngx_list_init(list, (*request).pool, count, size_of::<ngx_table_elt_t>()) };
    (code == NGX_OK as ngx_int_t).then_some(())
}

fn passes(name: &[u8], value: &[u8], secret: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    let left_out = matches!(
        &*name,
        b"accept-encoding"
            | b"authorization"
            | b"connection"
            | b"cookie"
            | b"dpop"
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
/// without it.
unsafe fn own_variables(subrequest: Request<'_>, forwarded: Forwarded<'_>) -> Option<()> {
    let request = subrequest.as_ptr();
    // SAFETY: as above; core's configuration outlives the request, and there are as many values as indexed
    // variables, in both places. Zeros are values that nobody has asked for yet.
    unsafe {
        let core = NgxHttpCoreModule::main_conf(&*request)?;
        let variables = core.variables.as_slice::<ngx_http_variable_t>();
        let size = variables.len().checked_mul(size_of::<ngx_http_variable_value_t>())?;
        let values = ngx_pcalloc((*request).pool, size.max(1));
        let values = NonNull::new(values.cast::<ngx_http_variable_value_t>())?;
        let shared = std::mem::replace(&mut (*request).variables, values.as_ptr());
        match forwarded {
            // What else has been set is forwarded.
            Forwarded::Request { .. } => {
                let shared = NonNull::new(shared)?;
                for (at, variable) in variables.iter().enumerate() {
                    if !depends_on_headers(bytes(&variable.name)) {
                        values.add(at).write(shared.add(at).read());
                    }
                }
            }
            // No variable has a value, as in a new request, but those that the server's names capture.
            Forwarded::Host { names, .. } => names.capture(subrequest),
        }
    }
    Some(())
}

fn depends_on_headers(variable: &[u8]) -> bool {
    [&b"http_"[..], b"cookie_", b"content_"].iter().any(|prefix| variable.starts_with(prefix))
        || variable == b"remote_user"
}
