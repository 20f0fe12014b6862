//! Directives: what nginx's table of commands says of each, and the call of its setter.

use std::any::Any;
use std::ffi::{CStr, c_char, c_void};
use std::ptr;

use ngx::ffi::{
    NGX_CONF_TAKE1, NGX_HTTP_LMT_CONF, NGX_HTTP_LOC_CONF, NGX_HTTP_LOC_CONF_OFFSET,
    NGX_HTTP_MAIN_CONF, NGX_HTTP_MAIN_CONF_OFFSET, NGX_HTTP_SRV_CONF, ngx_command_t, ngx_conf_t,
    ngx_str_t, ngx_uint_t,
};

use super::conf::{Conf, ConfError, configure};
use super::guard::Entry;
use super::slot::Slot;

/// Where a directive may stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum AllowedIn {
    /// `http`.
    Http,
    /// `http`, `server`, `location`.
    Locations,
    /// `http`, `server`, `location`, `limit_except`.
    Everywhere,
}

/// A directive.
pub trait Directive {
    /// The name in the configuration.
    const NAME: &'static CStr;
    /// The contexts it is allowed in.
    const ALLOWED_IN: AllowedIn = AllowedIn::Everywhere;
    /// How many arguments it takes, as nginx's `NGX_CONF_TAKE*` flags.
    const ARGUMENTS: u32 = NGX_CONF_TAKE1;
    /// The configuration it sets.
    type Conf: Any;

    /// Sets the directive on one level.
    fn set(cf: &mut Conf<'_>, conf: &Self::Conf) -> Result<(), ConfError>;
}

/// The row of nginx's table for directive `D`.
pub const fn command<D: Directive>() -> ngx_command_t {
    let (context, offset) = match D::ALLOWED_IN {
        AllowedIn::Http => (NGX_HTTP_MAIN_CONF, NGX_HTTP_MAIN_CONF_OFFSET),
        AllowedIn::Locations => {
            (NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF, NGX_HTTP_LOC_CONF_OFFSET)
        }
        AllowedIn::Everywhere => (
            NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF | NGX_HTTP_LMT_CONF,
            NGX_HTTP_LOC_CONF_OFFSET,
        ),
    };
    ngx_command_t {
        name: ngx_str_t {
            len: D::NAME.count_bytes(),
            data: D::NAME.as_ptr().cast::<u8>().cast_mut(),
        },
        type_: (context | D::ARGUMENTS) as ngx_uint_t,
        set: Some(set::<D>),
        conf: offset,
        offset: 0,
        post: ptr::null_mut(),
    }
}

/// The row that ends nginx's table.
pub const END: ngx_command_t = ngx_command_t::empty();

/// # Safety
///
/// nginx calls it with a valid `cf` and the configuration that the module made for the level.
unsafe extern "C" fn set<D: Directive>(
    cf: *mut ngx_conf_t,
    _command: *mut ngx_command_t,
    conf: *mut c_void,
) -> *mut c_char {
    // SAFETY: as above; the slot's pool outlives the reading of the configuration.
    unsafe {
        configure(Entry::Set, cf, |cf| D::set(cf, Slot::from_raw(conf).ok_or(ConfError::Logged)?))
    }
}
