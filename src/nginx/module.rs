//! The module as nginx sees it: the exported statics. The only file that knows all.

#![allow(non_upper_case_globals)]

use std::ffi::c_char;
use std::mem::zeroed;
use std::ptr;

use ngx::ffi::{
    NGX_ERROR, NGX_HTTP_MODULE, NGX_OK, ngx_command_t, ngx_conf_t, ngx_cycle_t, ngx_http_module_t,
    ngx_http_phases_NGX_HTTP_ACCESS_PHASE as ACCESS_PHASE,
    ngx_http_phases_NGX_HTTP_POST_READ_PHASE as POST_READ_PHASE,
    ngx_http_phases_NGX_HTTP_PRECONTENT_PHASE as PRECONTENT_PHASE, ngx_int_t, ngx_module_t,
    ngx_uint_t,
};

use super::access::Access;
use super::challenge_header::Precontent;
use super::conf::{LocationConf, MainConf};
use super::directives::DIRECTIVES;
use super::ffi::body_filter::add_body_filter;
use super::ffi::command::END;
use super::ffi::conf::{self, Conf, ConfError};
use super::ffi::cycle::with_cycle;
use super::ffi::guard::{Entry, log_panics};
use super::ffi::request::register_module;
use super::metadata::Metadata;
use super::server::ServerConf;
use super::sources::request::KeyRequests;
use super::variables::{AuthJwtIssuer, AuthJwtStatus, JwtClaim, JwtHeader, JwtPayload};
use super::worker;
use super::{counting, fetching, lint, replays};

static mut COMMANDS: [ngx_command_t; DIRECTIVES.len()] = DIRECTIVES;

// SAFETY: each member is a function or null.
const NO_CALLBACKS: ngx_http_module_t = unsafe { zeroed() };

static CALLBACKS: ngx_http_module_t = ngx_http_module_t {
    preconfiguration: Some(preconfiguration),
    postconfiguration: Some(postconfiguration),
    create_main_conf: Some(conf::create::<MainConf>),
    create_srv_conf: Some(conf::create::<ServerConf>),
    merge_srv_conf: Some(conf::merge::<ServerConf>),
    create_loc_conf: Some(conf::create::<LocationConf>),
    merge_loc_conf: Some(conf::merge::<LocationConf>),
    ..NO_CALLBACKS
};

static mut ngx_http_auth_jwt_module: ngx_module_t = ngx_module_t {
    ctx: (&raw const CALLBACKS).cast_mut().cast(),
    commands: (&raw mut COMMANDS).cast(),
    type_: NGX_HTTP_MODULE as ngx_uint_t,
    init_module: Some(init_module),
    init_process: Some(init_process),
    exit_process: Some(exit_process),
    ..ngx_module_t::default()
};

static FILTER_CALLBACKS: ngx_http_module_t =
    ngx_http_module_t { postconfiguration: Some(filter_postconfiguration), ..NO_CALLBACKS };

static mut NO_COMMANDS: [ngx_command_t; 1] = [END];

/// Collects the answers to key requests. A module of its own, as it has another place in the list.
static mut ngx_http_auth_jwt_filter_module: ngx_module_t = ngx_module_t {
    ctx: (&raw const FILTER_CALLBACKS).cast_mut().cast(),
    commands: (&raw mut NO_COMMANDS).cast(),
    type_: NGX_HTTP_MODULE as ngx_uint_t,
    ..ngx_module_t::default()
};

/// A table that ends in null, as nginx looks it up by name when it loads the module.
#[repr(transparent)]
pub struct Table<T, const N: usize>([*const T; N]);

// SAFETY: nginx reads the tables from one thread.
unsafe impl<T, const N: usize> Sync for Table<T, N> {}

#[unsafe(no_mangle)]
pub static ngx_modules: Table<ngx_module_t, 3> = Table([
    &raw const ngx_http_auth_jwt_module,
    &raw const ngx_http_auth_jwt_filter_module,
    ptr::null(),
]);

#[unsafe(no_mangle)]
pub static ngx_module_names: Table<c_char, 3> = Table([
    c"ngx_http_auth_jwt_module".as_ptr(),
    c"ngx_http_auth_jwt_filter_module".as_ptr(),
    ptr::null(),
]);

