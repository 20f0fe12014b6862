//! `server_name`, as far as the module looks at it: does a request's host follow from its server?

use ngx::ffi::ngx_http_server_name_t;
use ngx::http::{HttpModuleServerConf, NgxHttpCoreModule};

use super::conf::{Conf, ConfError};
use super::request::{Request, bytes};

/// The names of a server. nginx forgets its own list when the configuration is read.
#[derive(Default)]
pub struct ServerNames {
    /// Those that are spelt out.
    exact: Vec<Box<[u8]>>,
    /// Whether there are wildcards or regular expressions.
    open: bool,
    #[cfg(ngx_feature = "pcre")]
    expressions: Vec<super::pooled::Pooled<ngx::ffi::ngx_http_regex_t>>,
}

impl Conf<'_> {
    /// The names of the server whose configuration is being merged.
    pub fn server_names(&mut self) -> Result<ServerNames, ConfError> {
        let failed = || ConfError::Message("cannot read the names of a server".to_owned());
        // SAFETY: core's configuration of the server is merged before that of other modules, and its
        // array of names lives until all are.
        let names: &[ngx_http_server_name_t] = unsafe {
            let server = NgxHttpCoreModule::server_conf(&*self.as_ptr()).ok_or_else(failed)?;
            server.server_names.as_slice()
        };
        let mut found = ServerNames::default();
        for name in names {
            #[cfg(ngx_feature = "pcre")]
            if let Some(regex) = std::ptr::NonNull::new(name.regex) {
                let slot = self.slot().ok_or_else(failed)?;
                // SAFETY: an expression and the slot lie in the configuration's pool.
                found.expressions.push(unsafe { super::pooled::Pooled::new(regex, slot) });
                found.open = true;
                continue;
            }
            let name = bytes(&name.name);
            if name.contains(&b'*') || name.starts_with(b".") {
                // `*.example.com`, `.example.com`, `www.example.*`. A client may well send such a host.
                found.open = true;
            } else if name.first().is_some_and(u8::is_ascii_alphanumeric) {
                // Names such as "" and "_" stand for any.
                found.exact.push(name.into());
            }
        }
        Ok(found)
    }
}

impl ServerNames {
    /// The host that `request` asks this server for. Where all its names are spelt out, one that is none of
    /// them is the first of them: a client has no say in how it is called.
    pub fn host_of<'r>(&'r self, request: Request<'r>) -> &'r [u8] {
        let host = request.host().unwrap_or_default();
        match self.exact.first() {
            Some(first) if host.is_empty() || !self.open && !self.is_exact(host) => first,
            _ => host,
        }
    }

    fn is_exact(&self, host: &[u8]) -> bool {
        self.exact.iter().any(|name| **name == *host)
    }

    /// Lets the regular expressions among the names set their variables anew, by the host alone.
    ///
    /// # Safety
    ///
    /// `request` is valid, of this server, and has values of its own for its variables.
    pub(super) unsafe fn capture(&self, request: Request<'_>) {
        #[cfg(ngx_feature = "pcre")]
        for expression in self.expressions.iter().filter_map(|expression| expression.get()) {
            use ngx::ffi::{NGX_OK, ngx_http_regex_exec, ngx_int_t};

            // SAFETY: as above; the configuration is there.
            unsafe {
                let request = request.as_ptr();
                let host = &raw mut (*request).headers_in.server;
                // A name that is spelt out comes before those.
                if self.is_exact(bytes(&*host)) {
                    return;
                }
                let matched = ngx_http_regex_exec(request, expression.as_ptr(), host);
                // $1 and its like are not forwarded to subrequests; so it is with nginx's own.
                (*request).ncaptures = 0;
                if matched == NGX_OK as ngx_int_t {
                    return;
                }
            }
        }
        #[cfg(not(ngx_feature = "pcre"))]
        let _ = request;
    }
}
