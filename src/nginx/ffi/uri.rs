//! URIs of subrequests, split as `ngx_http_subrequest` wants them.

use std::fmt;

use ngx::ffi::{NGX_OK, ngx_http_parse_unsafe_uri, ngx_int_t, ngx_uint_t};

use super::request::{Request, bytes, string};

/// A URI of this server.
#[derive(Clone, Copy)]
pub struct Uri<'r> {
    /// As it was written.
    pub(super) text: &'r [u8],
    /// The path, decoded.
    pub(super) path: &'r [u8],
    /// What follows `?`.
    pub(super) arguments: &'r [u8],
}

/// Why a URI is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UriRefused {
    Empty,
    NoSlash,
    /// A path out of its directory, or a zero byte; percent-encoded, too.
    Unsafe,
}

impl<'r> Uri<'r> {
    /// A URI that the configuration has spelt out: its path is taken as it is.
    pub fn literal(uri: &'r [u8]) -> Self {
        let mut parts = uri.splitn(2, |byte| *byte == b'?');
        let (path, arguments) = (parts.next(), parts.next());
        Self { text: uri, path: path.unwrap_or_default(), arguments: arguments.unwrap_or_default() }
    }

    /// A URI made of variables, in which a client may have a say: treated as nginx treats those that
    /// come from outside (`ngx_http_parse_unsafe_uri`).
    pub fn from_outside(request: Request<'r>, uri: &'r [u8]) -> Result<Self, UriRefused> {
        match uri.first() {
            None => return Err(UriRefused::Empty),
            Some(b'/') => {}
            Some(_) => return Err(UriRefused::NoSlash),
        }
        let (mut path, mut arguments) = (string(uri), string(b""));
        // Not to be logged by nginx: the caller does, and says what the URI was for.
        let mut flags: ngx_uint_t = 0;
        // SAFETY: the request is valid; nginx reads the URI, and decodes it into memory of the
        // request's pool.
        let code = unsafe {
            ngx_http_parse_unsafe_uri(
                request.as_ptr(),
                &raw mut path,
                &raw mut arguments,
                &raw mut flags,
            )
        };
        if code != NGX_OK as ngx_int_t {
            return Err(UriRefused::Unsafe);
        }
        Ok(Self { text: uri, path: bytes(&path), arguments: bytes(&arguments) })
    }
}

impl fmt::Display for UriRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "it is empty",
            Self::NoSlash => "it does not begin with \"/\"",
            Self::Unsafe => "it holds \"..\" or a zero byte",
        })
    }
}
