//! Values with variables (`ngx_http_complex_value_t`).

use std::ptr::{self, NonNull};

use ngx::ffi::{
    NGX_OK, ngx_http_compile_complex_value, ngx_http_compile_complex_value_t,
    ngx_http_complex_value, ngx_http_complex_value_t, ngx_int_t, ngx_pcalloc, ngx_str_t,
};

use super::conf::{Conf, ConfError};
use super::pooled::Pooled;
use super::request::{Request, bytes, string};

/// A compiled value. Once its configuration is gone, it cannot be evaluated.
pub struct ComplexValue(Pooled<ngx_http_complex_value_t>);

/// The value could not be evaluated; nginx has logged why.
#[derive(Debug)]
pub struct EvaluationFailed;

impl<'c> Conf<'c> {
    /// Compiles a value that may hold variables.
    pub fn complex_value(&mut self, text: &'c [u8]) -> Result<ComplexValue, ConfError> {
        self.compile(text, false).ok_or(ConfError::Logged)
    }

    /// Compiles a file name that may hold variables, relative to the configuration's directory.
    pub fn complex_path(&mut self, text: &'c [u8]) -> Result<ComplexValue, ConfError> {
        self.compile(text, true).ok_or(ConfError::Logged)
    }

    /// Compiles `text`; nginx logs what is wrong with it.
    fn compile(&mut self, text: &'c [u8], is_path: bool) -> Option<ComplexValue> {
        let (cf, slot, mut text) = (self.as_ptr(), self.slot()?, string(text));
        // SAFETY: `text` and the slot lie in the configuration's pool, and nginx only reads the text. The
        // compiled value is zeroed memory of the same pool.
        unsafe {
            let value = ngx_pcalloc((*cf).pool, size_of::<ngx_http_complex_value_t>());
            let value = NonNull::new(value.cast::<ngx_http_complex_value_t>())?;
            let mut compile: ngx_http_compile_complex_value_t = std::mem::zeroed();
            compile.cf = cf;
            compile.value = &raw mut text;
            compile.complex_value = value.as_ptr();
            compile.set_conf_prefix(u32::from(is_path));
            let code = ngx_http_compile_complex_value(&raw mut compile);
            (code == NGX_OK as ngx_int_t).then(|| ComplexValue(Pooled::new(value, slot)))
        }
    }
}

impl ComplexValue {
    /// Whether the value holds no variable.
    pub fn is_literal(&self) -> bool {
        // SAFETY: the configuration is there.
        self.0.get().is_none_or(|value| unsafe { value.as_ref() }.lengths.is_null())
    }

    /// Evaluates the value for `request`.
    pub fn evaluate<'r>(&self, request: Request<'r>) -> Result<&'r [u8], EvaluationFailed> {
        let compiled = self.0.get().ok_or(EvaluationFailed)?;
        // SAFETY: compiled, and the configuration is there.
        unsafe {
            let value = compiled.as_ref();
            // A literal: ngx_http_complex_value would give the same.
            if value.lengths.is_null() && value.flushes.is_null() {
                return Ok(bytes(&value.value));
            }
            evaluate(compiled.as_ptr(), request)
        }
    }

    /// The value for `request`; empty where it cannot be evaluated, which nginx has logged.
    pub fn text<'r>(&self, request: Request<'r>) -> &'r [u8] {
        self.evaluate(request).unwrap_or_default()
    }

    /// Evaluates the value by the values that its variables last had, those that are not cacheable
    /// included: nginx evaluates a string twice, and it must not change in between.
    pub fn evaluate_again<'r>(&self, request: Request<'r>) -> Result<&'r [u8], EvaluationFailed> {
        let compiled = self.0.get().ok_or(EvaluationFailed)?;
        // SAFETY: a copy that differs only in flushing nothing, used for this call alone.
        unsafe {
            let mut value = compiled.read();
            value.flushes = ptr::null_mut();
            evaluate(&raw mut value, request)
        }
    }
}

/// # Safety
///
/// `value` is a compiled value.
unsafe fn evaluate<'r>(
    value: *mut ngx_http_complex_value_t,
    request: Request<'r>,
) -> Result<&'r [u8], EvaluationFailed> {
    #[cfg(ngx_feature = "pcre")]
    let captures = Captures::of(request);
    let mut text = ngx_str_t { len: 0, data: ptr::null_mut() };
    // SAFETY: the request is valid; the text lies in its pool or in the configuration.
    let code = unsafe { ngx_http_complex_value(request.as_ptr(), value, &raw mut text) };
    #[cfg(ngx_feature = "pcre")]
    captures.restore(request);
    if code == NGX_OK as ngx_int_t { Ok(bytes(&text)) } else { Err(EvaluationFailed) }
}

/// `$1` and its like: those of the location, which a `map` with regular expressions behind a value
/// would replace, perhaps with parts of a token.
#[cfg(ngx_feature = "pcre")]
struct Captures {
    offsets: Vec<std::ffi::c_int>,
    data: *mut ngx::ffi::u_char,
}

#[cfg(ngx_feature = "pcre")]
impl Captures {
    fn of(request: Request<'_>) -> Self {
        let raw = request.raw();
        let offsets = match NonNull::new(raw.captures) {
            // SAFETY: nginx has filled so many offsets of them.
            Some(first) => unsafe { std::slice::from_raw_parts(first.as_ptr(), raw.ncaptures) },
            None => &[],
        };
        Self { offsets: offsets.to_vec(), data: raw.captures_data }
    }

    fn restore(self, request: Request<'_>) {
        let raw = request.as_ptr();
        // SAFETY: the request is valid. Where there were offsets nginx has made room for as many as any
        // regular expression has; that room may be another one by now, and is as large.
        unsafe {
            let count = self.offsets.len();
            // None where memory has run out meanwhile.
            let room = NonNull::new((*raw).captures);
            if let Some(room) = room {
                room.copy_from_nonoverlapping(NonNull::from(&*self.offsets).cast(), count);
            }
            (*raw).ncaptures = room.map_or(0, |_| count);
            (*raw).captures_data = self.data;
        }
    }
}