/// Each module stands before the ones that follow it here, as far as nginx has them. Ours stands just
/// before ngx_http_access_module in nginx's list, and so runs just after it in the access phase: a
/// denied address gets its 403 before a token is looked at. The filter stands just before the postpone
/// filter, and so gets what that one has put in order; where nginx is built without it, just before the
/// filters that change a body, and so gets what they have made of it.
#[unsafe(no_mangle)]
pub static ngx_module_order: Table<c_char, 12> = Table([
    c"ngx_http_auth_jwt_module".as_ptr(),
    c"ngx_http_access_module".as_ptr(),
    c"ngx_http_auth_jwt_filter_module".as_ptr(),
    c"ngx_http_postpone_filter_module".as_ptr(),
    c"ngx_http_charset_filter_module".as_ptr(),
    c"ngx_http_sub_filter_module".as_ptr(),
    c"ngx_http_addition_filter_module".as_ptr(),
    c"ngx_http_gunzip_filter_module".as_ptr(),
    c"ngx_http_userid_filter_module".as_ptr(),
    c"ngx_http_headers_filter_module".as_ptr(),
    c"ngx_http_copy_filter_module".as_ptr(),
    ptr::null(),
]);

/// # Safety
///
/// nginx calls it with a valid `cf`.
unsafe extern "C" fn preconfiguration(cf: *mut ngx_conf_t) -> ngx_int_t {
    register_module(&raw mut ngx_http_auth_jwt_module);
    configure(cf, |cf| {
        worker::this().forget_tokens();
        cf.add_variable::<JwtHeader>()?;
        cf.add_variable::<JwtClaim>()?;
        cf.add_variable::<JwtPayload>()?;
        cf.add_variable::<AuthJwtStatus>()?;
        cf.add_variable::<AuthJwtIssuer>()
    })
}

/// # Safety
///
/// nginx calls it with a valid `cf`.
unsafe extern "C" fn postconfiguration(cf: *mut ngx_conf_t) -> ngx_int_t {
    configure(cf, |cf| {
        lint::check(cf);
        fetching::note(cf);
        counting::note(cf)?;
        replays::note(cf)?;
        cf.add_phase_handler::<Access>(ACCESS_PHASE)?;
        cf.add_phase_handler::<Precontent>(PRECONTENT_PHASE)?;
        // No request is asked where no server has a resource.
        match cf.main_conf::<MainConf>().is_some_and(|main| main.has_resources.get()) {
            true => cf.add_phase_handler::<Metadata>(POST_READ_PHASE),
            false => Ok(()),
        }
    })
}

/// # Safety
///
/// nginx calls it with a valid `cf`.
unsafe extern "C" fn filter_postconfiguration(cf: *mut ngx_conf_t) -> ngx_int_t {
    configure(cf, |_| {
        add_body_filter::<KeyRequests>();
        Ok(())
    })
}

fn configure(
    cf: *mut ngx_conf_t,
    body: impl FnOnce(&mut Conf<'_>) -> Result<(), ConfError>,
) -> ngx_int_t {
    // SAFETY: the callers get it from nginx.
    let error = unsafe { conf::configure(Entry::Configure, cf, body) };
    if error.is_null() { NGX_OK as ngx_int_t } else { NGX_ERROR as ngx_int_t }
}

/// # Safety
///
/// nginx calls it with a valid cycle, in the process that has read the configuration.
unsafe extern "C" fn init_module(cycle: *mut ngx_cycle_t) -> ngx_int_t {
    // SAFETY: as above.
    unsafe {
        with_cycle(Entry::InitModule, cycle, |cycle| {
            fetching::init_module(cycle);
            replays::init_module(cycle);
            counting::init_module(cycle);
        });
    }
    NGX_OK as ngx_int_t
}

/// # Safety
///
/// nginx calls it once in each worker, with a valid cycle. It never fails: a worker that does is lost, as
/// nginx starts no other in its place.
unsafe extern "C" fn init_process(cycle: *mut ngx_cycle_t) -> ngx_int_t {
    // SAFETY: as above.
    unsafe {
        with_cycle(Entry::InitProcess, cycle, |cycle| {
            log_panics();
            counting::init_process(cycle);
            fetching::init_process(cycle);
        });
    }
    NGX_OK as ngx_int_t
}

/// # Safety
///
/// nginx calls it once in each worker, with a valid cycle.
unsafe extern "C" fn exit_process(cycle: *mut ngx_cycle_t) {
    // SAFETY: as above.
    unsafe { with_cycle(Entry::ExitProcess, cycle, |_| fetching::exit_process()) };
}
