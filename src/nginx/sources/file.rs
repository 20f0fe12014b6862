//! Key files (`auth_jwt_key_file`).

use std::sync::Arc;

use ngx::ffi::{NGX_LOG_ERR, NGX_LOG_NOTICE};

use super::key_source::{Asking, KeySource, Progress};
use crate::auth::key_cache::Rules;
use crate::jose::key_set::KeySet;
use crate::nginx::ffi::complex_value::ComplexValue;
use crate::nginx::ffi::request::Request;
use crate::nginx::ffi::time::monotonic_milliseconds;
use crate::nginx::ffi::turn::turn;
use crate::nginx::key_store::file::{At, KeyFileError};
use crate::nginx::worker;

/// A key file.
pub struct KeyFile {
    name: ComplexValue,
    /// How often the name leads a directory up, before variables bring anything in.
    climbs: usize,
}

impl KeyFile {
    /// The file `name`, which was typed as `text` and is relative to `directory`.
    pub fn new(name: ComplexValue, text: &[u8], directory: &[u8]) -> Self {
        Self { name, climbs: climbs(text).saturating_add(climbs(directory)) }
    }

    /// The keys of the file `name`.
    fn keys(
        &self,
        request: Request<'_>,
        name: &[u8],
        rules: Rules,
    ) -> Result<Arc<KeySet>, KeyFileError> {
        // Keys from a name that a request decides are never kept by time.
        let is_fixed = self.name.is_literal();
        let fresh_for = if is_fixed { rules.fresh_for } else { 0 };
        let on_notice = |notice| {
            let shown = name.escape_ascii();
            request.log(NGX_LOG_NOTICE, format_args!("key file \"{shown}\": {notice}"));
        };
        let now = At { turn: turn(), milliseconds: monotonic_milliseconds() };
        worker::this().key_files.borrow_mut().keys(name, now, fresh_for, is_fixed, on_notice)
    }
}

impl KeySource for KeyFile {
    fn ask(&self, Asking { request, rules, newer_for, .. }: Asking<'_>) -> Progress {
        // `refresh=` is for keys that are fetched.
        if newer_for.is_some() {
            return Progress::Failed;
        }
        let Ok(name) = self.name.evaluate(request) else { return Progress::Failed };
        let shown = name.escape_ascii();
        // A client may have a say in the values of variables; a file of its own would be keys of its own.
        if climbs(name) > self.climbs {
            let text =
                format_args!("key file \"{shown}\" is refused: a variable brings \"..\" into it");
            request.log(NGX_LOG_ERR, text);
            return Progress::Failed;
        }
        match self.keys(request, name, rules) {
            Ok(keys) => Progress::Ready(keys),
            Err(error) => {
                request.log(NGX_LOG_ERR, format_args!("key file \"{shown}\" {error}"));
                Progress::Failed
            }
        }
    }

    fn count(&self, request: Request<'_>, rules: Rules) -> Option<usize> {
        // A file that is broken is told of to requests that need it.
        let keys = self.keys(request, self.name.evaluate(request).ok()?, rules).ok()?;
        Some(keys.keys().count())
    }

    fn is_literal(&self) -> bool {
        self.name.is_literal()
    }
}

/// How often a name leads a directory up.
fn climbs(name: &[u8]) -> usize {
    name.split(|byte| *byte == b'/').filter(|segment| *segment == b"..").count()
}
