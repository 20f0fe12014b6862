//! `htu` (RFC 9449 §4.3): the URL that a request was sent to, without query and fragment, as RFC 3986
//! §6.2.2 and §6.2.3 normalise it. What that RFC has no form for is no URL here, nor is what nginx, or
//! what is behind it, may serve as another path.

use std::net::Ipv6Addr;
use std::str::FromStr;

/// The URL of a request, normalised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Scheme, host and port, the default port left out.
    origin: String,
    path: Vec<u8>,
}

/// Why a text is no URL of a request, or no base of such URLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaseError {
    /// Neither `https://` nor `http://` with a host, or not by the grammar.
    NotAUrl,
    Credentials,
    Query,
    Fragment,
}

/// Whether `text` is a base: scheme and authority, perhaps with a path.
pub fn check_base(text: &[u8]) -> Result<(), BaseError> {
    Target::of_base(text).map(|_| ())
}

impl Target {
    /// Reads a URL; its query and its fragment are left out.
    pub fn parse(url: &[u8]) -> Result<Self, BaseError> {
        let (origin, rest) = split_origin(url)?;
        let path = normal_path(before_query(rest)).ok_or(BaseError::NotAUrl)?;
        Ok(Self { origin, path })
    }

    /// Reads a base, which has neither query nor fragment. Paths are put behind it.
    pub fn of_base(base: &[u8]) -> Result<Self, BaseError> {
        match memchr::memchr2(b'?', b'#', base).and_then(|at| base.get(at)) {
            Some(b'?') => return Err(BaseError::Query),
            Some(_) => return Err(BaseError::Fragment),
            None => {}
        }
        let mut target = Self::parse(base)?;
        if target.path.last() == Some(&b'/') {
            target.path.pop();
        }
        Ok(target)
    }

    /// The URL of the base and the path that a client has sent, whose query does not matter; `None` where
    /// that is no path.
    pub fn join(mut self, sent: &[u8]) -> Option<Self> {
        let path = before_query(sent);
        // nginx leaves out what follows, and passes it on all the same.
        if sent.get(path.len()) == Some(&b'#') {
            return None;
        }
        // By itself, so that it never climbs out of the base.
        self.path.extend(normal_path(path)?);
        Some(self)
    }
}

/// Scheme, host and port, normalised; and what follows them.
fn split_origin(url: &[u8]) -> Result<(String, &[u8]), BaseError> {
    let scheme_ends = memchr::memmem::find(url, b"://").ok_or(BaseError::NotAUrl)?;
    let (scheme, rest) = url.split_at_checked(scheme_ends).ok_or(BaseError::NotAUrl)?;
    let (name, default_port) = match scheme.to_ascii_lowercase().as_slice() {
        b"https" => ("https", 443),
        b"http" => ("http", 80),
        _ => return Err(BaseError::NotAUrl),
    };
    let rest = rest.get(b"://".len()..).unwrap_or_default();
    let ends = memchr::memchr3(b'/', b'?', b'#', rest).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at_checked(ends).ok_or(BaseError::NotAUrl)?;
    if memchr::memchr(b'@', authority).is_some() {
        return Err(BaseError::Credentials);
    }
    let authority = std::str::from_utf8(authority).map_err(|_| BaseError::NotAUrl)?;
    let (host, port) = split_authority(authority).ok_or(BaseError::NotAUrl)?;
    let origin = match port {
        Some(port) if port != default_port => format!("{name}://{host}:{port}"),
        Some(_) | None => format!("{name}://{host}"),
    };
    Ok((origin, rest))
}

