//! A request, as far as the module looks at one.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};

use ngx::ffi::{ngx_http_request_t, ngx_module_t, ngx_pnalloc, ngx_str_t};
use ngx::http::HttpModuleConfExt;

use super::log;
use super::pooled::Pooled;
use super::slot::Slot;

/// The module, which knows the index of its configurations and contexts.
static MODULE: AtomicPtr<ngx_module_t> = AtomicPtr::new(ptr::null_mut());

/// Tells which module's configurations and contexts are meant. Called before the configuration
/// is read; `module` is a static.
pub fn register_module(module: *mut ngx_module_t) {
    MODULE.store(module, Ordering::Relaxed);
}

pub(super) fn module() -> Option<&'static ngx_module_t> {
    // SAFETY: null, or the static of the module, which nginx changes only while it starts.
    unsafe { MODULE.load(Ordering::Relaxed).as_ref() }
}

/// A request; `'r` is the life of its pool.
#[derive(Clone, Copy)]
pub struct Request<'r> {
    raw: NonNull<ngx_http_request_t>,
    life: PhantomData<&'r ngx_http_request_t>,
}

/// The address of something that belongs to a request; only good for comparing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address(usize);

impl<'r> Request<'r> {
    /// # Safety
    ///
    /// `raw` is null or a request that is valid for `'r`.
    pub(super) unsafe fn from_raw(raw: *mut ngx_http_request_t) -> Option<Self> {
        NonNull::new(raw).map(|raw| Self { raw, life: PhantomData })
    }

    pub(super) fn as_ptr(self) -> *mut ngx_http_request_t {
        self.raw.as_ptr()
    }

    /// Reads the request. The reference must not outlive the call that it serves, as nginx
    /// changes the request between calls.
    pub(super) fn raw(&self) -> &ngx_http_request_t {
        // SAFETY: valid for `'r` by `from_raw`; nobody else writes while we read.
        unsafe { self.raw.as_ref() }
    }

    /// The main request; itself unless this is a subrequest.
    pub fn main(self) -> Self {
        // SAFETY: `main` is set for every request and outlives its subrequests.
        unsafe { Self::from_raw(self.raw().main) }.unwrap_or(self)
    }

    /// Whether this is a subrequest.
    pub fn is_subrequest(self) -> bool {
        self.raw().main != self.as_ptr()
    }

    /// The host it asks for, in lower case and without a port; `None` where it names none.
    pub fn host(self) -> Option<&'r [u8]> {
        Some(bytes(&self.raw().headers_in.server)).filter(|host| !host.is_empty())
    }

    /// The request, the one that has made it, and so on.
    pub fn lineage(self) -> impl Iterator<Item = Self> {
        // SAFETY: the parents of a valid request are valid; the main request has none.
        std::iter::successors(Some(self), |request| unsafe { Self::from_raw(request.raw().parent) })
    }

    /// The value of the `Authorization` header.
    pub fn authorization(self) -> Option<&'r [u8]> {
        // SAFETY: null, or a header that lives as long as the request.
        let header = unsafe { self.raw().headers_in.authorization.as_ref() }?;
        Some(bytes(&header.value))
    }

    /// The configuration of the current location.
    pub fn location_conf<T: Any>(self) -> Option<&'r T> {
        // SAFETY: what the module made as its location configuration is a slot, and it lives as
        // long as the cycle, which outlives the request.
        unsafe { Slot::value(self.raw().http_location_conf_unchecked::<Slot>(module()?)?) }
    }

    /// The configuration of the level `http`.
    pub fn main_conf<T: Any>(self) -> Option<&'r T> {
        // SAFETY: as for `location_conf`.
        unsafe { Slot::value(self.raw().http_main_conf_unchecked::<Slot>(module()?)?) }
    }

    /// The configuration of the server.
    pub fn server_conf<T: Any>(self) -> Option<&'r T> {
        // SAFETY: as for `location_conf`.
        unsafe { Slot::value(self.raw().http_server_conf_unchecked::<Slot>(module()?)?) }
    }

    /// Where the current location's configurations lie: differs from location to location.
    pub fn location(self) -> Address {
        Address(self.raw().loc_conf.addr())
    }

    /// Which request or subrequest this is.
    pub fn address(self) -> Address {
        Address(self.raw.as_ptr().addr())
    }

    /// The module's state of the main request, made at its first use. It survives internal
    /// redirects, which empty the list of contexts: the pool still knows it.
    pub fn context<T: Any + Default>(self) -> Option<&'r T> {
        if let Some(made) = self.known_context() {
            return Some(made);
        }
        let (main, index) = (self.main(), module()?.ctx_index);
        // SAFETY: as above; `ctx` has a place for every module, ours holds null or our slot.
        unsafe {
            let pool = main.raw().pool;
            let slot = match Slot::find::<T>(pool) {
                Some(slot) => slot,
                None => Slot::allocate::<T>(pool)?,
            };
            main.raw().ctx.add(index).write(slot.as_ptr().cast());
            Slot::value(slot)
        }
    }

    /// The module's state of the main request; `None` where it has none yet.
    pub fn known_context<T: Any>(self) -> Option<&'r T> {
        // SAFETY: the pool of the main request lives for `'r`.
        unsafe { Slot::value(self.slot()?) }
    }

    /// The slot of the module's state.
    fn slot(self) -> Option<NonNull<Slot>> {
        let index = module()?.ctx_index;
        // SAFETY: as for `context`.
        unsafe { NonNull::new(self.main().raw().ctx.add(index).read().cast()) }
    }

    /// The request to keep beyond this call; `None` where it has no state yet.
    pub(super) fn pooled(self) -> Option<Pooled<ngx_http_request_t>> {
        // SAFETY: a request lies in the pool of its main request, as does the slot.
        Some(unsafe { Pooled::new(self.raw, self.slot()?) })
    }

    /// Copies `bytes` into memory that lives as long as the request.
    pub fn copy(self, bytes: &[u8]) -> Option<&'r [u8]> {
        // SAFETY: fresh memory of the request's pool, filled before it is shared.
        unsafe {
            let copy = ngx_pnalloc(self.raw().pool, bytes.len().max(1)).cast::<u8>();
            let copy = NonNull::new(copy)?;
            copy.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len());
            Some(NonNull::slice_from_raw_parts(copy, bytes.len()).as_ref())
        }
    }

    /// Writes a line to the log of the connection.
    pub fn log(self, level: u32, text: fmt::Arguments<'_>) {
        // SAFETY: a request has a connection with a valid log for all of its life.
        unsafe {
            let log = self.raw().connection.as_ref().map_or(ptr::null_mut(), |c| c.log);
            log::write(log, level, text);
        }
    }
}

/// `text` as nginx passes a string. nginx only reads it.
pub(super) fn string(text: &[u8]) -> ngx_str_t {
    ngx_str_t { len: text.len(), data: text.as_ptr().cast_mut() }
}

/// The bytes of a string whose memory lives for `'s`.
pub(super) fn bytes<'s>(string: &ngx_str_t) -> &'s [u8] {
    if string.data.is_null() || string.len == 0 {
        return &[];
    }
    // SAFETY: nginx's strings are pointer and length of initialised memory; the callers pass
    // strings of a request's or a configuration's pool, whose life they name.
    unsafe { std::slice::from_raw_parts(string.data, string.len) }
}
