//! Variables.

use ngx::ffi::{
    __BindgenBitfieldUnit, NGX_ERROR, NGX_HTTP_VAR_NOCACHEABLE, NGX_HTTP_VAR_PREFIX, NGX_OK,
    ngx_hash_key, ngx_http_add_variable, ngx_http_get_variable, ngx_http_get_variable_pt,
    ngx_http_request_t, ngx_http_variable_value_t, ngx_int_t, ngx_str_t, ngx_uint_t,
};

use super::conf::{Conf, ConfError};
use super::guard::{Entry, guarded};
use super::request::{Request, bytes, string};

/// The value of a variable; `None` where there is none.
pub type Text<'r> = Option<Result<&'r [u8], OutOfMemory>>;

/// There is no memory for the value.
pub struct OutOfMemory;

/// A variable of a fixed name, or all that share a prefix.
///
/// nginx caches no value of ours: before and after the access phase, and from location to
/// location, the same name has different ones.
pub trait Variable {
    /// The variable's name, or what the names begin with; without `$`, in lower case.
    const NAME: &'static str;
    /// Whether it is a prefix.
    const IS_PREFIX: bool = false;

    /// The value for `request`; `rest` is what follows the prefix in the name asked for, in lower case.
    fn value<'r>(request: Request<'r>, rest: &str) -> Text<'r>;
}

/// Variables whose names a configuration chooses.
pub trait NumberedVariable {
    /// The value for `request` of the variable that was added with `number`.
    fn value<'r>(request: Request<'r>, number: usize) -> Text<'r>;
}

impl Conf<'_> {
    /// Makes variable `V`, or those with the prefix of `V`, known.
    pub fn add_variable<V: Variable>(&mut self) -> Result<(), ConfError> {
        let flags = if V::IS_PREFIX { NGX_HTTP_VAR_PREFIX } else { 0 };
        self.add(V::NAME, flags, Some(get::<V>), 0)
    }

    /// Makes a variable known that asks `V` for its `number`.
    pub fn add_numbered_variable<V: NumberedVariable>(
        &mut self,
        name: &str,
        number: usize,
    ) -> Result<(), ConfError> {
        self.add(name, 0, Some(get_numbered::<V>), number)
    }

    fn add(
        &mut self,
        name: &str,
        flags: u32,
        get_handler: ngx_http_get_variable_pt,
        data: usize,
    ) -> Result<(), ConfError> {
        let flags = (NGX_HTTP_VAR_NOCACHEABLE | flags) as ngx_uint_t;
        let mut name = string(name.as_bytes());
        // SAFETY: nginx copies the name; the variable it returns lives in the configuration.
        unsafe {
            let variable = ngx_http_add_variable(self.as_ptr(), &raw mut name, flags);
            let variable = variable.as_mut().ok_or(ConfError::Logged)?;
            // nginx lets a variable be redefined that is NGX_HTTP_VAR_CHANGEABLE: here it is a mistake.
            if variable.get_handler.is_some() {
                let name = bytes(&name).escape_ascii();
                return Err(ConfError::Message(format!("the duplicate \"{name}\" variable")));
            }
            variable.get_handler = get_handler;
            variable.data = data;
        }
        Ok(())
    }
}

impl<'r> Request<'r> {
    /// The value of nginx's own variable of that name, in lower case and without `$`; empty where it has none, or
    /// nginx was built without it.
    pub fn variable(self, name: &'static str) -> &'r [u8] {
        let mut name = string(name.as_bytes());
        // SAFETY: nginx reads the name; the value it finds lies in the request's pool, as does its text, or that is static.
        let value = unsafe {
            let hash = ngx_hash_key(name.data, name.len);
            ngx_http_get_variable(self.as_ptr(), &raw mut name, hash).as_ref()
        };
        // Of one without a value nothing else is set.
        let value = value.filter(|value| value.not_found() == 0);
        let text = |value: &ngx_http_variable_value_t| {
            bytes(&ngx_str_t { len: value.len() as usize, data: value.data })
        };
        value.map(text).unwrap_or_default()
    }
}

/// # Safety
///
/// nginx calls it with a valid request, a place for the value and, for a prefix, the full name asked for;
/// else with 0, as it was added.
unsafe extern "C" fn get<V: Variable>(
    request: *mut ngx_http_request_t,
    value: *mut ngx_http_variable_value_t,
    data: usize,
) -> ngx_int_t {
    // SAFETY: as above.
    unsafe {
        let name = (data as *const ngx_str_t).as_ref().map(bytes).unwrap_or_default();
        let rest = name.strip_prefix(V::NAME.as_bytes()).unwrap_or_default();
        answer(request, value, |request| V::value(request, std::str::from_utf8(rest).ok()?))
    }
}

/// # Safety
///
/// nginx calls it with a valid request, a place for the value and the number it was added with.
unsafe extern "C" fn get_numbered<V: NumberedVariable>(
    request: *mut ngx_http_request_t,
    value: *mut ngx_http_variable_value_t,
    number: usize,
) -> ngx_int_t {
    // SAFETY: as above.
    unsafe { answer(request, value, |request| V::value(request, number)) }
}

/// # Safety
///
/// `request` and `value` are null or valid.
unsafe fn answer<'r>(
    request: *mut ngx_http_request_t,
    value: *mut ngx_http_variable_value_t,
    text: impl FnOnce(Request<'r>) -> Text<'r>,
) -> ngx_int_t {
    guarded(Entry::Variable, NGX_ERROR as ngx_int_t, || {
        // SAFETY: as above.
        let request = unsafe { Request::from_raw(request) };
        let Some(Ok(text)) = request.map(|request| text(request).transpose()) else {
            return NGX_ERROR as ngx_int_t;
        };
        // Only now: to find the text, nginx may have been asked for this very value.
        // SAFETY: as above, and nobody else is called while it is written.
        let Some(value) = (unsafe { value.as_mut() }) else { return NGX_ERROR as ngx_int_t };
        let bytes = text.unwrap_or_default();
        set_length(value, bytes.len());
        value.data = bytes.as_ptr().cast_mut();
        value.set_valid(u32::from(text.is_some()));
        value.set_no_cacheable(0);
        value.set_not_found(u32::from(text.is_none()));
        NGX_OK as ngx_int_t
    })
}

/// Sets `len`, which has 28 bits, and clears the flags that share its word: `set_len` goes bit by
/// bit, which takes longer than finding the claim.
fn set_length(value: &mut ngx_http_variable_value_t, length: usize) {
    let length = u32::try_from(length).unwrap_or_default();
    // C places the first field in the lowest bits where the lowest byte comes first.
    if cfg!(target_endian = "little") && length < 1 << 28 {
        value._bitfield_1 = __BindgenBitfieldUnit::new(length.to_ne_bytes());
    } else {
        value.set_len(length);
        value.set_escape(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_what_nginx_reads() {
        for length in [0u32, 1, 255, 256, 70_000, (1 << 28) - 1] {
            // SAFETY: numbers and a pointer, of which none is followed.
            let mut value: ngx_http_variable_value_t = unsafe { std::mem::zeroed() };
            value.set_escape(1);
            set_length(&mut value, length as usize);
            value.set_valid(1);
            assert_eq!((value.len(), value.valid(), value.escape()), (length, 1, 0));
            assert_eq!((value.not_found(), value.no_cacheable()), (0, 0));
            let mut bitwise = value;
            bitwise.set_len(length);
            assert!(bitwise._bitfield_1 == value._bitfield_1);
        }
    }
}
