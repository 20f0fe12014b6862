//! Takes the bodies of subrequests out of nginx's chain of filters.
//!
//! The filter stands where nginx itself collects a body in memory: what the location's own filters
//! (gunzip, sub, SSI) make of an answer is done by then, and the output of nested subrequests is in
//! order. Below the postpone filter all output goes by the name of the main request; whose it is tells
//! the connection, of which one request at a time has the turn to send.

use ngx::ffi::{
    NGX_ERROR, NGX_OK, ngx_buf_t, ngx_chain_t, ngx_http_output_body_filter_pt, ngx_http_request_t,
    ngx_http_top_body_filter, ngx_int_t,
};

use super::guard::{Entry, guarded};
use super::request::Request;

/// Who collects bodies.
pub trait BodyCollector {
    /// Takes pieces of the body that `sender` sends; whether they are to be collected.
    fn take(sender: Request<'_>, pieces: &mut dyn Iterator<Item = Piece<'_>>) -> bool;
}

/// A piece of a body.
#[derive(Clone, Copy, Debug)]
pub enum Piece<'b> {
    Bytes(&'b [u8]),
    /// It lies in a file, though memory was asked for.
    InFile,
}

/// The filter that follows ours.
static mut NEXT: ngx_http_output_body_filter_pt = None;

/// Puts the filter that collects bodies for `C` on top of the chain. Called while nginx reads its
/// configuration, once each time.
pub fn add_body_filter<C: BodyCollector>() {
    // SAFETY: nginx reads its configuration in one thread, in which it serves requests, too.
    unsafe {
        NEXT = ngx_http_top_body_filter;
        ngx_http_top_body_filter = Some(filter::<C>);
    }
}

/// # Safety
///
/// nginx calls it with a valid request and a valid chain.
unsafe extern "C" fn filter<C: BodyCollector>(
    request: *mut ngx_http_request_t,
    chain: *mut ngx_chain_t,
) -> ngx_int_t {
    // SAFETY: as above; while a request sends, its connection's data is the one that has the turn.
    let sender = unsafe {
        request.as_ref().and_then(|request| {
            Request::from_raw((*request.connection).data.cast::<ngx_http_request_t>())
        })
    };
    let taken = guarded(Entry::BodyFilter, None, || {
        let sender = sender.filter(|sender| sender.is_subrequest());
        // SAFETY: as above; a piece is used before the filter returns, as `take` sees it under a lifetime
        // of its own.
        Some(sender.is_some_and(|sender| C::take(sender, &mut unsafe { pieces(chain) })))
    });
    // SAFETY: what came from nginx goes on, to the filter that was on top before ours.
    unsafe {
        match (taken, NEXT) {
            (Some(true), _) => NGX_OK as ngx_int_t,
            (Some(false), Some(next)) => next(request, chain),
            _ => NGX_ERROR as ngx_int_t,
        }
    }
}

/// The pieces of a chain, each buffer consumed as it is read.
///
/// # Safety
///
/// `chain` is valid for `'c`.
unsafe fn pieces<'c>(chain: *mut ngx_chain_t) -> impl Iterator<Item = Piece<'c>> {
    // SAFETY: as above; the links are a chain that ends in null.
    let links =
        std::iter::successors(unsafe { chain.as_ref() }, |link| unsafe { link.next.as_ref() });
    // SAFETY: as above, and nobody else reads a buffer meanwhile.
    links.filter_map(|link| unsafe { consumed(link.buf.as_mut()?) })
}

/// # Safety
///
/// A valid buffer; where it says that it lies in memory, its bytes do.
unsafe fn consumed<'c>(buffer: &mut ngx_buf_t) -> Option<Piece<'c>> {
    let (start, end) = (buffer.pos, buffer.last);
    let of_file = buffer.in_file() != 0 && buffer.file_pos < buffer.file_last;
    buffer.pos = buffer.last;
    buffer.file_pos = buffer.file_last;
    if buffer.memory() == 0 && buffer.temporary() == 0 && buffer.mmap() == 0 {
        return of_file.then_some(Piece::InFile);
    }
    if start.is_null() || start >= end {
        return None;
    }
    // SAFETY: as above.
    Some(Piece::Bytes(unsafe {
        std::slice::from_raw_parts(start, end.offset_from_unsigned(start))
    }))
}
