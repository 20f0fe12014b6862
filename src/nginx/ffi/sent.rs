//! What the client has sent, as it was before nginx changed any of it.

use ngx::ffi::{NGX_HTTP_VERSION_11, ngx_uint_t};

use super::bits::authority;
use super::header::headers;
use super::request::{Request, bytes};

impl<'r> Request<'r> {
    /// The values of the headers of that name, in order. The name's case does not matter.
    pub fn header_values(self, name: &'static str) -> impl Iterator<Item = &'r [u8]> {
        // SAFETY: a list of the request, whose strings live as long as it.
        let all =
            unsafe { headers(&(*self.as_ptr()).headers_in.headers).map(|header| header.as_ref()) };
        // What another module has taken out has no hash.
        let named = all.filter(move |header| {
            header.hash != 0 && bytes(&header.key).eq_ignore_ascii_case(name.as_bytes())
        });
        named.map(|header| bytes(&header.value))
    }

    /// The method of the request line: with an error page nginx's own becomes another.
    pub fn sent_method(self) -> &'r [u8] {
        let line: &[u8] = bytes(&self.raw().request_line);
        line.split(|byte| *byte == b' ').next().unwrap_or_default()
    }

    /// The path of the request line, and its query if it has one: no rewrite or redirect has changed it.
    pub fn sent_target(self) -> &'r [u8] {
        bytes(&self.raw().unparsed_uri)
    }

    /// The host that it names, and the port if it names one. Empty where it names two hosts: nginx goes by that of the
    /// request line (RFC 9112 §3.2.2), and `Host` beside it may be anything.
    pub fn sent_authority(self) -> &'r [u8] {
        let request = self.raw();
        // SAFETY: null, or a header that lives as long as the request.
        let sent = match unsafe { request.headers_in.host.as_ref() } {
            Some(host) => bytes(&host.value),
            // Of HTTP/3 nginx makes no `Host`. In HTTP/1 a host in the request line has lost its port.
            None if request.http_version <= NGX_HTTP_VERSION_11 as ngx_uint_t => &[],
            None => bytes(&authority(request)),
        };
        // By this host nginx has chosen the server.
        let chosen = bytes(&request.headers_in.server);
        if host(sent).eq_ignore_ascii_case(host(chosen)) { sent } else { &[] }
    }
}

/// The host of an authority as nginx takes it: without port and without a last dot.
fn host(authority: &[u8]) -> &[u8] {
    let literal = authority.starts_with(b"[");
    let end = match literal {
        true => authority.iter().position(|byte| *byte == b']').map(|at| at.saturating_add(1)),
        false => authority.iter().position(|byte| *byte == b':'),
    };
    let host = end.and_then(|end| authority.get(..end)).unwrap_or(authority);
    host.strip_suffix(b".").unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn hosts_as_nginx_takes_them() {
        for (authority, expected) in [
            ("", ""),
            ("a", "a"),
            ("a:80", "a"),
            ("a:", "a"),
            ("a.", "a"),
            ("a.b.:80", "a.b"),
            ("a:80:80", "a"),
            ("a:80.", "a"),
            ("[::1]", "[::1]"),
            ("[::1]:80", "[::1]"),
            ("[::1", "[::1"),
            ("::1", ""),
        ] {
            assert_eq!(host(authority.as_bytes()), expected.as_bytes(), "{authority}");
        }
    }
}
