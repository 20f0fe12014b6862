//! Bit fields of nginx's structures.
//!
//! bindgen counts bits from the first one of a structure, and takes that for the start of an `unsigned`. In a request
//! a shorter field, `port`, stands before it since nginx 1.29.3: C then lets a bit field that would lie across two
//! `unsigned` begin with the second one, bindgen another, and what follows is some bits away from where bindgen has it. So
//! the bits of a request, and what stands behind them, are read and set in C (bits.c). Those of other structures begin an `unsigned`; an nginx in
//! which one does not is refused here, when the module is compiled.

use std::ffi::c_uint;
use std::mem::offset_of;
use std::ptr;

use ngx::ffi::{
    ngx_buf_t, ngx_event_pipe_t, ngx_event_t, ngx_http_compile_complex_value_t,
    ngx_http_headers_in_t, ngx_http_request_t, ngx_http_upstream_t, ngx_http_variable_value_t,
    ngx_str_t, ngx_uint_t,
};

use super::request::Request;

unsafe extern "C" {
    fn auth_jwt_authority(request: *const ngx_http_request_t, authority: *mut ngx_str_t);
    fn auth_jwt_is_done(request: *const ngx_http_request_t) -> ngx_uint_t;
    fn auth_jwt_need_in_memory(request: *mut ngx_http_request_t);
}

macro_rules! begin_an_unsigned {
    ($($structure:ty),+) => {
        $(const _: () = assert!(
            offset_of!($structure, _bitfield_1).is_multiple_of(size_of::<c_uint>()),
            concat!("bindgen has the bits of ", stringify!($structure), " in other places than C"),
        );)+
    };
}

begin_an_unsigned!(
    ngx_buf_t,
    ngx_event_pipe_t,
    ngx_event_t,
    ngx_http_compile_complex_value_t,
    ngx_http_headers_in_t,
    ngx_http_upstream_t,
    ngx_http_variable_value_t
);

/// Whether nginx has finished a request.
pub(super) fn is_done(request: &ngx_http_request_t) -> bool {
    // SAFETY: a valid request, which is read alone.
    unsafe { auth_jwt_is_done(request) != 0 }
}

/// The host of the request line, in HTTP/2 and 3 with its port.
pub(super) fn authority(request: &ngx_http_request_t) -> ngx_str_t {
    let mut authority = ngx_str_t { len: 0, data: ptr::null_mut() };
    // SAFETY: a valid request, which is read alone, and a place for a string.
    unsafe { auth_jwt_authority(request, &raw mut authority) };
    authority
}

/// Has nginx read what it sends of files into memory.
pub(super) fn need_in_memory(request: Request<'_>) {
    // SAFETY: a valid request, which only this thread changes.
    unsafe { auth_jwt_need_in_memory(request.as_ptr()) }
}
