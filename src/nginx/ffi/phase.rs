//! Handlers of phases, and of the content of locations.

use ngx::ffi::{
    NGX_AGAIN, NGX_DECLINED, NGX_DONE, NGX_ERROR, NGX_HTTP_INTERNAL_SERVER_ERROR, NGX_OK,
    ngx_array_push, ngx_http_finalize_request, ngx_http_handler_pt, ngx_http_phases,
    ngx_http_request_t, ngx_int_t,
};
use ngx::http::{HttpModuleLocationConf, HttpModuleMainConf, NgxHttpCoreModule};

use super::conf::{Conf, ConfError};
use super::guard::{Entry, guarded};
use super::request::Request;

/// What a phase handler decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Access is granted.
    Ok,
    /// No opinion: the next handler decides.
    Declined,
    /// Called again once what it waits for has happened.
    Again,
    /// The request ends with this HTTP status.
    Status(u16),
    /// It has been answered, and ends with this code of nginx's own.
    Answered(ngx_int_t),
    /// The request cannot go on.
    Error,
}

/// A handler of a phase.
pub trait PhaseHandler {
    /// Where nginx calls it.
    const ENTRY: Entry;

    /// Handles `request`.
    fn handle(request: Request<'_>) -> Decision;
}

impl Conf<'_> {
    /// Appends handler `H` to `phase`.
    pub fn add_phase_handler<H: PhaseHandler>(
        &mut self,
        phase: ngx_http_phases,
    ) -> Result<(), ConfError> {
        let failed = || ConfError::Message("cannot add a phase handler".to_owned());
        // SAFETY: after the configuration is read, core's main configuration has an initialised
        // array of handlers for each phase.
        unsafe {
            let core = NgxHttpCoreModule::main_conf_mut(&*self.as_ptr()).ok_or_else(failed)?;
            let phase = core.phases.get_mut(phase as usize).ok_or_else(failed)?;
            let place = ngx_array_push(&raw mut phase.handlers).cast::<ngx_http_handler_pt>();
            *place.as_mut().ok_or_else(failed)? = Some(handle::<H>);
        }
        Ok(())
    }
}

impl Conf<'_> {
    /// Has `H` answer requests for the location that is read.
    pub fn set_content_handler<H: PhaseHandler>(&mut self) -> Result<(), ConfError> {
        // SAFETY: while a location is read, core has a configuration of it.
        let core = unsafe { NgxHttpCoreModule::location_conf_mut(&*self.as_ptr()) };
        core.ok_or(ConfError::Logged)?.handler = Some(answer::<H>);
        Ok(())
    }
}

/// # Safety
///
/// nginx calls it with a valid request.
unsafe extern "C" fn answer<H: PhaseHandler>(request: *mut ngx_http_request_t) -> ngx_int_t {
    // nginx finalizes the request with what a content handler returns.
    // SAFETY: the caller's promise.
    code_of(unsafe { decide::<H>(request) })
}

/// # Safety
///
/// nginx calls it with a valid request.
unsafe extern "C" fn handle<H: PhaseHandler>(request: *mut ngx_http_request_t) -> ngx_int_t {
    // SAFETY: the caller's promise.
    match unsafe { decide::<H>(request) } {
        Decision::Answered(code) => {
            // In most phases `NGX_OK` and `NGX_AGAIN` would mean that it goes on.
            // SAFETY: valid, and not touched any more: this may free it.
            unsafe { ngx_http_finalize_request(request, code) };
            NGX_DONE as ngx_int_t
        }
        decision => code_of(decision),
    }
}

/// # Safety
///
/// `request` is null or valid.
unsafe fn decide<H: PhaseHandler>(request: *mut ngx_http_request_t) -> Decision {
    guarded(H::ENTRY, Decision::Status(NGX_HTTP_INTERNAL_SERVER_ERROR as u16), || {
        // SAFETY: valid for the length of this call and beyond.
        match unsafe { Request::from_raw(request) } {
            Some(request) => H::handle(request),
            None => Decision::Error,
        }
    })
}

fn code_of(decision: Decision) -> ngx_int_t {
    match decision {
        Decision::Ok => NGX_OK as ngx_int_t,
        Decision::Declined => NGX_DECLINED as ngx_int_t,
        Decision::Again => NGX_AGAIN as ngx_int_t,
        Decision::Answered(code) => code,
        Decision::Status(status) => status as ngx_int_t,
        Decision::Error => NGX_ERROR as ngx_int_t,
    }
}
