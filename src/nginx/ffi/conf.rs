//! Reading the configuration.

use std::any::Any;
use std::cell::RefCell;
use std::ffi::{c_char, c_void};
use std::fmt;
use std::ptr::{self, NonNull};
use std::rc::Rc;

use ngx::core::NGX_CONF_ERROR;
use ngx::ffi::{
    NGX_LOG_EMERG, NGX_LOG_WARN, ngx_conf_log_error, ngx_conf_t, ngx_parse_size, ngx_parse_time,
    ngx_str_t, ngx_uint_t,
};
use ngx::http::HttpModuleConfExt;

use super::guard::{Entry, guarded};
use super::request::{bytes, module, string};
use super::slot::Slot;

/// The configuration while it is read.
pub struct Conf<'c>(&'c mut ngx_conf_t);

/// Why a directive is refused.
#[derive(Debug, PartialEq, Eq)]
pub enum ConfError {
    /// The directive stands twice on one level.
    Duplicate,
    /// What is wrong, without file and line: nginx adds them.
    Message(String),
    /// nginx has logged it.
    Logged,
}

impl From<String> for ConfError {
    fn from(message: String) -> Self {
        Self::Message(message)
    }
}

impl<'c> Conf<'c> {
    pub(super) fn as_ptr(&mut self) -> *mut ngx_conf_t {
        ptr::from_mut(self.0)
    }

    /// The name of the directive, and its arguments. They live as long as the configuration.
    fn words(&self) -> impl Iterator<Item = &'c [u8]> {
        // SAFETY: while a directive is set, `args` is an array of strings in the pool.
        let words = unsafe { self.0.args.as_ref().map(|args| args.as_slice::<ngx_str_t>()) };
        words.unwrap_or_default().iter().map(bytes)
    }

    /// The name of the directive.
    pub fn directive(&self) -> &'c [u8] {
        self.words().next().unwrap_or_default()
    }

    /// The arguments of the directive.
    pub fn arguments(&self) -> Vec<&'c [u8]> {
        self.words().skip(1).collect()
    }

    /// The first argument of the directive.
    pub fn argument(&self) -> &'c [u8] {
        self.words().nth(1).unwrap_or_default()
    }

    /// Sets what may stand once on a level.
    pub fn once<T>(
        &mut self,
        cell: &RefCell<Option<T>>,
        value: impl FnOnce(&mut Self) -> Result<T, ConfError>,
    ) -> Result<(), ConfError> {
        if cell.borrow().is_some() {
            return Err(ConfError::Duplicate);
        }
        cell.replace(Some(value(self)?));
        Ok(())
    }

    /// A value that is not allowed; `allowed` completes "it must be".
    pub fn invalid_value(&self, value: &[u8], allowed: &str) -> ConfError {
        let (value, directive) = (value.escape_ascii(), self.directive().escape_ascii());
        ConfError::Message(format!(
            "invalid value \"{value}\" in \"{directive}\" directive, it must be {allowed}"
        ))
    }

    /// A parameter that is not known; `allowed` completes "allowed is".
    pub fn invalid_parameter(&self, parameter: &[u8], allowed: &str) -> ConfError {
        let (parameter, directive) = (parameter.escape_ascii(), self.directive().escape_ascii());
        ConfError::Message(format!(
            "invalid parameter \"{parameter}\" in \"{directive}\" directive, allowed is {allowed}"
        ))
    }

    /// A parameter that stands twice in the directive.
    pub fn duplicate_parameter(&self, parameter: &[u8]) -> ConfError {
        let (parameter, directive) = (parameter.escape_ascii(), self.directive().escape_ascii());
        ConfError::Message(format!(
            "duplicate parameter \"{parameter}\" in \"{directive}\" directive"
        ))
    }

    /// The configuration of the level `http`.
    pub fn main_conf<T: Any>(&self) -> Option<&'c T> {
        // SAFETY: a slot, which lives as long as the configuration.
        unsafe { Slot::value(self.slot()?) }
    }

    /// The configuration of the server that is read or merged.
    pub fn server_conf<T: Any>(&self) -> Option<&'c T> {
        // SAFETY: while `http` is read, what the module made as its server configuration is a slot, which
        // lives as long as the configuration.
        unsafe { Slot::value(self.0.http_server_conf_unchecked::<Slot>(module()?)?) }
    }

    /// The slot of the configuration of the level `http`. It lies in the configuration's pool.
    pub(super) fn slot(&self) -> Option<NonNull<Slot>> {
        // SAFETY: while `http` is read, what the module made as its main configuration is a slot.
        unsafe { self.0.http_main_conf_unchecked::<Slot>(module()?) }
    }

    /// The directory that relative names of files are relative to.
    pub fn conf_prefix(&self) -> &'c [u8] {
        // SAFETY: a cycle is being made, and its strings live as long as the configuration.
        unsafe { self.0.cycle.as_ref().map(|cycle| bytes(&cycle.conf_prefix)) }.unwrap_or_default()
    }

    /// The directory of nginx, which other relative names are relative to.
    pub(super) fn prefix(&self) -> &'c [u8] {
        // SAFETY: as above.
        unsafe { self.0.cycle.as_ref().map(|cycle| bytes(&cycle.prefix)) }.unwrap_or_default()
    }

    /// Where the directive stands: `file:line`.
    pub fn place(&self) -> Rc<str> {
        // SAFETY: null when the configuration comes from the command line, else the open file.
        match unsafe { self.0.conf_file.as_ref() } {
            Some(file) => {
                let name = String::from_utf8_lossy(bytes(&file.file.name));
                format!("{name}:{}", file.line).into()
            }
            None => "the command line".into(),
        }
    }

    /// Writes a warning; the text names its place.
    pub fn warn(&mut self, text: fmt::Arguments<'_>) {
        // SAFETY: the configuration has a valid log.
        unsafe { super::log::write(self.0.log, NGX_LOG_WARN, text) };
    }
}

