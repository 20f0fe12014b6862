//! `WWW-Authenticate` in nginx's own place, so that core can clear it and `auth_delay` works.

use std::ptr::{self, NonNull};

use ngx::ffi::{ngx_list_push, ngx_list_t, ngx_table_elt_t};

use super::request::{Request, string};

/// A header that has been added to an answer: its address, by which it is found again.
#[derive(Clone, Copy)]
pub struct ResponseHeader(NonNull<ngx_table_elt_t>);

/// The headers in `list`.
///
/// # Safety
///
/// `list` is a valid list of headers, and lives for `'l`.
pub(super) unsafe fn headers<'l>(
    list: &'l ngx_list_t,
) -> impl Iterator<Item = NonNull<ngx_table_elt_t>> + use<'l> {
    let parts = std::iter::successors(Some(&list.part), |part| {
        // SAFETY: the parts are a chain that ends in null.
        unsafe { part.next.as_ref() }
    });
    parts.flat_map(|part| {
        let first = NonNull::new(part.elts.cast::<ngx_table_elt_t>());
        // SAFETY: a part has so many elements.
        first.into_iter().flat_map(|first| (0..part.nelts).map(move |at| unsafe { first.add(at) }))
    })
}

/// A header as nginx keeps it, in memory that outlives the answer.
pub(super) fn element(name: &[u8], value: &[u8]) -> ngx_table_elt_t {
    ngx_table_elt_t {
        hash: 1,
        key: string(name),
        value: string(value),
        lowcase_key: ptr::null_mut(),
        #[cfg(nginx_1_23)]
        next: ptr::null_mut(),
    }
}

/// Adds `header` to `list`; `None` where there is no memory.
///
/// # Safety
///
/// `list` is a valid list of headers.
pub(super) unsafe fn push(
    list: *mut ngx_list_t,
    header: ngx_table_elt_t,
) -> Option<NonNull<ngx_table_elt_t>> {
    // SAFETY: as above; the place is fresh memory for one header.
    unsafe {
        let place = NonNull::new(ngx_list_push(list).cast::<ngx_table_elt_t>())?;
        place.write(header);
        Some(place)
    }
}

impl<'r> Request<'r> {
    /// Takes `header` out of the answer, whoever else has overwritten nginx's pointer to it.
    pub fn hide(self, header: ResponseHeader) {
        // SAFETY: the list of a valid request; what is changed is an element that was found in it.
        unsafe {
            let list = &(*self.as_ptr()).headers_out.headers;
            if headers(list).any(|element| element == header.0) {
                (*header.0.as_ptr()).hash = 0;
            }
        }
    }

    /// Adds `WWW-Authenticate: value` to the answer.
    pub fn add_challenge(self, value: &'r [u8]) -> Option<ResponseHeader> {
        // SAFETY: the list of a valid request; the new element is filled before it is linked, its
        // strings are static or live as long as the request.
        unsafe {
            let headers_out = &raw mut (*self.as_ptr()).headers_out;
            let element = element(b"WWW-Authenticate", value);
            let header = push(&raw mut (*headers_out).headers, element)?;
            let link = &raw mut (*headers_out).www_authenticate;
            // Headers of one name are a chain; before 1.23 nginx knows one of this name.
            #[cfg(nginx_1_23)]
            let link = {
                let mut link = link;
                while let Some(earlier) = (*link).as_mut() {
                    link = &raw mut earlier.next;
                }
                link
            };
            *link = header.as_ptr();
            Some(ResponseHeader(header))
        }
    }
}
