//! `WWW-Authenticate` in nginx's own place, so that core can clear it and `auth_delay` works.

use std::ptr::NonNull;

use ngx::ffi::{ngx_list_push, ngx_str_t, ngx_table_elt_t};

use super::request::Request;

/// A header that has been added to the answer. It lies in the request's pool.
#[derive(Clone, Copy)]
pub struct ResponseHeader(NonNull<ngx_table_elt_t>);

impl ResponseHeader {
    /// Takes the header out of the answer, whoever else has overwritten nginx's pointer to it.
    pub fn hide(self) {
        // SAFETY: an element of a list in the request's pool; whoever keeps a `ResponseHeader`
        // keeps it in that same pool.
        unsafe { (*self.0.as_ptr()).hash = 0 };
    }
}

impl<'r> Request<'r> {
    /// Adds `WWW-Authenticate: value` to the answer.
    pub fn add_challenge(self, value: &'r [u8]) -> Option<ResponseHeader> {
        let name = b"WWW-Authenticate";
        // SAFETY: the list of a valid request; the new element is filled before it is linked, its
        // strings are static or live as long as the request.
        unsafe {
            let headers_out = &raw mut (*self.as_ptr()).headers_out;
            let header = NonNull::new(ngx_list_push(&raw mut (*headers_out).headers))?
                .cast::<ngx_table_elt_t>();
            let element = &mut *header.as_ptr();
            element.hash = 1;
            element.key = ngx_str_t { len: name.len(), data: name.as_ptr().cast_mut() };
            element.value = ngx_str_t { len: value.len(), data: value.as_ptr().cast_mut() };
            element.lowcase_key = std::ptr::null_mut();
            #[cfg(nginx_1_23)]
            {
                element.next = std::ptr::null_mut();
            }
            *end_of_chain(&raw mut (*headers_out).www_authenticate) = header.as_ptr();
            Some(ResponseHeader(header))
        }
    }
}

/// Where the next header of this name is linked.
///
/// # Safety
///
/// `place` holds null or the first of a chain of valid headers.
#[cfg(nginx_1_23)]
unsafe fn end_of_chain(mut place: *mut *mut ngx_table_elt_t) -> *mut *mut ngx_table_elt_t {
    // SAFETY: as above; the chain ends in null.
    unsafe {
        while !(*place).is_null() {
            place = &raw mut (**place).next;
        }
    }
    place
}

/// Before 1.23 nginx knows one header of this name.
///
/// # Safety
///
/// None is needed; it is `unsafe` as its namesake is.
#[cfg(not(nginx_1_23))]
unsafe fn end_of_chain(place: *mut *mut ngx_table_elt_t) -> *mut *mut ngx_table_elt_t {
    place
}
