//! A module for scripts/bench, in which the same nginx does the bare cryptography of a token where
//! `auth_jwt` would judge it: in the access phase of each request, prepared keys and decoded
//! segments, no token looked at. What a request takes more with `auth_jwt` is the module's own.
//!
//! ```nginx
//! bare_cryptography RS256 TOKENS;    # location; a kind of bench/material, and a file with tokens of it
//! ```

#![allow(non_upper_case_globals)]

#[expect(dead_code, reason = "bench/material.rs uses the rest")]
#[path = "../../material/mod.rs"]
mod material;

use std::cell::RefCell;
use std::ffi::{c_char, c_void};
use std::ptr;

use material::{Kind, Outcome};
use ngx::core::NGX_CONF_ERROR;
use ngx::ffi::{
    NGX_CONF_TAKE2, NGX_DECLINED, NGX_ERROR, NGX_HTTP_FORBIDDEN, NGX_HTTP_LOC_CONF,
    NGX_HTTP_LOC_CONF_OFFSET, NGX_HTTP_MODULE, NGX_OK, ngx_array_push, ngx_command_t, ngx_conf_t,
    ngx_http_core_main_conf_t, ngx_http_core_module, ngx_http_handler_pt, ngx_http_module_t,
    ngx_http_phases_NGX_HTTP_ACCESS_PHASE as ACCESS_PHASE, ngx_http_request_t, ngx_int_t,
    ngx_module_t, ngx_palloc, ngx_str_t, ngx_uint_t,
};
use ngx::http::HttpModuleConfExt;
use ngx::ngx_string;

type Judge = Box<dyn Fn() -> bool>;

thread_local! {
    /// A location knows its place here; workers have what the master had when it made them.
    static JUDGES: RefCell<Vec<Judge>> = const { RefCell::new(Vec::new()) };
}

/// No location's place.
const NONE: usize = usize::MAX;

static mut COMMANDS: [ngx_command_t; 2] = [
    ngx_command_t {
        name: ngx_string!("bare_cryptography"),
        type_: (NGX_HTTP_LOC_CONF | NGX_CONF_TAKE2) as ngx_uint_t,
        set: Some(set),
        conf: NGX_HTTP_LOC_CONF_OFFSET,
        offset: 0,
        post: ptr::null_mut(),
    },
    ngx_command_t::empty(),
];

static CALLBACKS: ngx_http_module_t = ngx_http_module_t {
    preconfiguration: None,
    postconfiguration: Some(postconfiguration),
    create_main_conf: None,
    init_main_conf: None,
    create_srv_conf: None,
    merge_srv_conf: None,
    create_loc_conf: Some(create),
    merge_loc_conf: None,
};

static mut ngx_http_bare_cryptography_module: ngx_module_t = ngx_module_t {
    ctx: (&raw const CALLBACKS).cast_mut().cast(),
    commands: (&raw mut COMMANDS).cast(),
    type_: NGX_HTTP_MODULE as ngx_uint_t,
    ..ngx_module_t::default()
};

/// # Safety
///
/// nginx calls it with a valid `cf`.
unsafe extern "C" fn create(cf: *mut ngx_conf_t) -> *mut c_void {
    // SAFETY: memory of the configuration's pool, for one number.
    unsafe {
        let place = ngx_palloc((*cf).pool, size_of::<usize>()).cast::<usize>();
        if !place.is_null() {
            place.write(NONE);
        }
        place.cast()
    }
}

/// # Safety
///
/// nginx calls it with a valid `cf`, whose arguments are three, and what [`create`] made.
unsafe extern "C" fn set(
    cf: *mut ngx_conf_t,
    _command: *mut ngx_command_t,
    conf: *mut c_void,
) -> *mut c_char {
    // SAFETY: as above.
    let arguments = unsafe { (*(*cf).args).as_slice::<ngx_str_t>() };
    let [_, kind, tokens] = arguments else { return NGX_CONF_ERROR.cast() };
    match judge(kind.as_bytes(), tokens.as_bytes()) {
        Ok(judge) => {
            let place = JUDGES.with_borrow_mut(|judges| {
                judges.push(judge);
                judges.len().wrapping_sub(1)
            });
            // SAFETY: as above.
            unsafe { conf.cast::<usize>().write(place) };
            ptr::null_mut()
        }
        Err(_) => NGX_CONF_ERROR.cast(),
    }
}

fn judge(kind: &[u8], tokens: &[u8]) -> Outcome<Judge> {
    let tokens = std::fs::read_to_string(std::str::from_utf8(tokens)?)?;
    let judge = Kind::new(std::str::from_utf8(kind)?)?.cryptography(&tokens)?;
    if judge() { Ok(judge) } else { Err("the cryptography refuses its own token".into()) }
}

/// # Safety
///
/// nginx calls it with a valid `cf`, whose core module has its phases.
unsafe extern "C" fn postconfiguration(cf: *mut ngx_conf_t) -> ngx_int_t {
    // SAFETY: as above.
    unsafe {
        let module = &raw const ngx_http_core_module;
        let Some(core) = (*cf).http_main_conf_unchecked::<ngx_http_core_main_conf_t>(&*module)
        else {
            return NGX_ERROR as ngx_int_t;
        };
        let Some(phase) = (*core.as_ptr()).phases.get_mut(ACCESS_PHASE as usize) else {
            return NGX_ERROR as ngx_int_t;
        };
        let place = ngx_array_push(&raw mut phase.handlers).cast::<ngx_http_handler_pt>();
        if place.is_null() {
            return NGX_ERROR as ngx_int_t;
        }
        place.write(Some(handle));
    }
    NGX_OK as ngx_int_t
}

/// # Safety
///
/// nginx calls it with a valid request.
unsafe extern "C" fn handle(request: *mut ngx_http_request_t) -> ngx_int_t {
    // SAFETY: what `create` made for the location.
    let place = unsafe {
        let index = ngx_http_bare_cryptography_module.ctx_index;
        (*request).loc_conf.add(index).read().cast::<usize>().read()
    };
    JUDGES.with_borrow(|judges| match judges.get(place) {
        Some(judge) if judge() => NGX_OK as ngx_int_t,
        Some(_) => NGX_HTTP_FORBIDDEN as ngx_int_t,
        None => NGX_DECLINED as ngx_int_t,
    })
}

// The tables that nginx looks for; each ends in null.

#[unsafe(no_mangle)]
pub static mut ngx_modules: [*const ngx_module_t; 2] =
    [&raw const ngx_http_bare_cryptography_module, ptr::null()];

#[unsafe(no_mangle)]
pub static mut ngx_module_names: [*const c_char; 2] =
    [c"ngx_http_bare_cryptography_module".as_ptr(), ptr::null()];

#[unsafe(no_mangle)]
pub static mut ngx_module_order: [*const c_char; 3] = [
    c"ngx_http_bare_cryptography_module".as_ptr(),
    c"ngx_http_access_module".as_ptr(),
    ptr::null(),
];