/// Calls `body` with the configuration; the answer is what a setter or a merge gives nginx, null where all
/// is fine.
///
/// # Safety
///
/// `cf` is null or valid, and nobody else uses it meanwhile.
pub unsafe fn configure(
    entry: Entry,
    cf: *mut ngx_conf_t,
    body: impl FnOnce(&mut Conf<'_>) -> Result<(), ConfError>,
) -> *mut c_char {
    let failed = NGX_CONF_ERROR.cast();
    guarded(entry, failed, || {
        // SAFETY: the caller's promise.
        let Some(cf) = (unsafe { cf.as_mut() }) else { return failed };
        let mut cf = Conf(cf);
        match body(&mut cf) {
            Ok(()) => ptr::null_mut(),
            Err(ConfError::Duplicate) => c"is duplicate".as_ptr().cast_mut(),
            Err(ConfError::Logged) => failed,
            Err(ConfError::Message(text)) => {
                let (level, format) = (NGX_LOG_EMERG as ngx_uint_t, c"%*s".as_ptr());
                // SAFETY: `%*s` takes a length and that many bytes.
                unsafe {
                    ngx_conf_log_error(level, cf.as_ptr(), 0, format, text.len(), text.as_ptr());
                }
                failed
            }
        }
    })
}

/// A time by nginx's rules, in whole seconds.
pub fn parse_seconds(text: &[u8]) -> Option<u64> {
    parse_time(text, true)
}

/// A time by nginx's rules, in milliseconds.
pub fn parse_milliseconds(text: &[u8]) -> Option<u64> {
    parse_time(text, false)
}

fn parse_time(text: &[u8], in_seconds: bool) -> Option<u64> {
    // SAFETY: nginx only reads the text. A failure is negative.
    let time = unsafe { ngx_parse_time(&mut string(text), ngx_uint_t::from(in_seconds)) };
    u64::try_from(time).ok()
}

/// A size by nginx's rules, in bytes.
pub fn parse_size(text: &[u8]) -> Option<usize> {
    // SAFETY: nginx only reads the text. A failure is negative.
    let size = unsafe { ngx_parse_size(&mut string(text)) };
    usize::try_from(size).ok()
}

/// A location's configuration that inherits from the level above.
pub trait Inherit: Any + Default {
    /// Completes `self` from `parent`.
    fn inherit(&self, parent: &Self, cf: &mut Conf<'_>) -> Result<(), ConfError>;
}

/// `create_main_conf` or `create_loc_conf` for a configuration of type `T`.
///
/// # Safety
///
/// nginx calls it with a valid `cf`.
pub unsafe extern "C" fn create<T: Any + Default>(cf: *mut ngx_conf_t) -> *mut c_void {
    guarded(Entry::Create, ptr::null_mut(), || {
        // SAFETY: the configuration lives in the pool of its own cycle.
        unsafe {
            let pool = cf.as_ref().map_or(ptr::null_mut(), |cf| cf.pool);
            Slot::allocate::<T>(pool).map_or(ptr::null_mut(), |slot| slot.as_ptr().cast())
        }
    })
}

/// `merge_loc_conf` for a configuration of type `T`.
///
/// # Safety
///
/// nginx calls it with a valid `cf` and two configurations that [`create`] made.
pub unsafe extern "C" fn merge<T: Inherit>(
    cf: *mut ngx_conf_t,
    parent: *mut c_void,
    conf: *mut c_void,
) -> *mut c_char {
    // SAFETY: as above; the slots' pool outlives the reading of the configuration.
    unsafe {
        configure(Entry::Merge, cf, |cf| {
            let parent = Slot::from_raw::<T>(parent).ok_or(ConfError::Logged)?;
            let conf = Slot::from_raw::<T>(conf).ok_or(ConfError::Logged)?;
            conf.inherit(parent, cf)
        })
    }
}