/// The host in small letters, and the port, if there is one.
fn split_authority(authority: &str) -> Option<(String, Option<u16>)> {
    let (host, rest) = match authority.strip_prefix('[') {
        Some(address) => {
            let (address, rest) = address.split_once(']')?;
            (format!("[{}]", Ipv6Addr::from_str(address).ok()?), rest)
        }
        None => {
            let (host, rest) =
                authority.split_at_checked(authority.find(':').unwrap_or(authority.len()))?;
            // Names of the DNS are not percent-encoded.
            let is_name = |byte: u8| is_unreserved(byte) || b"!$&'()*+,;=".contains(&byte);
            if host.is_empty() || !host.bytes().all(is_name) {
                return None;
            }
            (host.to_ascii_lowercase(), rest)
        }
    };
    let port = match rest.strip_prefix(':') {
        Some("") => None,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            let port = digits.trim_start_matches('0');
            Some(u16::from_str(port).ok()?)
        }
        Some(_) => return None,
        None if rest.is_empty() => None,
        None => return None,
    };
    Some((host, port))
}

fn before_query(path: &[u8]) -> &[u8] {
    let ends = memchr::memchr2(b'?', b'#', path).unwrap_or(path.len());
    path.get(..ends).unwrap_or(path)
}

/// A path without dot segments (§5.2.4), an empty one as `/`; `None` where one may take away another
/// segment than it seems.
fn normal_path(path: &[u8]) -> Option<Vec<u8>> {
    let path = normal_escapes(path)?;
    let Some((slash, path)) = path.split_first() else { return Some(b"/".to_vec()) };
    if *slash != b'/' {
        return None;
    }
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut ends_in_dots = false;
    for segment in path.split(|byte| *byte == b'/') {
        ends_in_dots = matches!(segment, b"." | b"..");
        match segment {
            b"." => {}
            b".." => {
                if kept.pop().is_some_and(|segment| !is_one_to_all(segment)) {
                    return None;
                }
            }
            _ => kept.push(segment),
        }
    }
    if ends_in_dots {
        kept.push(b"");
    }
    Some([b"/", kept.join(&b'/').as_slice()].concat())
}

/// Whether whoever reads a path takes this for one segment. To nginx an empty one is none, and one with
/// `%2F` is several; to what is behind nginx `\`, `;` and `%252F` may be more than they look.
fn is_one_to_all(segment: &[u8]) -> bool {
    !segment.is_empty() && segment.iter().all(|byte| is_unreserved(*byte))
}

/// Escapes of what need not be escaped are decoded, others are in capitals (§6.2.2.1, §6.2.2.2). `None`
/// where one is broken, or a byte is not to be in a URL: a client sends `"`, `|` and the like as they are.
fn normal_escapes(path: &[u8]) -> Option<Vec<u8>> {
    let mut normal = Vec::with_capacity(path.len());
    let mut rest = path.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let (high, low) = (hex_digit(*rest.next()?)?, hex_digit(*rest.next()?)?);
                let byte = high << 4 | low;
                match is_unreserved(byte) {
                    true => normal.push(byte),
                    false => normal.extend_from_slice(format!("%{byte:02X}").as_bytes()),
                }
            }
            0x21..=0x7e => normal.push(*byte),
            _ => return None,
        }
    }
    Some(normal)
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| digit.try_into().ok())
}

