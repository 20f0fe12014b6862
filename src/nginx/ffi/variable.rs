//! Variables.

use std::borrow::Cow;

use ngx::ffi::{
    NGX_ERROR, NGX_HTTP_VAR_NOCACHEABLE, NGX_HTTP_VAR_PREFIX, NGX_OK, ngx_http_add_variable,
    ngx_http_request_t, ngx_http_variable_value_t, ngx_int_t, ngx_str_t, ngx_uint_t,
};

use super::conf::{Conf, ConfError};
use super::guard::guarded;
use super::request::{Request, bytes};

/// A variable, or all that share a prefix.
///
/// nginx does not cache the values: before and after the access phase, and from location to
/// location, the same name has different ones.
pub trait Variable {
    /// The variable's name, without `$`, in lower case; a prefix if it ends in `_`.
    const NAME: &'static str;

    /// The value for `request`; `None` where there is none. `name` is the name asked for, in
    /// lower case and without the prefix.
    fn value<'r>(request: Request<'r>, name: &str) -> Option<Cow<'r, [u8]>>;
}

impl Conf<'_> {
    /// Makes variable `V` known.
    pub fn add_variable<V: Variable>(&mut self) -> Result<(), ConfError> {
        let prefix = if V::NAME.ends_with('_') { NGX_HTTP_VAR_PREFIX } else { 0 };
        let flags = (NGX_HTTP_VAR_NOCACHEABLE | prefix) as ngx_uint_t;
        let mut name = ngx_str_t { len: V::NAME.len(), data: V::NAME.as_ptr().cast_mut() };
        // SAFETY: nginx copies the name; the variable it returns lives in the configuration.
        unsafe {
            let variable = ngx_http_add_variable(self.as_ptr(), &raw mut name, flags);
            let variable = variable.as_mut().ok_or(ConfError::Logged)?;
            variable.get_handler = Some(get::<V>);
        }
        Ok(())
    }
}

/// # Safety
///
/// nginx calls it with a valid request, a place for the value and, for a prefix variable, the
/// name asked for as `data`.
unsafe extern "C" fn get<V: Variable>(
    request: *mut ngx_http_request_t,
    value: *mut ngx_http_variable_value_t,
    data: usize,
) -> ngx_int_t {
    guarded(NGX_ERROR as ngx_int_t, || {
        // SAFETY: as above.
        let (request, value) = unsafe { (Request::from_raw(request), value.as_mut()) };
        let (Some(request), Some(value)) = (request, value) else { return NGX_ERROR as ngx_int_t };
        // SAFETY: nginx passes the full name of a prefix variable, and our zero for another.
        let name = unsafe { (data as *const ngx_str_t).as_ref() }.map(bytes).unwrap_or_default();
        let name = name.strip_prefix(V::NAME.as_bytes()).unwrap_or_default();
        let found = std::str::from_utf8(name).ok().and_then(|name| V::value(request, name));
        let text = match found {
            None => None,
            Some(Cow::Borrowed(text)) => Some(text),
            Some(Cow::Owned(text)) => match request.copy(&text) {
                Some(text) => Some(text),
                None => return NGX_ERROR as ngx_int_t,
            },
        };
        let bytes = text.unwrap_or_default();
        value.set_len(u32::try_from(bytes.len()).unwrap_or_default());
        value.data = bytes.as_ptr().cast_mut();
        value.set_valid(u32::from(text.is_some()));
        value.set_no_cacheable(0);
        value.set_not_found(u32::from(text.is_none()));
        NGX_OK as ngx_int_t
    })
}
