//! Answers of our own.

use std::mem::zeroed;
use std::ptr;

use ngx::ffi::{
    NGX_HTTP_GET, NGX_HTTP_HEAD, NGX_HTTP_OPTIONS, ngx_http_complex_value_t,
    ngx_http_send_response, ngx_uint_t,
};

use super::header::{element, push};
use super::phase::Decision;
use super::request::{Request, bytes, string};

/// The version of the nginx that the module was built for, and runs in: nginx loads it into no other.
pub const NGINX_VERSION: &str = match ngx::ffi::NGINX_VERSION.to_str() {
    Ok(version) => version,
    Err(_) => "",
};

/// What a type of content may end with. Where it is told, the charset filter leaves the answer as it is.
const CHARSET: &str = "utf-8";

/// How a request asks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
    Options,
    Other,
}

impl<'r> Request<'r> {
    /// The path it asks for, decoded and normalised.
    pub fn path(self) -> &'r [u8] {
        // SAFETY: a string of the request, which lives as long as it.
        unsafe { bytes(&(*self.as_ptr()).uri) }
    }

    /// What it accepts (`Accept`), all headers of that name together.
    pub fn accept(self) -> Vec<u8> {
        self.header_values("accept").collect::<Vec<_>>().join(&b',')
    }

    pub fn method(self) -> Method {
        // SAFETY: the request is valid.
        match unsafe { (*self.as_ptr()).method } as u32 {
            NGX_HTTP_GET => Method::Get,
            NGX_HTTP_HEAD => Method::Head,
            NGX_HTTP_OPTIONS => Method::Options,
            _ => Method::Other,
        }
    }

    /// Sends an answer, and takes no notice of the body of the request.
    pub fn answer(
        self,
        status: u16,
        content_type: &'static str,
        headers: &[(&'static str, &'static str)],
        body: &[u8],
    ) -> Decision {
        let Some(body) = self.copy(body) else { return Decision::Error };
        // SAFETY: the request is valid, and nothing of its answer has been sent. Headers are static; the body
        // lies in the request's pool. Zeros are a complex value without variables.
        unsafe {
            for (name, value) in headers {
                let element = element(name.as_bytes(), value.as_bytes());
                if push(&raw mut (*self.as_ptr()).headers_out.headers, element).is_none() {
                    return Decision::Error;
                }
            }
            let mut value: ngx_http_complex_value_t = zeroed();
            value.value = string(body);
            // Filters that are for types (`gzip_types`) compare what stands before the parameters.
            let (kind, _) = content_type.split_once(';').unwrap_or((content_type, ""));
            let told = &raw mut (*self.as_ptr()).headers_out;
            (*told).content_type = string(content_type.as_bytes());
            (*told).content_type_len = kind.len();
            (*told).content_type_lowcase = ptr::null_mut();
            if content_type.ends_with(CHARSET) {
                (*told).charset = string(CHARSET.as_bytes());
            }
            let code = ngx_http_send_response(
                self.as_ptr(),
                ngx_uint_t::from(status),
                ptr::null_mut(),
                &raw mut value,
            );
            Decision::Answered(code)
        }
    }
}
