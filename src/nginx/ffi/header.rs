//! `WWW-Authenticate` in nginx's own place, so that core can clear it and `auth_delay` works.

use std::ptr::{self, NonNull};

use ngx::ffi::{ngx_list_push, ngx_list_t, ngx_table_elt_t};

use super::request::{Request, string};

/// The challenges that have been added to an answer: their addresses, by which they are found again.
#[derive(Clone, Copy)]
pub struct Challenges {
    first: NonNull<ngx_table_elt_t>,
    second: Option<NonNull<ngx_table_elt_t>>,
}

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
    /// Takes `challenges` out of the answer, whoever else has overwritten nginx's pointer to them.
    pub fn hide(self, challenges: Challenges) {
        let is_one = |header| header == challenges.first || Some(header) == challenges.second;
        // SAFETY: the list of a valid request; what is changed are elements that were found in it.
        unsafe {
            let list = &(*self.as_ptr()).headers_out.headers;
            for header in headers(list).filter(|header| is_one(*header)) {
                (*header.as_ptr()).hash = 0;
            }
        }
    }

    /// Adds `WWW-Authenticate: first` to the answer, and `second` behind it.
    pub fn add_challenges(self, first: &'r [u8], second: Option<&'r [u8]>) -> Option<Challenges> {
        // SAFETY: the list of a valid request; the new elements are filled before they are linked, their
        // strings are static or live as long as the request.
        unsafe {
            let list = &raw mut (*self.as_ptr()).headers_out.headers;
            let add = |value| push(list, element(b"WWW-Authenticate", value));
            let first = add(first)?;
            self.link(first);
            let second = match second {
                Some(second) => Some(add(second)?),
                None => None,
            };
            // Before 1.23 nginx knows one of this name.
            #[cfg(nginx_1_23)]
            if let Some(second) = second {
                self.link(second);
            }
            Some(Challenges { first, second })
        }
    }

    /// Has nginx's own pointer lead to `header`; headers of one name are a chain since 1.23.
    ///
    /// # Safety
    ///
    /// `header` is in the list of the answer's headers.
    unsafe fn link(self, header: NonNull<ngx_table_elt_t>) {
        // SAFETY: a valid request, whose chain ends in null.
        unsafe {
            let link = &raw mut (*self.as_ptr()).headers_out.www_authenticate;
            #[cfg(nginx_1_23)]
            let link = {
                let mut link = link;
                while let Some(earlier) = (*link).as_mut() {
                    link = &raw mut earlier.next;
                }
                link
            };
            *link = header.as_ptr();
        }
    }
}