/// RFC 3986 §2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    mod served;

    /// The normalised text of a URL.
    fn normal(url: &str) -> Option<String> {
        let target = Target::parse(url.as_bytes()).ok()?;
        Some(format!("{}{}", target.origin, String::from_utf8(target.path).ok()?))
    }

    #[test]
    fn normalised() {
        for (url, expected) in [
            ("https://server.example.com/token", "https://server.example.com/token"),
            // RFC 3986 §6.2.2: case, escapes, dot segments.
            ("HTTPS://A.Example/%7Euser/%7euser/~user", "https://a.example/~user/~user/~user"),
            ("https://a/%c3%a9%2f%2F%2e%2E/b", "https://a/%C3%A9%2F%2F../b"),
            ("https://a/a/b/c/./../../g", "https://a/a/g"),
            ("https://a/./b/../b/%63/%7bfoo%7d", "https://a/b/c/%7Bfoo%7D"),
            ("https://a/%2e%2e/%2E/b", "https://a/b"),
            ("https://a/b/..", "https://a/"),
            ("https://a/b/.", "https://a/b/"),
            ("https://a/b/c/..", "https://a/b/"),
            ("https://a/..", "https://a/"),
            ("https://a/../../b", "https://a/b"),
            ("https://a/b//c/../d", "https://a/b//d"),
            ("https://a/b%2Fc/d/..", "https://a/b%2Fc/"),
            ("https://a//b///", "https://a//b///"),
            ("https://a/.b/..c/...", "https://a/.b/..c/..."),
            // RFC 3986 §6.2.3: the default port, an empty port, an empty path.
            ("https://a", "https://a/"),
            ("https://a:443", "https://a/"),
            ("https://a:0443/", "https://a/"),
            ("https://a:/b", "https://a/b"),
            ("http://a:80/b", "http://a/b"),
            ("https://a:80/b", "https://a:80/b"),
            ("http://a:443/b", "http://a:443/b"),
            ("http://a:08080/b", "http://a:8080/b"),
            ("https://[2001:DB8:0::1]:443/b", "https://[2001:db8::1]/b"),
            ("https://[::1]:8443/b", "https://[::1]:8443/b"),
            // Query and fragment are ignored.
            ("https://a/b?c=/../d#e", "https://a/b"),
            ("https://a?b", "https://a/"),
            ("https://a#b?c", "https://a/"),
            ("https://a/b#@c", "https://a/b"),
            // What a client sends as it is.
            ("https://a/b|c\\d\"e{f}", "https://a/b|c\\d\"e{f}"),
            ("https://a/b:c@d;e=f", "https://a/b:c@d;e=f"),
        ] {
            assert_eq!(normal(url).as_deref(), Some(expected), "{url}");
            assert_eq!(normal(expected).as_deref(), Some(expected), "{expected}, once more");
        }
    }

    #[test]
    fn what_is_no_url() {
        use BaseError::*;
        for (url, expected) in [
            ("", NotAUrl),
            ("/b", NotAUrl),
            ("a/b", NotAUrl),
            ("//a/b", NotAUrl),
            ("https:/a/b", NotAUrl),
            ("https:a", NotAUrl),
            ("https//a", NotAUrl),
            ("ftp://a/b", NotAUrl),
            ("httpss://a/b", NotAUrl),
            (" https://a/b", NotAUrl),
            ("javascript:https://a/b", NotAUrl),
            ("https://", NotAUrl),
            ("https:///b", NotAUrl),
            ("https://?b", NotAUrl),
            ("https://:443/b", NotAUrl),
            ("https://user@a/b", Credentials),
            ("https://user:secret@a/b", Credentials),
            ("https://@a/b", Credentials),
            ("https://a\\@b/", Credentials),
            ("https://a\\b/", NotAUrl),
            ("https://a b/", NotAUrl),
            ("https://a%2eb/", NotAUrl),
            ("https://a%00/", NotAUrl),
            ("https://a:b/", NotAUrl),
            ("https://a:-1/", NotAUrl),
            ("https://a:+443/", NotAUrl),
            ("https://a:0/", NotAUrl),
            ("https://a:65536/", NotAUrl),
            ("https://a:443:443/", NotAUrl),
            ("https://a:4294967739/", NotAUrl),
            ("https://[::1/", NotAUrl),
            ("https://[::1]b/", NotAUrl),
            ("https://::1/", NotAUrl),
            ("https://[::1%25eth0]/", NotAUrl),
            ("https://[a]/", NotAUrl),
            ("https://[127.0.0.1]/", NotAUrl),
            ("https://\u{e4}.example/", NotAUrl),
            ("https://a/\u{e4}", NotAUrl),
            ("https://a/b c", NotAUrl),
            ("https://a/b\nc", NotAUrl),
            ("https://a/b\0c", NotAUrl),
            ("https://a/b\u{7f}c", NotAUrl),
            ("https://a/%", NotAUrl),
            ("https://a/%4", NotAUrl),
            ("https://a/%zz", NotAUrl),
            ("https://a/%+1", NotAUrl),
            ("https://a/%u0041", NotAUrl),
            // `..` behind what is not one segment for everybody.
            ("https://a/b//../c", NotAUrl),
            ("https://a//..", NotAUrl),
            ("https://a/b/c//../../d", NotAUrl),
            ("https://a/b%2Fc/../d", NotAUrl),
            ("https://a/x%2f..%2Fb%2Fc/%2e%2e", NotAUrl),
            ("https://a/b%5Cc/..", NotAUrl),
            ("https://a/b\\c/..", NotAUrl),
            ("https://a/b;c/..", NotAUrl),
            ("https://a/b%252Fc/..", NotAUrl),
            ("https://a/%00/..", NotAUrl),
        ] {
            assert_eq!(Target::parse(url.as_bytes()).err(), Some(expected), "{url:?}");
        }
        for bytes in [&b"https://a/\xff"[..], b"https://\xff/", b"\xff://a/"] {
            assert_eq!(Target::parse(bytes).err(), Some(NotAUrl), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn long_ones_take_no_longer_than_they_are() {
        for segment in ["a/", "../", "%2e%2e/", "./", "/", "%2F", "a/../"] {
            let url = format!("https://a/{}", segment.repeat(100_000));
            assert!(normal(&url).is_some(), "{segment}");
        }
        let host = format!("https://{}/", "a".repeat(1_000_000));
        assert_eq!(normal(&host).as_deref(), Some(&*host));
        let zeros = format!("https://a:{}443/", "0".repeat(100_000));
        assert_eq!(normal(&zeros).as_deref(), Some("https://a/"));
    }

    #[test]
    fn base_and_path() {
        for (base, path, expected) in [
            ("https://a", "/b?c", Some("https://a/b")),
            ("https://a/", "/b", Some("https://a/b")),
            ("HTTPS://A:443", "", Some("https://a/")),
            ("https://a", "?c", Some("https://a/")),
            ("https://a", "/", Some("https://a/")),
            ("https://a", "/b?c#d", Some("https://a/b")),
            ("https://a/api", "/b", Some("https://a/api/b")),
            ("https://a/api/", "/b/", Some("https://a/api/b/")),
            ("https://a/api", "/", Some("https://a/api/")),
            ("https://a/x/../api", "/b/../c", Some("https://a/api/c")),
            // It stays below the base.
            ("https://a/api", "/../b", Some("https://a/api/b")),
            ("https://a", "//b/c", Some("https://a//b/c")),
            ("https://a", "/%2e%2e/b", Some("https://a/b")),
            ("https://a", "b", None),
            ("https://a", "*", None),
            ("https://a", "@b/", None),
            ("https://a", ":1/", None),
            ("https://a", "/%zz", None),
            ("https://a", "/b#c", None),
            ("https://a", "/b#?c", None),
            ("https://a", "#", None),
            ("https://a/api", "/b//../c", None),
            ("https://a", "/b%2Fc/..?d", None),
            ("https://a", "/\u{e4}", None),
        ] {
            let found = Target::of_base(base.as_bytes()).map(|base| base.join(path.as_bytes()));
            let expected = expected.and_then(|url| Target::parse(url.as_bytes()).ok());
            assert_eq!(found, Ok(expected), "{base} {path}");
        }
    }

    #[test]
    fn which_bases() {
        use BaseError::*;
        for (base, expected) in [
            ("https://api.example.com", Ok(())),
            ("http://api.example.com:8080/v1/", Ok(())),
            ("https://[::1]", Ok(())),
            ("api.example.com", Err(NotAUrl)),
            ("https://", Err(NotAUrl)),
            ("", Err(NotAUrl)),
            ("://", Err(NotAUrl)),
            ("https://a?b", Err(Query)),
            ("https://a/?b#c", Err(Query)),
            ("https://a/#b?c", Err(Fragment)),
            ("https://user@a", Err(Credentials)),
        ] {
            assert_eq!(check_base(base.as_bytes()), expected, "{base}");
        }
    }
}
