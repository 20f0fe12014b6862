//! Takes the bodies of subrequests out of nginx's chain of filters.
//!
//! The filter stands where nginx itself collects a body in memory: what the location's own filters
//! (gunzip, sub, SSI) make of an answer is done by then, and the output of nested subrequests is in
//! order. Below the postpone filter all output goes by the name of the main request; whose it is tells
//! the connection, of which one request at a time has the turn to send.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use ngx::ffi::{
    NGX_ERROR, NGX_OK, ngx_buf_t, ngx_chain_t, ngx_http_request_t, ngx_http_top_body_filter,
    ngx_int_t,
};

use super::guard::{Entry, guarded};
use super::request::Request;

/// Who collects bodies.
pub trait BodyCollector {
    /// Whether what `sender` sends is to be collected.
    fn wants(sender: Request<'_>) -> bool;

    /// Takes pieces of the body.
    fn take(sender: Request<'_>, pieces: &mut dyn Iterator<Item = Piece<'_>>);
}

/// A piece of a body.
#[derive(Clone, Copy, Debug)]
pub enum Piece<'b> {
    Bytes(&'b [u8]),
    /// It lies in a file, though memory was asked for.
    InFile,
}

/// The filter that follows ours.
static NEXT: AtomicPtr<std::ffi::c_void> = AtomicPtr::new(ptr::null_mut());

type BodyFilter = unsafe extern "C" fn(*mut ngx_http_request_t, *mut ngx_chain_t) -> ngx_int_t;

/// Puts the filter that collects bodies for `C` on top of the chain. Called while nginx reads its
/// configuration, once each time.
pub fn add_body_filter<C: BodyCollector>() {
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
    let taken = guarded(Entry::BodyFilter, Err(()), || {
        let sender = sender.filter(|sender| sender.is_subrequest() && C::wants(*sender));
        if let Some(sender) = sender {
            C::take(sender, &mut Pieces(chain));
        }
        Ok(sender.is_some())
    });
    match taken {
        Ok(true) => NGX_OK as ngx_int_t,
        // SAFETY: what came from nginx goes on.
        Ok(false) => unsafe { pass_on(request, chain) },
        Err(()) => NGX_ERROR as ngx_int_t,
    }
}

/// # Safety
///
/// `request` and `chain` are what nginx has called the filter with.
unsafe fn pass_on(request: *mut ngx_http_request_t, chain: *mut ngx_chain_t) -> ngx_int_t {
    let next = NEXT.load(Ordering::Relaxed);
    if next.is_null() {
        return NGX_ERROR as ngx_int_t;
    }
    // SAFETY: what was stored is the filter that was on top before ours.
    unsafe {
        let next: BodyFilter = std::mem::transmute::<*mut std::ffi::c_void, BodyFilter>(next);
        next(request, chain)
    }
}

/// The pieces of a chain, each buffer consumed as it is read.
struct Pieces(*mut ngx_chain_t);

impl Iterator for Pieces {
    type Item = Piece<'static>;

    fn next(&mut self) -> Option<Self::Item> {
        // SAFETY: a valid chain; a piece is used before the filter returns, as `take` sees it under
        // a lifetime of its own.
        unsafe {
            loop {
                let link = self.0.as_ref()?;
                self.0 = link.next;
                if let Some(piece) = link.buf.as_mut().and_then(|buffer| consumed(buffer)) {
                    return Some(piece);
                }
            }
        }
    }
}

/// # Safety
///
/// A valid buffer; where it says that it lies in memory, its bytes do.
unsafe fn consumed(buffer: &mut ngx_buf_t) -> Option<Piece<'static>> {
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
