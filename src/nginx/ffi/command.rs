//! Directives: what nginx's table of commands says of each, and the call of its setter.

use std::any::Any;
use std::ffi::{CStr, c_char, c_void};
use std::mem::transmute;

use ngx::ffi::{
    NGX_HTTP_LMT_CONF, NGX_HTTP_LOC_CONF, NGX_HTTP_LOC_CONF_OFFSET, NGX_HTTP_MAIN_CONF,
    NGX_HTTP_MAIN_CONF_OFFSET, NGX_HTTP_SRV_CONF, ngx_command_t, ngx_conf_t, ngx_str_t, ngx_uint_t,
};

use super::conf::{Conf, ConfError, configure};
use super::guard::Entry;
use super::slot::Slot;

/// Where a directive may stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum AllowedIn {
    /// `http`.
    Http,
    /// `location`.
    LocationAlone,
    /// `server`, `location`.
    Servers,
    /// `http`, `server`, `location`.
    Locations,
    /// `http`, `server`, `location`, `limit_except`.
    Everywhere,
}

/// Sets a directive on one level, whose configuration is a `C`.
pub type Setter<C> = fn(&mut Conf<'_>, &C) -> Result<(), ConfError>;

/// The row of nginx's table for a directive. `arguments` are nginx's flags `NGX_CONF_*`.
pub const fn command<C: Any>(
    name: &'static CStr,
    allowed_in: AllowedIn,
    arguments: u32,
    setter: Setter<C>,
) -> ngx_command_t {
    let (context, offset) = match allowed_in {
        AllowedIn::Http => (NGX_HTTP_MAIN_CONF, NGX_HTTP_MAIN_CONF_OFFSET),
        AllowedIn::LocationAlone => (NGX_HTTP_LOC_CONF, NGX_HTTP_LOC_CONF_OFFSET),
        AllowedIn::Servers => (NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF, NGX_HTTP_LOC_CONF_OFFSET),
        AllowedIn::Locations => {
            (NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF, NGX_HTTP_LOC_CONF_OFFSET)
        }
        AllowedIn::Everywhere => (
            NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF | NGX_HTTP_LMT_CONF,
            NGX_HTTP_LOC_CONF_OFFSET,
        ),
    };
    ngx_command_t {
        name: ngx_str_t { len: name.count_bytes(), data: name.as_ptr().cast::<u8>().cast_mut() },
        type_: (context | arguments) as ngx_uint_t,
        set: Some(set::<C>),
        conf: offset,
        offset: 0,
        post: (setter as *const ()).cast_mut().cast(),
    }
}

/// The row that ends nginx's table.
pub const END: ngx_command_t = ngx_command_t::empty();

/// # Safety
///
/// nginx calls it with a valid `cf`, a row that [`command`] made for this `C`, and the configuration that
/// the module made for the level.
unsafe extern "C" fn set<C: Any>(
    cf: *mut ngx_conf_t,
    row: *mut ngx_command_t,
    conf: *mut c_void,
) -> *mut c_char {
    // SAFETY: as above, it is what `command` has put there.
    let setter = unsafe { transmute::<*mut c_void, Setter<C>>((*row).post) };
    // SAFETY: as above; the slot's pool outlives the reading of the configuration.
    unsafe {
        configure(Entry::Set, cf, |cf| setter(cf, Slot::from_raw(conf).ok_or(ConfError::Logged)?))
    }
}
