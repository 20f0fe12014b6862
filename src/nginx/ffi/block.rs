//! Blocks whose parameters one handler takes, as those of `map` and `types`.

use std::ffi::{c_char, c_void};
use std::ptr;

use ngx::ffi::{ngx_command_t, ngx_conf_include, ngx_conf_parse, ngx_conf_t};

use super::conf::{Conf, ConfError, configure};
use super::guard::Entry;

/// What is read from a block.
pub trait BlockReader {
    /// Takes a parameter, whose words `cf` has.
    fn set(&self, cf: &mut Conf<'_>) -> Result<(), ConfError>;
}

impl Conf<'_> {
    /// Reads the block that follows the directive. `include` works in it.
    pub fn read_block<B: BlockReader>(&mut self, block: &B) -> Result<(), ConfError> {
        let cf = self.as_ptr();
        // SAFETY: nginx is reading the configuration and has just read `{`. The handler and its data
        // are what they were before once the block is read, which it is when the call returns.
        let code = unsafe {
            let (handler, data) = ((*cf).handler, (*cf).handler_conf);
            (*cf).handler = Some(take::<B>);
            (*cf).handler_conf = ptr::from_ref(block).cast_mut().cast();
            let code = ngx_conf_parse(cf, ptr::null_mut());
            (*cf).handler = handler;
            (*cf).handler_conf = data;
            code
        };
        if code.is_null() { Ok(()) } else { Err(ConfError::Logged) }
    }
}

/// # Safety
///
/// nginx calls it with a valid `cf`, and the data that [`Conf::read_block`] gave it.
unsafe extern "C" fn take<B: BlockReader>(
    cf: *mut ngx_conf_t,
    command: *mut ngx_command_t,
    data: *mut c_void,
) -> *mut c_char {
    // SAFETY: as above; the block outlives the call of `ngx_conf_parse` that this one is within.
    let block = unsafe { data.cast::<B>().as_ref() };
    // SAFETY: as above.
    unsafe {
        configure(Entry::Set, cf, |cf| {
            if cf.directive() == b"include" {
                if cf.arguments().len() != 1 {
                    return Err(ConfError::Message(
                        "invalid number of arguments in \"include\" directive".to_owned(),
                    ));
                }
                // nginx calls this handler again for what the file holds.
                let code = ngx_conf_include(cf.as_ptr(), command, data);
                return if code.is_null() { Ok(()) } else { Err(ConfError::Logged) };
            }
            block.ok_or(ConfError::Logged)?.set(cf)
        })
    }
}
