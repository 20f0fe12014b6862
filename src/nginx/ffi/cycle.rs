//! The cycle of a process: what holds beyond any request.

use std::any::Any;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;

use ngx::ffi::{
    NGX_HTTP_CLIENT_TEMP_PATH, NGX_PROCESS_SINGLE, NGX_PROCESS_WORKER, ngx_core_conf_t,
    ngx_core_module, ngx_cycle_t, ngx_exiting, ngx_http_conf_ctx_t, ngx_http_module, ngx_process,
    ngx_quit,
};
use ngx::http::{HttpModuleLocationConf, NgxHttpCoreModule};

use super::conf::Conf;
use super::guard::{Entry, guarded};
use super::log;
use super::request::{bytes, module};
use super::slot::Slot;

/// A cycle.
#[derive(Clone, Copy)]
pub struct Cycle<'c>(&'c ngx_cycle_t);

impl<'c> Cycle<'c> {
    /// The configuration of the level `http`, if there is one.
    pub fn main_conf<T: Any>(self) -> Option<&'c T> {
        // SAFETY: the contexts of a cycle are an array by the modules' indexes; that of `http` is null
        // without an `http` block, and else has the slots of main configurations by the modules' own.
        unsafe {
            let http = *self.0.conf_ctx.add(ngx_http_module.index);
            let context = http.cast::<ngx_http_conf_ctx_t>().as_ref()?;
            let slot = *context.main_conf.add(module()?.ctx_index);
            Slot::value(NonNull::new(slot.cast::<Slot>())?)
        }
    }

    /// The user of the worker processes, where it is not that of this process: `root` alone can change to
    /// another.
    pub fn workers_user(self) -> Option<u32> {
        // SAFETY: the core module has a configuration in every cycle; `geteuid` cannot fail.
        unsafe {
            let core = *self.0.conf_ctx.add(ngx_core_module.index);
            let user = core.cast::<ngx_core_conf_t>().as_ref()?.user;
            (libc::geteuid() == 0 && user != u32::MAX).then_some(user)
        }
    }

    /// Writes a line to the log of the cycle.
    pub fn log(self, level: u32, text: fmt::Arguments<'_>) {
        // SAFETY: a cycle has a valid log.
        unsafe { log::write(self.0.log, level, text) };
    }
}

/// Whether this process serves requests, which others that nginx starts do not.
pub fn serves_requests() -> bool {
    // SAFETY: a plain integer that only this thread writes.
    let process = unsafe { ngx_process };
    [NGX_PROCESS_SINGLE, NGX_PROCESS_WORKER].contains(&(process as u32))
}

/// Whether this process is to leave once its requests have ended.
pub fn is_leaving() -> bool {
    // SAFETY: a plain integer, which signal handlers of this thread set.
    unsafe { ngx_exiting != 0 || ngx_quit != 0 }
}

/// Calls `body` with the cycle, as `init_module`, `init_process` or `exit_process`.
///
/// # Safety
///
/// nginx calls with a valid cycle, whose configuration is read.
pub unsafe fn with_cycle(entry: Entry, cycle: *mut ngx_cycle_t, body: impl FnOnce(Cycle<'_>)) {
    guarded(entry, (), || {
        // SAFETY: the caller's promise.
        if let Some(cycle) = unsafe { cycle.as_ref() } {
            body(Cycle(cycle));
        }
    });
}

impl Conf<'_> {
    /// `path`, which is relative to nginx's prefix.
    pub fn under_prefix(&self, path: &[u8]) -> PathBuf {
        Path::new(OsStr::from_bytes(self.prefix())).join(OsStr::from_bytes(path))
    }

    /// Where nginx keeps the bodies of requests, as far as the level `http` says.
    pub fn client_body_temp_path(&mut self) -> PathBuf {
        // SAFETY: after the configuration is read, core has a configuration of the level `http`; a path of
        // it lies in the configuration's pool.
        let configured = unsafe {
            let core = NgxHttpCoreModule::location_conf(&*self.as_ptr());
            core.and_then(|core| core.client_body_temp_path.as_ref())
        };
        let path =
            configured.map_or(NGX_HTTP_CLIENT_TEMP_PATH.to_bytes(), |path| bytes(&path.name));
        self.under_prefix(path)
    }
}
